"""Another value of the program in the place of an operand."""

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from reference.oracle.edits.edit import Edited, Group, each, instead, with_value
from reference.oracle.edits.program import Program, in_time
from reference.oracle.edits.tape import Step, filled
from reference.oracle.edits.values import array_of, is_slope, named, place

# Steps in which nothing stands that could be another value.
FIXED = ("added up", "gathered", "scattered", "returned", "broadcast_to", "reshape", "transpose", "blanked", "getitem")


def operands(program: Program, group: Group) -> Iterator[Edited]:
    """Another value of the same shape where one stands."""
    first = group[0]
    for position, operand in enumerate(first.args if len(group) == 1 and first.name not in FIXED else ()):
        if not isinstance(operand, Step) or operand.value.ndim == 0 or operand.value.dtype == bool:
            continue
        carries = operand in program.carrying
        for value in [program.cotangent, *program.backward] if carries else program.values:
            if (value in program.carrying) != carries or value is operand or not _earlier(program, value, first):
                continue
            if value.value.shape != operand.value.shape or np.array_equal(value.value, operand.value):
                continue
            said = f"has {named(program, value)} where {named(program, operand)} belongs{place(first)}"
            edits = each(group, with_value(position, value))
            cause = "derivative_at_wrong_value" if is_slope(first) else "wrong_operand"
            factor = first.name in ("multiply", "divide", "matmul", "einsum") and not carries
            yield Edited(cause, said, 5, edits, exchange=(operand, value) if factor else None)


def _earlier(program: Program, value: Step, step: Step) -> bool:
    return value not in program.order or program.order[value] < program.order[step]


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
    handed_on = any(later in program.users_behind(earlier) for earlier, later in pairwise(ordered))
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
        said = f"has {named(program, same[0])} where {named(program, mine[-1])} belongs{place(ordered[0])}"
        edits = {step: with_value(position, other)(step) for step, other in zip(ordered, same, strict=True)}
        yield Edited("shifted" if moved else "wrong_operand", said, 4 if moved else 5, edits)


def _alike(a: Any, b: Any) -> bool:
    return a is b or (array_of(a).shape == array_of(b).shape and np.array_equal(array_of(a), array_of(b)))


def updated(program: Program, group: Group) -> Iterator[Edited]:
    """A parameter after its update: itself and a multiple of its own gradient."""
    first = group[0]
    for position, operand in enumerate(first.args):
        number = next((i for i, leaf in enumerate(program.arguments) if leaf is not None and leaf is operand), None)
        if number is None or number not in program.gradients:
            continue
        gradient = program.gradients[number].value
        if gradient.shape == operand.value.shape and first not in program.ancestors(program.gradients[number]):
            said = f"lacks the update of {operand.name}{place(first)}: it uses {operand.name} after its step"
            change = operand.value + gradient
            yield Edited("updated_weight", said, 3, each(group, with_value(position, change)), scalable=True)


def exchanged(program: Program) -> Iterator[Edited]:
    """Two arguments of one shape in each other's place, in the whole backward."""
    leaves = [leaf for leaf in program.arguments if leaf is not None]
    for number, a in enumerate(leaves):
        for b in leaves[:number]:
            if a.value.shape == b.value.shape and a.value.ndim:
                users = [s for s in program.backward if {a, b} & set(s.parents)]
                edits = each(users, instead(lambda s, v, a=a, b=b: s.run({**v, a: b.value, b: a.value})))
                yield Edited("wrong_operand", f"has {a.name} and {b.name} in each other's place", 3, edits)


def anew(program: Program) -> Iterator[Edited]:
    """A value that the backward computes anew: with one operand alone where two belong, or with a sign turned."""
    seen: set[Any] = set()
    for step in program.steps:
        if step in program.carrying or step.name not in COMPUTED or (step.place, step.name) in seen:
            continue
        seen.add((step.place, step.name))
        group = [one for one in program.steps if (one.place, one.name) == (step.place, step.name)]
        cause = "derivative_at_wrong_value" if _only_for_slopes(program, step) else "wrong_operand"
        cause = "term_missing" if step.part == "backward" and step.name in ("add", "subtract") else cause
        for position, operand in enumerate(step.args if len(step.args) > 1 else ()):
            if np.shape(array_of(operand)) == step.value.shape and step.value.ndim:
                other = named(program, step.args[1 - position])
                said = f"uses {named(program, step)} without {other}"
                alone = instead(lambda s, v, p=position: filled(s.args[p], v))
                yield Edited(cause, said, 3, each(group, alone))
        if step.name in TURNED:
            turned = each(group, instead(lambda s, v: TURNED[s.name](*filled(s.args, v))))
            yield Edited("sign", f"has a sign turned in {named(program, step)}", 3, turned)


COMPUTED = ("multiply", "divide", "add", "subtract", "maximum", "power", "negative")
TURNED: Mapping[str, Callable[..., Any]] = {"add": np.subtract, "subtract": np.add, "negative": np.positive}


def _only_for_slopes(program: Program, step: Step) -> bool:
    """Whether the backward has what is computed from here in nothing but slopes and masks."""
    bent = {one for one in program.backward if is_slope(one) or one.name == "mask"}
    changed = {one for one in program.behind([step]) if one not in program.carrying} - bent
    users = {user for one in changed for user in program.users.get(one, ())} - changed
    return bool(users) and users <= bent


def locally(program: Program, whole: list[Edited]) -> Iterator[Edited]:
    """A value of the forward that is computed anew with an edit, and used so at one place of the backward alone."""
    for edited in whole:
        if any(step.part != "forward" for step in edited.edits):
            continue
        changed = {step: program.values_with({step: edit}) for step, edit in edited.edits.items()}
        for group in program.groups:
            anew = {step: _nearest(program, step, changed) for step in group}
            if any(anew.values()):
                edits = {step: (lambda v, s=step, a=a: s.run({**a, **v})) for step, a in anew.items() if a}
                cause = edited.cause
                if cause == "wrong_operand":
                    if not all(is_slope(step) or step.name == "mask" for step in group):
                        continue
                    cause = "derivative_at_wrong_value"
                yield Edited(cause, f"{edited.words}, and uses that{place(group[0])}", edited.bits + 2, edits)


def _nearest(program: Program, step: Step, changed: Mapping[Step, Mapping[Step, Any]]) -> dict[Step, Any]:
    """What a step is computed from, each with the latest of the edits before it alone: of one pass, in a loop."""
    values: dict[Step, Any] = {}
    for parent in step.parents:
        before = [edited for edited, anew in changed.items() if parent in anew]
        if before:
            values[parent] = changed[max(before, key=lambda one: program.order.get(one, -1))][parent]
    return values
