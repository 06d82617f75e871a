"""What is no edit of a program: nothing came back, fewer bits, another mask, and how the cotangent is treated."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.evidence.model import Model
from reference.oracle.evidence.view import View

Found = Iterator[tuple[float, Model]]
# The largest error, as a share of the gradient, that rounding is blamed for; and the share of entries that must stay.
COARSE, STILL = 0.15, 0.9
# A step that no rounding to few bits notices, and one that every rounding does.
TINY, FAR = 1e-7, 0.2
# Bits of what says little, and is said where nothing else is.
VAGUE = 40
# How much of the true gradient the larger step must change.
TELLING = 1e-3


def nothing(view: View) -> Found:
    """Nothing was computed, or the result was thrown away."""
    if view.same_shape and not np.any(view.got):
        words = "is zero everywhere, the true gradient is not"
        yield 0, Model("missing", words, np.zeros_like(view.expected), role="zero")


def rounded(view: View) -> Found:
    """Right to single or half precision, in its entries or somewhere on the way, inside a float64 run."""
    if not view.same_shape or view.x.dtype != np.float64 or not view.scale:
        return
    relative = float(np.max(np.abs(view.error), initial=0.0)) / view.scale
    for dtype in (np.float16, np.float32):
        with np.errstate(over="ignore"):
            cut = view.got.astype(dtype).astype(np.float64)
        close = relative <= 64 * float(np.finfo(dtype).eps)
        if close and np.array_equal(cut, view.got) and not np.array_equal(cut, view.expected):
            name = np.dtype(dtype).name
            shown = f"every entry is a {name} number; the largest relative error is {relative:.1e}"
            yield 1, _as_true(view, f"is right, but rounded to {name} on the way", shown)
            return
    if 5e-9 < relative < 2e-6 and view.noise < 1e-8 * view.scale:
        shown = f"the largest error is {relative:.1e} of the gradient's size, that of float32 rounding"
        yield VAGUE, _as_true(view, "has the errors of single precision somewhere inside", shown)


def integral(view: View) -> Found:
    """Every entry a whole number, and less than one away from the truth."""
    cut = view.same_shape and np.array_equal(np.round(view.got), view.got) and np.any(view.got)
    if cut and np.max(np.abs(view.error)) < 1 and int(view.wrong.sum()) >= min(3, view.got.size):
        shown = "every entry is a whole number, less than one away from the true one"
        yield 1, _as_true(view, "is cut to whole numbers: it was written into an integer array", shown)


def _as_true(view: View, words: str, shown: str) -> Model:
    """A gradient that is right but for its bits, which the numbers that came back show by themselves."""
    return Model("downcast", words, view.expected, observed=view.expected, shown=shown)


def rounded_inside(view: View) -> Found:
    """Near the truth, and moving in steps where the true gradient moves steadily: a value was rounded on the way."""
    if view.x.dtype != np.float64 or not near(view.got, view.expected):
        return
    for name in ("the cotangent", *view.arrays):
        if _in_steps(view, name):
            words = f"sees {name} with few bits only: it was rounded between the forward and the backward"
            shown = f"moving {name} by {TINY:g} of its size changes nothing, moving it by {FAR:g} changes the gradient"
            yield 1, _as_true(view, words, shown)
            return


def near(got: np.ndarray, expected: np.ndarray) -> bool:
    """Whether a gradient is so near the true one that rounding may be to blame."""
    size = float(np.max(np.abs(expected), initial=0.0))
    return got.shape == expected.shape and float(np.max(np.abs(got - expected), initial=0.0)) <= COARSE * size


def _in_steps(view: View, name: str) -> bool:
    """Whether a tiny move leaves nearly all entries as they are, though the gradient follows a larger one."""
    little, much = _moved(view, name, TINY), _moved(view, name, FAR)
    tiny = _answer(view, *little) if little else None
    if much is None or tiny is None or np.mean(tiny == view.got) < STILL:
        return False
    cotangent, primals = much
    truth = view.truth(cotangent) if name == "the cotangent" else view.ask.truth_at(view.position, primals)
    far = _answer(view, *much)
    if far is None or truth is None or not near(far, truth) or np.mean(far == view.got) >= 1 - STILL:
        return False
    return float(np.max(np.abs(truth - view.expected), initial=0.0)) > TELLING * view.scale


def _moved(view: View, name: str, share: float) -> tuple[np.ndarray, tuple[np.ndarray, ...]] | None:
    """The cotangent and the arguments after a move of one of them; its extremes stay, which may set a scale."""
    primals, cotangent = view.evidence.primals, view.flat_cotangent
    if name == "the cotangent":
        return (cotangent + share * _step(cotangent), primals) if cotangent.size > 3 else None
    position = view.evidence.names.index(name)
    array = np.asarray(primals[position])
    if array.dtype != np.float64 or array.size < 4:
        return None
    return cotangent, (*primals[:position], array + share * _step(array), *primals[position + 1 :])


def _step(array: np.ndarray) -> np.ndarray:
    """Up and down by turns, in proportion to each entry, but for the extremes."""
    step = np.abs(array) * np.cos(2.3 * np.arange(array.size) + 0.2).reshape(array.shape)
    step.flat[[np.argmin(array), np.argmax(array)]] = 0.0
    return step


def crooked(view: View) -> Found:
    """Twice the cotangent, or its negative, does not give twice the answer, or its negative."""
    for factor in () if np.all(view.flat_cotangent == 1) else (-1.0, 2.0):
        other = _answer(view, factor * view.flat_cotangent)
        gap = 0.0 if other is None else float(np.max(np.abs(other - factor * view.got), initial=0.0))
        if other is not None and gap > 8 * view.noise + 1e-9 * float(np.max(np.abs(other), initial=0.0)):
            shown = f"{factor:g} times the cotangent misses {factor:g} times the gradient by {gap:.2g}"
            yield 9, Model("not_linear", "is not linear in the cotangent", view.got, shown=shown)
            return


def clipped(view: View) -> Found:
    """Entries beyond a bound are cut off at it, all others right; twice the cotangent stays within it."""
    bound = float(np.max(np.abs(view.got), initial=0.0))
    if not view.same_shape or not 2 <= view.wrong.sum() < view.wrong.size or not bound < view.scale:
        return
    doubled = _answer(view, 2 * view.flat_cotangent)
    if doubled is None or float(np.max(np.abs(doubled), initial=0.0)) <= 1.01 * bound:
        words, cut = f"is cut off at {bound:.6g} in size", np.clip(view.expected, -bound, bound)
        yield 2, Model("not_linear", words, cut, freedom=1, role="clipped")


def _answer(view: View, cotangent: np.ndarray, primals: tuple[np.ndarray, ...] | None = None) -> np.ndarray | None:
    """What the subject answers to another cotangent, or at other arguments, in the shape that came back."""
    answer = view.ask.subject(cotangent, primals)
    got = None if answer is None or len(answer) <= view.position else answer[view.position]
    return np.asarray(got, np.float64) if got is not None and np.shape(got) == view.got.shape else None
