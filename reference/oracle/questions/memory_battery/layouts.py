"""The same values in other memory: transposed, with gaps, expanded, and in whatever else frameworks hand on.

The memory around the values holds others, as much as contiguous values would take: who reads the memory in order reads
those, and never beyond it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from reference._checks import is_floating

# Steps from entry to entry along every axis, and where the first entry lies, counted in entries.
Place = tuple[tuple[int, ...], int]


@dataclass(frozen=True)
class Layout:
    """A way to lie in memory, what an array is that lies so, and where it puts values; None where it cannot."""

    name: str
    place: Callable[[np.ndarray], Place | None]
    writeable: bool = True
    # PyTorch has no negative strides and no memory that must not be written to.
    in_torch: bool = True

    def of(self, value: np.ndarray) -> np.ndarray | None:
        """These values in memory of their own that lies so; None where that is what they lie in already."""
        place = self._other_place(value)
        if place is None:
            return None
        array = laid(value, *place)
        array.flags.writeable = self.writeable
        return array

    def moves(self, value: np.ndarray) -> bool:
        """Whether these values lie otherwise so far."""
        return self._other_place(value) is not None

    def _other_place(self, value: np.ndarray) -> Place | None:
        place = self.place(value) if value.size > 1 else None
        return None if place is None or (self.writeable and _is_placed(value, *place)) else place


def laid(value: np.ndarray, strides: Sequence[int], first: int) -> np.ndarray:
    """These values at strides and an offset in entries, among others."""
    ends = [step * (size - 1) for step, size in zip(strides, value.shape, strict=True)]
    room = first + max(sum(end for end in ends if end > 0) + 1, value.size)
    memory = np.resize(_others(value), room)
    item = value.dtype.itemsize
    array = np.ndarray(value.shape, value.dtype, memory, first * item, [step * item for step in strides])
    array[...] = value
    return array


def _others(value: np.ndarray) -> np.ndarray:
    """What the memory around values holds: other numbers, but labels and masks that there are."""
    reversed_order = np.ravel(value)[::-1]
    return (0.5 - reversed_order).astype(value.dtype) if is_floating(value.dtype) else np.array(reversed_order)


def _is_placed(value: np.ndarray, strides: Sequence[int], first: int) -> bool:
    """Whether values of their own memory lie so already; steps along axes of size 1 are never taken."""
    steps = zip(value.strides, strides, value.shape, strict=True)
    return not first and all(step == own * value.dtype.itemsize for step, own, size in steps if size > 1)


def in_memory_order(array: np.ndarray) -> np.ndarray:
    """What is read by those who take the array for contiguous."""
    steps = [step * array.dtype.itemsize for step in in_order(array.shape)]
    return np.array(np.lib.stride_tricks.as_strided(array, strides=steps))


def in_order(shape: Sequence[int]) -> tuple[int, ...]:
    """The steps of contiguous values."""
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


def all_alike(value: np.ndarray) -> np.ndarray:
    """One number for all entries: the cotangent behind a sum."""
    return np.ones_like(value)


def rows_alike(value: np.ndarray) -> np.ndarray:
    """One row for all: the cotangent behind a sum over the first axis."""
    return np.array(np.broadcast_to(value[:1], value.shape), order="C") if value.ndim > 1 else np.ones_like(value)


def _by_axes(order: Callable[[int], Sequence[int]], *ranks: int) -> Callable[[np.ndarray], Place | None]:
    """Contiguous once the axes stand in another order."""

    def place(value: np.ndarray) -> Place | None:
        if value.ndim not in ranks:
            return None
        axes = order(value.ndim)
        steps = in_order([value.shape[axis] for axis in axes])
        return tuple(steps[axes.index(axis)] for axis in range(value.ndim)), 0

    return place


def _contiguous(value: np.ndarray) -> Place:
    return in_order(value.shape), 0


def _cut_out(value: np.ndarray) -> Place | None:
    return (in_order((*value.shape[:-1], 2 * value.shape[-1] + 1)), 1) if value.ndim > 1 else None


def _every_second(value: np.ndarray) -> Place:
    return tuple(2 * step for step in in_order(value.shape)), 0


def _one_later(value: np.ndarray) -> Place:
    return in_order(value.shape), 1


def _from_the_end(value: np.ndarray) -> Place:
    return tuple(-step for step in in_order(value.shape)), value.size - 1


def _without_steps(value: np.ndarray) -> Place | None:
    """No step along the axes on which all values are alike."""
    alike = [size > 1 and bool(np.all(value == np.take(value, [0], axis))) for axis, size in enumerate(value.shape)]
    steps = in_order([1 if still else size for still, size in zip(alike, value.shape, strict=True)])
    return (tuple(0 if still else step for still, step in zip(alike, steps, strict=True)), 0) if any(alike) else None


EXPANDED = Layout("expanded (with strides of 0)", _without_steps)
LAYOUTS = (
    Layout("contiguous", _contiguous),
    EXPANDED,
    Layout("transposed", _by_axes(lambda rank: range(rank)[::-1], 2, 3, 4, 5, 6)),
    Layout("a slice of a wider array", _cut_out),
    Layout("with axes 1 and 2 exchanged", _by_axes(lambda rank: (0, 2, 1, *range(3, rank)), 3, 4, 5)),
    Layout("every second entry of another array", _every_second),
    Layout("channels-last", _by_axes(lambda rank: (0, 2, 3, 1), 4)),
    Layout("one entry behind the beginning of its memory", _one_later),
    Layout("reversed (with negative strides)", _from_the_end, in_torch=False),
    Layout("read-only", _contiguous, writeable=False, in_torch=False),
)
