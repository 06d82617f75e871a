"""Rows of what tells a position. What the columns mean stands in `reference/oracle/opspec.py`."""

import numpy as np

from reference.oracle.drawn import labels
from reference.oracle.opspec import OpSpec, Ulp, case, refuses
from reference.oracle.specs import acquittals, blind_spots, candidates, conventions, regimes

_X = np.ones((3, 5, 2, 4))

POSITIONAL = (
    OpSpec(
        "rotary_embedding",
        "positional",
        cases=(
            case("halves", x="batch in_dim heads 2*channels"),
            case(
                "positions of every example",
                {"base": 100.0},
                x="batch in_dim heads 2*channels",
                positions=labels("batch in_dim", below="vocabulary"),
            ),
            case(
                "neighbours at given positions",
                {"base": 500000, "interleaved": True},
                x="batch 2 in_dim heads 2*channels",
                positions=labels("2 in_dim", below="vocabulary"),
            ),
        ),
        extremes=(
            {"x": [[[1e4, -1e4]], [[0.0, 1e4]]]},
            {"x": [[[1.0, 2.0]], [[3.0, 4.0]]], "positions": [0, 2**31 - 1]},
        ),
        errors=(
            refuses("odd head_dim", ValueError, "must be even", {}, np.ones((3, 2, 5))),
            refuses("two axes", ValueError, "three axes", {}, np.ones((3, 4))),
            refuses("positions of another length", ValueError, "axis of length", {}, _X, np.arange(4)),
            refuses("one position for all", ValueError, "axis of length", {}, _X, np.arange(1)),
            refuses("positions of a wrong batch", ValueError, "broadcast", {}, _X, np.zeros((2, 5), int)),
            refuses("more axes than x", ValueError, "broadcast", {}, _X, np.zeros((1, 3, 5), int)),
            refuses("negative position", ValueError, "at least 0", {}, _X, np.arange(-1, 4)),
            refuses("position too large", ValueError, "below 2**31", {}, _X, np.arange(5) + 2**31),
            refuses("positions of floats", TypeError, "positions must have an integer", {}, _X, np.arange(5.0)),
            refuses("base below 1", ValueError, "base must be", {"base": 0.5}, _X),
            refuses("base nan", ValueError, "base must be", {"base": np.nan}, _X),
            refuses("interleaved 1", ValueError, "interleaved must be a boolean", {"interleaved": 1}, _X),
            refuses("integer x", TypeError, "x must have a floating dtype", {}, _X.astype(int)),
        ),
        ulp=Ulp(12, 12, reason="in float64 the angle, of up to 16 radians here, is rounded as such a number is"),
        resembles=("rotary", "applyrope", "rotaryembedding", "rotarypositionembedding", "rotarypositionalembedding"),
        statics_of=candidates.rotations,
        conventions=conventions.of_rotary,
        plain_at=candidates.turns_nothing,
        acquittals=(acquittals.TURNED_BACK,),
        blind_spots=blind_spots.of_rotary,
        regimes=(regimes.FAR_POSITIONS,),
    ),
)
