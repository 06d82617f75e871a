"""The right numbers in the wrong places: transposed, flipped, shifted, in another order, of another argument."""

from collections.abc import Iterator
from itertools import combinations, permutations

import numpy as np

from reference.oracle.evidence.model import Model
from reference.oracle.evidence.view import View

Found = Iterator[tuple[float, Model]]
# Rows are compared with every other row up to this many.
MOST_ROWS = 256


def permuted(view: View) -> Found:
    """Another order of the axes, visible as such even where the shapes differ; or of the entries read by it."""
    expected, shape = view.expected, view.expected.shape
    own = tuple(range(expected.ndim))
    for order in permutations(own) if 2 <= expected.ndim <= 5 else ():
        turned = expected.transpose(order)
        if order != own:
            yield 1.5, Model("transposed", f"has its axes in the order {order}", turned)
        if order != own and view.same_shape:
            yield 2.5, Model("transposed", f"has its entries in the order of the axes {order}", turned.reshape(shape))
            read = expected.reshape([shape[axis] for axis in order]).transpose(np.argsort(order))
            yield 2.5, Model("transposed", f"has its entries read in the order of the axes {order}", read)


def flipped(view: View) -> Found:
    """Reversed along some axes."""
    for axes in some_axes(view.expected.shape):
        words = f"is reversed along {in_words(axes)}"
        yield 2 + 0.5 * len(axes), Model("flipped", words, np.flip(view.expected, axes))


def some_axes(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Every choice of axes longer than one."""
    long = [axis for axis, size in enumerate(shape) if size > 1]
    for count in range(1, len(long) + 1):
        yield from combinations(long, count)


def in_words(axes: tuple[int, ...]) -> str:
    """Axis 1, or axes 1 and 2."""
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes[:-1]))} and {axes[-1]}"


def of_another_argument(view: View) -> Found:
    """The true gradient of an argument that came back wrong as well, or what another one got."""
    evidence = view.evidence
    for position, expected in enumerate(evidence.expected):
        name, got = evidence.names[position], evidence.got[position]
        if position == view.position:
            continue
        if evidence.wrong[position] and expected is not None:
            other = np.asarray(expected, np.float64)
            yield 1.5, Model("arguments_swapped", f"is the gradient of {name}", other)
            if other.ndim == 2:
                yield 2, Model("arguments_swapped", f"is the transposed gradient of {name}", other.T)
        elif got is not None:
            yield 5, Model("wrong_operand", f"is the gradient of {name}, which has it as well", np.asarray(got, float))


def shifted(view: View) -> Found:
    """Moved by up to three positions along one axis."""
    for axis, size in enumerate(view.expected.shape) if view.same_shape else ():
        for steps in (1, -1, 2, -2, 3, -3):
            if abs(steps) < size - 1:
                low, high = slice(None, -abs(steps)), slice(abs(steps), None)
                from_, to = (low, high) if steps > 0 else (high, low)
                moved, target = view.expected[_along(view, axis, from_)], _along(view, axis, to)
                if np.max(np.abs(moved - view.expected[target]), initial=0.0) > 4 * view.noise:
                    words = f"is the true gradient moved by {steps:+d} along axis {axis}"
                    yield 2 + abs(steps), Model("shifted", words, moved, observed=view.got[target])

    for axis, size in enumerate(view.expected.shape) if view.same_shape else ():
        if size % 2 == 0:
            words = f"has its halves along axis {axis} exchanged"
            yield 2.5, Model("wrong_index", words, np.roll(view.expected, size // 2, axis))


def _along(view: View, axis: int, part: slice) -> tuple[slice, ...]:
    return tuple(part if one == axis else slice(None) for one in range(view.expected.ndim))


def rows_elsewhere(view: View) -> Found:
    """The right rows in another order along one axis."""
    for axis, size in enumerate(view.expected.shape) if view.same_shape else ():
        if not 3 <= size <= MOST_ROWS or (view.expected.size // size < 2 and size < 4):
            continue
        rows, truth = _rows(view.got, axis), _rows(view.expected, axis)
        order = [int(np.argmin(np.max(np.abs(truth - row), axis=1))) for row in rows]
        if len(set(order)) == size:
            words = f"has its rows along axis {axis} in the order {order}" if size <= 12 else "has its rows permuted"
            cause = "transposed" if _of_a_grid(order) else "wrong_index"
            yield 6, Model(cause, words, np.take(view.expected, order, axis))
    yield from _slices_elsewhere(view)


def _of_a_grid(order: list[int]) -> bool:
    """Whether an order is that of a grid read by columns."""
    count = len(order)
    grids = (np.arange(count).reshape(rows, -1).T.ravel() for rows in range(2, count) if count % rows == 0)
    return any(np.array_equal(grid, order) for grid in grids)


def _slices_elsewhere(view: View) -> Found:
    """The right slices in another order along several axes: a slice is known by its entries in order of size."""
    shape = view.expected.shape
    if not view.same_shape or view.scale == 0 or not 4 <= view.expected.size <= 100_000:
        return
    orders = [_order_of_slices(view, axis) for axis in range(len(shape))]
    moved = [axis for axis, order in enumerate(orders) if not np.array_equal(order, np.arange(shape[axis]))]
    if moved:
        words = f"has its rows permuted along {in_words(tuple(moved))}"
        yield 6, Model("wrong_index", words, view.expected[np.ix_(*orders)])


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
