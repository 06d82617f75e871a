"""What belongs to another example: an argument, or a factor."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.view import View


def moved(array: np.ndarray) -> Iterator[tuple[str, int, np.ndarray]]:
    """(words, axis, array) with every slice along an axis in the place of the one beside it."""
    for axis, size in enumerate(array.shape):
        for step in (1, -1) if size > 2 else ((1,) if size == 2 else ()):
            yield f"moved by {step:+d} along axis {axis}", axis, np.roll(array, step, axis)


def argument_of_a_neighbour(view: View) -> Iterator[Model]:
    """The true gradient at an argument whose slices are each in the place of the one beside it."""
    for position, (name, array) in enumerate(view.arrays.items()):
        if not array.ndim or array.size < 3 or not view.ask.affords(200):
            continue
        for words, axis, other in moved(array):
            primals = list(view.evidence.primals)
            primals[position] = other
            predicted = view.ask.traced_at(view.position, tuple(primals))
            if predicted is not None and np.isfinite(predicted).all():
                words = f"is the gradient at {name} {words}"
                yield Model(_cause(array, axis), words, predicted, noise=1e-9 * max(view.scale, 1.0))


def _cause(array: np.ndarray, axis: int) -> str:
    """A mask, labels that are read in time, targets, or a factor."""
    if array.dtype.kind == "b" or set(np.unique(array)) <= {0.0, 1.0}:
        return "mask_wrong"
    if array.dtype.kind in "iu":
        return "time_off_by_one" if axis else "sum_term_missing"
    return "wrong_operand"


def factor_of_each_example(view: View) -> Iterator[Model]:
    """The true gradient times a factor for each example: the count of all its rows, or anything else."""
    if not view.same_shape or view.expected.ndim < 2 or view.expected.size < 8:
        return
    rows = _row_factors(view)
    predicted = view.expected * rows
    if _counts_closed_rows(view, rows.ravel()):
        words = "is divided by the same number in every example: the rows without a gradient are counted"
        yield Model("ignored_rows", words, predicted, freedom=1)
    words = f"has another factor in every example ({', '.join(f'{r:.4g}' for r in rows.ravel()[:4])}, ...)"
    yield Model("wrong_operand", words, predicted, freedom=int(rows.size))


def _counts_closed_rows(view: View, factors: np.ndarray) -> bool:
    """Whether the factors of the examples are to each other as the numbers of their rows that have a gradient."""
    shape = view.expected.shape
    if len(shape) < 3:
        return False
    open_ = np.abs(view.expected) > 64 * view.noise
    live = open_.reshape(shape[0], shape[1], -1).any(axis=-1).sum(axis=1)
    each = factors / np.maximum(live, 1)
    return bool(np.ptp(live) > 0 and np.ptp(each) < 1e-6 * np.max(np.abs(each)))


def factor_of_rows_and_columns(view: View) -> Iterator[Model]:
    """The true gradient times a factor for each row and one for each column."""
    if view.same_shape and view.expected.ndim == 2 and np.all(np.abs(view.expected) > 64 * view.noise):
        ratio = view.got / view.expected
        first = np.where(ratio[0] == 0, np.inf, ratio[0])
        row, column = np.median(ratio / first, axis=1), ratio[0]
        words = "has another factor in every row and column: it is multiplied along the wrong axis"
        predicted = view.expected * np.outer(row, column)
        yield Model("wrong_operand", words, predicted, freedom=len(row) + len(column) - 1)


def _row_factors(view: View) -> np.ndarray:
    """The factor, one an example, that takes the true gradient closest to what came back."""
    inner = tuple(range(1, view.expected.ndim))
    power = np.sum(view.expected**2, axis=inner, keepdims=True)
    product = np.sum(view.got * view.expected, axis=inner, keepdims=True)
    return product / np.where(power > 0, power, 1)
