"""Another value of the program in the place of an operand."""

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from reference.oracle.diagnosis.edit import Edited, Group, Values, each, instead, with_value
from reference.oracle.diagnosis.grammar.numbers import SMALL
from reference.oracle.diagnosis.values import (
    array_of,
    is_mask,
    is_number,
    is_slope,
    named,
    only_for,
    place,
)
from reference.oracle.recording.program import Program, in_time
from reference.oracle.recording.tape import Step, filled

# Steps in which nothing stands that could be another value.
FIXED = ("added up", "gathered", "scattered", "returned", "broadcast_to", "reshape", "transpose", "blanked", "getitem")


def operands(program: Program, group: Group) -> Iterator[Edited]:
    """Another value of the same shape where one stands, in one pass of a loop of a few."""
    for first in group if len(group) <= 4 else ():
        yield from _other_operands(program, first) if first.name not in FIXED else ()


def _other_operands(program: Program, first: Step) -> Iterator[Edited]:
    for position, operand in enumerate(first.args):
        if not isinstance(operand, Step) or operand.value.ndim == 0 or operand.value.dtype == bool:
            continue
        carries = operand in program.carrying
        for value in [program.cotangent, *program.backward] if carries else program.values:
            if (value in program.carrying) != carries or value is operand or not _earlier(program, value, first):
                continue
            if value.value.shape != operand.value.shape or np.array_equal(value.value, operand.value):
                continue
            said = f"has {named(program, value)} in place of {named(program, operand)}{place(first)}"
            edits = each([first], with_value(position, value))
            cause = "derivative_at_wrong_value" if is_slope(first) else "wrong_operand"
            cause = "shifted" if not carries and moved_on(operand.value, value.value) else cause
            yield Edited(cause, said, 5, edits, exchange=None if cause == "shifted" else (operand, value))


def moved_on(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays are the same but for one place along an axis, at which something else comes in."""
    for axis in range(one.ndim if one.size > 2 else 0):
        first, second = np.moveaxis(one, axis, 0), np.moveaxis(other, axis, 0)
        if len(first) > 2 and (np.array_equal(first[1:], second[:-1]) or np.array_equal(first[:-1], second[1:])):
            return True
    return False


def _earlier(program: Program, value: Step, step: Step) -> bool:
    """Whether a value can be there when a step is taken."""
    return step not in program.ancestors(value)


def passes(program: Program, group: Group) -> Iterator[Edited]:
    """In a loop: the operand of the pass before or after, of one pass in all, or another value of the same pass."""
    if len(group) < 2 or group[0].name in FIXED:
        return
    ordered = in_time(group)
    for position in range(len(ordered[0].args)):
        mine = [step.args[position] for step in ordered]
        known = [item for item in mine if isinstance(item, Step)]
        shapes = {np.shape(array_of(item)) for item in mine if isinstance(item, Step | np.ndarray)}
        if not known or len(shapes) > 1 or () in shapes or any(item in program.carrying for item in known):
            continue
        yield from _of_another_pass(program, ordered, mine, position)
        yield from _of_the_same_pass(program, ordered, mine, position)


def _of_another_pass(program: Program, ordered: list[Step], mine: list[Any], position: int) -> Iterator[Edited]:
    name, where = named(program, next(item for item in mine if isinstance(item, Step))), place(ordered[0])
    for move, word in ((1, "after"), (-1, "before")):
        pairs = [(step, mine[k + move]) for k, step in enumerate(ordered) if 0 <= k + move < len(ordered)]
        edits = {step: with_value(position, other)(step) for step, other in pairs}
        cause = "derivative_at_wrong_value" if is_slope(ordered[0]) else "shifted"
        yield Edited(cause, f"takes {name} of the step {word}{where}", 3, edits)
        end = mine[-1] if move == 1 else mine[0]
        beyond = program.later(end) if isinstance(end, Step) else None
        beyond = np.zeros_like(array_of(beyond)) if move == -1 and beyond is not None else beyond
        if beyond is not None:
            edits = edits | each([ordered[-1 if move == 1 else 0]], with_value(position, beyond))
            yield Edited(cause, f"takes {name} of the step {word}, in every step,{where}", 3, edits)
    steps = [item for item in mine if isinstance(item, Step)]
    handed_on = any(earlier in program.ancestors(later) for earlier, later in pairwise(steps))
    for number, word in ((0, "first"), (-1, "last")):
        edits = each(ordered, with_value(position, mine[number]))
        said = f"takes {name} of the {word} of {len(mine)} passes everywhere{where}"
        yield Edited("wrong_index", said, 3.5 if handed_on else 2.5, edits)


def _of_the_same_pass(program: Program, ordered: list[Step], mine: list[Any], position: int) -> Iterator[Edited]:
    shape = array_of(mine[0]).shape
    for same in program.loops:
        if len(same) != len(ordered) or same[0].value.shape != shape or same[0] in program.carrying:
            continue
        if any(a is b for a, b in zip(same, mine, strict=True)):
            continue
        moved = any(_alike(same[k], mine[k + d]) for k in range(len(mine)) for d in (1, -1) if 0 <= k + d < len(mine))
        said = f"has {named(program, same[0])} in place of {named(program, mine[-1])}{place(ordered[0])}"
        edits = {step: with_value(position, other)(step) for step, other in zip(ordered, same, strict=True)}
        exchange = None if moved else (mine[-1], same[-1])
        yield Edited("shifted" if moved else "wrong_operand", said, 4 if moved else 5, edits, exchange=exchange)


def _alike(a: Any, b: Any) -> bool:
    return a is b or (array_of(a).shape == array_of(b).shape and np.array_equal(array_of(a), array_of(b)))


def anew(program: Program) -> Iterator[Edited]:
    """A value that the backward computes anew: with one operand alone where two belong, or with a sign turned."""
    seen: set[Any] = set()
    for step in program.steps:
        computed = step.name in NOTHING or step.name in TURNED
        if step in program.carrying or not computed or (step.place, step.name) in seen:
            continue
        seen.add((step.place, step.name))
        group = [one for one in program.steps if (one.place, one.name) == (step.place, step.name)]
        for position, operand in enumerate(step.args if len(step.args) > 1 else ()):
            if np.ndim(array_of(operand)) and step.value.ndim:
                left_out = step.args[1 - position]
                said = f"uses {named(program, step)} without {named(program, left_out)}"
                alone = instead(lambda s, v, p=1 - position: _without(s, p, v))
                exchange = (step.value, array_of(operand)) if step.name in ("multiply", "divide") else None
                cause = _cause_of_less(program, step, left_out, operand)
                yield Edited(cause, said, 3, each(group, alone), exchange=exchange)
        if step.name in TURNED:
            turned = each(group, instead(lambda s, v: TURNED[s.name](*filled(s.args, v))))
            yield Edited("sign", f"has a sign turned in {named(program, step)}", 3, turned)


def _cause_of_less(program: Program, step: Step, left_out: Any, kept: Any) -> str:
    """What it is called where a value is computed without one operand."""
    if is_mask(left_out):
        return "mask_missing"
    whole = np.size(array_of(left_out)) == step.value.size  # no statistic of the other one
    if _is_summand(program, step, left_out, kept) or (whole and step.part == "backward" and step.name in SUMS):
        return "term_missing"
    if is_number(left_out) and not isinstance(left_out, Step) and step.name in SUMS:
        return "epsilon_one_side" if abs(left_out) < SMALL else "static_ignored"
    return "derivative_at_wrong_value" if only_for(program, [step], _is_bent) else "wrong_operand"


def _is_bent(step: Step) -> bool:
    return is_slope(step) or step.name == "mask"


SUMS = ("add", "subtract")
# What does nothing in the place of an operand.
NOTHING = {"add": 0.0, "subtract": 0.0, "multiply": 1.0, "divide": 1.0, "power": 1.0, "maximum": -np.inf}
TURNED: Mapping[str, Callable[..., Any]] = {"add": np.subtract, "subtract": np.add, "negative": np.positive}


def _without(step: Step, position: int, values: Values) -> np.ndarray:
    return np.broadcast_to(with_value(position, NOTHING[step.name])(step)(values), step.value.shape)


def _is_summand(program: Program, step: Step, left_out: Any, kept: Any) -> bool:
    """Whether a value is a summand of what multiplies the cotangent, and no statistic of the other one."""
    both = [program.leaves_behind(one) if isinstance(one, Step) else set() for one in (left_out, kept)]
    statistic = np.size(array_of(left_out)) < step.value.size and both[0] & both[1]
    users = [user for user in program.users.get(step, []) if user.part == "backward"]
    times = all(user in program.carrying or user.name in ("slope of square", "slope of power") for user in users)
    return step.name in ("add", "subtract") and bool(users) and times and not statistic


PRODUCTS = ("multiply", "divide", "matmul", "einsum")
