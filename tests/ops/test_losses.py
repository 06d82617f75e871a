"""What is particular to the losses: numbers worked by hand, laws, far out."""

import tracemalloc
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import functional_nn
import reference
from reference import losses as by_hand

TWINS = {"functional_nn": functional_nn, "reference": reference}
every_twin = pytest.mark.parametrize("twin", TWINS.values(), ids=TWINS)
REGRESSION = ("sum_of_squares_error", "mean_squared_error", "huber_loss")
four = st.lists(st.floats(-20, 20), min_size=4, max_size=4).map(np.array)
# The book's answer "2", and two outputs: one that is most confident in it, and one that prefers "7" (section 4.2).
ANSWER = np.array([[0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]])
RIGHT = np.array([[0.1, 0.05, 0.6, 0.0, 0.05, 0.1, 0.0, 0.1, 0.0, 0.0]])
WRONG = np.array([[0.1, 0.05, 0.1, 0.0, 0.05, 0.1, 0.0, 0.6, 0.0, 0.0]])


def gradients(twin: Any, name: str, first: np.ndarray, targets: np.ndarray, **statics: Any) -> tuple[Any, Any]:
    """The cotangents of both arguments for a cotangent of ones; None where there is none."""
    if twin is reference:
        out, residuals = getattr(by_hand, f"{name}_fwd")(first, targets, **statics)
        return getattr(by_hand, f"{name}_bwd")(residuals, np.ones_like(out))
    loss = lambda *arguments: getattr(twin, name)(*arguments, **statics).sum()  # noqa: E731 (jax.grad takes a function)
    if targets.dtype.kind != "f":
        return np.asarray(jax.grad(loss)(first, targets)), None
    first_ct, targets_ct = jax.grad(loss, argnums=(0, 1))(first, targets)
    return np.asarray(first_ct), np.asarray(targets_ct)


def certain(twin: Any, doubt: float) -> bool:
    """Whether the answer is held so nearly certain that it is certain to the reference, which uses p - t."""
    return twin is reference and doubt < 1e-12


# Worked by hand -----------------------------------------------------------------------------------------------------


@every_twin
def test_sum_of_squares_of_the_book(twin: Any):
    # 0.1^2 + 0.05^2 + 0.4^2 + 0.05^2 + 0.1^2 + 0.1^2 = 0.01 + 0.0025 + 0.16 + 0.0025 + 0.01 + 0.01 = 0.195,
    # and half of it 0.0975.
    np.testing.assert_allclose(twin.sum_of_squares_error(RIGHT, ANSWER), [0.0975], rtol=1e-14)
    # Now 0.9^2 = 0.81 at the answer and 0.6^2 = 0.36 at the 7, and 0.025 elsewhere: 1.195; half is 0.5975.
    np.testing.assert_allclose(twin.sum_of_squares_error(WRONG, ANSWER), [0.5975], rtol=1e-14)
    np.testing.assert_allclose(twin.mean_squared_error(RIGHT, ANSWER), [0.0195], rtol=1e-14)
    # The half is there so that the gradient is the difference itself.
    np.testing.assert_allclose(gradients(twin, "sum_of_squares_error", RIGHT, ANSWER)[0], RIGHT - ANSWER, rtol=1e-14)


@every_twin
@pytest.mark.parametrize("targets", [ANSWER, np.array([2])], ids=["one-hot", "label"])
def test_cross_entropy_of_the_book(twin: Any, targets: np.ndarray):
    # -log 0.6 = 0.510825623766 and -log 0.1 = 2.302585092994. The book adds 1e-7 inside the logarithm, which makes
    # 0.510825457099 of the first; nothing is added here, so the seventh digit differs.
    np.testing.assert_allclose(twin.cross_entropy_error(RIGHT, targets), [0.510825623766], rtol=1e-12)
    np.testing.assert_allclose(twin.cross_entropy_error(WRONG, targets), [2.302585092994], rtol=1e-12)
    # The slope is -1 / 0.6 at the answer, and 0 where the target is, even at the outputs that are exactly 0.
    slope = gradients(twin, "cross_entropy_error", RIGHT, targets)[0]
    np.testing.assert_allclose(slope, -ANSWER / 0.6, rtol=1e-14)


@every_twin
def test_softmax_cross_entropy_worked_by_hand(twin: Any):
    # Scores [0, log 3]: p = [1/4, 3/4]. Label 0: loss log 4, gradient p - t = [-3/4, 3/4].
    logits = np.array([[0.0, np.log(3.0)]])
    np.testing.assert_allclose(twin.softmax_cross_entropy(logits, np.array([0])), [np.log(4.0)], rtol=1e-15)
    slope, none = gradients(twin, "softmax_cross_entropy", logits, np.array([0]))
    np.testing.assert_allclose(slope, [[-0.75, 0.75]], rtol=1e-15)
    assert none is None, "labels have no gradient"
    # Smoothing 0.2 makes t = [0.9, 0.1]: loss 0.9 log 4 + 0.1 log(4/3), gradient p - t = [-0.65, 0.65].
    smoothed = twin.softmax_cross_entropy(logits, np.array([0]), label_smoothing=0.2)
    np.testing.assert_allclose(smoothed, [0.9 * np.log(4.0) + 0.1 * np.log(4 / 3)], rtol=1e-15)
    slope, _ = gradients(twin, "softmax_cross_entropy", logits, np.array([0]), label_smoothing=0.2)
    np.testing.assert_allclose(slope, [[-0.65, 0.65]], rtol=1e-15)


@every_twin
def test_huber_worked_by_hand(twin: Any):
    # d = 0.5, inside: 0.125, slope 0.5. d = -3, outside: 1 (3 - 1/2) = 2.5, slope -1. The mean halves both.
    predictions, targets = np.array([[0.5, -3.0]]), np.zeros((1, 2))
    np.testing.assert_allclose(twin.huber_loss(predictions, targets), [(0.125 + 2.5) / 2], rtol=1e-15)
    np.testing.assert_allclose(gradients(twin, "huber_loss", predictions, targets)[0], [[0.25, -0.5]], rtol=1e-15)
    # With delta = 4 both are inside: (0.125 + 4.5) / 2.
    np.testing.assert_allclose(twin.huber_loss(predictions, targets, delta=4.0), [2.3125], rtol=1e-15)


@every_twin
def test_binary_cross_entropy_worked_by_hand(twin: Any):
    # p = 1/4 and t = 1: log 4, slope -4. p = 1/4 and t = 0: log(4/3), slope 1 / (3/4) = 4/3. The mean halves all.
    p, t = np.array([[0.25, 0.25]]), np.array([[1.0, 0.0]])
    np.testing.assert_allclose(twin.binary_cross_entropy(p, t), [(np.log(4.0) + np.log(4 / 3)) / 2], rtol=1e-14)
    np.testing.assert_allclose(gradients(twin, "binary_cross_entropy", p, t)[0], [[-2.0, 2 / 3]], rtol=1e-14)
    # The same from logits -log 3, whose sigmoid is 1/4: slopes sigmoid - t, halved.
    z = np.log(p) - np.log(1 - p)
    np.testing.assert_allclose(twin.sigmoid_binary_cross_entropy(z, t), twin.binary_cross_entropy(p, t), rtol=1e-14)
    slope = gradients(twin, "sigmoid_binary_cross_entropy", z, t)[0]
    np.testing.assert_allclose(slope, [[-0.375, 0.125]], rtol=1e-14)


@every_twin
def test_kl_divergence_worked_by_hand(twin: Any):
    # t = [1/2, 1/2] against q = [1/4, 3/4]: 1/2 log 2 + 1/2 log(2/3) = 1/2 log(4/3). Slope to log q: -t.
    log_q, t = np.log([[0.25, 0.75]]), np.array([[0.5, 0.5]])
    np.testing.assert_allclose(twin.kl_divergence(log_q, t), [0.5 * np.log(4 / 3)], rtol=1e-14)
    log_q_ct, t_ct = gradients(twin, "kl_divergence", log_q, t)
    np.testing.assert_allclose(log_q_ct, [[-0.5, -0.5]], rtol=1e-15)
    np.testing.assert_allclose(t_ct, [[1 + np.log(2.0), 1 + np.log(2 / 3)]], rtol=1e-14)


# Laws ---------------------------------------------------------------------------------------------------------------


@every_twin
@pytest.mark.parametrize("name", REGRESSION)
@given(four, four, st.floats(1.01, 10))
def test_a_larger_mismatch_is_a_larger_loss(twin: Any, name: str, targets: np.ndarray, off: np.ndarray, factor: float):
    predictions = targets + np.stack([np.zeros(4), off, factor * off])
    none, small, large = np.asarray(getattr(twin, name)(predictions, np.stack([targets] * 3)))
    assert none == 0, "no mismatch, no loss"
    assert 0 <= small <= large
    if np.abs(off).max() > 1e-6:
        assert 0 < small < large


@every_twin
@given(four, st.integers(0, 3), st.floats(1e-3, 50))
def test_less_score_for_the_answer_is_a_larger_loss(twin: Any, logits: np.ndarray, label: int, less: float):
    lowered = logits - less * np.eye(4)[label]
    both = np.stack([logits, lowered])
    before, after = np.asarray(twin.softmax_cross_entropy(both, np.array([label, label])))
    assert 0 <= before <= after
    assert before < after or certain(twin, after)
    p = np.asarray(twin.softmax(both))
    surprise = np.asarray(twin.cross_entropy_error(p, np.array([label, label])))
    np.testing.assert_allclose(surprise, [before, after], rtol=1e-11, atol=1e-15)


@every_twin
@given(st.floats(-700, 700), st.floats(1e-3, 50))
def test_less_score_for_yes_is_a_larger_loss_where_yes_is_right(twin: Any, logit: float, less: float):
    logits = np.array([logit, logit - less])
    before, after = np.asarray(twin.sigmoid_binary_cross_entropy(logits, np.ones(2)))
    assert 0 < before < after
    reversed_roles = np.asarray(twin.sigmoid_binary_cross_entropy(-logits, np.zeros(2)))
    np.testing.assert_allclose(reversed_roles, [before, after], rtol=1e-15)


@every_twin
@given(four, four)
def test_kl_divergence_is_zero_only_between_equals(twin: Any, a: np.ndarray, b: np.ndarray):
    log_q, t = np.asarray(twin.log_softmax(np.stack([a, b, a]))), np.asarray(twin.softmax(np.stack([a, a, b])))
    same, there, back = np.asarray(twin.kl_divergence(log_q, t))
    np.testing.assert_allclose(same, 0, atol=1e-13)
    # Pinsker: twice the divergence is at least the square of the distance.
    distance = np.abs(np.exp(log_q[0]) - np.exp(log_q[1])).sum()
    assert min(there, back) >= distance**2 / 2 - 1e-13


@every_twin
@given(four, four)
def test_cross_entropy_is_entropy_plus_divergence(twin: Any, logits: np.ndarray, others: np.ndarray):
    z, t = logits[None], np.asarray(twin.softmax(others[None]))
    entropy = np.asarray(twin.cross_entropy_error(t, t))
    divergence = np.asarray(twin.kl_divergence(np.asarray(twin.log_softmax(z)), t))
    np.testing.assert_allclose(twin.softmax_cross_entropy(z, t), entropy + divergence, rtol=1e-12, atol=1e-13)


@every_twin
@given(four, st.integers(0, 3))
def test_the_gradient_to_the_logits_sums_to_zero(twin: Any, logits: np.ndarray, label: int):
    slope = np.asarray(gradients(twin, "softmax_cross_entropy", logits[None], np.array([label]))[0])[0]
    np.testing.assert_allclose(slope.sum(), 0, atol=1e-15)
    others = np.delete(slope, label)
    assert slope[label] < 0 or certain(twin, others.sum()), "more score for the answer lowers the loss"
    assert (others > 0).all()


# Far out ------------------------------------------------------------------------------------------------------------


@every_twin
def test_the_right_answer_held_nearly_certain(twin: Any):
    """1 + exp(-50) is 1 in float64: yet neither the loss nor the gradient of functional_nn may be 0.

    The reference uses p - t, which is 0 there: it is right to a rounding of p, and p is 1.
    """
    off = 0.0 if twin is functional_nn else 2.0**-53
    logits, small = np.array([[50.0, 0.0]]), np.exp(-50.0)
    loss = twin.softmax_cross_entropy(logits, np.array([0]))
    np.testing.assert_allclose(loss, [small], rtol=1e-15, atol=off)
    slope = gradients(twin, "softmax_cross_entropy", logits, np.array([0]))[0]
    np.testing.assert_allclose(slope, [[-small, small]], rtol=1e-15, atol=off)
    np.testing.assert_allclose(slope[0, 1], small, rtol=1e-15)
    np.testing.assert_allclose(twin.sigmoid_binary_cross_entropy(np.array([50.0]), np.ones(1)), [small], rtol=1e-15)
    slope = gradients(twin, "sigmoid_binary_cross_entropy", np.array([50.0]), np.ones(1))[0]
    np.testing.assert_allclose(slope, [-small], rtol=1e-15, atol=off)


@every_twin
def test_the_wrong_answer_held_nearly_certain(twin: Any):
    """The book's log(p + 1e-7) saturates at 16.1, and its gradient with it."""
    logits = np.array([[0.0, 1e4]])
    assert float(twin.softmax_cross_entropy(logits, np.array([0]))[0]) == 1e4
    assert np.array_equal(gradients(twin, "softmax_cross_entropy", logits, np.array([0]))[0], [[-1.0, 1.0]])
    assert float(twin.sigmoid_binary_cross_entropy(np.array([-1e4]), np.ones(1))[0]) == 1e4


@every_twin
def test_binary_cross_entropy_near_0_and_near_1(twin: Any):
    p = np.array([1e-300, 1e-20, 1e-10])
    # -log(1 - p) = p + p^2 / 2 + ..., and -log(1 - p) of 1 - p' is -log p'.
    np.testing.assert_allclose(twin.binary_cross_entropy(p, np.zeros(3)), p + p * p / 2, rtol=1e-15)
    np.testing.assert_allclose(twin.binary_cross_entropy(p, np.ones(3)), -np.log(p), rtol=1e-15)
    near = np.array([1 - 2.0**-52, 1 - 2.0**-30])
    np.testing.assert_allclose(twin.binary_cross_entropy(near, np.zeros(2)), np.log(2) * np.array([52, 30]), rtol=1e-15)


@pytest.mark.parametrize("name", ["cross_entropy_error", "softmax_cross_entropy"])
def test_many_classes_take_no_matrix_of_classes_by_classes(name: str):
    scores, labels = np.full((2, 50_000), 1e-3), np.array([7, 49_999])
    tracemalloc.start()
    gradients(reference, name, scores, labels)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * scores.nbytes, f"{peak / scores.nbytes:.0f} times the scores"


@every_twin
def test_nan_is_not_hidden(twin: Any):
    first = np.array([[0.5, np.nan, 0.25], [0.5, 0.25, 0.25]])
    targets = np.array([[1.0, 0.0, 0.0], [0.5, 0.25, 0.25]])
    for name in (*REGRESSION, "softmax_cross_entropy", "sigmoid_binary_cross_entropy", "binary_cross_entropy"):
        out = np.asarray(getattr(twin, name)(first, targets))
        assert np.array_equal(np.isnan(out), [True, False]), f"{name}: {out}"
    for name in ("cross_entropy_error", "kl_divergence"):
        out = np.asarray(getattr(twin, name)(first, targets + 0.25))
        assert np.array_equal(np.isnan(out), [True, False]), f"{name}: {out}"


@pytest.mark.slow
def test_mixed_precision_promotes_and_each_gradient_keeps_its_dtype():
    for name in (*REGRESSION, "sigmoid_binary_cross_entropy", "binary_cross_entropy", "kl_divergence"):
        first, targets = np.full((3, 5), 0.5, np.float32), np.full((3, 5), 0.25, np.float64)
        for twin in TWINS.values():
            assert getattr(twin, name)(first, targets).dtype == np.float64, name
            assert [ct.dtype for ct in gradients(twin, name, first, targets)] == [np.float32, np.float64], name
