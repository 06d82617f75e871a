"""Terms that connect the entries of an array: missing, constant, proportional to x - mean, over the wrong axis."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.structure import axes_in_words
from reference.oracle.diagnosis.view import View


def diagonal_only(view: View) -> Iterator[Model]:
    """The cotangent times the diagonal of the Jacobian."""
    if view.out.shape != view.x.shape or view.jacobian is None:
        return
    square = view.jacobian[: view.x.size]
    diagonal = np.diag(square).reshape(view.x.shape)
    if np.max(np.abs(square - np.diag(np.diag(square))), initial=0.0) > 1e-6 * np.max(np.abs(square), initial=0.0):
        words = "uses the diagonal of the Jacobian only"
        yield Model("diagonal_only", words, view.cotangent * diagonal, noise=view.jacobian_noise)


def axis_subsets(view: View) -> Iterator[tuple[int, ...]]:
    """Sets of axes that a statistic may run along, the smallest first."""
    shape = view.expected.shape
    for count in range(1, len(shape) + 1):
        for axes in combinations(range(len(shape)), count):
            if all(shape[axis] > 1 for axis in axes):
                yield axes


def mean_term_missing(view: View) -> Iterator[Model]:
    """An error that is the same number along some axes, another one for every slice."""
    if not view.same_shape:
        return
    for axes in axis_subsets(view):
        constant = view.error.mean(axis=axes, keepdims=True)
        words = f"is off by a term that is constant along {axes_in_words(axes)}: a mean missing, or taken twice"
        yield Model("mean_term_missing", words, view.expected + constant, freedom=constant.size)


def centered_term_missing(view: View) -> Iterator[Model]:
    """An error proportional to x - mean along some axes, with one factor a slice: the path through the variance."""
    if not view.same_shape:
        return
    x = np.asarray(view.x, np.float64)
    for axes in axis_subsets(view):
        for centered, how in ((x - x.mean(axis=axes, keepdims=True), "x - mean"), (x, "x")):
            power = np.sum(centered * centered, axis=axes, keepdims=True)
            slope = np.sum(view.error * centered, axis=axes, keepdims=True) / np.where(power > 0, power, 1)
            words = f"is off by a term proportional to {how} along {axes_in_words(axes)}"
            if view.name != "x" and how == "x - mean":
                words = words.replace("x - mean", f"{view.name} - mean")
            yield Model("centered_term_missing", words, view.expected + slope * centered, freedom=slope.size)


def statistics_as_constants(view: View) -> Iterator[Model]:
    """Both terms at once."""
    if not view.same_shape:
        return
    x = np.asarray(view.x, np.float64)
    for axes in axis_subsets(view):
        centered = x - x.mean(axis=axes, keepdims=True)
        power = np.sum(centered * centered, axis=axes, keepdims=True)
        slope = np.sum(view.error * centered, axis=axes, keepdims=True) / np.where(power > 0, power, 1)
        constant = view.error.mean(axis=axes, keepdims=True)
        words = f"lacks the terms through mean and variance along {axes_in_words(axes)}"
        predicted = view.expected + constant + slope * centered
        yield Model("statistics_as_constants", words, predicted, freedom=2 * slope.size)


def coupled_over_wrong_axis(view: View) -> Iterator[Model]:
    """The backward connects entries along an axis along which the forward does not."""
    if view.out.shape != view.x.shape or view.jacobian is None or view.got_jacobian is None:
        return
    truth = coupled_axes(view.jacobian[: view.x.size], view.x.shape)
    got = coupled_axes(view.got_jacobian[: view.x.size], view.x.shape)
    if truth and got and not got <= truth:
        words = f"connects entries along {axes_in_words(tuple(sorted(got)))}, the forward along "
        words += axes_in_words(tuple(sorted(truth)))
        yield Model("coupled_over_wrong_axis", words, view.got)


def coupled_axes(jacobian: np.ndarray, shape: tuple[int, ...]) -> set[int]:
    """The axes along which an output entry depends on another input entry."""
    full = np.abs(jacobian).reshape(shape + shape)
    linked = np.argwhere(full > 1e-7 * np.max(full, initial=0.0))
    return {axis for axis in range(len(shape)) if np.any(linked[:, axis] != linked[:, axis + len(shape)])}
