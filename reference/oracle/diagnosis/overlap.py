"""Contributions that meet in one entry (overlapping windows, repeated indices) and of which not all arrive."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.view import View


def overlap_dropped(view: View) -> Iterator[Model]:
    """At every wrong entry only one of the contributions that meet there."""
    if view.jacobian is None or not view.same_shape or view.flat_cotangent.size != view.cotangent.size:
        return
    shape = view.cotangent.shape
    pieces = (view.flat_cotangent[:, None] * view.jacobian).reshape(*shape, view.x.size)
    for count in range(len(shape), 0, -1):
        for kept in combinations(range(len(shape)), count):
            summed = pieces.sum(axis=tuple(axis for axis in range(len(shape)) if axis not in kept))
            predicted, winners = _nearest(summed.reshape(-1, view.x.size), view.got.ravel())
            yield from _single(view, predicted.reshape(view.x.shape), winners)


def _nearest(contributions: np.ndarray, got: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For every entry the contribution closest to what came back, and how many there were to choose from."""
    present = np.abs(contributions) > 1e-12 * np.max(np.abs(contributions), initial=0.0)
    distance = np.where(present, np.abs(contributions - got), np.inf)
    chosen = np.argmin(distance, axis=0)
    predicted = np.take_along_axis(np.where(present, contributions, 0), chosen[None], axis=0)[0]
    return np.where(got == 0, 0.0, predicted), present.sum(axis=0)


def _single(view: View, predicted: np.ndarray, winners: np.ndarray) -> Iterator[Model]:
    if np.max(winners, initial=0) < 2 or int(view.wrong.sum()) < 2:
        return
    index = any(array.dtype.kind in "iu" for array in view.arrays.values())
    cause = "repeated_index_dropped" if index else "overlap_dropped"
    words = "holds one of several contributions where "
    words += "an index repeats" if index else f"windows overlap (up to {int(np.max(winners))} meet)"
    yield Model(cause, words, predicted, noise=view.jacobian_noise)


def skip_dropped(view: View) -> Iterator[Model]:
    """The true gradient less the cotangent: the other way around the block is missing; or the block is."""
    if view.out.shape == view.x.shape:
        yield Model(
            "skip_dropped", "lacks exactly the cotangent of the skip connection", view.expected - view.cotangent
        )


def regularization(view: View) -> Iterator[Model]:
    """An error that is a multiple of the argument, or one penalty's slope in place of another's."""
    if not view.same_shape or view.x.size < 4:
        return
    x = np.asarray(view.x, np.float64)
    for columns, words in (([x], "{0:.6g} times {name}"), ([x, np.sign(x)], "{0:.6g} {name} + {1:.6g} sign({name})")):
        basis = np.stack([column.ravel() for column in columns], axis=1)
        if any(np.ptp(column) == 0 for column in columns) or _spans(basis, view.expected):
            continue  # a constant is no penalty's slope; and where there is but the penalty, it has another factor
        factors, *_ = np.linalg.lstsq(basis, view.error.ravel(), rcond=None)
        predicted = view.expected + (basis @ factors).reshape(x.shape)
        parts = np.abs(factors) * [np.linalg.norm(column) for column in columns]
        exchanged = np.all(parts > 1e-6 * np.max(parts)) and len(columns) > 1
        cause, what = (
            ("other_loss", "of another kind") if exchanged else ("regularization", "on one side only, or another")
        )
        message = f"is off by {words.format(*factors, name=view.name)}: a penalty {what}"
        yield Model(cause, message, predicted, freedom=len(columns))


def _spans(basis: np.ndarray, gradient: np.ndarray) -> bool:
    """Whether a gradient is a combination of the columns."""
    left = gradient.ravel() - basis @ np.linalg.lstsq(basis, gradient.ravel(), rcond=None)[0]
    return bool(np.max(np.abs(left)) <= 1e-6 * np.max(np.abs(gradient)))


def argument_factor(view: View) -> Iterator[Model]:
    """A factor that is another argument (or this one), missing or once too often."""
    others = view.others()
    for name, other in (others | ({view.name: np.asarray(view.x, np.float64)} if others else {})).items():
        for shape in _broadcasts(other.shape, view.expected.shape):
            factor = np.broadcast_to(other.reshape(shape), view.expected.shape)
            if np.all(factor != 0) and np.ptp(factor) > 0 and name != view.name:
                yield Model("argument_factor_missing", f"lacks the factor {name}", view.expected / factor)
            if np.ptp(factor) > 0 and not set(np.unique(factor)) <= {0.0, 1.0}:
                words = f"has the factor {name} once too often"
                cause = "argument_factor_missing" if name != view.name else "wrong_operand"
                yield Model(cause, words, view.expected * factor)


def _broadcasts(shape: tuple[int, ...], target: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """The shapes with which an argument broadcasts against the target: as it stands, or a vector along one axis."""
    stretched = len(shape) == len(target) and all(a in (1, b) for a, b in zip(shape, target, strict=True))
    if shape == target or (stretched and max(shape, default=1) > 1):
        yield shape
    elif len(shape) == 1:
        for axis, size in enumerate(target):
            if size == shape[0] and size > 1:
                yield tuple(size if a == axis else 1 for a in range(len(target)))
