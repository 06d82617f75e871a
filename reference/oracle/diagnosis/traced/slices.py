"""The true gradient times one factor a slice: a length too much or too little, a divisor with another epsilon."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.traced.sites import Sites, where_in_words
from reference.oracle.diagnosis.view import View
from reference.oracle.tracing.graph import Node

# The largest share of the divisor, and the largest number, that counts as a small one.
SMALL, LARGEST = 1.0, 0.06


def lengths(view: View, sites: Sites) -> Iterator[Model]:
    """A power of a value of the forward as the factor: a length that is not divided by, or divided by twice."""
    for node, ratio in _candidates(view, sites):
        for power in (1.0, -1.0, 0.5, -0.5, 2.0, -2.0):
            times = ratio / node.value**power
            if np.ptp(times) < 1e-6 * np.max(np.abs(times)):
                missing = len(node.partials) == 1 and np.allclose(ratio * node.partials[0], 1, rtol=1e-6)
                cause = "derivative_missing" if missing else "local_factor"
                words = f"is the true gradient times {np.mean(times):.6g} * v**{power:g}, slice by slice, with v the "
                words += f"value of {where_in_words(node)}"
                yield Model(
                    cause, words, view.expected * _spread(np.mean(times) * node.value**power, view.x), freedom=1
                )


def _candidates(view: View, sites: Sites) -> Iterator[tuple[Node, np.ndarray]]:
    """(value of the forward, the factors of the slices in its shape) for all positive values of fitting shapes."""
    for shape in dict.fromkeys(node.value.shape for node in sites.nodes if 3 < node.value.size < view.x.size):
        ratio = _ratio(view, shape) if view.same_shape else None
        for node in sites.nodes if ratio is not None else ():
            if ratio is not None and node.value.shape == shape and np.all(node.value > 0) and np.ptp(node.value) > 0:
                yield node, ratio


def _spread(factor: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The factors of the slices in a shape that broadcasts against the argument."""
    direct = all(a in (1, b) for a, b in zip(factor.shape[::-1], x.shape[::-1], strict=False))
    return factor if direct else factor.reshape(factor.shape + (1,) * (x.ndim - factor.ndim))


def epsilons(view: View, sites: Sites) -> Iterator[Model]:
    """The true gradient times v / (v + e), or the root of that, slice by slice, with one number e for all slices."""
    for node, ratio in _candidates(view, sites):
        yield from _of(view, node.value, ratio, where_in_words(node))


def _ratio(view: View, shape: tuple[int, ...]) -> np.ndarray | None:
    """The factor of every slice, where the gradient is the true one times a factor a slice that differs a little."""
    for aligned in dict.fromkeys((shape, (*shape, *(1,) * (view.x.ndim - len(shape))))):
        fits = len(aligned) <= view.x.ndim and all(
            a in (1, b) for a, b in zip(aligned[::-1], view.x.shape[::-1], strict=False)
        )
        if not fits:
            continue
        full = (1,) * (view.x.ndim - len(aligned)) + aligned
        axes = tuple(axis for axis, size in enumerate(full) if size == 1)
        power = np.sum(view.expected**2, axis=axes, keepdims=True)
        factor = np.sum(view.got * view.expected, axis=axes, keepdims=True) / np.where(power > 0, power, 1)
        near = np.max(np.abs(view.got - factor * view.expected)) <= 1e-6 * view.scale
        if near and np.all(power > 0) and np.all(factor > 0) and np.ptp(factor) > 1e-9:
            return factor.reshape(shape)
    return None


def _of(view: View, value: np.ndarray, ratio: np.ndarray, place: str) -> Iterator[Model]:
    for power, root in ((1, 1), (2, 2), (1, 2), (-1, 1), (-2, 2)):
        divisor = value**power
        added = divisor * (ratio**-root - 1)
        epsilon = float(np.median(added))
        if 0 < abs(epsilon) < min(SMALL * np.median(divisor), LARGEST) and np.ptp(added) < 1e-3 * abs(epsilon):
            factor = (divisor / (divisor + epsilon)) ** (1 / root)
            predicted = view.expected * _spread(factor, view.x)
            side = "the backward" if epsilon > 0 else "the forward"
            words = f"divides by what differs from the value of {place} by {abs(epsilon):.3g}: {side} has an epsilon"
            yield Model("epsilon_one_side", f"{words} that the other lacks", predicted, freedom=1, exact=True)
            return
