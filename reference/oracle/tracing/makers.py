"""NumPy's makers of arrays, which are handed no recorded array or copy it as a plain one: others stand in for them.

They do so for one thread, while it records a forward, and for calls that do not come from inside of NumPy. Everybody
else gets what NumPy makes, from the stand-in as well.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from typing import Any, NamedTuple

import numpy as np

from reference.oracle.tracing.graph import Graph
from reference.oracle.tracing.moves import leaves_of
from reference.oracle.tracing.recorded import Recorded, array_of, bare, node_of, within

MAKERS = ("zeros", "empty", "ones", "full", "zeros_like", "empty_like", "ones_like", "full_like")
# Their own calls get what NumPy makes.
RECORDERS = ("numpy", "reference.oracle.tracing", "reference.oracle.edits")
COPIERS = ("array", "asarray", "ascontiguousarray", "asanyarray")


class Makers(NamedTuple):
    """What stands in while a thread records: the record, which counts, and what makes and copies arrays on it."""

    record: Any
    made: Callable[..., Any]
    copied: Callable[..., Any]


class _Recording(threading.local):
    """What stands in for this thread."""

    makers: Makers | None = None


_recording = _Recording()
_lock = threading.Lock()
# NumPy's own functions, for as long as any thread records, and how many do.
_originals: dict[str, Callable[..., Any]] = {}
_threads = 0


@contextmanager
def making(makers: Makers) -> Iterator[None]:
    """The makers of arrays make recorded ones for this thread's forward, whatever is recorded and how."""
    before = _recording.makers
    try:
        _enter()
        _recording.makers = makers
        yield
    finally:
        _recording.makers = before
        _leave()


def making_recorded(graph: Graph) -> AbstractContextManager[None]:
    """The makers of arrays make arrays that remember a graph."""
    return making(Makers(graph, _made, _copied))


def _enter() -> None:
    global _threads
    with _lock:
        _threads += 1
        for name in (*MAKERS, *COPIERS) if _threads == 1 else ():
            _originals[name] = getattr(np, name)
            setattr(np, name, _standing_in(_originals[name], copies=name in COPIERS))


def _leave() -> None:
    global _threads
    with _lock:
        _threads -= 1
        while _threads == 0 and _originals:
            setattr(np, *_originals.popitem())


def _standing_in(original: Callable[..., Any], copies: bool) -> Callable[..., Any]:
    @wraps(original)
    def maker(*args: Any, **how: Any) -> Any:
        makers = _recording.makers
        if makers is None or within(sys._getframe(1), *RECORDERS):
            return original(*args, **how)
        makers.record.count()
        return (makers.copied if copies else makers.made)(makers.record, original, *args, **how)

    return maker


def _made(graph: Graph, make: Callable[..., Any], *args: Any, **how: Any) -> Any:
    """A new array, into which the forward may write."""
    array = make(*bare(args), **bare(how))
    return array_of(graph, array) if array.dtype.kind == "f" else array


def _copied(graph: Graph, make: Callable[..., Any], value: Any, *args: Any, **how: Any) -> Any:
    """The copy of a recorded array, or of a list of such, with its past."""
    if isinstance(value, Recorded):
        return np.copy(value)
    if isinstance(value, list) and any(map(node_of, leaves_of(value))):
        return _stacked(value)
    return make(value, *args, **how)


def _stacked(value: Any) -> Any:
    """A list of recorded arrays, however deep, as one."""
    return np.stack([_stacked(item) for item in value]) if isinstance(value, list) else value
