"""NumPy's makers of arrays, which are handed no recorded array or copy it as a plain one: others stand in for them.

They do so for one thread, while it records a forward, and for calls that do not come from inside of NumPy. Everybody
else gets what NumPy makes, from the stand-in as well.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.recording.recorded import OURS, Recorded, array_of, bare, live, within
from reference.oracle.recording.tape import Tape

MAKERS = ("zeros", "empty", "ones", "full", "zeros_like", "empty_like", "ones_like", "full_like", "eye")
# Their own calls get what NumPy makes.
RECORDERS = ("numpy", *OURS)
UNWRITTEN = ("empty", "empty_like")
COPIERS = ("array", "asarray", "ascontiguousarray", "asanyarray")


class _Recording(threading.local):
    """The tape that this thread records on, and what it has in memory that nobody has written yet."""

    tape: Tape | None = None
    unwritten: float | None = None


_recording = _Recording()
_lock = threading.Lock()
# NumPy's own functions, for as long as any thread records, and how many do.
_originals: dict[str, Callable[..., Any]] = {}
_threads = 0


@contextmanager
def making_recorded(tape: Tape) -> Iterator[None]:
    """The makers of arrays make arrays that remember a tape, for this thread's program."""
    before = _recording.tape
    try:
        _enter()
        _recording.tape = tape
        yield
    finally:
        _recording.tape = before
        _leave()


@contextmanager
def unwritten_memory(value: float) -> Iterator[None]:
    """Memory that NumPy hands out unwritten holds this value (whole numbers the largest for NaN), for this thread."""
    before = _recording.unwritten
    try:
        _enter()
        _recording.unwritten = value
        yield
    finally:
        _recording.unwritten = before
        _leave()


def unwritten_value() -> float | None:
    """What such memory holds at the moment, for those who hand it out in another process; None where that is open."""
    return _recording.unwritten


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
        tape = _recording.tape
        if tape is None or within(sys._getframe(1), *RECORDERS):
            made = original(*args, **how)
            return _filled(made, _recording.unwritten) if original.__name__ in UNWRITTEN else made
        tape.count()
        return (_copied if copies else _made)(tape, original, *args, **how)

    return maker


def _filled(array: Any, value: float | None) -> Any:
    """Memory that is handed out unwritten, with what this thread has in such memory, where that was asked for."""
    if value is not None and (array.dtype.kind in "biufc" or is_floating(array.dtype)):
        array.fill(np.iinfo(array.dtype).max if array.dtype.kind in "iu" and np.isnan(value) else value)
    return array


def _made(tape: Tape, make: Callable[..., Any], *args: Any, **how: Any) -> Any:
    """A new array, into which the program may write."""
    array = make(*bare(args), **bare(how))
    return array_of(tape, array) if array.dtype.kind == "f" else array


def _copied(tape: Tape, make: Callable[..., Any], value: Any, *args: Any, **how: Any) -> Any:
    """The copy of a recorded array, or of a list of such, with its past."""
    if isinstance(value, Recorded):
        return np.copy(value)
    if isinstance(value, list) and live(value):
        return _stacked(value)
    return make(value, *args, **how)


def _stacked(value: Any) -> Any:
    """A list of recorded arrays, however deep, as one."""
    return np.stack([_stacked(item) for item in value]) if isinstance(value, list) else value
