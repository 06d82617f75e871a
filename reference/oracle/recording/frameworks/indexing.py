"""JAX's primitives that pick entries and put entries, as NumPy's indexing."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from reference.oracle.recording.frameworks.parts import Unknown, assigned, ordered
from reference.oracle.recording.recorded import plain, remembering, step_of
from reference.oracle.recording.tape import Step


def dynamic_slice(x: Any, *starts: Any, slice_sizes: Sequence[int], **params: Any) -> Any:
    """A part of fixed size from a place that is computed."""
    return x[_parts(np.shape(x), starts, slice_sizes)]


def dynamic_update_slice(x: Any, update: Any, *starts: Any, **params: Any) -> Any:
    """Another value for such a part."""
    return assigned(x, _parts(np.shape(x), starts, np.shape(update)), update)


def _parts(shape: Sequence[int], starts: Sequence[Any], sizes: Sequence[int]) -> tuple[slice, ...]:
    found = []
    for extent, start, size in zip(shape, starts, sizes, strict=True):
        first = min(max(int(plain(start)), 0), extent - size)
        found.append(slice(first, first + size) if size < extent else slice(None))
    return without_whole_ends(found)


def without_whole_ends(key: list[Any]) -> tuple[Any, ...]:
    """A key up to the last axis that is not taken whole; of all that are, the first."""
    while len(key) > 1 and key[-1] == slice(None):
        key.pop()
    return tuple(key)


def squeezed(x: Any, *, dimensions: Sequence[int], **params: Any) -> Any:
    """Without axes of one entry; where a part was taken along them, the entry itself."""
    step = step_of(x)
    whole, key = step.args[:2] if step is not None and step.name == "getitem" else (None, ())
    sliced = isinstance(key, tuple) and all(isinstance(one, slice) for one in key)
    if (
        isinstance(whole, Step)
        and sliced
        and dimensions
        and all(axis < len(key) and key[axis] != slice(None) for axis in dimensions)
    ):
        numbered = [one.start if axis in dimensions else one for axis, one in enumerate(key)]
        return remembering(x.tape, whole)[without_whole_ends(numbered)]
    return np.squeeze(x, axis=tuple(dimensions)) if dimensions else x


def gather(
    x: Any, indices: Any, *, dimension_numbers: Any, slice_sizes: Sequence[int], mode: Any, **params: Any
) -> Any:
    """Slices from places that an array of indices holds."""
    numbers = dimension_numbers
    dropped = (*numbers.collapsed_slice_dims, *numbers.operand_batching_dims)
    places = dict(zip(numbers.operand_batching_dims, numbers.start_indices_batching_dims, strict=True))
    key, first, count = _key(np.shape(x), plain(indices), numbers.start_index_map, places, dropped, slice_sizes, mode)
    picked = x[key]
    order = _order(first, count, [axis not in numbers.offset_dims for axis in range(np.ndim(picked))])
    return picked if order == sorted(order) else np.transpose(picked, order)


def scatter(write: Callable[..., Any]) -> Callable[..., Any]:
    """Slices put at such places, in the place of what was there or added to it."""

    def put(x: Any, indices: Any, updates: Any, *, dimension_numbers: Any, mode: Any, **params: Any) -> Any:
        numbers = dimension_numbers
        dropped = (*numbers.inserted_window_dims, *numbers.operand_batching_dims)
        places = dict(zip(numbers.operand_batching_dims, numbers.scatter_indices_batching_dims, strict=True))
        windows = iter(numbers.update_window_dims)
        sizes = [1 if axis in dropped else np.shape(updates)[next(windows)] for axis in range(np.ndim(x))]
        named = numbers.scatter_dims_to_operand_dims
        key, first, count = _key(np.shape(x), plain(indices), named, places, dropped, sizes, mode)
        order = _order(first, count, [axis not in numbers.update_window_dims for axis in range(np.ndim(updates))])
        order = [int(place) for place in np.argsort(order)]
        return write(x, key, updates if order == sorted(order) else np.transpose(updates, order))

    return put


def _order(first: int, count: int, of_indices: Sequence[bool]) -> list[int]:
    """Which axis of what a key picks stands at each place, where these are those of the indices."""
    mine = iter(range(first, first + count))
    others = iter([axis for axis in range(len(of_indices)) if not first <= axis < first + count])
    return [next(mine if index else others) for index in of_indices]


def _key(
    shape: Sequence[int],
    indices: np.ndarray,
    named: Sequence[int],
    batching: dict[int, int],
    dropped: Sequence[int],
    sizes: Sequence[int],
    mode: Any,
) -> tuple[tuple[Any, ...], int, int]:
    """Indices for all axes up to the last that is not taken whole, where their own axes come, and how many they have.

    Numbers and slices where there is one place alone; else arrays, beside axes that are taken whole.
    """
    count, named = indices.ndim - 1, list(named)
    whole = [
        axis for axis, size in enumerate(shape)
        if axis not in batching and axis not in dropped and sizes[axis] == size
    ]  # fmt: skip
    axes = range(max(set(range(len(shape))).difference(whole), default=-1) + 1)
    starts = [_starts(axis, shape, indices, named, batching, sizes, mode) for axis in axes]
    if count == 0:
        single = [int(start) for start in starts]
        key = [
            slice(None) if axis in whole else start if axis in dropped else slice(start, start + sizes[axis])
            for axis, start in zip(axes, single, strict=True)
        ]
        return tuple(key) or (slice(None),), 0, 0
    taken = [axis for axis in axes if axis not in whole]
    if all(axis in dropped for axis in taken):
        adjacent = not taken or taken == list(range(taken[0], taken[-1] + 1))
        key = tuple(slice(None) if axis in whole else start for axis, start in zip(axes, starts, strict=True))
        return key or (np.zeros((1,) * count, int),), taken[0] if taken and adjacent else 0, count
    kept = [axis for axis in axes if axis not in dropped]
    return tuple(_window(axis, start, sizes, count, kept) for axis, start in zip(axes, starts, strict=True)), 0, count


def _window(axis: int, start: np.ndarray, sizes: Sequence[int], count: int, kept: list[int]) -> np.ndarray:
    """Where the entries of the slices stand along one axis."""
    start = np.reshape(start, (*np.shape(start), *(1,) * len(kept)))
    if axis not in kept:
        return start
    return start + _along(np.arange(sizes[axis]), count + kept.index(axis), count + len(kept))


def _starts(
    axis: int,
    shape: Sequence[int],
    indices: np.ndarray,
    named: list[int],
    batching: dict[int, int],
    sizes: Sequence[int],
    mode: Any,
) -> np.ndarray:
    """Where the slices begin along one axis."""
    if axis in batching:
        return _along(np.arange(shape[axis]), batching[axis], indices.ndim - 1)
    if axis in named:
        return _inside(indices[..., named.index(axis)], shape[axis] - sizes[axis], mode)
    return np.zeros((1,) * (indices.ndim - 1), int)


def _along(values: np.ndarray, axis: int, count: int) -> np.ndarray:
    return values.reshape([-1 if one == axis else 1 for one in range(count)])


def _inside(indices: np.ndarray, largest: int, mode: Any) -> np.ndarray:
    """Indices that stay inside; what happens to others depends on the mode, of which only one is known."""
    found = np.clip(indices.astype(np.int64), 0, largest)
    if "CLIP" not in str(mode).upper() and not np.array_equal(found, indices):
        raise Unknown("index outside")
    return found


def sort(*operands: Any, dimension: int, num_keys: int, **params: Any) -> list[Any]:
    """All operands in the order of the first."""
    if num_keys != 1:
        raise Unknown("sort by several keys")
    order = ordered(operands[0], dimension)
    return [np.take_along_axis(one, order, axis=dimension) for one in operands]


def top_k(x: Any, *, k: int, **params: Any) -> list[Any]:
    """The largest entries of every row, and where they stand."""
    order = ordered(x, params.get("axis", -1), descending=True)[..., :k]
    return [np.take_along_axis(x, order, axis=-1), order.astype(np.int32)]
