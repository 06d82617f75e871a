"""Another value of the program in the place of an operand."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from reference.oracle.diagnosis.edit import Edited, Group, Values, applied, each, instead, with_value
from reference.oracle.diagnosis.values import array_of, equal, is_slope, named, place, told_apart
from reference.oracle.recording.program import Program, in_time
from reference.oracle.recording.tape import Step, filled

# Steps in which nothing stands that could be another value.
FIXED = ("added up", "gathered", "scattered", "returned", "broadcast_to", "reshape", "transpose", "blanked", "getitem")

# Of more values that a backward uses, no two are exchanged.
MOST_USED = 12
CONSTANTS = ("a constant array and a constant array", "two constant arrays")


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
            if (value in program.carrying) != carries or value is operand or first in program.ancestors(value):
                continue
            if value.value.shape != operand.value.shape or np.array_equal(value.value, operand.value):
                continue
            one, own = told_apart(program, value, operand)
            said = f"has {one} in place of {own}{place(first)}"
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
        moved = any(equal(same[k], mine[k + d]) for k in range(len(mine)) for d in (1, -1) if 0 <= k + d < len(mine))
        one, own = told_apart(program, same[0], mine[-1])
        said = f"has {one} in place of {own}{place(ordered[0])}"
        edits = {step: with_value(position, other)(step) for step, other in zip(ordered, same, strict=True)}
        exchange = None if moved else (mine[-1], same[-1])
        yield Edited("shifted" if moved else "wrong_operand", said, 4 if moved else 5, edits, exchange=exchange)


def updated(program: Program, group: Group) -> Iterator[Edited]:
    """A parameter after its update: itself and a multiple of its own gradient."""
    first = group[0]
    for position, operand in enumerate(first.args):
        moved, leaf = [], operand
        while isinstance(leaf, Step) and leaf.name in MOVED and len(leaf.parents) == 1:
            moved, leaf = [leaf, *moved], leaf.parents[0]
        number = next((i for i, own in enumerate(program.arguments) if own is not None and own is leaf), None)
        if number is None or number not in program.gradients:
            continue
        gradient = program.gradients[number].value
        if gradient.shape == leaf.value.shape and first not in program.ancestors(program.gradients[number]):
            said = f"lacks the update of {leaf.name}{place(first)}: it uses {leaf.name} after its step"
            values = {leaf: leaf.value + gradient}
            for step in moved:
                values[step] = step.run(values)
            change = values[operand]
            yield Edited("updated_weight", said, 0.5, each(group, with_value(position, change)), scalable=True)


def exchanged(program: Program) -> Iterator[Edited]:
    """Two values that the backward uses beside the cotangent, each in the other's place, everywhere in it."""
    used: dict[int, tuple[Any, list[tuple[Step, int]]]] = {}
    for step in program.backward:
        for position, item in enumerate(step.args if step.name not in FIXED else ()):
            if _is_beside(program, item):
                used.setdefault(id(item), (item, []))[1].append((step, position))
    for (one, of_one), (other, of_other) in combinations(used.values(), 2) if len(used) <= MOST_USED else ():
        if np.shape(array_of(one)) == np.shape(array_of(other)) and not equal(one, other):
            places = {step: {} for step, _ in (*of_one, *of_other)}
            for value, uses in ((other, of_one), (one, of_other)):
                for step, position in uses:
                    places[step][position] = value
            edits = {step: instead(partial(_with_all, places[step]))(step) for step in places}
            names = f"{named(program, one)} and {named(program, other)}".replace(*CONSTANTS)
            yield Edited("wrong_operand", f"has {names} in each other's place{place(of_one[0][0])}", 6, edits)


def _is_beside(program: Program, item: Any) -> bool:
    """Whether it is an array that the backward found: a constant, an argument, or what the forward computed."""
    if isinstance(item, Step):
        return item.part != "backward" and item not in program.carrying and _is_floating_array(item.value)
    return isinstance(item, np.ndarray) and _is_floating_array(item)


def _is_floating_array(value: np.ndarray) -> bool:
    return value.ndim > 0 and value.dtype.kind == "f"


def _with_all(others: dict[int, Any], step: Step, values: Values) -> Any:
    args = list(filled(step.args, values))
    for position, other in others.items():
        args[position] = filled(other, values)
    return applied(step, args, values)


MOVED = ("getitem", "take", "reshape", "transpose", "swapaxes", "broadcast_to")


def on_one_way(program: Program, edited: Edited) -> Iterator[Edited]:
    """An edit of one step of the backward that only one of those who use what comes of it sees."""
    (step,) = edited.edits
    inside, users = [step], program.users.get(step, [])
    while len(users) == 1:
        inside.append(users[0])
        users = program.users.get(users[0], [])
    for user in users if len(users) > 1 else ():
        change = instead(lambda s, v, i=inside: s.run({**v, i[-1]: _last(i, edited.edits, v)}))
        words = f"{edited.words}, on the way{place(user)} only"
        yield replace(edited, words=words, bits=edited.bits + 1.5, edits=each([user], change), exchange=None)


def _last(steps: list[Step], edits: Any, values: Values) -> Any:
    found = dict(values)
    for step in steps:
        found[step] = edits[step](found) if step in edits else step.run(found)
    return found[steps[-1]]
