"""Equal sizes of an example that are not one dimension, as far as an op and the subject's forward can tell.

An axis is a dimension of its own, or some axes together are, where the op takes other sizes of them alone, and the
forward has the op's values at each of these: code that would read beyond an array has others.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Any

import numpy as np

from reference.oracle.sweep.makers import Dimension, Maker, dimensions_of, like

# Whether the forward has the op's values; None where the op does not take these primals.
Agrees = Callable[[tuple[Any, ...]], bool | None]
# So many axes at most are tried together, beside all that are left.
TOGETHER = 3


@dataclass(frozen=True)
class _Example:
    """The primals of an example, the names of their axes, and who says what they may be."""

    primals: Sequence[Any]
    names: Sequence[str]
    agrees: Agrees

    def alone(self, some: Dimension, size: int) -> bool:
        """Whether these axes change their size by themselves: no size that the op takes is too much for the forward."""
        found = False
        for other in _others(size):
            answer = self.agrees(self._changed({some: other}))
            if answer is False:
                return False
            found = found or bool(answer)
        return found

    def told_apart(self, dimensions: Sequence[Dimension]) -> Maker:
        """A maker whose ordinary sizes differ from each other, wherever they may."""
        sizes: dict[Dimension, int] = {}
        for dimension in dimensions:
            own = _size(self.primals, dimension)
            free = (size for size in (own, *_others(own)) if size > 1 and size not in sizes.values())
            kept = (size for size in free if self.agrees(self._changed({**sizes, dimension: size})))
            sizes[dimension] = next(kept, own)
        return like(self.primals, self.names, sizes)

    def _changed(self, sizes: dict[Dimension, int]) -> tuple[Any, ...]:
        maker = like(self.primals, self.names, sizes)
        return maker.make(maker.ordinary, 0)


def apart(primals: Sequence[Any], names: Sequence[str], agrees: Agrees) -> Maker | None:
    """The maker of an example whose equal sizes differ; None where every one of them is one dimension."""
    example, dimensions = _Example(primals, names, agrees), dimensions_of(primals)
    finer = [part for dimension in dimensions for part in _parts(example, dimension)]
    return example.told_apart(finer) if len(finer) > len(dimensions) else None


def _parts(example: _Example, dimension: Dimension) -> Iterator[Dimension]:
    """The fewest axes each that change their size by themselves, and what is left over."""
    left, size = dimension, _size(example.primals, dimension)
    while left:
        offers = chain.from_iterable(combinations(left, count) for count in range(1, min(TOGETHER, len(left) - 1) + 1))
        part = next((some for some in offers if example.alone(some, size)), left)
        yield part
        left = tuple(place for place in left if place not in part)


def _size(primals: Sequence[Any], dimension: Dimension) -> int:
    position, axis = dimension[0]
    return np.shape(primals[position])[axis]


def _others(size: int) -> list[int]:
    """Its neighbours, the double and the half: larger and smaller, whatever divides it or is divided by it."""
    return [other for other in dict.fromkeys((size + 1, size - 1, 2 * size, size // 2)) if 0 < other != size]
