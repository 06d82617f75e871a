"""What multiplies the cotangent: left out, applied twice, inverted, or another."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from reference.oracle.edits.edit import Edited, Group, Values, each, instead, ones, with_argument
from reference.oracle.edits.program import Program
from reference.oracle.edits.tape import Step, filled
from reference.oracle.edits.values import array_of, is_mask, is_number, is_slope, named, place


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
        if first.name == "multiply":
            said = f"does not depend on the cotangent{place(first)}"
            other = 1 - position
            yield Edited("ignores_cotangent", said, 2, each(group, with_argument(other, ones)))


def _numbers(program: Program, group: Group, position: int, number: float) -> Iterator[Edited]:
    if abs(number) in (0.0, 1.0):
        return
    first = group[0]
    divides = first.name == "divide"
    spelled, where = f"1/{number:.6g}" if divides else f"{number:.6g}", place(first)
    size = 1 / number if divides else number
    cause = "scaled_by_count" if counts(first) else "scaled_by_constant"
    said = f"lacks the factor {spelled}{where}"
    yield Edited(cause, said, 1, each(group, with_argument(position, ones)), number=1 / size)
    said = f"has the factor {spelled} twice{where}"
    yield Edited(cause, said, 2, each(group, with_argument(position, np.square)), number=size)
    said = f"{'multiplies' if divides else 'divides'} by {number:.6g}{where}"
    yield Edited(cause, said, 2, each(group, with_argument(position, np.reciprocal)), number=1 / size**2)


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
    mask, where = is_mask(factor), place(first)
    name = f"{'1/' if divides else ''}{named(program, factor)}"
    cause = "mask_missing" if mask else "wrong_factor"
    yield Edited(cause, f"lacks the factor {name}{where}", 1, each(group, with_argument(position, ones)))
    if mask:
        top = float(np.max(array_of(factor)))
        turned = with_argument(position, lambda mask: top - np.asarray(mask, float))
        yield Edited("mask_wrong", f"has the mask {name} turned round{where}", 2, each(group, turned))
        for words, other in _guessed(program, array_of(factor)):
            guess = with_argument(position, lambda _, m=other: top * m)
            yield Edited("mask_wrong", f"takes {words} for the mask{where}", 3, each(group, guess))
        return
    yield Edited(cause, f"has the factor {name} twice{where}", 2, each(group, with_argument(position, np.square)))
    if first.name in ("multiply", "divide"):
        said = f"{'multiplies' if divides else 'divides'} by {named(program, factor)}{where}"
        yield Edited(cause, said, 2, each(group, with_argument(position, np.reciprocal)))


def _guessed(program: Program, mask: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Masks that are read off the values that the forward computes."""
    alike = [value for value in program.values if value.value.shape == mask.shape]
    for number, value in enumerate(alike):
        name = named(program, value)
        yield f"where {name} is not 0", value.value != 0
        yield f"where {name} is positive", value.value > 0
        for other in alike[:number]:
            yield f"where {name} is {named(program, other)}", value.value == other.value


# --- several factors at once ---


def chains(program: Program, group: Group) -> Iterator[Edited]:
    """All that multiplies the cotangent on its way through products, replaced by one other value."""
    last = group[0]
    start = _start(program, last)
    if start is None or len(group) > 1 or last.value.ndim == 0:
        return
    with np.errstate(all="ignore"):
        whole = np.asarray(last.value / start.value)
    for value in program.values:
        for formula, power in (("{}", 1), ("1/{}", -1), ("{}**2", 2), ("sqrt({})", 0.5), ("1/sqrt({})", -0.5)):
            array = _raised(value, power, {})
            if joint(array.shape, start.value.shape) != last.value.shape or np.allclose(array, whole):
                continue
            said = f"multiplies by {formula.format(named(program, value))}, and by nothing else,{place(last)}"
            change = lambda s, v, o=value, p=power: filled(start, v) * _raised(o, p, v)  # noqa: E731
            exchange = (whole, value.value**power) if whole.shape == value.value.shape else None
            yield Edited("wrong_operand", said, 6, each(group, instead(change)), exchange=exchange)


def joint(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape that two arrays have together, where they have one."""
    try:
        return np.broadcast_shapes(a, b)
    except ValueError:
        return None


def _raised(value: Step, power: float, values: Values) -> np.ndarray:
    return np.asarray(filled(value, values), float) ** power


def _start(program: Program, step: Step) -> Step | None:
    """Where a chain of two products or more begins that ends here; None where there is none."""
    length = 0
    while step.name in ("multiply", "divide", "negative") and step.part == "backward":
        carrying = [item for item in step.parents if item in program.carrying]
        if len(carrying) != 1:
            break
        step, length = carrying[0], length + 1
    return step if length > 1 else None
