"""The right numbers in the wrong places: transposed, permuted, flipped, swapped, shifted."""

from collections.abc import Iterator
from itertools import combinations, permutations

import numpy as np

from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.view import View


def zero(view: View) -> Iterator[Model]:
    """Nothing was computed, or the result was thrown away."""
    if view.same_shape and not np.any(view.got):
        yield Model("zero", "is zero everywhere, the true gradient is not", np.zeros_like(view.expected))


def transposed(view: View) -> Iterator[Model]:
    """The transpose, visible as such even where the shapes differ."""
    if view.expected.ndim == 2:
        yield Model("transposed", "is the transpose of the true gradient", view.expected.T)


def axes_permuted(view: View) -> Iterator[Model]:
    """Another order of the axes."""
    axes = range(view.expected.ndim)
    for order in permutations(axes) if 3 <= view.expected.ndim <= 5 else ():
        if order != tuple(axes):
            yield Model("axes_permuted", f"has its axes in the order {order}", view.expected.transpose(order))


def reordered(view: View) -> Iterator[Model]:
    """The entries of a transpose, read into the argument's shape without transposing back."""
    if not view.same_shape or not 2 <= view.expected.ndim <= 5:
        return
    shape = view.expected.shape
    for order in permutations(range(view.expected.ndim)):
        moved = view.expected.transpose(order)
        yield Model("reordered", f"has its entries in the order of the axes {order}", moved.reshape(shape))
        read = view.expected.reshape([shape[axis] for axis in order])
        words = f"has its entries read as if its axes lay in the order {order}, and turned back"
        yield Model("reordered", words, read.transpose(np.argsort(order)))


def flipped(view: View) -> Iterator[Model]:
    """Reversed along the axes of the window."""
    for count in range(1, view.expected.ndim + 1):
        for axes in combinations(range(view.expected.ndim), count):
            if all(view.expected.shape[axis] > 1 for axis in axes):
                words = f"is reversed along {axes_in_words(axes)}"
                yield Model("flipped", words, np.flip(view.expected, axes))


def axes_in_words(axes: tuple[int, ...]) -> str:
    """Axis 1, or axes 1 and 2."""
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes[:-1]))} and {axes[-1]}"


def arguments_swapped(view: View) -> Iterator[Model]:
    """The true gradient of another argument."""
    evidence = view.evidence
    for position, expected in enumerate(evidence.expected):
        right = None if evidence.wrong[position] else evidence.got[position]
        name = evidence.names[position]
        if right is not None:
            yield Model("wrong_operand", f"is the gradient of {name}, which has it as well", np.asarray(right))
        if position == view.position or expected is None or not evidence.wrong[position]:
            continue
        other = np.asarray(expected, np.float64)
        yield Model("arguments_swapped", f"is the gradient of {name}", other)
        if other.ndim == 2:
            yield Model("arguments_swapped", f"is the transposed gradient of {name}", other.T)


def shifted(view: View) -> Iterator[Model]:
    """Moved by up to three positions along one axis, or by the same amount along all inner axes."""
    if not view.same_shape or view.expected.ndim == 0:
        return
    ndim = view.expected.ndim
    moves = [(axis,) for axis in range(ndim)]
    moves += [axes for axes in (tuple(range(1, ndim - 1)), tuple(range(2, ndim))) if len(axes) > 1]
    for axes in moves:
        for steps in (1, -1, 2, -2, 3, -3):
            if all(abs(steps) < view.expected.shape[axis] - 1 for axis in axes):
                yield from _moved(view, axes, steps)


def _moved(view: View, axes: tuple[int, ...], steps: int) -> Iterator[Model]:
    source, target = [slice(None)] * view.expected.ndim, [slice(None)] * view.expected.ndim
    for axis in axes:
        source[axis] = slice(None, -steps) if steps > 0 else slice(-steps, None)
        target[axis] = slice(steps, None) if steps > 0 else slice(None, steps)
    predicted = view.expected[tuple(source)]
    if np.max(np.abs(predicted - view.expected[tuple(target)]), initial=0.0) <= 4 * view.noise:
        return
    words = f"is the true gradient moved by {steps:+d} along {axes_in_words(axes)}"
    indexed = axes == (0,) and any(array.dtype.kind in "iu" and array.ndim for array in view.arrays.values())
    yield Model("row_permuted" if indexed else "shifted", words, predicted, observed=view.got[tuple(target)])


def row_permuted(view: View) -> Iterator[Model]:
    """The right rows in another order along one axis."""
    if not view.same_shape:
        return
    for axis, size in enumerate(view.expected.shape):
        if not 3 <= size <= 256 or (view.expected.size // size < 2 and size < 4):
            continue
        rows, truth = _rows(view.got, axis), _rows(view.expected, axis)
        order = [int(np.argmin(np.max(np.abs(truth - row), axis=1))) for row in rows]
        if len(set(order)) == size:
            words = f"has its rows along axis {axis} in the order {order}" if size <= 12 else "has its rows permuted"
            yield Model("row_permuted", words, np.take(view.expected, order, axis))
    yield from _permuted_along_all(view)


def _permuted_along_all(view: View) -> Iterator[Model]:
    """The right slices in another order along several axes: a slice is known by its entries in order of size."""
    shape = view.expected.shape
    if view.scale == 0 or not 4 <= view.expected.size <= 100_000:
        return
    orders = [_order_of_slices(view, axis) for axis in range(len(shape))]
    moved = [axis for axis, order in enumerate(orders) if not np.array_equal(order, np.arange(shape[axis]))]
    if moved:
        words = f"has its rows permuted along {axes_in_words(tuple(moved))}"
        yield Model("row_permuted", words, view.expected[np.ix_(*orders)])


def _order_of_slices(view: View, axis: int) -> np.ndarray:
    """Which true slice along an axis each slice that came back looks like."""
    signs = [np.round(np.sort(_rows(array, axis), axis=1) / view.scale, 7) for array in (view.got, view.expected)]
    places = [sorted(range(len(rows)), key=[tuple(row) for row in rows].__getitem__) for rows in signs]
    order = np.empty(view.expected.shape[axis], int)
    order[places[0]] = places[1]
    return order


def _rows(array: np.ndarray, axis: int) -> np.ndarray:
    moved = np.moveaxis(array, axis, 0)
    return moved.reshape(moved.shape[0], -1)


def entries_not_written(view: View) -> Iterator[Model]:
    """Exact zeros, and all else right; a whole block of them where they form one."""
    if not view.same_shape or not np.any(view.got):
        return
    holes = view.wrong & (view.got == 0)
    words = f"is zero at {int(holes.sum())} entries ({where_in_words(holes)}) and right elsewhere"
    yield Model("entries_not_written", words, np.where(holes, 0.0, view.expected))


def clipped(view: View) -> Iterator[Model]:
    """Entries beyond a bound are cut off at it, all others right."""
    bound = float(np.max(np.abs(view.got), initial=0.0))
    if view.same_shape and 2 <= view.wrong.sum() < view.wrong.size and bound < view.scale and not _grows(view, bound):
        words = f"is cut off at {bound:.6g} in size"
        yield Model("clipped", words, np.clip(view.expected, -bound, bound), freedom=1)


def _grows(view: View, bound: float) -> bool:
    """Whether twice the cotangent goes beyond the bound: then nothing is cut off there."""
    answer = view.ask.subject(2 * view.flat_cotangent)
    doubled = answer[view.position] if answer else None
    return doubled is not None and float(np.max(np.abs(doubled), initial=0.0)) > 1.01 * bound


def partly_scaled(view: View) -> Iterator[Model]:
    """Right on one part of the array, and a constant times the truth on the rest."""
    if not view.same_shape or view.wrong.all() or int(view.wrong.sum()) < 3:
        return
    got, truth = view.got[view.wrong], view.expected[view.wrong]
    power = float(np.sum(truth * truth))
    if power > 0:
        ratio = float(np.sum(got * truth)) / power
        words = f"is {ratio:.6g} times the true gradient at {got.size} of {view.got.size} entries, right elsewhere"
        where = _sign_in_words(view) or where_in_words(view.wrong)
        predicted = np.where(view.wrong, ratio * view.expected, view.expected)
        yield Model("partly_scaled", f"{words} ({where})", predicted, freedom=1)


def _sign_in_words(view: View) -> str:
    """The sign of the argument at which alone the entries are wrong."""
    if view.x.shape == view.wrong.shape:
        for words, side in (("> 0", view.x > 0), ("< 0", view.x < 0)):
            if side.any() and np.array_equal(side, view.wrong):
                return f"where {view.name} {words}"
    return ""


def where_in_words(wrong: np.ndarray) -> str:
    """The positions along one axis that the wrong entries fill, or the first of them."""
    for axis, size in enumerate(wrong.shape):
        along = wrong.any(axis=tuple(a for a in range(wrong.ndim) if a != axis))
        if 0 < along.sum() < size:
            return f"at positions {np.flatnonzero(along).tolist()[:8]} of axis {axis}"
    return "at " + ", ".join(str(tuple(int(i) for i in index)) for index in np.argwhere(wrong)[:4])


def isolated_entries(view: View) -> Iterator[Model]:
    """Some entries are wrong and all others right: no cause, but the place."""
    if not view.same_shape or view.expected.size < 6:
        return
    right = ~view.wrong & (np.abs(view.expected) > 64 * view.noise)
    if 0 < view.wrong.sum() <= right.sum():
        count, where = int(view.wrong.sum()), where_in_words(view.wrong)
        words = f"is wrong at {count} of {view.expected.size} entries, right elsewhere ({where})"
        yield Model("isolated_entries", words, np.where(view.wrong, view.got, view.expected))
