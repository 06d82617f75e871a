"""NumPy's makers of arrays make recorded ones, into which the program may write, while a program is recorded."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from reference.oracle.edits.recorded import Recorded, array_of, bare, live
from reference.oracle.edits.tape import Tape
from reference.oracle.tracing.makers import Makers, making


def making_recorded(tape: Tape) -> AbstractContextManager[None]:
    """The makers of arrays make arrays that remember a tape."""
    return making(Makers(tape, _made, _copied))


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
