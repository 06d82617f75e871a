"""What multiplies the cotangent: left out, applied twice, inverted, or another."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from reference.oracle.diagnosis.edit import Edited, Group, each, ones, with_argument
from reference.oracle.diagnosis.values import (
    array_of,
    is_kinked,
    is_mask,
    is_number,
    is_slope,
    is_written_slope,
    named,
    place,
)
from reference.oracle.recording.program import Program
from reference.oracle.recording.tape import Step, filled


def factors_of(program: Program, step: Step) -> list[tuple[int, Any]]:
    """(position, factor) of a product that carries the cotangent in one operand: the others."""
    if step.name in ("multiply", "divide"):
        items = list(enumerate(step.args))
    elif step.name in ("matmul", "einsum"):
        items = list(enumerate(step.args))[2:]
    else:
        return []
    carrying = [i for i, item in items if isinstance(item, Step) and item in program.carrying]
    return [(i, item) for i, item in items if i not in carrying] if len(carrying) == 1 else []


def factors(program: Program, group: Group) -> Iterator[Edited]:
    """A factor left out, applied twice, or inverted; or the cotangent left out."""
    first = group[0]
    for position, factor in factors_of(program, first):
        if is_slope(factor):
            pass
        elif is_number(factor):
            yield from _numbers(program, group, position, float(array_of(factor).ravel()[0]))
        elif not (isinstance(factor, Step) and factor.name.startswith("winner of ")):
            yield from _arrays(program, group, position, factor)
        if first.name == "divide" and position == 1:
            yield from _counts(program, group, position, factor)
        if first.name == "multiply":
            said = f"does not depend on the cotangent{place(first)}"
            other = 1 - position
            yield Edited("ignores_cotangent", said, 2, each(group, with_argument(other, ones)))


def _counts(program: Program, group: Group, position: int, divisor: Any) -> Iterator[Edited]:
    """In the place of counts that differ from row to row, or of the sum of weights, one count of entries."""
    array = array_of(divisor)
    summed = isinstance(divisor, Step) and divisor.name in ("sum", "gathered")
    if not summed and (array.size == 1 or np.any(array != np.round(array))):
        return
    for other in sorted({float(np.max(array)), *map(float, program.sizes)}):
        said = f"divides by {other:g} in place of {named(program, divisor)}{place(group[0])}"
        change = each(group, with_argument(position, lambda own, n=other: np.full_like(own, n, float)))
        yield Edited("scaled_by_count", said, 1 if summed else 2, change)


def _numbers(program: Program, group: Group, position: int, number: float) -> Iterator[Edited]:
    if abs(number) in (0.0, 1.0):
        return
    first, divides = group[0], group[0].name == "divide"
    counted = counts(first) or _is_count(program, first, number)
    cause = "scaled_by_count" if counted else "scaled_by_constant"
    cause = "wrong_factor" if is_argument(program, first.args[position]) else cause
    spelled = f"1/{number:.6g}" if divides else f"{number:.6g}"
    yield Edited(cause, f"lacks the factor {spelled}{place(first)}", 1, each(group, with_argument(position, ones)))
    yield from _twice_or_inverted(cause, group, position, spelled, f"{number:.6g}")


def _twice_or_inverted(cause: str, group: Group, position: int, factor: str, name: str) -> Iterator[Edited]:
    first, where = group[0], place(group[0])
    yield Edited(cause, f"has the factor {factor} twice{where}", 2, each(group, with_argument(position, np.square)))
    if first.name in ("multiply", "divide"):
        said = f"{'multiplies' if factor != name else 'divides'} by {name}{where}"
        yield Edited(cause, said, 2, each(group, with_argument(position, np.reciprocal)))


def is_argument(program: Program, value: Any) -> bool:
    """Whether a number comes of an argument that has a gradient."""
    return isinstance(value, Step) and bool(program.leaves_behind(value).intersection(program.arguments))


def _is_count(program: Program, step: Step, number: float) -> bool:
    """Whether a number or its reciprocal is a size of an argument, and no rate beside a mask; or the root of a size."""
    sizes = {size for leaf in program.tape.leaves for size in (*leaf.value.shape, leaf.value.size)}
    inner = sizes.union(*(one.value.shape for one in program.forward))
    both = abs(number), 1 / abs(number)
    ways = [(one, sizes) for one in both if line(program, step)[1] is None]
    ways += [(one**2, inner) for one in both if abs(one - round(one)) > 1e-6]
    return any(one > 2.5 and abs(one - round(one)) < 1e-6 and round(one) in among for one, among in ways)


def line(program: Program, step: Any) -> tuple[bool, np.ndarray | None]:
    """Of products one after the other: whether a number is among the factors, and the mask, where one is."""
    number, mask = False, None
    while isinstance(step, Step) and step.part == "backward" and step.name in ("multiply", "divide"):
        for _, factor in factors_of(program, step):
            number = number or (is_number(factor) and abs(float(array_of(factor).ravel()[0])) not in (0.0, 1.0))
            mask = array_of(factor) if is_mask(factor) else mask
        step = next((parent for parent in step.parents if parent in program.carrying), None)
    return number, mask


def counts(step: Step) -> bool:
    """Whether a step divides what was summed: by a count."""
    forward = step.of
    return (
        forward is not None
        and forward.name == "divide"
        and any(isinstance(item, Step) and item.name in ("sum", "gathered") for item in forward.args)
    )


def _arrays(program: Program, group: Group, position: int, factor: Any) -> Iterator[Edited]:
    first = group[0]
    divides = first.name == "divide" and position == 1
    passes = [np.ravel(array_of(step.args[position])) for step in group]  # of a mask, some may have nothing masked
    mask, where = is_mask(np.concatenate(passes)), place(first)
    name = f"{'1/' if divides else ''}{named(program, factor)}"
    cause = "scaled_by_constant" if is_kinked(factor) else "derivative_missing" if mask else "wrong_factor"
    cause = "scaled_by_count" if divides and not mask and _are_counts(factor) else cause
    if cause == "wrong_factor" and not program.arriving and is_written_slope(program, array_of(factor)):
        cause = "derivative_missing"
    bits, compared = 2 if is_kinked(factor) else 1.1, factor if mask else None
    without = each(group, with_argument(position, ones))
    yield Edited(cause, f"lacks the factor {name}{where}", bits, without, mask=compared)
    if mask:
        top = float(np.max(array_of(factor)))
        turned = with_argument(position, lambda mask: top - np.asarray(mask, float))
        said = f"has the mask {name} turned round{where}"
        yield Edited("wrong_derivative", said, 2, each(group, turned), mask=factor)
        for words, other in _guessed(program, array_of(factor)):
            guess = with_argument(position, lambda _, m=other: top * m)
            yield Edited("wrong_derivative", f"takes {words} for the mask{where}", 3, each(group, guess), mask=factor)
        return
    cause = "derivative_twice" if cause == "derivative_missing" else cause
    yield from _twice_or_inverted(cause, group, position, name, named(program, factor))


def _are_counts(factor: Any) -> bool:
    """Whether a divisor is made of whole numbers, which no argument of floating numbers goes into."""
    array = array_of(factor)
    return not isinstance(factor, Step) and bool(np.all(array >= 1) and np.all(array == np.round(array)))


def _guessed(program: Program, mask: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Masks that are read off the values that the forward computes."""
    for value in program.values:
        if value.value.shape == mask.shape:
            yield f"where {named(program, value)} is not 0", value.value != 0
            yield f"where {named(program, value)} is positive", value.value > 0


# --- at another place ---


def misplaced(program: Program) -> Iterator[Edited]:
    """A factor besides; or at another place than its own, such as before a sum for behind it."""
    found = [(group, *one) for group in program.groups for one in factors_of(program, group[0])]
    found = [one for one in found if isinstance(one[2], Step) and not is_slope(one[2]) and not is_mask(one[2])]
    of_slopes = [item for step in program.backward if is_slope(step) for item in step.parents]
    different = {value.value.tobytes(): value for value in [*of_slopes, *(factor for *_, factor in found)]}
    for at in dict.fromkeys([program.cotangent, *program.arriving.values(), *program.gradients.values()]):
        for factor in different.values():
            for word, change in (("multiplies", np.multiply), ("divides", np.divide)):
                said = f"{word} by {named(program, factor)} besides{place(at)}"
                yield from _moved(program, said, 2, at, (factor, change), {})
        for group, position, factor in found:
            change = np.divide if group[0].name == "divide" else np.multiply
            said = f"has the factor {named(program, factor)} elsewhere than{place(group[0])}"
            yield from _moved(program, said, 3, at, (factor, change), each(group, with_argument(position, ones)))


def _moved(
    program: Program, said: str, bits: float, at: Step, by: tuple[Step, Any], others: dict[Step, Any]
) -> Iterator[Edited]:
    """One more factor at a value that carries the cotangent, beside other edits."""
    factor, change = by
    if joint(factor.value.shape, at.value.shape) != at.value.shape:
        return
    if at is program.cotangent:
        more = lambda s: lambda v: others.get(s, s.run)({**v, at: change(at.value, filled(factor, v))})  # noqa: E731
        edits = each(program.users.get(at, []), more)
    else:
        edits = each([at], lambda s: lambda v: change(others.get(s, s.run)(v), filled(factor, v)))
    yield Edited("wrong_factor", said, bits, others | edits)


# --- several factors at once ---


def joint(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape that two arrays have together, where they have one."""
    try:
        return np.broadcast_shapes(a, b)
    except ValueError:
        return None
