"""What the blocks of kernels do to sums, without a kernel: a block of rows may end in the middle of an axis."""

import numpy as np
import pytest

from reference import oracle
from reference.normalization import layer_norm_bwd, layer_norm_fwd


def sums_of(first, last):
    """A layer norm's backward whose scale gets the rows from the first to the last; it cannot be followed."""

    def backward(residuals, cotangent):
        held = np.frombuffer(np.asarray(cotangent).tobytes()).reshape(cotangent.shape)
        x_ct, _, bias_ct = layer_norm_bwd(residuals, held)
        rows = np.zeros((held.size // held.shape[-1], 1))
        rows[first:last] = 1
        return x_ct, layer_norm_bwd(residuals, held * rows.reshape(*held.shape[:-1], 1))[1], bias_ct

    return backward


@pytest.mark.parametrize(
    ("first", "last", "says"),
    [(0, 8, "all but the last of 9"), (0, 4, "the first 4 of 9"), (1, 9, "all but the first of 9")],
)
def test_rows_of_one_block_are_named_across_axes(first, last, says):
    rng = np.random.default_rng(0)
    primals = rng.normal(size=(3, 3, 5)), rng.normal(size=5), rng.normal(size=5)
    subject = oracle.from_rule(layer_norm_fwd, sums_of(first, last))
    report = oracle.check(subject, *primals, names=("x", "scale", "bias"), op="layer_norm")
    found = [(one.cause, one.argument) for one in report.findings]
    assert found == [("part_missing", "scale")], str(report)
    assert f"{says} along axes 0, 1 only" in report.findings[0].message
