"""Is all that comes back written by somebody? Memory that is handed out unwritten is filled with NaN to see that."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.questions.base import Base
from reference.oracle.recording.makers import unwritten_memory
from reference.oracle.report import Finding
from reference.oracle.subjects import torch_memory, trees
from reference.oracle.subjects.vjp import Fault, Trial, finding


def unwritten(trial: Trial, base: Base) -> list[Finding]:
    """What is computed from memory that nobody wrote: the output, or else the gradients."""
    if trial.subject.style == "jax":  # which hands out no such memory
        return []
    try:
        with _filled_with(np.nan):
            poisoned_out, poisoned = _answer(trial, base)
    except Fault as fault:
        poisoned_out, poisoned, raised = None, (), fault.finding
    else:
        raised = None
        if not any(is_floating(one.dtype) and np.isnan(one).any() for one in trees.arrays((poisoned_out, poisoned))):
            return []
    try:
        with _filled_with(0.0):
            out, gradients = _answer(trial, base)
    except Fault:
        return []  # judged where the same calls are made on ordinary memory
    if raised:
        return [_finding(None, "the subject", raised.message, raised.blame)]
    if lost := _lost(out, poisoned_out):
        return [_finding(None, "the output", lost, "forward")]
    pairs = zip(trial.names, gradients, poisoned, strict=True)
    return [_finding(name, f"{name}_ct", lost, "backward") for name, a, b in pairs if (lost := _lost(a, b))]


def _answer(trial: Trial, base: Base) -> tuple[Any, Any]:
    out, pullback = trial.vjp()
    values = trees.vector(out)
    return values, trial.pull(pullback, base.upstream())


def _lost(written: Any, poisoned: Any) -> str:
    """In words which entries are NaN only where such memory holds NaN."""
    arrays = isinstance(written, np.ndarray) and isinstance(poisoned, np.ndarray)
    if not arrays or written.shape != poisoned.shape or not is_floating(poisoned.dtype):
        return ""
    lost = np.argwhere(np.isnan(poisoned) & ~np.isnan(written))
    if not lost.size:
        return ""
    first = ", ".join(map(str, lost[0].tolist()))
    return f"{len(lost)} of {poisoned.size} entries become NaN, the first at [{first}]"


def _finding(argument: str | None, what: str, said: str, blame: Any) -> Finding:
    message = f"{what} depends on memory that nobody has written"
    evidence = f"where the memory that `empty` hands out holds NaN, {said}"
    return finding("entries_not_written", message, evidence, argument=argument, blame=blame)


@contextmanager
def _filled_with(value: float) -> Iterator[None]:
    """Memory that NumPy hands out unwritten holds this value; PyTorch's, where PyTorch is in use, holds NaN for NaN."""
    with torch_memory.filled(value), unwritten_memory(value):
        yield
