"""Numbers that stand in a program: another one, or none, for the backward."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from reference.oracle.diagnosis.edit import Edited, each, instead, with_value
from reference.oracle.diagnosis.grammar.factors import counts
from reference.oracle.diagnosis.values import numbers_in, place, source_line
from reference.oracle.recording.program import Program
from reference.oracle.recording.rules import SLOPES
from reference.oracle.recording.tape import Step, filled

COMPARE = ("greater", "less", "greater_equal", "less_equal")
HOLD_NUMBERS = (
    *COMPARE,
    "add", "subtract", "multiply", "divide", "maximum", "minimum", "power", "float_power",
)  # fmt: skip
REDUCTIONS = ("sum", "mean", "max", "min")
# Below this a number is an epsilon; of more numbers than that, each is not tried in the place of every other.
SMALL, MOST = 1e-2, 6


Places = list[tuple[Step, int]]
# Numbers that say one setting together, as a rate and what is left of it.
TOGETHER: dict[str, Callable[[float], float]] = {"1 -": lambda a: 1 - a, "- 1": lambda a: a - 1, "-": lambda a: -a}


def numbers(program: Program) -> Iterator[Edited]:
    """Every number of the forward at another value: in its own place, and wherever it stands."""
    found = _found(program)
    for own, places in found.items():
        for other in _others(own, program, list(found)):
            for some in _choices(own, places):
                yield _everywhere(program, own, other, some)
            yield from _together(program, own, other, found)


def fitted_numbers(program: Program) -> Iterator[Edited]:
    """Every number of the forward at the value that fits."""
    for own, places in _found(program).items():
        for some in _choices(own, places):
            at = lambda other, o=own, p=some: _everywhere(program, o, other, p, 1)  # noqa: E731
            yield replace(at(own), at=at, own=own)


def _choices(own: float, places: Places) -> list[Places]:
    """A number wherever it stands, and at each place alone."""
    kinds: dict[Any, Places] = {}
    for step, position in places:
        kinds.setdefault((step.place, step.name, position), []).append((step, position))
    behind = [(step, position) for step, position in places if step.part == "backward"]
    return [places, *([behind] if 1 < len(behind) < len(places) else []), *(kinds.values() if len(kinds) > 1 else ())]


def _together(program: Program, own: float, other: float, found: dict[float, Places]) -> Iterator[Edited]:
    for says in TOGETHER.values():
        second = next((number for number in found if number != own and abs(number - says(own)) < 1e-12), None)
        if second is not None and says(other) != other:
            for some, more in zip(_choices(own, found[own])[:2], _choices(second, found[second])[:2], strict=False):
                first = _everywhere(program, own, other, some)
                edits = {**first.edits, **_everywhere(program, second, says(other), more).edits}
                cause = first.cause if first.cause == "epsilon_one_side" else "static_ignored"
                yield replace(first, cause=cause, edits=edits)


def _found(program: Program) -> dict[float, Places]:
    """Every number that stands in a program, and where."""
    found: dict[float, Places] = {}
    for step in program.steps:
        for position, item in enumerate(
            step.args if step.name in HOLD_NUMBERS or step.name.startswith("slope") else ()
        ):
            if not isinstance(item, Step | bool) and np.ndim(item) == 0 and isinstance(item, int | float | np.number):
                found.setdefault(float(item), []).append((step, position))
    return found


def _others(own: float, program: Program, found: list[float]) -> list[float]:
    known = sorted({float(size) for leaf in program.tape.leaves for size in leaf.value.shape})
    sizes = known if own in known or own + 1 in known else []
    beside = [sign * one for one in found for sign in (1, -1)] if len(found) <= MOST else []
    beside = [other for other in beside if other != -own]  # a sign, which other rows turn
    return [other for other in dict.fromkeys((0.0, 1.0, 2.0, *sizes, 0.5, 1 - own, *beside)) if other != own]


def _everywhere(program: Program, own: float, other: float, places: Places, freedom: int = 0) -> Edited:
    said = f"has {other:g} in place of {own:g}{place(places[0][0])}"
    edits: dict[Step, Any] = {}
    for step, position in places:
        edits |= each([step], with_value(position, other))
    cause = _cause(program, own, other, [step for step, _ in places])
    bits = 2.5 if other in (0.0, 1.0) else 3 + (other not in (2.0, 0.5)) - freedom
    bits += 2 * (own == 0) - 0.5 * all(on_a_branch(program, step) for step, _ in places)
    by_hand = not program.arriving and all(step.part == "backward" for step, _ in places)
    if by_hand and other == 1 and cause == "scaled_by_constant" and _spelled(own, places[0][0]):
        bits -= 5  # it stands there to be read
    compared = places[0][0] if all(step.name in COMPARE for step, _ in places) else None
    return Edited(cause, said, bits, edits, freedom=freedom, mask=compared)


def _spelled(number: float, step: Step) -> bool:
    """Whether the user's line multiplies or divides by this number, written out."""
    text = rf"{re.escape(f'{number:g}')}(?:\.0*)?"
    return bool(re.search(rf"(?<![\w.*]){text}\s*[*/](?!\*)|(?<!\*)[*/]\s*{text}(?![\w.])", source_line(step)))


def _cause(program: Program, own: float, other: float, steps: list[Step]) -> str:
    if all(step.name in COMPARE for step in steps):
        won = any(one.name in ("max", "min") for step in steps for one in program.ancestors(step))
        return "wrong_winner" if won else "static_ignored"
    added = all(step.name in ("add", "maximum") and step not in program.carrying for step in steps)
    if added and (other == 0 or abs(own) != 1) and any(_guards(program, step) for step in steps):
        return "epsilon_one_side"
    if other == 0 and abs(own) == 1 and all(_summand(program, step) for step in steps):
        return "term_missing"
    if all(on_a_branch(program, step) for step in steps):
        return "scaled_by_constant"
    if other == 0 and all(step.name == "multiply" and step not in program.carrying for step in steps):
        return "term_missing"
    if any(step.name == "divide" and _is_sum(step.args[0]) for step in steps) or any(map(counts, steps)):
        return "scaled_by_count"
    if not program.arriving and other == 1 and own in _counted(program):
        return "scaled_by_count"
    multiplies = all(step.name in ("multiply", "divide") and not _inside(program, step) for step in steps)
    once = len({(step.of or step).place for step in steps}) == 1
    return "scaled_by_constant" if multiplies and once else "static_ignored"


def _counted(program: Program) -> set[float]:
    """How many entries of an argument the forward reduces to one: of a window, a row."""
    reduced = [step.value.size for step in program.forward if step.name in REDUCTIONS and step.value.size]
    return {leaf.value.size / size for leaf in program.tape.leaves for size in reduced}


def on_a_branch(program: Program, step: Step) -> bool:
    """Whether a product is one of the values that the forward chooses between."""
    users = program.tape_users(step)
    return (
        step.name == "multiply" and bool(users) and all(user.name in ("where", "maximum", "minimum") for user in users)
    )


def _summand(program: Program, step: Step) -> bool:
    """Whether a number is a summand of a factor: the 1 of 1 + scale."""
    users = program.tape_users(step) if step.part == "forward" else program.users.get(step, [])
    return step.name in ("add", "subtract") and any(user.name in ("multiply", "einsum", "matmul") for user in users)


def _inside(program: Program, step: Step) -> bool:
    """Whether what is computed here goes into a function that bends it."""
    waiting, seen = [step], set()
    while waiting:
        for user in program.tape_users(waiting.pop()):
            if user.name in SLOPES and user.name not in ("maximum", "minimum"):
                return True
            if user not in seen:
                seen.add(user)
                waiting.append(user)
    return False


def _guards(program: Program, step: Step) -> bool:
    """Whether a value is divided by, or goes into a root, a power or a logarithm."""
    for user in (*program.tape_users(step), *program.users.get(step, ())):
        if user.name in ("sqrt", "log", "log2", "log10", "reciprocal", "power"):
            return True
        if user.name == "divide" and user.args[1] is step:
            return True
    return False


def _is_sum(value: Any) -> bool:
    return isinstance(value, Step) and value.name in ("sum", "gathered")


def epsilons(program: Program) -> Iterator[Edited]:
    """A small number inside of a root, which stands outside of it."""
    for step in program.steps:
        small = next((one for one in numbers_in(step) if 0 < abs(one) < 0.2), None) if step.name == "add" else None
        root = next((one for one in step.args if isinstance(one, Step) and one.name == "sqrt"), None)
        if small is not None and root is not None and step not in program.carrying:
            said = f"has the small number {small:g} inside of the root{place(step)}"
            edits = each([step], instead(lambda s, v, r=root, e=small: np.sqrt(filled(r, v) ** 2 + e)))
            yield Edited("epsilon_one_side", said, 2, edits)
