"""Sums over too few axes, too many, or the wrong ones; and batches of which only a part counts."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from reference.oracle.diagnosis.counts import name_ratio
from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.scale import fitted_ratio
from reference.oracle.diagnosis.structure import axes_in_words
from reference.oracle.diagnosis.view import View


def not_reduced(view: View) -> Iterator[Model]:
    """More axes, or longer ones, than the argument: summed over them it is right."""
    if view.same_shape or view.got.size <= view.expected.size:
        return
    for count in range(1, view.got.ndim + 1):
        for axes in combinations(range(view.got.ndim), count):
            summed = view.got.sum(axis=axes)
            if summed.size == view.expected.size:
                words = f"is not summed over {axes_in_words(axes)}: shape {view.got.shape} for {view.expected.shape}"
                yield Model("not_reduced", words, view.expected, observed=summed.reshape(view.expected.shape))


def reduced_too_far(view: View) -> Iterator[Model]:
    """Summed or averaged over axes of the argument itself, and spread over them again."""
    shape = view.expected.shape
    for count in range(len(shape), 0, -1):
        for axes in combinations(range(len(shape)), count):
            if not all(shape[axis] > 1 for axis in axes):
                continue
            if np.max(np.abs(np.ptp(view.expected, axis=axes)), initial=0.0) <= 4 * view.noise:
                continue  # already equal along these axes: a sum over them is a matter of scale
            for verb, reduce in (("summed", np.sum), ("averaged", np.mean)):
                reduced = reduce(view.expected, axis=axes, keepdims=True)
                words = f"is {verb} over {axes_in_words(axes)}, which belong{'s' * (count == 1)} to the argument"
                yield Model("reduced_too_far", words, np.broadcast_to(reduced, shape))
                if not view.same_shape and view.got.size == reduced.size:
                    yield Model("reduced_too_far", words, reduced.reshape(view.got.shape))


def reduced_over_wrong_axis(view: View) -> Iterator[Model]:
    """The cotangent (or its product with an argument) summed over the wrong axes into a vector."""
    if view.expected.ndim != 1 and view.x.size == view.out.size:
        return
    if view.got.size == view.expected.size and np.allclose(view.got.ravel(), view.expected.ravel()):
        return  # the right numbers in another shape
    sources = {"the cotangent": view.cotangent}
    masked = _masked(view)
    for name, other in view.others().items():
        if other.shape == view.cotangent.shape:
            sources[f"the cotangent times {name}"] = view.cotangent * other
    for words, source in sources.items():
        for count in range(1, source.ndim + 1):
            for axes in combinations(range(source.ndim), count):
                summed = source.sum(axis=axes)
                if summed.size == view.got.size:
                    message = f"is {words} summed over {axes_in_words(axes)}"
                    own = [axis for axis in range(source.ndim) if axis not in axes]
                    plain = words != "the cotangent" and len(own) == 1 and source.shape[own[0]] == view.x.size
                    if plain and source.shape.count(view.x.size) == 1:
                        message += ": the value that the argument multiplies belongs there"
                    cause = "not_normalized" if plain and ":" in message else "reduced_over_wrong_axis"
                    cause = "mask_missing" if plain and ":" in message and words in masked else cause
                    yield Model(cause, message, summed.reshape(view.got.shape))


def _masked(view: View) -> list[str]:
    """The values that the argument multiplies in the forward, but for entries that are masked out."""
    if view.jacobian is None or view.jacobian.shape[0] != view.out.size:
        return []
    factor = view.jacobian.sum(axis=1).reshape(view.out.shape)
    size = 1e-6 * float(np.max(np.abs(factor), initial=0.0))
    same = {n: np.abs(factor - a) for n, a in view.others().items() if a.shape == factor.shape}
    return [f"the cotangent times {n}" for n, gap in same.items() if np.all((gap <= size) | (np.abs(factor) <= size))]


def one_index_only(view: View) -> Iterator[Model]:
    """Only one position along an axis of the output contributes: the last example, or one step."""
    cotangent = view.flat_cotangent
    if cotangent.size != view.cotangent.size or view.cotangent.size < 2 or not np.any(view.got):
        return
    for axis, size in enumerate(view.cotangent.shape):
        for index in (size - 1, *range(size - 1)) if 1 < size <= 64 else ():
            predicted = view.truth(_only(view.cotangent, axis, [index]))
            if predicted is None:
                return
            yield from _up_to_a_count(view, axis, index, size, predicted)


def _up_to_a_count(view: View, axis: int, index: int, size: int, predicted: np.ndarray) -> Iterator[Model]:
    which = "the last" if index == size - 1 else "the first" if index == 0 else f"number {index}"
    noun = "example" if axis == 0 else f"position of axis {axis}"
    shared = np.count_nonzero(predicted) == predicted.size and view.cotangent.ndim != 3
    elsewhere = "use_dropped" if shared else "time_overwritten" if view.cotangent.ndim == 3 else "overlap_dropped"
    cause = "last_sample_only" if axis == 0 else elsewhere
    words = f"holds the contribution of one {noun} only ({which} of {size})"
    noise = view.jacobian_noise
    yield Model(cause, words, predicted, noise=noise)
    ratio = fitted_ratio(view.got, predicted) if view.same_shape else None
    for _, factor, name, _ in name_ratio(view, ratio) if ratio else ():
        yield Model(cause, f"{words}, times {name}", factor * predicted, noise=noise)


def samples_missing(view: View) -> Iterator[Model]:
    """Only the positions from one to another along an axis of the output contribute."""
    if view.flat_cotangent.size != view.cotangent.size:
        return
    for axis, size in enumerate(view.cotangent.shape):
        if not 2 < size <= 64:
            continue
        each = [view.truth(_only(view.cotangent, axis, [index])) for index in range(size)]
        found = [part for part in each if part is not None]
        if len(found) < size:
            return
        sums = np.cumsum(np.stack([np.zeros(view.x.shape), *found]), axis=0)
        for first, last in _ranges(view, sums):
            noun = "examples" if axis == 0 else f"positions of axis {axis}"
            words = f"holds the contributions of {noun} {first} to {last - 1} only, of {size}"
            yield Model("samples_missing", words, sums[last] - sums[first], noise=view.jacobian_noise)


def _ranges(view: View, sums: np.ndarray) -> Iterator[tuple[int, int]]:
    """The parts of an axis whose contributions come near to the gradient, found by its largest entry."""
    if not view.same_shape:
        return
    index = np.unravel_index(np.argmax(np.abs(view.got)), view.got.shape)
    totals = sums[(slice(None), *index)]
    near = np.abs(totals[None, :] - totals[:, None] - view.got[index]) <= 1e-5 * max(view.scale, 1e-300)
    yield from ((int(a), int(b)) for a, b in np.argwhere(near) if 1 < b - a < len(sums) - 1)


def _only(cotangent: np.ndarray, axis: int, kept: list[int]) -> np.ndarray:
    """The cotangent with zeros everywhere but at some positions of an axis."""
    masked = np.zeros_like(cotangent)
    chosen = (slice(None),) * axis + (kept,)
    masked[chosen] = cotangent[chosen]
    return masked


def one_sample_repeated(view: View) -> Iterator[Model]:
    """Every example receives the true gradient of one of them."""
    for axis, size in enumerate(view.expected.shape):
        for index in (0, size - 1) if size > 1 else ():
            row = np.take(view.expected, [index], axis)
            words = f"repeats the gradient of position {index} along axis {axis}"
            yield Model("one_sample_repeated", words, np.broadcast_to(row, view.expected.shape))
