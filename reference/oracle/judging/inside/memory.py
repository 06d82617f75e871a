"""How much memory the submission may have, and what stands in memory that it is handed out unwritten."""

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import numpy as np

from reference.oracle.subjects import torch_memory


def limit(size: int) -> None:
    """No more than so many bytes of memory of its own, and in a file; no core file."""
    resource.setrlimit(resource.RLIMIT_DATA, (size, size))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@contextmanager
def unwritten(value: float | None) -> Iterator[None]:
    """Memory that NumPy hands out unwritten holds this value, and PyTorch's NaN where that is it; None leaves it."""
    if value is None:
        yield
        return
    kept = {name: getattr(np, name) for name in ("empty", "empty_like")}
    for name, maker in kept.items():
        setattr(np, name, _filling(maker, value))
    try:
        with torch_memory.filled(value):
            yield
    finally:
        for name, maker in kept.items():
            setattr(np, name, maker)


def _filling(maker: Callable[..., Any], value: float) -> Callable[..., Any]:
    @wraps(maker)
    def filled(*args: Any, **how: Any) -> Any:
        array = maker(*args, **how)
        if array.dtype.kind in "fcV":
            array.fill(value)
        elif array.dtype.kind in "iu":
            array.fill(np.iinfo(array.dtype).max if np.isnan(value) else value)
        return array

    return filled
