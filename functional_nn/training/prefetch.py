"""How batches come to the device before they are needed: the copy of the next runs beside the step of this one."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import jax

AHEAD = 2

T = TypeVar("T")


def prefetch(batches: Iterable[T], put: Callable[[T], T] = jax.device_put, ahead: int = AHEAD) -> Iterator[T]:
    """The same batches in the same order, each put on the device so many batches before it is handed out."""
    on_the_way: deque[T] = deque()
    for batch in batches:
        on_the_way.append(put(batch))
        if len(on_the_way) > ahead:
            yield on_the_way.popleft()
    yield from on_the_way
