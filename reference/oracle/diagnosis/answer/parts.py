"""Right but for a part, but for axes that are summed over, or but for a multiple of something simple."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from reference.oracle.diagnosis.answer.calls import VAGUE
from reference.oracle.diagnosis.answer.places import in_words, some_axes
from reference.oracle.diagnosis.fit import multiple
from reference.oracle.evidence.model import Model
from reference.oracle.evidence.view import View

Found = Iterator[tuple[float, Model]]


def holes(view: View) -> Found:
    """Zeros, as far as rounding tells, and all else right."""
    small = np.abs(view.got) <= 4 * view.noise * view.uneven
    missing = view.wrong & small if view.same_shape else np.zeros(0, bool)
    if missing.any() and not small.all():
        words = f"is zero at {int(missing.sum())} entries ({where(missing)}) and right elsewhere"
        yield 8, Model("part_missing", words, np.where(missing, 0.0, view.expected))


def unmasked(view: View) -> Found:
    """Something for whole rows that the output does not depend on, and all else right."""
    if not view.same_shape or view.expected.ndim < 2 or not view.wrong.any():
        return
    wrong, idle = np.any(view.wrong, axis=-1), np.all(np.abs(view.expected) <= view.noise, axis=-1)
    if not np.any(wrong & ~idle) and not idle.all():
        shown = "the output does not depend on these rows: their true gradient is zero, whatever the cotangent is"
        words = f"gives something to rows ({int(wrong.sum())}) that the forward masks out ({where(view.wrong)})"
        yield (
            VAGUE,
            Model("mask_missing", words, np.where(wrong[..., np.newaxis], view.got, view.expected), shown=shown),
        )


def where(wrong: np.ndarray) -> str:
    """The positions along one axis that the wrong entries fill, or the first of them."""
    for axis, size in enumerate(wrong.shape):
        along = wrong.any(axis=tuple(a for a in range(wrong.ndim) if a != axis))
        if 0 < along.sum() < size:
            return f"at positions {np.flatnonzero(along).tolist()[:8]} of axis {axis}"
    return "at " + ", ".join(str(tuple(int(i) for i in index)) for index in np.argwhere(wrong)[:4])


def scaled_in_part(view: View) -> Found:
    """A constant times the truth on a part of the array."""
    if view.same_shape and 3 <= int(view.wrong.sum()) < view.wrong.size:
        got, truth = view.got[view.wrong], view.expected[view.wrong]
        ratio = multiple(got, truth)
        words = f"is {ratio:.6g} times the true gradient at {got.size} of {view.got.size} entries, right elsewhere"
        predicted = np.where(view.wrong, ratio * view.expected, view.expected)
        if ratio:
            yield 12, Model("scaled_by_constant", f"{words} ({where(view.wrong)})", predicted, freedom=1)


def multiple_of_the_argument(view: View) -> Found:
    """The argument itself besides: the penalty of one side only."""
    x = np.asarray(view.x, np.float64)
    if view.same_shape and x.size > 3 and np.ptp(x) > 0:
        times = multiple(view.error, x)
        words = f"holds {times:.6g} times {view.name} besides: the penalty's gradient"
        yield 6, Model("regularization", words, view.expected + times * x, freedom=1)


def unsummed(view: View) -> Found:
    """Axes that were not summed over."""
    for count in range(1, view.got.ndim + 1) if view.got.size > view.expected.size else ():
        for axes in combinations(range(view.got.ndim), count):
            summed = view.got.sum(axis=axes)
            if summed.size == view.expected.size:
                words = f"is not summed over {in_words(axes)}: shape {view.got.shape} for {view.expected.shape}"
                observed = summed.reshape(view.expected.shape)
                yield 1, Model("wrong_reduction", words, view.expected, observed=observed)


def summed_too_far(view: View) -> Found:
    """Axes of the argument itself that were summed over, or averaged."""
    shape = view.expected.shape
    for axes in some_axes(shape):
        for verb, reduce in (("summed", np.sum), ("averaged", np.mean)):
            reduced = reduce(view.expected, axis=axes, keepdims=True)
            words = f"is {verb} over {in_words(axes)}, which the argument has itself"
            yield 6, Model("wrong_reduction", words, np.broadcast_to(reduced, shape))
            if not view.same_shape and view.got.size == reduced.size:
                yield 3, Model("wrong_reduction", words, reduced.reshape(view.got.shape))


def cotangent_alone(view: View) -> Found:
    """The cotangent, or all but it."""
    if view.same_shape and view.cotangent.shape == view.out.shape == view.x.shape:
        words = "is the cotangent unchanged: no derivative is applied"
        yield 6, Model("derivative_missing", words, view.cotangent, role="identity")
        words = "lacks exactly the cotangent, as of a skip connection"
        yield 6.5, Model("term_missing", words, view.expected - view.cotangent)


def one_example(view: View) -> Found:
    """The gradient of one example for every example."""
    for index in range(view.expected.shape[0] if view.same_shape and view.expected.ndim > 1 else 0):
        words = f"repeats the gradient of example {index} for every example"
        yield 4, Model("wrong_index", words, np.broadcast_to(view.expected[index], view.expected.shape))


def other_slope(view: View) -> Found:
    """Each entry's cotangent times a number of that entry alone, where the forward acts on each entry by itself."""
    if not view.same_shape or not view.x.size == view.out.size == view.flat_cotangent.size > 3:
        return
    truth, got = view.jacobian, view.got_jacobian
    if truth is not None and got is not None and _diagonal(truth, view.noise) and _diagonal(got, 0.0):
        shown = "each entry that came back is its own cotangent times a number, and so it should be, with another one"
        words = "has another slope than the function, at every entry that is wrong"
        yield VAGUE, Model("wrong_derivative", words, view.got, shown=shown, role="factor")


def _diagonal(jacobian: np.ndarray, noise: float) -> bool:
    beside = jacobian[~np.eye(len(jacobian), dtype=bool)]
    return bool(np.max(np.abs(beside), initial=0.0) <= noise)
