"""JAX's primitives that pick entries and put entries, as NumPy's indexing."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from reference.oracle.recording.frameworks.parts import Unknown, assigned, ordered
from reference.oracle.recording.recorded import plain


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
        found.append(slice(first, first + size))
    return tuple(found)


def gather(
    x: Any, indices: Any, *, dimension_numbers: Any, slice_sizes: Sequence[int], mode: Any, **params: Any
) -> Any:
    """Slices from places that an array of indices holds."""
    numbers = dimension_numbers
    dropped = (*numbers.collapsed_slice_dims, *numbers.operand_batching_dims)
    places = dict(zip(numbers.operand_batching_dims, numbers.start_indices_batching_dims, strict=True))
    key, count = _key(np.shape(x), plain(indices), numbers.start_index_map, places, dropped, slice_sizes, mode)
    picked = x[key]
    return _ordered(picked, count, numbers.offset_dims)


def scatter(write: Callable[..., Any]) -> Callable[..., Any]:
    """Slices put at such places, in the place of what was there or added to it."""

    def put(x: Any, indices: Any, updates: Any, *, dimension_numbers: Any, mode: Any, **params: Any) -> Any:
        numbers = dimension_numbers
        dropped = (*numbers.inserted_window_dims, *numbers.operand_batching_dims)
        places = dict(zip(numbers.operand_batching_dims, numbers.scatter_indices_batching_dims, strict=True))
        windows = iter(numbers.update_window_dims)
        sizes = [1 if axis in dropped else np.shape(updates)[next(windows)] for axis in range(np.ndim(x))]
        named = numbers.scatter_dims_to_operand_dims
        key, count = _key(np.shape(x), plain(indices), named, places, dropped, sizes, mode)
        front = [axis for axis in range(np.ndim(updates)) if axis not in numbers.update_window_dims]
        order = (*front, *numbers.update_window_dims)
        assert len(front) == count
        return write(x, key, updates if order == tuple(range(len(order))) else np.transpose(updates, order))

    return put


def _key(
    shape: Sequence[int],
    indices: np.ndarray,
    named: Sequence[int],
    batching: dict[int, int],
    dropped: Sequence[int],
    sizes: Sequence[int],
    mode: Any,
) -> tuple[tuple[Any, ...], int]:
    """Indices for all axes up to the last that is not taken whole, and how many axes the indices themselves have.

    The result has the axes of the indices first, then those of the slices.
    """
    count, named = indices.ndim - 1, list(named)
    taken = [axis for axis, size in enumerate(shape) if axis in named or axis in batching or sizes[axis] != size]
    axes = range(max(taken, default=-1) + 1)
    kept = [axis for axis in axes if axis not in dropped]
    key = []
    for axis in axes:
        start: Any = np.zeros((1,) * count, int)
        if axis in batching:
            start = _along(np.arange(shape[axis]), batching[axis], count)
        elif axis in named:
            start = _inside(indices[..., named.index(axis)], shape[axis] - sizes[axis], mode)
        start = np.reshape(start, (*np.shape(start), *(1,) * len(kept)))
        if axis in kept:
            start = start + _along(np.arange(sizes[axis]), count + kept.index(axis), count + len(kept))
        key.append(start)
    return tuple(key), count


def _along(values: np.ndarray, axis: int, count: int) -> np.ndarray:
    return values.reshape([-1 if one == axis else 1 for one in range(count)])


def _inside(indices: np.ndarray, largest: int, mode: Any) -> np.ndarray:
    """Indices that stay inside; what happens to others depends on the mode, of which only one is known."""
    found = np.clip(indices.astype(np.int64), 0, largest)
    if "CLIP" not in str(mode).upper() and not np.array_equal(found, indices):
        raise Unknown("index outside")
    return found


def _ordered(picked: Any, count: int, offsets: Sequence[int]) -> Any:
    """The axes of the slices at their places in the result."""
    front, back = iter(range(count)), iter(range(count, np.ndim(picked)))
    order = [next(back) if axis in offsets else next(front) for axis in range(np.ndim(picked))]
    return picked if order == list(range(len(order))) else np.transpose(picked, order)


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
