"""Fewer bits on the way: gradients cut to whole numbers, and values that were saved, or passed on, rounded."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.view import View

# The largest error, as a share of the gradient, that rounding is blamed for; and the share of entries that must stay.
COARSE, STILL = 0.15, 0.9
# A step that no rounding to few bits notices, and one that every rounding does.
TINY, FAR = 1e-7, 0.2


def whole_numbers(view: View) -> Iterator[Model]:
    """Every entry a whole number, and less than one away from the truth."""
    cut = view.same_shape and np.array_equal(np.round(view.got), view.got) and np.any(view.got)
    if cut and np.max(np.abs(view.error)) < 1 and int(view.wrong.sum()) >= min(3, view.got.size):
        shown = "every entry is a whole number, less than one away from the true one"
        words = "is cut to whole numbers: it was written into an integer array"
        yield Model("downcast", words, view.expected, observed=view.expected, shown=shown)


def rounded_inside(view: View) -> Iterator[Model]:
    """Near the truth, and moving in steps where the true gradient moves steadily: a value was rounded on the way."""
    if not near(view.got, view.expected) or view.x.dtype != np.float64:
        return
    for name in ("the cotangent", *view.arrays):
        if _in_steps(view, name):
            words = f"sees {name} with few bits only: it was rounded between the forward and the backward"
            shown = (
                f"moving {name} by {TINY:g} of its size changes nothing, moving it by {FAR:g} gives the gradient there"
            )
            yield Model("downcast", words, view.expected, observed=view.expected, shown=shown)
            return


def near(got: np.ndarray, expected: np.ndarray) -> bool:
    """Whether a gradient is so near the true one that rounding may be to blame."""
    size = float(np.max(np.abs(expected), initial=0.0))
    return got.shape == expected.shape and float(np.max(np.abs(got - expected), initial=0.0)) <= COARSE * size


def _in_steps(view: View, name: str) -> bool:
    """Whether a tiny move leaves nearly all entries as they are, though the gradient follows a larger one."""
    tiny = _gradient(view, name, TINY)
    if tiny is None or np.mean(tiny == view.got) < STILL:
        return False
    far, truth = _gradient(view, name, FAR), _truth(view, name, FAR)
    if far is None or truth is None or not near(far, truth):
        return False
    return np.mean(far == view.got) < 1 - STILL and not _near_enough(truth, view.expected)


def _near_enough(moved: np.ndarray, before: np.ndarray) -> bool:
    """Whether the true gradient hardly depends on what was moved."""
    return bool(np.max(np.abs(moved - before), initial=0.0) <= 1e-3 * np.max(np.abs(before), initial=0.0))


def _moved(view: View, name: str, share: float) -> tuple[np.ndarray, tuple[np.ndarray, ...]] | None:
    """The cotangent and the arguments after a move of one of them; its extremes stay, which may set a scale."""
    primals, cotangent = view.evidence.primals, view.flat_cotangent
    if name == "the cotangent":
        return (cotangent + share * _step(cotangent), primals) if cotangent.size > 3 else None
    position = view.evidence.names.index(name)
    array = np.asarray(primals[position])
    if array.dtype != np.float64 or array.size < 4:
        return None
    moved = (array + share * _step(array)).astype(array.dtype)
    return cotangent, (*primals[:position], moved, *primals[position + 1 :])


def _step(array: np.ndarray) -> np.ndarray:
    """Up and down by turns, in proportion to each entry, but for the extremes."""
    step = np.abs(array) * np.cos(2.3 * np.arange(array.size) + 0.2).reshape(array.shape)
    step.flat[[np.argmin(array), np.argmax(array)]] = 0.0
    return step


def _gradient(view: View, name: str, share: float) -> np.ndarray | None:
    moved = _moved(view, name, share)
    answer = view.ask.subject(*moved) if moved else None
    got = None if answer is None else answer[view.position]
    return None if got is None or np.shape(got) != view.got.shape else np.asarray(got, np.float64)


def _truth(view: View, name: str, share: float) -> np.ndarray | None:
    moved = _moved(view, name, share)
    if moved is None:
        return None
    cotangent, primals = moved
    return view.truth(cotangent) if name == "the cotangent" else view.ask.truth_at(view.position, primals)
