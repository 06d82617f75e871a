"""How the backward treats the cotangent: ignores it, is not linear in it, passes it through."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.view import View


def ignores_cotangent(view: View) -> Iterator[Model]:
    """The same answer for every cotangent."""
    if np.all(view.flat_cotangent == 1):
        return
    other = _answer(view, np.cos(np.arange(view.flat_cotangent.size) + 0.5))
    if other is not None and other.shape == view.got.shape and np.array_equal(other, view.got) and np.any(other):
        ones = view.truth(np.ones_like(view.flat_cotangent))
        same = ones is not None and ones.shape == other.shape and bool(np.allclose(ones, other, rtol=1e-5, atol=1e-8))
        words = "is the same for every cotangent" + (": the gradient for a cotangent of ones" if same else "")
        shown = f"two random cotangents give the same {other.size} numbers, bit for bit"
        yield Model("ignores_cotangent", words, other, shown=shown)


def not_linear(view: View) -> Iterator[Model]:
    """Twice the cotangent, or its negative, does not give twice the answer, or its negative."""
    if np.all(view.flat_cotangent == 1):
        return
    for factor in (-1.0, 2.0):
        other = _answer(view, factor * view.flat_cotangent)
        if other is not None and other.shape == view.got.shape:
            gap = float(np.max(np.abs(other - factor * view.got), initial=0.0))
            if gap > 8 * view.noise + 1e-9 * float(np.max(np.abs(other), initial=0.0)):
                shown = f"{factor:g} times the cotangent misses {factor:g} times the gradient by {gap:.2g}"
                yield Model("not_linear", "is not linear in the cotangent", view.got, shown=shown)
                return


def _answer(view: View, cotangent: np.ndarray) -> np.ndarray | None:
    answer = view.ask.subject(cotangent)
    if answer is None or len(answer) <= view.position or answer[view.position] is None:
        return None
    return np.asarray(answer[view.position], np.float64)


def downcast(view: View) -> Iterator[Model]:
    """Right to single or half precision, and every entry a number of that precision, inside a float64 run."""
    if not view.same_shape or view.x.dtype != np.float64:
        return
    for dtype in (np.float16, np.float32):
        with np.errstate(over="ignore"):
            rounded = view.got.astype(dtype).astype(np.float64)
        bound = 64 * float(np.finfo(dtype).eps) * view.scale
        relative = float(np.max(np.abs(view.error), initial=0.0)) / max(view.scale, 1e-300)
        close = relative * view.scale <= bound
        if close and np.array_equal(rounded, view.got) and not np.array_equal(rounded, view.expected):
            words = f"is right, but rounded to {np.dtype(dtype).name} on the way"
            shown = f"every entry is a {np.dtype(dtype).name} number; the largest relative error is {relative:.1e}"
            yield Model("downcast", words, view.expected, observed=view.expected, shown=shown)
            return


def single_precision(view: View) -> Iterator[Model]:
    """Errors of the size of single precision everywhere: computed in float32, returned in float64."""
    if not view.same_shape or view.x.dtype != np.float64 or not view.expected.size:
        return
    relative = float(np.max(np.abs(view.error))) / view.scale if view.scale > 0 else np.inf
    if 5e-9 < relative < 2e-6 and view.noise < 1e-8 * view.scale:
        shown = f"the largest error is {relative:.1e} of the gradient's size, that of float32 rounding"
        words = "has the errors of single precision somewhere inside"
        yield Model("downcast", words, view.expected, observed=view.expected, shown=shown)
