"""A forward in float32 differs from the op by what rounding makes of ill-conditioned arguments, and is no other one."""

from typing import Any

import numpy as np
import pytest

from reference import oracle
from reference.normalization import layer_norm_bwd, layer_norm_fwd


def normalizing(mistake: float = 0.0) -> oracle.Subject:
    """Layer norm in float32 throughout, as a kernel computes it."""

    def forward(x: np.ndarray, scale: np.ndarray, bias: np.ndarray) -> np.ndarray:
        centred = x - x.mean(-1, keepdims=True)
        variance = (centred * centred).mean(-1, keepdims=True)
        return (1 + np.float32(mistake)) * (centred / np.sqrt(variance + np.float32(1e-5))) * scale + bias

    def backward(ct: np.ndarray, x: np.ndarray, scale: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, ...]:
        _, residuals = layer_norm_fwd(x, scale, bias)
        x_ct, scale_ct, bias_ct = layer_norm_bwd(residuals, ct)
        return (1 + np.float32(mistake)) * x_ct, (1 + np.float32(mistake)) * scale_ct, bias_ct

    return oracle.from_forward_backward(forward, backward)


def rows(mean: float, columns: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    x, scale, bias = rng.normal(size=(4, columns)) + mean, rng.normal(size=columns), rng.normal(size=columns)
    return tuple(one.astype(np.float32) for one in (x, scale, bias))


@pytest.mark.parametrize("asked", [{}, {"dtype": "float32"}], ids=["of the arrays", "float32"])
@pytest.mark.parametrize(("mean", "columns"), [(100, 2), (100, 5), (1000, 5)])
def test_rounding_of_ill_conditioned_rows_is_no_other_forward(mean: float, columns: int, asked: dict[str, Any]):
    """Our own layer norm takes the rounding of the mean out, which a plain one does not."""
    report = oracle.check(normalizing(), *rows(mean, columns), op="layer_norm", **asked)
    assert report.status == "right", str(report)


def test_where_rounding_makes_little_a_small_difference_is_another_forward():
    report = oracle.check(normalizing(mistake=1e-4), *rows(0, 5), op="layer_norm")
    assert "the forward is multiplied by" in str(report) or "does not compute layer_norm" in str(report), str(report)


def test_what_rounding_makes_does_not_hide_a_percent():
    report = oracle.check(normalizing(mistake=0.03), *rows(1000, 5), op="layer_norm")
    assert report.verdict == "fail", str(report)


def saturated(slope: float = 1.0) -> oracle.Subject:
    """tanh with the slope 1 - y^2, of which float32 keeps few digits where y is nearly 1."""
    return oracle.from_forward_backward(np.tanh, lambda ct, x: np.float32(slope) * ct * (1 - np.tanh(x) ** 2))


@pytest.mark.parametrize("op", ["tanh", None])
@pytest.mark.parametrize("middle", [3, 6, 8])
def test_a_plain_slope_where_few_digits_are_left_is_right(middle: float, op: str | None):
    x = (np.random.default_rng(0).normal(size=(4, 5)) + middle).astype(np.float32)
    report = oracle.check(saturated(), x, op=op)
    assert report.verdict == "pass", str(report)


@pytest.mark.parametrize(("middle", "slope"), [(0, 1.01), (3, 1.01), (6, 2.0)])
def test_a_wrong_slope_is_wrong_there(middle: float, slope: float):
    x = (np.random.default_rng(0).normal(size=(4, 5)) + middle).astype(np.float32)
    report = oracle.check(saturated(slope), x, op="tanh")
    assert report.verdict == "fail", str(report)


def over_one_class() -> oracle.Subject:
    """Softmax of one class, times value: the true gradient of x is 0, and two orders of a sum leave its rounding."""

    def forward(x: np.ndarray, value: np.ndarray) -> np.ndarray:
        p = np.exp(x - x.max(-1, keepdims=True))
        return p / p.sum(-1, keepdims=True) * value

    def backward(ct: np.ndarray, x: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, ...]:
        p_ct = (ct * value).sum(-1, keepdims=True)
        mean = np.zeros_like(p_ct)
        for column in reversed(range(value.shape[1])):
            mean = mean + (ct * value)[:, column : column + 1]
        return p_ct - mean, ct

    return oracle.from_forward_backward(forward, backward)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=lambda dtype: dtype.__name__)
def test_what_rounding_leaves_of_a_zero_need_not_be_linear(dtype: type, seed: int):
    rng = np.random.default_rng(seed)
    x, value = rng.normal(size=(3, 1)).astype(dtype), rng.normal(size=(3, 4)).astype(dtype)
    report = oracle.check(over_one_class(), x, value, names=("x", "value"), seed=seed)
    assert report.status == "right", str(report)


def test_a_small_gradient_that_is_not_linear_is_seen():
    """A thousandth of the others: far above what rounding leaves."""

    def backward(ct: np.ndarray, x: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, ...]:
        return np.float32(1e-3) * np.abs(ct), ct

    subject = oracle.from_forward_backward(lambda x, value: np.float32(1e-3) * x + value, backward)
    x, value = (np.random.default_rng(seed).normal(size=(3, 4)).astype(np.float32) for seed in (0, 1))
    report = oracle.check(subject, x, value, names=("x", "value"))
    assert report.findings[0].cause == "not_linear", str(report)
