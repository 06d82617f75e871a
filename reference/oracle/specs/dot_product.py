"""Rows of attention. What the columns mean stands in `reference/oracle/opspec.py`."""

from typing import Any

import numpy as np

from reference.oracle.drawn import mask
from reference.oracle.opspec import ErrorCase, OpSpec, Ulp, case, refuses
from reference.oracle.specs import acquittals, blind_spots, candidates, regimes
from reference.oracle.specs.conventions_of_attention import of_attention


def _shapes(query: str, key: str, value: str) -> tuple[np.ndarray, ...]:
    """Arrays of ones of these shapes."""
    return tuple(np.ones(tuple(map(int, shape.split()))) for shape in (query, key, value))


_FIT = _shapes("2 3 4 5", "2 7 2 5", "2 7 2 6")


def _static(id: str, error: type[Exception], says: str, **statics: Any) -> ErrorCase:
    return refuses(id, error, says, statics, *_FIT)


DOT_PRODUCT = (
    OpSpec(
        "attention",
        "dot_product",
        cases=(
            case(
                "every key",
                query="batch length key_heads head_dim",
                key="batch key_length key_heads head_dim",
                value="batch key_length key_heads value_dim",
            ),
            case("causal, with itself", {"causal": True}, query="2 7 3 5", key="2 7 3 5", value="2 7 3 2"),
            case(
                "masked, in groups, soft cap, window both ways",
                {"window": 4, "scale": 1.3, "softcap": 2.0},
                query="batch 7 3*key_heads 3",
                key="batch 5 key_heads 3",
                value="batch 5 key_heads 2",
                mask=mask("batch 1 1 5"),
            ),
            case(
                "causal with fewer queries, window 3",
                {"causal": True, "window": 3},
                query="3 5 4 2",
                key="3 7 1 2",
                value="3 7 1 2",
            ),
            case(
                "all of it, and queries that see nothing",
                {"causal": True, "window": 4, "scale": -0.7, "softcap": 1.5},
                query="2 7 6 3",
                key="2 5 3 3",
                value="2 5 3 2",
                mask=mask("2 6 7 5"),
            ),
        ),
        extremes=(
            {
                "query": [[[[200.0]], [[-200.0]], [[0.0]]]],
                "key": [[[[200.0]], [[199.0]], [[-200.0]], [[0.0]]]],
                "value": [[[[1e4]], [[-1e4]], [[1.0]], [[0.0]]]],
            },
            {
                "query": [[[[3.0]], [[-2.0]]]],
                "key": [[[[1.0]], [[2.0]]]],
                "value": [[[[1.0]], [[2.0]]]],
                "mask": [[[[False, False], [True, False]]]],
            },
        ),
        errors=(
            refuses("query of rank 3", ValueError, "four axes", {}, np.ones((2, 3, 5)), *_FIT[1:]),
            refuses("value of rank 5", ValueError, "four axes", {}, *_FIT[:2], _FIT[2][None]),
            refuses("another batch", ValueError, "same batch", {}, *_shapes("3 3 4 5", "2 7 2 5", "2 7 2 6")),
            refuses("fewer values", ValueError, "same length", {}, *_shapes("2 3 4 5", "2 7 2 5", "2 6 2 6")),
            refuses("other value heads", ValueError, "and heads", {}, *_shapes("2 3 4 5", "2 7 2 5", "2 7 4 6")),
            refuses("another head_dim", ValueError, "same head_dim", {}, *_shapes("2 3 4 5", "2 7 2 6", "2 7 2 6")),
            refuses("no head_dim", ValueError, "at least 1", {}, *_shapes("2 3 4 0", "2 7 2 0", "2 7 2 6")),
            refuses("heads that do not divide", ValueError, "divide", {}, *_shapes("2 3 4 5", "2 7 3 5", "2 7 3 6")),
            refuses("no key head", ValueError, "at least one", {}, *_shapes("2 3 0 5", "2 7 0 5", "2 7 0 6")),
            refuses("mask of another length", ValueError, "mask must broadcast", {}, *_FIT, np.ones((3, 6), bool)),
            refuses("mask of key heads", ValueError, "mask must broadcast", {}, *_FIT, np.ones((2, 3, 7), bool)),
            refuses("mask of rank 5", ValueError, "mask must broadcast", {}, *_FIT, np.ones((1, 2, 4, 3, 7), bool)),
            refuses("mask of floats", TypeError, "mask must be boolean", {}, *_FIT, np.ones((3, 7))),
            refuses("integer keys", TypeError, "key must have", {}, _FIT[0], np.ones((2, 7, 2, 5), int), _FIT[2]),
            _static("causal 1", ValueError, "causal must be a boolean", causal=1),
            _static("window 0", ValueError, "window must be at least 1", window=0),
            _static("window of a float", TypeError, "window must be an int", window=2.0),
            _static("window of two", TypeError, "window must be an int", window=(2, 2)),
            _static("scale nan", ValueError, "scale must be a finite number", scale=np.nan),
            _static("softcap 0", ValueError, "softcap must be a finite number above 0", softcap=0.0),
            _static("softcap infinite", ValueError, "softcap must be a finite number", softcap=np.inf),
        ),
        ulp=Ulp(exponent=1, reason="the scores are rounded, and the weights go with their exponentials"),
        resembles=("attention", "sdpa"),
        scene="attention",
        statics_of=candidates.attended,
        conventions=of_attention,
        acquittals=(acquittals.NO_TERM_FOR_THE_LARGEST,),
        blind_spots=blind_spots.of_attention,
        regimes=(*regimes.GROUPED_HEADS, regimes.SEES_NOTHING),
    ),
)
