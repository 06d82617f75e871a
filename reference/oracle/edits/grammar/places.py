"""Masks, winners, indices and orders: other entries than the forward's, or the right ones in another place."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from reference.oracle.edits.edit import Edited, Group, Values, each, instead, with_value
from reference.oracle.edits.functions import multiplied, put
from reference.oracle.edits.program import Program
from reference.oracle.edits.rules import all_of, first_of
from reference.oracle.edits.tape import Step, filled
from reference.oracle.edits.values import array_of, is_mask, named, place

MASKS = ("mask", "greater", "less", "greater_equal", "less_equal", "equal", "astype", "where")


def masks(program: Program, group: Group) -> Iterator[Edited]:
    """A mask left out, turned round, or of all that tie."""
    first, where = group[0], place(group[0])
    if first.name.startswith("winner of "):
        all_ties = instead(lambda s, v: all_of(filled(s.args[0], v), *s.args[1:]))
        yield Edited("all_ties", f"gives the whole gradient to each of several equal entries{where}", 1, each(group, all_ties))
        every = instead(lambda s, v: np.ones_like(s.value))
        yield Edited("wrong_winner", f"gives every entry the gradient of the winner{where}", 1.5, each(group, every))
        for other in {"max", "min"} - {first.args[2]}:
            loser = instead(lambda s, v, o=other: first_of(filled(s.args[0], v), s.args[1], o))
            yield Edited("wrong_winner", f"gives the gradient to the {other}imum{where}", 2, each(group, loser))
    elif first.name == "blanked":
        said = f"lacks the mask{where}"
        yield Edited(_cause(program, first, "derivative_missing", "mask_missing"), said, 1, each(group, instead(lambda s, v: filled(s.args[0], v))))
    elif first.name in MASKS and (is_mask(first) or first.value.dtype == bool):
        cause = _cause(program, first, "derivative_missing", "mask_missing")
        yield Edited(cause, f"lacks the mask{where}", 1, each(group, instead(lambda s, v: np.ones_like(s.value))))
        turned = instead(lambda s, v: ~s.run(v) if s.value.dtype == bool else 1 - s.run(v))
        cause = _cause(program, first, "wrong_derivative", "mask_wrong")
        yield Edited(cause, f"has the mask turned round{where}", 2, each(group, turned))


def _cause(program: Program, step: Step, of_slope: str, of_mask: str) -> str:
    """A comparison of the argument itself is part of a slope, any other a mask."""
    return of_slope if any(leaf.name != "cotangent" for leaf in program.leaves_behind(step)) else of_mask


def moves(program: Program, group: Group) -> Iterator[Edited]:
    """An index assigned instead of added, entries in another order, reversed or moved by one."""
    first, where = group[0], place(group[0])
    if first.name == "scattered":
        assigned = instead(lambda s, v: put(np.zeros(s.args[2]), filled(s.args[1], v), filled(s.args[0], v)))
        yield Edited("not_accumulated", f"assigns where it should add at equal indices{where}", 1, each(group, assigned))
    moved = first.name in ("transpose", "swapaxes", "moveaxis", "returned", "flip")
    if moved and isinstance(first.args[0], Step) and first.args[0].value.size == first.value.size:
        kept = instead(lambda s, v: np.reshape(filled(s.args[0], v), s.value.shape))
        cause, words = ("flipped", "is not reversed") if first.name == "flip" else ("transposed", "has its entries in the order before")
        yield Edited(cause, f"{words}{where}", 1, each(group, kept))
        if first.name != "flip" and first.args[0].value.ndim == 2:
            turned = instead(lambda s, v: np.reshape(filled(s.args[0], v).T, s.value.shape))
            yield Edited("transposed", f"has its entries in another order{where}", 2, each(group, turned))
    if first.name in ("reshape", "returned") and first.args[0] in program.carrying and first.args[0].value.ndim > 1:
        turned = instead(lambda s, v: np.reshape(np.asarray(filled(s.args[0], v)).T, s.value.shape))
        if first.args[0].value.size == first.value.size:
            yield Edited("transposed", f"has its entries in another order{where}", 2.5, each(group, turned))


def products(program: Program, group: Group) -> Iterator[Edited]:
    """A factor of a matrix product that is not transposed, or a product entry by entry in its place."""
    first, where = group[0], place(group[0])
    if first.name not in ("matmul", "einsum") or len(first.args) != 4:
        return
    inputs = first.args[0]
    for number in (0, 1):
        letters, operand = inputs[number], first.args[2 + number]
        shape = array_of(operand).shape
        carries = isinstance(operand, Step) and operand in program.carrying
        name = "the cotangent" if carries else named(program, operand)
        for i in range(len(letters)):
            for j in range(i):
                if shape[i] == shape[j]:
                    spelled = tuple(_turned(one, i, j) if n == number else one for n, one in enumerate(inputs))
                    change = instead(lambda s, v, sp=spelled: multiplied(sp, s.args[1], *filled(s.args[2:], v)))
                    said = f"multiplies by {name} where its transpose belongs{where}"
                    yield Edited("transposed", said, 1.5, each(group, change))
    for number, star in enumerate(STARS):
        said = f"multiplies entry by entry where a product of matrices belongs{where}"
        change = instead(lambda s, v, f=star: f(*map(np.asarray, filled(s.args[2:], v))))
        yield Edited("elementwise_product", said, 2 + number / 10, each(group, change))


STARS: tuple[Callable[..., Any], ...] = (
    lambda a, b: a * b,
    lambda a, b: a * b.T,
    lambda a, b: a.T * b,
    lambda a, b: a.T * b.T,
)


def _turned(letters: str, i: int, j: int) -> str:
    turned = list(letters)
    turned[i], turned[j] = turned[j], turned[i]
    return "".join(turned)


def upstream(program: Program) -> Iterator[Edited]:
    """The cotangent itself: turned, or without some of its examples."""
    users = program.users.get(program.cotangent, [])
    shape = program.cotangent.value.shape
    if len(shape) == 2 and shape[0] == shape[1]:
        yield Edited("transposed", "takes the cotangent with its axes exchanged", 2, _given(program, users, np.transpose))
    for axis in range(len(shape)):
        if shape[axis] > 1:
            flipped = lambda ct, a=axis: np.flip(ct, a)  # noqa: E731
            yield Edited("flipped", f"takes the cotangent in reverse along axis {axis}", 3, _given(program, users, flipped))


def _given(program: Program, users: list[Step], change: Callable[[Any], Any]) -> dict[Step, Any]:
    changed = change(program.cotangent.value)
    return {user: (lambda v, s=user: s.run({**v, program.cotangent: changed})) for user in users}


def examples(program: Program) -> Iterator[Edited]:
    """Of what comes back to a value with one row an example: the first, the last, or all but one left out."""
    seen: set[tuple[int, ...]] = set()
    for forward, arriving in program.arriving.items():
        size = forward.value.shape[0] if forward.value.ndim else 0
        if size < 3 or forward.part != "forward" or forward.value.shape in seen:
            continue
        seen.add(forward.value.shape)
        for words, kept in (
            ("the first", slice(1, None)),
            ("the last", slice(None, -1)),
            ("all but the last", slice(-1, None)),
            ("all but the first", slice(None, 1)),
        ):
            said = f"lacks the contributions of {words} of {size} entries along axis 0{place(forward)}"
            yield Edited("part_missing", said, 2, each([arriving], instead(_only(kept))))


def _only(kept: slice) -> Callable[[Step, Values], Any]:
    def make(step: Step, values: Values) -> Any:
        value = np.asarray(step.run(values))
        part = np.zeros_like(value)
        part[kept] = value[kept]
        return part

    return make


def forward_masks(program: Program) -> Iterator[Edited]:
    """A mask that the forward is given, at another place, turned round, or without effect, in the backward."""
    for step in program.steps:
        for position, mask in enumerate(step.args if step.name in ("where", "multiply", "add", "mask") else ()):
            if isinstance(mask, Step) or not _masking(mask):
                continue
            for words, change in OTHER_MASKS.items():
                other = change(np.asarray(mask))
                if other.shape == np.shape(mask) and not np.array_equal(other, mask):
                    cause = "mask_missing" if words == "without" else "mask_wrong"
                    said = f"takes the mask {words}{place(step)}"
                    yield Edited(cause, said, 3, each([step], with_value(position, other)))


def _masking(value: Any) -> bool:
    array = np.asarray(value)
    return array.ndim >= 1 and array.size > 1 and (array.dtype == bool or is_mask(array) or bool(np.any(array < -1e4)))


OTHER_MASKS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "without": lambda mask: np.full_like(mask, mask.max()),
    "turned round": lambda mask: ~mask if mask.dtype == bool else mask.max() + mask.min() - mask,
    "one place earlier": lambda mask: _moved(mask, -1),
    "one place later": lambda mask: _moved(mask, 1),
    "from the other corner": lambda mask: np.flip(mask),
    "transposed": lambda mask: np.swapaxes(mask, -1, -2) if mask.ndim > 1 else mask,
}


def _moved(mask: np.ndarray, by: int) -> np.ndarray:
    moved = np.roll(mask, by, -1)
    moved[..., 0 if by > 0 else -1] = mask[..., 0 if by > 0 else -1]
    return moved
