"""Below the normal range a processor may take zeros for numbers: a forward that does is no wrong one."""

import numpy as np
import pytest

from reference import oracle, rms_norm
from reference.normalization import rms_norm_bwd, rms_norm_fwd
from reference.oracle.numerics import precision

SMALLEST = float(np.finfo(np.float64).smallest_normal)


def flush(x: np.ndarray) -> np.ndarray:
    """As a processor does that knows no subnormal numbers."""
    return np.where(np.abs(x) < SMALLEST, 0.0, x)


def subnormal(*shape: int) -> np.ndarray:
    x = np.random.default_rng(0).normal(size=shape)
    return x / np.abs(x).max() * SMALLEST / 4


def flushing(slope: float = 1.0) -> oracle.Subject:
    """RMS norm, which makes small numbers large: what is taken for zero shows in normal numbers."""

    def backward(ct: np.ndarray, x: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        _, residuals = rms_norm_fwd(flush(x), scale)
        x_ct, scale_ct = rms_norm_bwd(residuals, ct)
        return slope * flush(x_ct), flush(scale_ct)

    return oracle.from_forward_backward(lambda x, scale: flush(rms_norm(flush(x), scale)), backward)


def test_zeros_for_subnormal_numbers_are_no_other_forward():
    report = oracle.check(flushing(), subnormal(4, 5), np.linspace(0.5, 2, 5), op="rms_norm")
    assert report.verdict != "fail", str(report)
    assert "as of the subnormal numbers in x" in str(report).replace("\n  ", " ")


def test_what_is_wrong_is_wrong_of_subnormal_numbers_too():
    report = oracle.check(flushing(slope=2.0), subnormal(4, 5), np.linspace(0.5, 2, 5), op="rms_norm")
    assert report.verdict == "fail", str(report)
    assert "x_ct is 2 times" in str(report)


def test_a_forward_that_keeps_them_is_judged_at_them():
    subject = oracle.from_forward_backward(lambda x: 3 * x, lambda ct, x: 3 * ct)
    assert "subnormal" not in str(oracle.check(subject, subnormal(4, 5)))


def test_zeros_are_not_taken_where_the_forward_refuses_them():
    def forward(x: np.ndarray) -> np.ndarray:
        if not x.all():
            raise ValueError("x must not be 0")
        return 3 * x

    report = oracle.check(oracle.from_forward_backward(forward, lambda ct, x: 3 * ct), subnormal(4, 5))
    assert report.verdict == "pass", str(report)


@pytest.mark.parametrize("gate", [-720.0, -740.0])
def test_an_output_below_the_normal_range_may_be_zero(gate: float):
    """The sigmoid of -720 is subnormal though -720 is not."""
    share = lambda x: np.exp(x) / (1 + np.exp(x))  # noqa: E731 (one line)
    slope = lambda x: share(x) * (1 + x * (1 - share(x)))  # noqa: E731
    x = np.array([[gate]])
    assert 0 < abs(x * share(x))[0, 0] < precision.TINY
    subject = oracle.from_forward_backward(lambda x: flush(x * share(x)), lambda ct, x: flush(ct * slope(x)))
    report = oracle.check(subject, x, op="silu")
    assert report.verdict != "fail", str(report)
