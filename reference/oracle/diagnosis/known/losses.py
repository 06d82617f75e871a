"""Losses: terms, denominators and derivatives of the wrong loss, as factors of the cotangent of each example."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from reference.oracle.diagnosis.known.recognize import Known
from reference.oracle.diagnosis.known.softmaxes import normalized
from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.view import View

Variant = tuple[str, str, np.ndarray]


def mistakes(view: View, known: Known) -> Iterator[Model]:
    """Every variant of this loss and argument, times the cotangent of the example."""
    for cause, words, predicted in variants_of(known, view.position):
        yield Model(cause, words, predicted, exact=True)


def variants_of(known: Known, position: int) -> Iterator[Variant]:
    """(cause, words, gradient) of every known mistake in the gradient of one argument of a loss."""
    if known.op not in _VARIANTS or len(known.primals) < 2:
        return
    first, targets = (np.asarray(primal, np.float64) for primal in known.primals[:2])
    labels = known.primals[1].dtype.kind in "iu"
    if labels:
        targets = one_hot(known.primals[1], first.shape[-1])
    upstream = known.cotangent.reshape(known.cotangent.shape + (1,) * (first.ndim - known.cotangent.ndim))
    with np.errstate(all="ignore"):
        for cause, words, slope in _VARIANTS[known.op](first, targets, position):
            yield cause, words, upstream * slope
        if position == 0 and known.op == "cross_entropy_error":
            words = "is divided by the upstream gradient where the probabilities belong"
            yield "wrong_operand", words, -targets / upstream
        if position == 0 and known.op == "softmax_cross_entropy" and labels:
            yield from _label_confusions(first, known.primals[1], upstream)
        if position == 0 and (smoothing := float(known.statics.get("label_smoothing", 0.0))):
            yield from _smoothed_otherwise(normalized(first, -1), targets, smoothing, upstream)


def _smoothed_otherwise(p: np.ndarray, t: np.ndarray, smoothing: float, upstream: np.ndarray) -> Iterator[Variant]:
    """Label smoothing that gives another share to the classes, or takes it from the label alone."""
    classes = t.shape[-1]
    others = (1 - t) * smoothing / max(classes - 1, 1)
    for words, target in (
        ("shares the smoothing among the other classes only", (1 - smoothing) * t + others),
        ("takes the smoothing from the label and gives it to no class", (1 - smoothing) * t),
        ("adds the smoothing to the classes and takes it from none", t + smoothing / classes),
    ):
        yield "static_ignored", words, upstream * (p - target)


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """Labels as rows of zeros and a one."""
    return np.eye(classes)[labels]


def _label_confusions(z: np.ndarray, labels: np.ndarray, upstream: np.ndarray) -> Iterator[Variant]:
    """Fancy indexing with a column of labels: every row loses a one at every example's label."""
    p = normalized(z, -1)
    crossed = p.copy()
    crossed[:, np.unique(labels)] -= 1
    words = "subtracts one at every example's label in every row: labels of shape (N, 1) used as an index"
    yield "sum_term_missing", words, upstream * crossed
    words = "subtracts one at the most probable class, not at the label"
    yield "sum_term_missing", words, upstream * (p - one_hot(z.argmax(axis=-1), z.shape[-1]))
    words = "subtracts the target of a neighbouring example"
    for move in (1, -1):
        yield "sum_term_missing", words, upstream * (p - one_hot(np.roll(labels, move, 0), z.shape[-1]))
    words = "subtracts the mean of all targets from every row"
    yield "sum_term_missing", words, upstream * (p - one_hot(labels, z.shape[-1]).mean(axis=0))


def _softmax_cross_entropy(z: np.ndarray, t: np.ndarray, position: int) -> Iterator[Variant]:
    p = normalized(z, -1)
    if position == 1:
        yield "sign", "is log p where -log p belongs", np.log(p)
        yield "wrong_derivative", "is -p where -log p belongs", -p
        return
    d = p - t
    yield "sum_term_missing", "is p: the targets are not subtracted", p
    yield "sum_term_missing", "is -t: the probabilities are missing", -t
    yield "sum_term_missing", "is (p - 1) at the label and zero elsewhere", t * d
    yield "derivative_twice", "has the derivative p * (1 - p) applied after p - t, which contains it", d * p * (1 - p)
    again = p * (d - np.sum(p * d, axis=-1, keepdims=True))
    yield "derivative_twice", "has softmax's Jacobian applied after p - t, which contains it", again
    yield "wrong_derivative", "is the derivative -t / p with respect to the probabilities", -t / p
    yield "wrong_operand", "uses the logits where the probabilities belong: z - t", z - t
    sigmoid = 1 / (1 + np.exp(-z))
    yield "other_loss", "is sigmoid(z) - t, the gradient of sigmoid cross-entropy", sigmoid - t
    q = normalized(p, -1)
    yield "derivative_at_output", "takes softmax of the probabilities again", q - t
    for axis in range(z.ndim - 1):
        q = normalized(z, axis)
        words = f"takes softmax over axis {axis}, the forward over the classes"
        yield "coupled_over_wrong_axis", words, q - t
    q = np.log(p)
    for axis in range(z.ndim - 1):
        words = f"takes softmax over axis {axis}, the forward over the classes"
        yield "coupled_over_wrong_axis", words, normalized(q, axis) - t
    yield (
        "coupled_over_wrong_axis",
        "takes softmax over the whole array",
        np.exp(z - z.max()) / np.exp(z - z.max()).sum() - t,
    )
    squared = p * ((p - t) - np.sum(p * (p - t), axis=-1, keepdims=True))
    yield "other_loss", "is the gradient of the squared error of the probabilities", 2 * squared


def _cross_entropy_error(p: np.ndarray, t: np.ndarray, position: int) -> Iterator[Variant]:
    if position == 1:
        yield "sign", "is log p where -log p belongs", np.log(p)
        yield "wrong_operand", "is -p", -p
        return
    yield "wrong_derivative", "is p - t, the gradient with respect to the logits", p - t
    yield "wrong_operand", "is -1 / p without the targets", -1 / p
    yield "wrong_operand", "is -t: the denominator p is missing", -t
    yield "wrong_operand", "is -p / t, numerator and denominator exchanged", -p / np.where(t == 0, np.inf, t)
    yield "wrong_operand", "is -t * log p, the loss itself", -t * np.log(p)
    yield "wrong_derivative", "is -log p", -np.log(p)
    yield "derivative_twice", "has the denominator squared", -t / p**2
    yield "wrong_derivative", "has the second term of binary cross-entropy too", -t / p + (1 - t) / (1 - p)
    for epsilon in (1e-7, 1e-8, 1e-12, 1e-10, 1e-5, 1e-6, 1e-15, 1e-3):
        yield "epsilon_one_side", f"has {epsilon:g} in the denominator, the forward has none", -t / (p + epsilon)


def _binary(p: np.ndarray, t: np.ndarray, position: int) -> Iterator[Variant]:
    n = p[0].size if p.ndim else 1
    if position == 1:
        yield "sum_term_missing", "is -log p: the second term log(1 - p) is missing", -np.log(p) / n
        yield "sum_term_missing", "is log(1 - p): the first term is missing", np.log(1 - p) / n
        return
    yield "wrong_derivative", "is p - t: the denominator p * (1 - p) is missing", (p - t) / n
    yield "sum_term_missing", "is -t / p: the term of 1 - t is missing", -t / p / n
    yield "sum_term_missing", "is (1 - t) / (1 - p): the term of t is missing", (1 - t) / (1 - p) / n
    yield "sum_term_missing", "has the sign of the second term turned", (-t / p - (1 - t) / (1 - p)) / n
    yield "wrong_operand", "is divided by p alone", (p - t) / p / n
    yield "wrong_operand", "is divided by 1 - p alone", (p - t) / (1 - p) / n
    yield "derivative_twice", "has the denominator squared", (p - t) / (p * (1 - p)) ** 2 / n


def _sigmoid_binary(z: np.ndarray, t: np.ndarray, position: int) -> Iterator[Variant]:
    n, p = z[0].size if z.ndim else 1, 1 / (1 + np.exp(-z))
    if position == 1:
        yield "sign", "is z where -z belongs", z / n
        yield "wrong_operand", "is -sigmoid(z) where -z belongs", -p / n
        return
    yield "derivative_twice", "has p * (1 - p) applied after p - t, which contains it", (p - t) * p * (1 - p) / n
    yield "sum_term_missing", "is p: the targets are not subtracted", p / n
    yield "sum_term_missing", "is -t * (1 - p): the term of 1 - t is missing", -t * (1 - p) / n
    yield "sum_term_missing", "is (1 - t) * p: the term of t is missing", (1 - t) * p / n
    yield "wrong_operand", "uses the logits where the probabilities belong: z - t", (z - t) / n
    yield "wrong_derivative", "is the derivative with respect to the probabilities", (p - t) / (p * (1 - p)) / n
    if z.ndim > 1:
        yield "other_loss", "is softmax(z) - t, the gradient of softmax cross-entropy", (normalized(z, -1) - t) / n
    again = 1 / (1 + np.exp(-p))
    yield "derivative_at_output", "takes sigmoid of the probabilities again", (again - t) / n


def _squared(y: np.ndarray, t: np.ndarray, position: int) -> Iterator[Variant]:
    turn = -1.0 if position == 1 else 1.0
    for words, n in (("", 1), (" / size", y[0].size if y.ndim else 1)):
        d = turn * (y - t) / n
        yield "wrong_derivative", f"is sign(y - t){words}, the derivative of the absolute error", np.sign(d) / n
        yield "sum_term_missing", f"is y{words}: the targets are not subtracted", turn * y / n
        yield "sum_term_missing", f"is -t{words}: the predictions are missing", -turn * t / n
        yield "wrong_operand", f"is y + t{words}", turn * (y + t) / n
        yield "wrong_derivative", f"is (y - t)**2{words}, the loss itself", d * d * n
        yield "derivative_twice", f"has y * (1 - y) applied too{words}", d * y * (1 - y)
        yield "other_loss", f"is the error divided by y * (1 - y){words}", d / (y * (1 - y))


def _huber(y: np.ndarray, t: np.ndarray, position: int) -> Iterator[Variant]:
    turn, n = -1.0 if position == 1 else 1.0, y[0].size if y.ndim else 1
    e = y - t
    yield "other_loss", "is the gradient of the squared error: the tails are not clipped", turn * e / n
    yield "other_loss", "is the gradient of the absolute error", turn * np.sign(e) / n
    for delta in (1.0, 0.5, 2.0, 0.1, 1.5):
        inside = np.abs(e) <= delta
        tail = f"is delta in the tails without the sign of the error (delta = {delta:g})"
        yield "partly_scaled", tail, turn * np.where(inside, e, delta) / n
        tail = f"is sign(e) in the tails where delta * sign(e) belongs (delta = {delta:g})"
        yield "partly_scaled", tail, turn * np.where(inside, e, np.sign(e)) / n


def _divergence(log_p: np.ndarray, t: np.ndarray, position: int) -> Iterator[Variant]:
    p = np.exp(log_p)
    if position == 1:
        yield "sum_term_missing", "is log t - log p: the 1 of the product rule is missing", np.log(t) - log_p
        yield "sum_term_missing", "is log t + 1: log p is missing", np.log(t) + 1
        yield "sum_term_missing", "is -log p: the entropy term is missing", -log_p
        return
    yield "wrong_derivative", "is -t / p, the derivative with respect to the probabilities", -t / p
    yield "wrong_derivative", "is p - t, the gradient with respect to the logits", p - t
    yield "wrong_operand", "is -p where -t belongs", -p
    yield "wrong_operand", "is -t * log p", -t * log_p
    yield "other_loss", "is the gradient of the divergence the other way round", p * (log_p - np.log(t) + 1)


_VARIANTS: Mapping[str, Callable[[np.ndarray, np.ndarray, int], Iterator[Variant]]] = {
    "softmax_cross_entropy": _softmax_cross_entropy,
    "cross_entropy_error": _cross_entropy_error,
    "binary_cross_entropy": _binary,
    "sigmoid_binary_cross_entropy": _sigmoid_binary,
    "sum_of_squares_error": _squared,
    "mean_squared_error": _squared,
    "huber_loss": _huber,
    "kl_divergence": _divergence,
}
