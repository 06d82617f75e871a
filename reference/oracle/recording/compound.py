"""NumPy's functions that are others put together, on recorded arrays."""

from typing import Any

import numpy as np

from reference.oracle.recording import functions  # noqa: F401 - what these are put together of comes first
from reference.oracle.recording.recorded import FUNCTIONS


def sort(array: Any, axis: int = -1, **how: Any) -> Any:
    """np.sort: the entries taken in their order."""
    return np.take_along_axis(array, np.argsort(array, axis=axis), axis)


def put_along_axis(array: Any, indices: Any, values: Any, axis: Any) -> None:
    """np.put_along_axis, into a recorded array."""
    array[_along_axis(indices, axis)] = values


def take_along_axis(array: Any, indices: Any, axis: Any = -1) -> Any:
    """np.take_along_axis."""
    return array[_along_axis(indices, axis)]


def _along_axis(indices: Any, axis: int) -> tuple[Any, ...]:
    grid = list(np.indices(np.shape(indices), sparse=True))
    grid[axis] = indices
    return tuple(grid)


def kron(a: Any, b: Any) -> Any:
    """np.kron of arrays with as many axes."""
    apart = [size for pair in zip(np.shape(a), (1,) * np.ndim(a), strict=True) for size in pair]
    beside = [size for pair in zip((1,) * np.ndim(b), np.shape(b), strict=True) for size in pair]
    return np.reshape(np.reshape(a, apart) * np.reshape(b, beside), np.multiply(np.shape(a), np.shape(b)))


def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    """np.correlate of real arrays."""
    over = {"valid": (0, 0), "same": (np.size(v) // 2, (np.size(v) - 1) // 2), "full": (np.size(v) - 1,) * 2}[mode]
    return np.lib.stride_tricks.sliding_window_view(np.pad(a, over), np.size(v)) @ v


def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """np.convolve."""
    return correlate(a, np.flip(v), mode) if np.size(a) >= np.size(v) else convolve(v, a, mode)


FUNCTIONS.update(
    sort=sort, put_along_axis=put_along_axis, take_along_axis=take_along_axis, correlate=correlate, convolve=convolve,
    kron=kron,
)  # fmt: skip
