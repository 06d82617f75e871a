"""What JAX takes several operations for, as NumPy's users write it: numbers, statistics, factors that are stretched.

So a backward in JAX is the same program as one with the same text in NumPy.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from reference.oracle.recording.recorded import Recorded, remembering, step_of
from reference.oracle.recording.tape import Step

REDUCTIONS: dict[str, Callable[..., Any]] = {"sum": np.sum, "max": np.max, "min": np.min, "prod": np.prod}


def entry_by_entry(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of operands that NumPy stretches to each other's shape by itself."""

    def run(*operands: Any) -> Any:
        if not any(isinstance(one, Recorded) for one in operands):
            return function(*operands)
        shape = np.broadcast_shapes(*map(np.shape, operands))
        bare = [_unstretched(one) for one in operands]
        kept = np.broadcast_shapes(*map(np.shape, bare)) == shape
        operands = tuple(bare) if kept else operands
        return function(*([_unmasked(one) for one in operands] if function is np.multiply else operands))

    return run


def _unstretched(operand: Any) -> Any:
    """What was stretched along axes that come before its own; the number that is everywhere in a constant."""
    if not isinstance(operand, Recorded):
        array = np.asarray(operand)
        return array.flat[0] if array.size > 1 and np.all(array == array.flat[0]) else operand
    step = step_of(operand)
    if step is None or step.name not in ("reshape", "broadcast_to") or not isinstance(step.args[0], Step):
        return operand
    source, shape = step.args[0].value.shape, step.value.shape
    stretched = step.name == "broadcast_to" or shape == (1,) * (len(shape) - len(source)) + source
    return _unstretched(remembering(operand.tape, step.args[0])) if stretched else operand


def _unmasked(operand: Any) -> Any:
    """A mask as it was before it became numbers."""
    step = step_of(operand)
    mask = step.args[0] if step is not None and step.name == "astype" else None
    return remembering(operand.tape, mask) if isinstance(mask, Step) and mask.value.dtype == bool else operand


def with_axes_kept(x: Any, shape: Sequence[int]) -> Any:
    """A reduction whose axes come back with one entry, as it is with the axes kept; None where it is no such."""
    step = step_of(x)
    if step is None or step.name not in REDUCTIONS or step.how["keepdims"] or not isinstance(step.args[0], Step):
        return None
    source = remembering(x.tape, step.args[0])
    if np.shape(np.sum(step.args[0].value, axis=step.how["axis"], keepdims=True)) != tuple(shape):
        return None
    return REDUCTIONS[step.name](source, axis=step.how["axis"], keepdims=True)


def mean_of(total: Any, count: Any) -> Any:
    """The mean of what a sum over so many entries adds up, where both stand in one line; None where it is no such."""
    step = step_of(total)
    if step is None or step.name != "sum" or np.ndim(count) or not isinstance(step.args[0], Step):
        return None
    at, source = total.tape.at, step.args[0]
    if (at is None or (at.code, at.line) != (step.code, step.line)) or source.value.size != count * step.value.size:
        return None
    return np.mean(remembering(total.tape, source), **step.how)
