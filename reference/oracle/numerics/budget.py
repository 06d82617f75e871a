"""What a question may cost, counted in calls of the subject times the work of one: no clock decides anything."""

import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

import numpy as np

from reference.oracle.recording.adjoint import followed
from reference.oracle.subjects import trees

# In operations on arrays: what a call costs beside what happens in it. In entries: what costs as much as an operation.
CALL, ENTRIES = 15, 2000
# In calls of Python functions, the only trace of work that cannot be followed: an interpreted kernel makes 500,000.
PYTHON_CALLS = 32
# Operations that one question may cost: seconds on any machine, never minutes.
BUDGET = 4_000_000


def work(forward: Callable[..., Any], primals: tuple[Any, ...], out: Any) -> int:
    """The operations of one call: those on its arrays, as far as they can be followed, and those on its entries."""
    tape = followed(forward, primals)
    entries = tape.entries + sum(np.size(leaf) for leaf in (*primals, *trees.leaves(out)))
    return CALL + max(tape.operations, python_calls(forward, primals) // PYTHON_CALLS) + entries // ENTRIES


def python_calls(forward: Callable[..., Any], primals: tuple[Any, ...]) -> int:
    """How many functions one call of a forward calls in Python; 0 where somebody else counts already."""
    if sys.getprofile() is not None:
        return 0
    calls = 0

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        with suppress(Exception):  # anybody's code; what it did until then counts
            forward(*primals)
    finally:
        sys.setprofile(None)
    return calls


def affordable(calls: float, work_of_one: float, share: float = 1.0) -> bool:
    """Whether so many calls stay within the budget, or within a share of it."""
    return calls * work_of_one <= BUDGET * share
