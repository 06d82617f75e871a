"""Numbers that stand in a program: another one, or none, for the backward."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from reference.oracle.edits.edit import Edited, each, with_value
from reference.oracle.edits.program import Program
from reference.oracle.edits.tape import Step
from reference.oracle.edits.values import place

HOLD_NUMBERS = ("add", "subtract", "multiply", "divide", "maximum", "minimum", "power", "float_power")
SMALL = 1e-2


def numbers(program: Program) -> Iterator[Edited]:
    """Every number of the forward at another value: in its own place, and wherever it stands."""
    found: dict[float, list[tuple[Step, int]]] = {}
    for step in program.steps:
        for position, item in enumerate(step.args if step.name in HOLD_NUMBERS or step.name.startswith("slope") else ()):
            if not isinstance(item, Step | bool) and np.ndim(item) == 0 and isinstance(item, int | float | np.number):
                found.setdefault(float(item), []).append((step, position))
    for own, places in found.items():
        for other in _others(own, program):
            yield _everywhere(own, other, places)
            for step, position in places if len(places) > 1 else ():
                yield _everywhere(own, other, [(step, position)])


def _others(own: float, program: Program) -> list[float]:
    sizes = sorted({float(size) for leaf in program.tape.leaves for size in leaf.value.shape}) if own == int(own) and own > 1 else []
    return [other for other in dict.fromkeys((0.0, 1.0, 2.0, *sizes)) if other != own]


def _everywhere(own: float, other: float, places: list[tuple[Step, int]]) -> Edited:
    epsilon = 0 < abs(own) < SMALL and other == 0
    cause = "epsilon_one_side" if epsilon else "static_ignored"
    said = f"is the gradient with {other:g} where the forward has {own:g}{place(places[0][0])}"
    edits: dict[Step, Any] = {}
    for step, position in places:
        edits |= each([step], with_value(position, other))
    return Edited(cause, said, 3 + (other > 2), edits)
