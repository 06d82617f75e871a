"""Right code near the largest finite number: what overflows only where the check enlarges something is no mistake."""

import numpy as np

from reference import oracle

LARGEST = np.finfo(np.float64).max


def test_a_forward_is_not_compared_beyond_the_largest_number():
    """Four times the input is infinite, and infinity times 0 is NaN, where the op gives 0."""
    x = np.random.default_rng(0).normal(size=(3, 4))
    subject = oracle.from_forward_backward(lambda x: x * (x > 0), lambda ct, x: ct * (x > 0))
    report = oracle.check(subject, x / np.abs(x).max() * LARGEST, op="relu")
    assert report.verdict != "fail", str(report)


def test_an_infinite_entry_hides_no_difference():
    """What is not finite in the first place, as where a score is masked out, takes no part in that."""
    x = np.array([[-np.inf, 0.5, -1.0, 2.0], [0.25, 1.5, -2.0, -np.inf]])
    capped = lambda x: np.minimum(np.maximum(x, 0.0), 3.0)  # noqa: E731 (one line)
    subject = oracle.from_forward_backward(capped, lambda ct, x: ct * (x > 0))
    report = oracle.check(subject, x, op="relu")
    assert "the forward does not compute relu" in str(report)


def test_a_gradient_that_overflows_when_doubled_is_linear():
    """On its way: the doubled gradient itself is a number."""
    wide = 0.6 * LARGEST
    subject = oracle.from_forward_backward(lambda x: x * (wide / 2), lambda ct, x: (ct * wide) / 2)
    x = np.random.default_rng(0).normal(size=(3, 4)) / 100
    report = oracle.check(subject, x, cotangent=np.ones((3, 4)))
    assert report.verdict != "fail", str(report)


def test_a_gradient_that_is_infinite_when_doubled_is_not():
    def backward(ct: np.ndarray, x: np.ndarray) -> np.ndarray:
        return ct * 3 if ct.max() < 10 else ct * np.inf

    subject = oracle.from_forward_backward(lambda x: 3 * x, backward)
    x = np.random.default_rng(0).normal(size=(3, 4))
    report = oracle.check(subject, x, cotangent=np.full((3, 4), 6.0))
    assert "not linear" in str(report)
