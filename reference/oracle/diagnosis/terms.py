"""An error that is one array times a number for each example: a term too much, too little, or of another tensor."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.view import View


def off_by_a_multiple(view: View) -> Iterator[Model]:
    """The true gradient and a multiple of something at hand."""
    for words, term in _terms(view):
        times = float(np.sum(view.error * term) / max(float(np.sum(term * term)), 1e-300))
        message = f"is off by {times:.6g} times {words}: a term too much, or too little"
        yield Model("sum_term_missing", message, view.expected + times * term, freedom=1)


def off_by_a_term(view: View) -> Iterator[Model]:
    """The true gradient and a multiple, one an example, of something at hand."""
    inner = tuple(range(1, view.expected.ndim))
    for words, term in _terms(view) if inner else ():
        power = np.sum(term * term, axis=inner, keepdims=True)
        times = np.sum(view.error * term, axis=inner, keepdims=True) / np.where(power > 0, power, 1)
        message = f"is off by a multiple of {words}, another one in every example: a term of the sum is wrong"
        yield Model("sum_term_missing", message, view.expected + times * term, freedom=int(times.size))


def _terms(view: View) -> Iterator[tuple[str, np.ndarray]]:
    """One, masks, targets, the output and the arguments, as far as they have the gradient's shape."""
    shape = view.expected.shape
    if not view.same_shape or not shape or view.expected.size < 8:
        return
    yield "one", np.ones(shape)
    open_ = (np.abs(view.expected) > view.noise) * 1.0
    yield "one, where the true gradient is not zero", open_
    for name, array in view.arrays.items():
        if array.dtype.kind in "iu" and array.shape == shape[:-1] and array.size and array.min() >= 0:
            if array.max() < shape[-1]:
                chosen = np.eye(shape[-1])[array]
                yield f"one at {name}", chosen
                yield f"one everywhere but at {name}", 1 - chosen
        elif array.shape == shape and name != view.name:
            yield name, array.astype(float)
    if view.out.shape == shape:
        yield "the output", view.out
    yield view.name, np.asarray(view.x, np.float64)


def another_target(view: View) -> Iterator[Model]:
    """Off by a multiple of another argument and a constant: the loss of other pairs of prediction and target."""
    if not view.same_shape or view.out.size != 1 or view.x.size < 5:
        return
    for name, other in view.others().items():
        if other.size == view.x.size and np.ptp(other) > 0:
            times = float(np.sum(view.error.ravel() * other.ravel()) / np.sum(other**2))
            words = f"is off by {times:.6g} times {name}: that term is missing, or counts otherwise"
            predicted = view.expected + times * other.reshape(view.x.shape)
            yield Model("sum_term_missing", words, predicted, freedom=1)
            basis = np.stack([other.ravel(), np.ones(other.size)], axis=1)
            factors, *_ = np.linalg.lstsq(basis, view.error.ravel(), rcond=None)
            if np.max(np.abs(factors[0] * other)) <= 1e-6 * abs(factors[1]):
                words = f"is off by the constant {factors[1]:.6g}: {name} is not centered, or a mean is missing"
                yield Model("mean_term_missing", words, view.expected + view.error.mean(), freedom=1)
            predicted = view.expected + (basis @ factors).reshape(view.x.shape)
            words = (
                f"is off by {factors[0]:.6g} times {name} and a constant: it pairs {view.name} with {name} otherwise"
            )
            yield Model("other_loss", words, predicted, freedom=2)
