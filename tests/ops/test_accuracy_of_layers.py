"""Errors of both twins' layers against mpmath, in units in the last place of the largest term, value and gradients."""

import mpmath
import numpy as np
import pytest
from helpers.high_precision_layers import LAYERS, exact
from helpers.rows import ROWS, Row, probe

from reference.oracle.opspec import Ulp
from reference.oracle.specs import ACTIVATIONS, DOT_PRODUCT, LOSSES, RECURRENT, SEQUENCE_LOSSES, SPECS

MEASURED = [row for row in ROWS if row.spec.name in LAYERS]
every_dtype = pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])


def errors(got: np.ndarray, want: np.ndarray, size: np.ndarray) -> np.ndarray:
    """In units of the size, as the result's dtype has them; a term of 0 asks for 0."""
    unit = np.spacing(np.asarray(size, np.float64).astype(got.dtype)).astype(np.float64)
    apart = abs(exact(got) - want)
    return np.where(apart == 0, 0.0, np.asarray(apart / np.where(size == 0, 1e-300, unit), np.float64))


@pytest.mark.slow
@every_dtype
@pytest.mark.parametrize("row", MEASURED, ids=lambda row: row.id)
def test_a_layer(row: Row, dtype: type):
    arguments, bounds = row.draw(dtype=dtype), row.spec.ulp or Ulp()
    cotangent = probe(row.reference(*arguments), row.id).astype(dtype)
    by_hand = (row.reference(*arguments), *row.pullback(arguments, cotangent))
    out, cotangents = row.compiled(arguments, cotangent)
    with mpmath.workdps(60):
        given = tuple(map(exact, arguments))
        for side, found in (("reference", by_hand), ("functional_nn", (out, *cotangents))):
            wants = LAYERS[row.spec.name](*given, ct=exact(cotangent), book=side == "reference", **row.case.statics)
            for position, (got, (want, size)) in enumerate(zip(found, wants, strict=True)):
                got = np.asarray(got)
                off = errors(got, want, size)
                worst = np.unravel_index(np.argmax(off), off.shape)
                bound = bounds.gradient if position else bounds.value
                what = f"{row.id}: {side}, {'gradient' if position else 'value'} {position}"
                assert off[worst] <= bound, (
                    f"{what}: {off[worst]:.2f} ulp at {worst}: {got[worst]!r}, not {want[worst]}"
                )


def test_every_layer_that_states_a_bound_is_measured():
    elsewhere = (*ACTIVATIONS, *LOSSES, *DOT_PRODUCT, *RECURRENT, *SEQUENCE_LOSSES)  # each in the file of its family
    others = {spec.name for spec in elsewhere}
    assert set(LAYERS) == {name for name, spec in SPECS.items() if spec.ulp and name not in others}
