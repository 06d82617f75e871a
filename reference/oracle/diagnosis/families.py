"""The derivative of another function of the same family: softmax for a relative of it, a mean for a maximum."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.structure import axes_in_words
from reference.oracle.diagnosis.view import View

# (x, cotangent, axis) -> gradient
Pullback = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
# (x, axis) -> slopes
Slopes = Callable[[np.ndarray, int], np.ndarray]


def softmax(x: np.ndarray, axis: int) -> np.ndarray:
    """The probabilities of scores along an axis."""
    weights = np.exp(x - x.max(axis=axis, keepdims=True))
    return weights / weights.sum(axis=axis, keepdims=True)


def _softmax(x: np.ndarray, c: np.ndarray, axis: int) -> np.ndarray:
    p = softmax(x, axis)
    return p * (c - np.sum(p * c, axis=axis, keepdims=True))


def _log_softmax(x: np.ndarray, c: np.ndarray, axis: int) -> np.ndarray:
    return c - softmax(x, axis) * np.sum(c, axis=axis, keepdims=True)


def _share(x: np.ndarray, c: np.ndarray, axis: int) -> np.ndarray:
    total = x.sum(axis=axis, keepdims=True)
    return (c - np.sum(c * x / total, axis=axis, keepdims=True)) / total


def _unit(x: np.ndarray, c: np.ndarray, axis: int) -> np.ndarray:
    length = np.sqrt(np.sum(x * x, axis=axis, keepdims=True))
    unit = x / length
    return (c - unit * np.sum(unit * c, axis=axis, keepdims=True)) / length


def _standardized(x: np.ndarray, c: np.ndarray, axis: int) -> np.ndarray:
    spread = x.std(axis=axis, keepdims=True)
    unit = (x - x.mean(axis=axis, keepdims=True)) / spread
    return (_centered(x, c, axis) - unit * np.mean(c * unit, axis=axis, keepdims=True)) / spread


def _centered(x: np.ndarray, c: np.ndarray, axis: int) -> np.ndarray:
    return c - c.mean(axis=axis, keepdims=True)


# Functions whose output has the shape of their input.
COUPLED: Mapping[str, Pullback] = {
    "softmax": _softmax,
    "softmax of the negative": lambda x, c, axis: -_softmax(-x, c, axis),
    "log-softmax": _log_softmax,
    "the share of the sum": _share,
    "the unit vector": _unit,
    "the standardized values": _standardized,
    "the centered values": _centered,
}


def _winner(x: np.ndarray, axis: int) -> np.ndarray:
    """One at the first largest entry."""
    places = np.arange(x.shape[axis]).reshape([-1 if a == axis else 1 for a in range(x.ndim)])
    return (places == np.expand_dims(x.argmax(axis), axis)) * 1.0


# Functions that make one number of all entries along an axis.
REDUCED: Mapping[str, Slopes] = {
    "the maximum": _winner,
    "the minimum": lambda x, axis: _winner(-x, axis),
    "log-sum-exp": softmax,
    "the soft minimum": lambda x, axis: softmax(-x, axis),
    "the sum": lambda x, axis: np.ones_like(x),
    "the mean": lambda x, axis: np.full_like(x, 1 / x.shape[axis]),
    "the length": lambda x, axis: x / np.sqrt(np.sum(x * x, axis=axis, keepdims=True)),
    "the sum of the sizes": lambda x, axis: np.sign(x),
    "the sum of squares": lambda x, axis: 2 * x,
    "the mean square": lambda x, axis: 2 * x / x.shape[axis],
    "the variance": lambda x, axis: 2 * (x - x.mean(axis=axis, keepdims=True)) / x.shape[axis],
}


def derivative_of_a_relative(view: View) -> Iterator[Model]:
    """The gradient of another function along an axis, of the same input and output shapes."""
    x, c = np.asarray(view.x, np.float64), view.cotangent
    for axis, size in enumerate(view.x.shape):
        if size > 1 and view.same_shape and c.size == view.flat_cotangent.size:
            with np.errstate(all="ignore"):
                for name, gradient in _relatives(x, c, axis):
                    words = (
                        f"is the gradient of {name} along {axes_in_words((axis,))}, which the forward does not compute"
                    )
                    yield Model("wrong_derivative", words, gradient)


def _relatives(x: np.ndarray, c: np.ndarray, axis: int) -> Iterator[tuple[str, np.ndarray]]:
    kept = tuple(1 if a == axis else n for a, n in enumerate(x.shape))
    if c.shape == x.shape:
        for name, pull in COUPLED.items():
            yield name, pull(x, c, axis)
    elif c.shape in (kept, kept[:axis] + kept[axis + 1 :]):
        for name, slopes in REDUCED.items():
            yield name, c.reshape(kept) * slopes(x, axis)
