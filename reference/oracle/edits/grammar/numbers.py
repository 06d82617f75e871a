"""Numbers that stand in a program: another one, or none, for the backward."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from reference.oracle.edits.edit import Edited, each, instead, with_value
from reference.oracle.edits.grammar.factors import counts
from reference.oracle.edits.program import Program
from reference.oracle.edits.tape import Step, filled
from reference.oracle.edits.values import place

COMPARE = ("greater", "less", "greater_equal", "less_equal")
HOLD_NUMBERS = (
    *COMPARE,
    "add", "subtract", "multiply", "divide", "maximum", "minimum", "power", "float_power",
)  # fmt: skip
SMALL = 1e-2


def numbers(program: Program) -> Iterator[Edited]:
    """Every number of the forward at another value: in its own place, and wherever it stands."""
    found: dict[float, list[tuple[Step, int]]] = {}
    for step in program.steps:
        for position, item in enumerate(
            step.args if step.name in HOLD_NUMBERS or step.name.startswith("slope") else ()
        ):
            if not isinstance(item, Step | bool) and np.ndim(item) == 0 and isinstance(item, int | float | np.number):
                found.setdefault(float(item), []).append((step, position))
    for own, places in found.items():
        for other in _others(own, program):
            yield _everywhere(program, own, other, places)
            for step, position in places if len(places) > 1 else ():
                yield _everywhere(program, own, other, [(step, position)])


def _others(own: float, program: Program) -> list[float]:
    known = sorted({float(size) for leaf in program.tape.leaves for size in leaf.value.shape})
    sizes = known if own in known or own + 1 in known else []
    return [other for other in dict.fromkeys((0.0, 1.0, 2.0, *sizes, 1 - own)) if other != own]


def _everywhere(program: Program, own: float, other: float, places: list[tuple[Step, int]]) -> Edited:
    said = f"is the gradient with {other:g} where the forward has {own:g}{place(places[0][0])}"
    edits: dict[Step, Any] = {}
    for step, position in places:
        edits |= each([step], with_value(position, other))
    return Edited(_cause(program, own, other, [step for step, _ in places]), said, 3 + (other > 2), edits)


def _cause(program: Program, own: float, other: float, steps: list[Step]) -> str:
    if all(step.name in COMPARE for step in steps):
        return "mask_wrong"
    if all(step.name == "add" and step.part == "forward" for step in steps) and (other == 0 or abs(own) < SMALL):
        return "epsilon_one_side" if any(_guards(program, step) for step in steps) else "term_missing"
    if other == 0 and all(step.name == "multiply" and step.part == "forward" for step in steps):
        return "term_missing"
    if any(step.name == "divide" and _is_sum(step.args[0]) for step in steps) or any(map(counts, steps)):
        return "scaled_by_count"
    multiplies = all(step.name in ("multiply", "divide") and step.part == "backward" for step in steps)
    return "scaled_by_constant" if multiplies else "static_ignored"


def _guards(program: Program, step: Step) -> bool:
    """Whether a value is divided by, or goes into a root, a power or a logarithm."""
    for user in program.tape_users(step):
        if user.name in ("sqrt", "log", "log2", "log10", "reciprocal", "power"):
            return True
        if user.name == "divide" and user.args[1] is step:
            return True
    return False


def _is_sum(value: Any) -> bool:
    return isinstance(value, Step) and value.name in ("sum", "gathered")


def epsilons(program: Program) -> Iterator[Edited]:
    """A small number inside of a root in one place and outside of it in the other."""
    for step in program.steps:
        if step.name not in ("sqrt", "add") or step.part != "forward":
            continue
        inner = step.args[0]
        if (
            step.name == "sqrt"
            and isinstance(inner, Step)
            and inner.name == "add"
            and (small := _small(inner)) is not None
        ):
            said = f"has the small number {small:g} outside of the root{place(step)}"
            edits = each([step], instead(lambda s, v, e=small: np.sqrt(filled(s.args[0], v) - e) + e))
            yield Edited("epsilon_one_side", said, 2, edits)
        if step.name == "add" and (small := _small(step)) is not None:
            root = next((a for a in step.args if isinstance(a, Step) and a.name == "sqrt"), None)
            if root is not None:
                said = f"has the small number {small:g} inside of the root{place(step)}"
                edits = each([step], instead(lambda s, v, r=root, e=small: np.sqrt(filled(r, v) ** 2 + e)))
                yield Edited("epsilon_one_side", said, 2, edits)


def _small(step: Step) -> float | None:
    numbers = [float(a) for a in step.args if not isinstance(a, Step) and np.ndim(a) == 0]
    return numbers[0] if numbers and 0 < abs(numbers[0]) < 0.2 else None
