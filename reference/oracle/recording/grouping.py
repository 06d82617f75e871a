"""Products in the order in which people differentiate them: gamma * (x / norm) for gamma * x / norm."""

from typing import Any

import numpy as np

from reference.oracle.recording.recorded import FUNCTIONS, record, remembering, step_of, tape_of
from reference.oracle.recording.tape import Step


def regrouped(ufunc: Any, a: Any, b: Any) -> Any:
    """A product of three factors, of which those that come from one argument are multiplied first."""
    tape, divides = tape_of((a, b)), ufunc is np.divide
    for inner, other in ((a, b),) if divides else ((a, b), (b, a)):
        step = step_of(inner)
        if step is None or step.part != "forward" or step.name not in ("multiply", "divide"):
            continue
        first, second = ((remembering(tape, item) if isinstance(item, Step) else item) for item in step.args)
        pair = ((first, 1), (second, 1 if step.name == "multiply" else -1))
        for near, far in (pair, pair[::-1]):
            behind, foreign = _leaves(other), _leaves(far[0])
            if foreign and _leaves(near[0]) & behind and not foreign & behind:
                tape.slot, tape.regroups = "together", None
                together = _product(near, (other, -1 if divides else 1))
                tape.slot = None
                return _product(together, far)[0]
    return record(ufunc, ufunc.__name__, (a, b))


def _product(a: tuple[Any, int], b: tuple[Any, int]) -> tuple[Any, int]:
    """Two factors, each with its power of 1 or -1, as one."""
    (one, up), (other, down) = sorted((a, b), key=lambda factor: -factor[1])
    function = np.multiply if up == down else np.divide
    return record(function, function.__name__, (one, other)), up


def _leaves(value: Any) -> set[Step]:
    """The arguments that a value is computed from."""
    found, waiting = set(), [step_of(value)]
    while waiting:
        step = waiting.pop()
        if step is not None and step not in found:
            found.add(step)
            waiting += step.parents
    return {step for step in found if step.part == "leaf"}


FUNCTIONS["regrouped"] = regrouped
