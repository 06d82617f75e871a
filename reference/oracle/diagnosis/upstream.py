"""The cotangent on its way into the forward's last steps: without a factor or a slope, or left out."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.view import View


def upstream_factor(view: View) -> Iterator[Model]:
    """The cotangent is not multiplied by another argument on its way (gamma), or once too often."""
    if view.flat_cotangent.size != view.cotangent.size:
        return
    for name, other in view.others().items():
        for factor in _along(other, view.cotangent.shape):
            if np.ptp(factor) > 0 and np.all(factor != 0):
                yield from _through(view, view.cotangent / factor, f"lacks the factor {name}")
                words = f"has the factor {name} once too often"
                yield from _through(view, view.cotangent * factor, words)
                words = f"divides by {name} where the forward multiplies"
                yield from _through(view, view.cotangent / factor**2, words, "wrong_operand")


def _along(other: np.ndarray, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    """A vector argument along each axis of the same size; an argument of the same shape as it stands."""
    if other.shape == shape:
        yield other
    for axis, size in enumerate(shape) if other.ndim == 1 else ():
        if size == other.size and size > 1:
            yield other.reshape(tuple(size if a == axis else 1 for a in range(len(shape))))


def _through(view: View, cotangent: np.ndarray, words: str, cause: str = "argument_factor_missing") -> Iterator[Model]:
    predicted = view.truth(cotangent)
    if predicted is not None:
        yield Model(cause, words, predicted, noise=4 * view.jacobian_noise)


def output_slope(view: View) -> Iterator[Model]:
    """The derivative of the last activation is missing, applied twice, or taken at the output."""
    if view.flat_cotangent.size != view.cotangent.size or view.out.shape == view.x.shape:
        return
    y = view.out
    with np.errstate(all="ignore"):
        for formula, slope, again in (
            ("y * (1 - y)", y * (1 - y), _sigmoid_slope(y)),
            ("1 - y**2", 1 - y * y, 1 - np.tanh(y) ** 2),
        ):
            if np.all(np.abs(slope) > 1e-9) and np.ptp(slope) > 0:
                words = f"lacks the derivative {formula} of the last activation"
                yield from _sloped(view, view.cotangent / slope, "derivative_missing", words)
                words = f"has the derivative {formula} of the last activation twice"
                yield from _sloped(view, view.cotangent * slope, "derivative_twice", words)
                words = "takes the derivative of the last activation at its output"
                yield from _sloped(view, view.cotangent / slope * again, "derivative_at_output", words)


def _sigmoid_slope(y: np.ndarray) -> np.ndarray:
    return 1 / (2 + np.exp(y) + np.exp(-y))


def _sloped(view: View, cotangent: np.ndarray, cause: str, words: str) -> Iterator[Model]:
    predicted = view.truth(cotangent)
    if predicted is not None:
        yield Model(cause, words, predicted, noise=8 * view.jacobian_noise)


def output_ignored(view: View) -> Iterator[Model]:
    """One of several outputs' cotangents plays no part."""
    sizes = [np.size(leaf) for leaf in view.outs]
    start = 0
    for number, size in enumerate(sizes) if len(sizes) > 1 else ():
        rest = view.flat_cotangent.copy()
        rest[start : start + size] = 0
        start += size
        predicted = view.truth(rest)
        if predicted is not None:
            words = f"ignores the cotangent of output {number}"
            if _is_sum(view, number):
                more = f"{words}, which is a plain sum of arguments: a skip connection"
                yield Model("skip_dropped", more, predicted, noise=view.jacobian_noise)
            elif _is_state(view, number):
                more = f"{words}, the state that goes on to the next step"
                yield Model("time_not_carried", more, predicted, noise=view.jacobian_noise)
            yield Model("ignores_cotangent", words, predicted, noise=view.jacobian_noise)


def _is_sum(view: View, number: int) -> bool:
    """Whether an output is the sum of two arguments of its shape, or one of them."""
    out = view.outs[number]
    alike = [a for a in view.arrays.values() if a.shape == out.shape and a.dtype.kind == "f" and a.size]
    sums = [a + b for a, b in combinations(alike, 2)]
    return any(np.allclose(out, value, rtol=1e-12, atol=1e-12) for value in (*alike, *sums))


def _is_state(view: View, number: int) -> bool:
    """Whether an output has the shape of an argument other than the first: a cell takes a state and returns one."""
    shape = view.outs[number].shape
    return len(shape) > 1 and any(np.shape(primal) == shape for primal in view.evidence.primals[1:])
