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


def gated(x: np.ndarray, gate: np.ndarray) -> np.ndarray:
    """x * silu(gate), where x * gate overflows first."""
    with np.errstate(all="ignore"):
        return (x * gate) / (1 + np.exp(-gate))


def gated_backward(ct: np.ndarray, x: np.ndarray, gate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    share = 1 / (1 + np.exp(-gate))
    return ct * (gate * share), ct * (x * (share * (1 + gate * (1 - share))))


GATED = oracle.from_forward_backward(gated, gated_backward)
HELD = {"op": "glu", "statics": {"activation": "silu"}, "dtype": "float32"}


def between(rows: int, columns: int, largest: float) -> tuple[np.ndarray, np.ndarray]:
    x, gate = np.random.default_rng(0).uniform(-2, 2, (2, rows, columns)).astype(np.float32)
    return x / np.abs(x).max() * np.float32(largest), gate


def test_an_output_that_overflows_on_its_way_is_said_to():
    report = oracle.check(GATED, *between(3, 4, 3e38), **HELD)
    assert "values that are not finite, where reference.glu is" in str(report).replace("\n  ", " ")
    assert "does not compute" not in str(report)


def test_a_sweep_does_not_accuse_what_overflows_on_its_way():
    sweep = oracle.sweep(GATED, between(3, 4, 1.0), checks=8, **HELD)
    seen = {visit.regime: visit.seen for visit in sweep.visited}
    assert seen["the largest finite values"] in ("cannot tell", "outside"), str(sweep)
    assert sweep.verdict == "pass", str(sweep)


def test_a_sweep_accuses_what_overflows_far_from_the_largest_number():
    """exp(1000) is infinite, softmax of 1000 is not."""

    def naive(x: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.exp(x) / np.exp(x).sum(-1, keepdims=True)

    def backward(ct: np.ndarray, x: np.ndarray) -> np.ndarray:
        y = naive(x)
        return y * (ct - (ct * y).sum(-1, keepdims=True))

    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    sweep = oracle.sweep(oracle.from_forward_backward(naive, backward), x, op="softmax", dtype="float32", checks=8)
    assert sweep.verdict == "fail", str(sweep)
    assert {visit.regime for visit in sweep.visited if visit.seen == "WRONG"} == {"values of 1000"}


def test_where_squares_overflow_a_plain_norm_is_what_plain_code_is():
    """The mean square is infinite, and the norm 0, in any float32 code that does not scale first."""

    def forward(x: np.ndarray, scale: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return x / np.sqrt(np.mean(x * x, -1, keepdims=True) + np.float32(1e-6)) * scale

    def backward(ct: np.ndarray, x: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with np.errstate(all="ignore"):
            root = 1 / np.sqrt(np.mean(x * x, -1, keepdims=True) + np.float32(1e-6))
            normal, g = x * root, ct * scale
            return root * (g - normal * np.mean(g * normal, -1, keepdims=True)), np.sum(ct * normal, 0)

    x, scale = between(3, 4, 3e38)[0], np.array([0.5, 1, 2, -1], np.float32)
    report = oracle.check(oracle.from_forward_backward(forward, backward), x, scale, op="rms_norm")
    assert report.verdict != "fail", str(report)


def test_a_mask_of_the_largest_number_hides_no_mistake():
    def backward(ct: np.ndarray, x: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return 2 * ct * np.cos(x), ct

    rng = np.random.default_rng(0)
    x, mask = rng.normal(size=(3, 4)), np.where(rng.uniform(size=(3, 4)) < 0.3, -LARGEST, 0.0)
    subject = oracle.from_forward_backward(lambda x, mask: np.sin(x) + mask, backward)
    assert oracle.sweep(subject, (x, mask), checks=8).verdict == "fail"
