"""Terms that connect the entries of an array: missing, constant, proportional to x - mean, over the wrong axis."""

from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np

from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.structure import axes_in_words
from reference.oracle.diagnosis.view import View
from reference.oracle.tracing.trace import trace


def diagonal_only(view: View) -> Iterator[Model]:
    """The cotangent times the diagonal of the Jacobian."""
    if view.out.shape != view.x.shape or view.jacobian is None:
        return
    square = view.jacobian[: view.x.size]
    diagonal = np.diag(square).reshape(view.x.shape)
    if np.max(np.abs(square - np.diag(np.diag(square))), initial=0.0) > 1e-6 * np.max(np.abs(square), initial=0.0):
        words = "uses the diagonal of the Jacobian only"
        yield Model("diagonal_only", words, view.cotangent * diagonal, noise=view.jacobian_noise)


def jacobian_twice(view: View) -> Iterator[Model]:
    """The pullback of what the pullback gives."""
    if view.out.shape == view.x.shape and view.cotangent.size == view.flat_cotangent.size:
        predicted = view.truth(view.expected)
        if predicted is not None:
            words = "has the whole derivative applied twice: the gradient is pulled back once more"
            yield Model("derivative_twice", words, predicted, noise=2 * view.jacobian_noise)


def axis_subsets(view: View) -> Iterator[tuple[int, ...]]:
    """Sets of axes that a statistic may run along, the largest first: they leave the fewest numbers to fit."""
    shape = view.expected.shape
    if not view.same_shape or view.out.shape != view.x.shape:
        return
    for count in range(len(shape), 0, -1):
        for axes in combinations(range(len(shape)), count):
            if all(shape[axis] > 1 for axis in axes):
                yield axes


def _slope(error: np.ndarray, along: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """The factor, one a slice, that takes an array closest to the error."""
    power = np.sum(along * along, axis=axes, keepdims=True)
    return np.sum(error * along, axis=axes, keepdims=True) / np.where(power > 0, power, 1)


def mean_term_missing(view: View) -> Iterator[Model]:
    """An error that is the same number along some axes, another one for every slice."""
    for axes in axis_subsets(view):
        constant = view.error.mean(axis=axes, keepdims=True)
        words = f"is off by a term that is constant along {axes_in_words(axes)}: a mean missing, or taken twice"
        yield Model("mean_term_missing", words, view.expected + constant, freedom=constant.size)


def mean_left_over(view: View) -> Iterator[Model]:
    """An error that is constant along axes along which the true gradient sums to zero: the forward does not see a
    constant that is added there, and the backward does."""
    if not view.same_shape or view.out.shape == view.x.shape:
        return
    for count in range(view.x.ndim, 0, -1):
        for axes in combinations(range(view.x.ndim), count):
            total = np.abs(view.expected.sum(axis=axes))
            if all(view.x.shape[axis] > 1 for axis in axes) and np.all(total <= 1e-6 * view.scale):
                constant = view.error.mean(axis=axes, keepdims=True)
                words = f"is off by a constant along {axes_in_words(axes)}, though it must sum to zero there: "
                words += "the mean is not taken away"
                cause = "sum_term_missing" if _exponential(view) else "mean_term_missing"
                yield Model(cause, words, view.expected + constant, freedom=constant.size)


def _exponential(view: View) -> bool:
    """Whether the forward takes exponentials: then a constant changes nothing for another reason than a mean."""
    graph = trace(view.evidence.subject.forward, view.evidence.primals)
    return graph is not None and any(node.name in ("exp", "logaddexp") for node in graph.nodes)


def centered_term_missing(view: View) -> Iterator[Model]:
    """An error proportional to x - mean (or x) along some axes, one factor a slice: the path through the variance."""
    x = np.asarray(view.x, np.float64)
    for axes in axis_subsets(view):
        for along, how in ((x - x.mean(axis=axes, keepdims=True), f"{view.name} - mean"), (x, view.name)):
            slope = _slope(view.error, along, axes)
            if slope.size > 1 or how != view.name:
                words = f"is off by a term proportional to {how} along {axes_in_words(axes)}"
                cause = "centered_term_missing" if couples(view) else "statistics_as_constants"
                yield Model(cause, words, view.expected + slope * along, freedom=slope.size)


def statistics_as_constants(view: View) -> Iterator[Model]:
    """Both terms at once, and a backward in which no entry sees another's cotangent."""
    x = np.asarray(view.x, np.float64)
    for axes in axis_subsets(view):
        centered = x - x.mean(axis=axes, keepdims=True)
        slope = _slope(view.error, centered, axes)
        constant = view.error.mean(axis=axes, keepdims=True)
        predicted = view.expected + constant + slope * centered
        if not couples(view):
            words = f"lacks the terms through mean and variance along {axes_in_words(axes)}"
            yield Model("statistics_as_constants", words, predicted, freedom=2 * slope.size)
        elif not _entries_meet(view):
            words = (
                f"has the terms through mean and variance along {axes_in_words(axes)}, which the forward has as given"
            )
            yield Model("statistics_not_constants", words, predicted, freedom=2 * slope.size)
        else:
            words = f"is off by a constant and a multiple of {view.name} - mean along {axes_in_words(axes)}"
            words += ": the terms through mean and variance are those of other statistics"
            yield Model("coupled_over_wrong_axis", words, predicted, freedom=2 * slope.size)


def _entries_meet(view: View) -> bool:
    """Whether some entry of the output depends on more than one entry of the argument."""
    return view.jacobian is None or bool(((np.abs(view.jacobian) > 1e-9 * view.scale).sum(axis=1) > 1).any())


def couples(view: View) -> bool:
    """Whether the backward lets one entry's cotangent change the gradient of another entry."""
    moved = view.flat_cotangent.copy()
    moved[0] += 1.0
    answer = view.ask.subject(moved)
    if answer is None or answer[view.position] is None:
        return False
    change = np.asarray(answer[view.position], np.float64).ravel() - view.got.ravel()
    return bool(np.max(np.abs(change[1:]), initial=0.0) > 1e-9 * max(float(np.max(np.abs(change))), view.noise))


def coupled_over_wrong_axis(view: View) -> Iterator[Model]:
    """The backward connects entries that the forward does not connect."""
    if view.out.shape != view.x.shape or view.jacobian is None or view.got_jacobian is None:
        return
    if np.all(view.got_jacobian != 0):
        return
    truth = coupled_axes(view.jacobian[: view.x.size], view.x.shape)
    got = coupled_axes(view.got_jacobian[: view.x.size], view.x.shape)
    if truth and got and not got <= truth:
        words = f"connects entries along {axes_in_words(tuple(sorted(got)))}, the forward along "
        words += axes_in_words(tuple(sorted(truth)))
        shown = "read off the pullbacks of all unit cotangents"
        yield Model("coupled_over_wrong_axis", words, view.got, shown=shown)


def coupled_axes(jacobian: np.ndarray, shape: tuple[int, ...]) -> set[int]:
    """The axes along which an output entry depends on another input entry."""
    full = np.abs(jacobian).reshape(shape + shape)
    linked = np.argwhere(full > 1e-7 * np.max(full, initial=0.0))
    return {axis for axis in range(len(shape)) if np.any(linked[:, axis] != linked[:, axis + len(shape)])}


def leaks(view: View) -> Iterator[Model]:
    """Nonzero entries of the backward's matrix where the Jacobian is zero: a mask, or the wrong group of entries."""
    truth, got = view.jacobian, view.got_jacobian
    if truth is None or got is None or truth.shape != got.shape:
        return
    closed = np.abs(truth) <= 1e-8 * np.max(np.abs(truth), initial=0.0)
    leaking = closed & (np.abs(got) > 1e-6 * np.max(np.abs(got), initial=0.0))
    if not 3 <= leaking.sum() < closed.sum():
        return
    row, column = (int(i) for i in np.argwhere(leaking)[0])
    at = tuple(int(i) for i in np.unravel_index(column, view.x.shape))
    shown = f"{int(leaking.sum())} of {int(closed.sum())} zero entries of the Jacobian are not zero in the backward"
    if _triangular(view, leaking):
        words = "lets through what the forward masks: outputs send gradient to later positions"
        yield Model("mask_missing", words, view.got, shown=shown)
    elif view.out.shape == view.x.shape:
        words = f"connects entries that the forward does not connect, output number {row} with {view.name}{list(at)}"
        yield Model("coupled_over_wrong_axis", words, view.got, shown=shown)


def _triangular(view: View, leaking: np.ndarray) -> bool:
    """Whether all leaks go from an output position to a later input position along an axis that both have."""
    if view.out.size != leaking.shape[0] or not view.out.ndim or not view.x.ndim:
        return False
    pairs = np.argwhere(leaking)
    outs, ins = np.unravel_index(pairs[:, 0], view.out.shape), np.unravel_index(pairs[:, 1], view.x.shape)
    shared = min(len(outs), len(ins)) - 1
    return any(bool(np.all(ins[axis] > outs[axis])) for axis in range(1, shared + 1) if axis < min(len(outs), len(ins)))


def depends_otherwise(view: View) -> Iterator[Model]:
    """Entries of the gradient that change with other entries of the argument than the true ones do."""
    if view.out.shape == view.x.shape or not view.same_shape or view.x.ndim < 1 or view.x.size < 3:
        return
    if not view.ask.affords(40 * view.x.size, 1 / 10):
        return
    own = _reached(view, lambda primals: _answer(view, primals))
    true = _reached(view, lambda primals: view.ask.truth_at(view.position, primals))
    if true is None or own is None:
        return
    shown = "read off the entries of the gradient that change with one entry of the argument"
    if own[0] - true[0]:
        words = f"changes along {axes_in_words(tuple(sorted(own[0])))} with one entry of {view.name}, the true one "
        words += f"along {axes_in_words(tuple(sorted(true[0])))}" if true[0] else "at this entry alone"
        yield Model("coupled_over_wrong_axis", words, view.got, shown=shown)
    elif not true[0] and not own[0] and (true[1] or own[1]) and int(view.wrong.sum()) >= 3:
        words = f"depends, entry by entry, on {view.name} as the true one does, but has another slope"
        yield Model("local_factor", words, view.got, shown=shown)


def _answer(view: View, primals: tuple[np.ndarray, ...]) -> np.ndarray | None:
    answer = view.ask.subject(view.flat_cotangent, primals)
    return None if answer is None else answer[view.position]


def _reached(view: View, gradient: Callable[..., np.ndarray | None]) -> tuple[set[int], bool] | None:
    """(the axes along which other entries change, whether the entry itself does) when one entry moves far."""
    axes, itself = set(), False
    before = gradient(view.evidence.primals)
    for number in {0, view.x.size // 2, view.x.size - 1}:
        for value in (np.max(view.x), np.min(view.x), np.median(view.x)):  # all in the function's domain
            primals, moved = list(view.evidence.primals), np.array(view.x)
            moved.flat[number] = value
            primals[view.position] = moved
            after = gradient(tuple(primals))
            if before is None or after is None or np.shape(after) != view.x.shape or not np.isfinite(after).all():
                return None
            changed = np.argwhere(np.abs(after - before) > 1e-7 * max(view.scale, 1e-300))
            at = np.array(np.unravel_index(number, view.x.shape))
            itself |= bool((changed == at).all(axis=1).any())
            axes |= {axis for axis in range(view.x.ndim) if (changed[:, axis] != at[axis]).any()}
    return axes, itself
