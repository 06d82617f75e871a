"""A divisor of the forward that has a small number more, or less, in the backward."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.traced.sites import Sites, where_in_words
from reference.oracle.diagnosis.view import View

# The largest share of the divisor, and the largest number, that counts as a small one.
SMALL, LARGEST = 1.0, 0.3


def epsilons(view: View, sites: Sites) -> Iterator[Model]:
    """The true gradient times v / (v + e), or the root of that, slice by slice, with one number e for all slices."""
    if not view.same_shape:
        return
    for shape in {node.value.shape for node in sites.nodes if node.value.size > 3}:
        ratio = _ratio(view, shape)
        for node in sites.nodes if ratio is not None else ():
            if ratio is not None and node.value.shape == shape and np.all(node.value > 0) and np.ptp(node.value) > 0:
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
            full = factor.reshape(factor.shape + (1,) * (view.x.ndim - factor.ndim))
            predicted = view.expected * (factor if _broadcasts(factor, view.x) else full)
            side = "the backward" if epsilon > 0 else "the forward"
            words = f"divides by what differs from the value of {place} by {abs(epsilon):.3g}: {side} has an epsilon"
            yield Model("epsilon_one_side", f"{words} that the other lacks", predicted, freedom=1, exact=True)
            return


def _broadcasts(factor: np.ndarray, x: np.ndarray) -> bool:
    return all(a in (1, b) for a, b in zip(factor.shape[::-1], x.shape[::-1], strict=False))
