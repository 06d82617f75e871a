"""Masks and winners: none, all, turned round, moved, or others than the forward's."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from reference.oracle.edits.edit import Edited, Group, each, instead, with_value
from reference.oracle.edits.program import Program
from reference.oracle.edits.rules import all_of, first_of
from reference.oracle.edits.tape import Step, filled
from reference.oracle.edits.values import is_mask, place

MASKS = ("mask", "greater", "less", "greater_equal", "less_equal", "equal", "astype", "where")


def masks(program: Program, group: Group) -> Iterator[Edited]:
    """A mask left out, or turned round; the winners of a maximum: all that tie, all, or others."""
    first, where = group[0], place(group[0])
    if first.name.startswith("winner of "):
        yield from _winners(group, where)
    elif first.name == "blanked":
        kept = each(group, instead(lambda s, v: filled(s.args[0], v)))
        yield Edited(
            of_comparison(program, first, "derivative_missing", "mask_missing"), f"lacks the mask{where}", 1, kept
        )
    elif first.name in MASKS and (is_mask(first) or first.value.dtype == bool):
        cause = of_comparison(program, first, "derivative_missing", "mask_missing")
        yield Edited(cause, f"lacks the mask{where}", 1, each(group, instead(lambda s, v: np.ones_like(s.value))))
        turned = instead(lambda s, v: ~s.run(v) if s.value.dtype == bool else 1 - s.run(v))
        cause = of_comparison(program, first, "wrong_derivative", "mask_wrong")
        yield Edited(cause, f"has the mask turned round{where}", 2, each(group, turned))


def _winners(group: Group, where: str) -> Iterator[Edited]:
    first = group[0]
    all_ties = instead(lambda s, v: all_of(filled(s.args[0], v), *s.args[1:]))
    said = f"gives the whole gradient to each of several equal entries{where}"
    yield Edited("all_ties", said, 1, each(group, all_ties))
    every = instead(lambda s, v: np.ones_like(s.value))
    yield Edited("wrong_winner", f"gives every entry the gradient of the winner{where}", 0.5, each(group, every))
    for axis in range(first.value.ndim):
        along = instead(lambda s, v, a=axis: first_of(filled(s.args[0], v), a, s.args[2]))
        said = f"gives the gradient to the winner along axis {axis}{where}"
        yield Edited("wrong_winner", said, 2.5, each(group, along))
    for other in {"max", "min"} - {first.args[2]}:
        loser = instead(lambda s, v, o=other: first_of(filled(s.args[0], v), s.args[1], o))
        yield Edited("wrong_winner", f"gives the gradient to the {other}imum{where}", 2, each(group, loser))


def of_comparison(program: Program, step: Any, of_slope: str, of_mask: str) -> str:
    """A comparison of the argument itself is part of a slope, any other a mask."""
    compared = isinstance(step, Step) and step.part != "leaf"
    return of_slope if compared and program.leaves_behind(step) - {program.cotangent} else of_mask


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
                    behind = _masked_by(program, mask, change)
                    if behind:
                        both = each([step], with_value(position, other)) | behind
                        yield Edited(cause, f"{said}, and on the way back", 2.5, both)


def _masked_by(program: Program, mask: Any, change: Callable[[np.ndarray], np.ndarray]) -> dict[Step, Any]:
    """The backward's products with the same mask, or with its opposite, with another one."""
    whole = np.asarray(mask)
    open_there = whole.astype(bool) if whole.dtype == bool or is_mask(whole) else whole > -1e4
    edits: dict[Step, Any] = {}
    for step in program.backward if open_there.ndim else ():
        for position, item in enumerate(step.args if step.name == "multiply" else ()):
            same = isinstance(item, np.ndarray) and item.shape == open_there.shape and is_mask(item)
            if same and np.array_equal(item.astype(bool), open_there):
                edits |= each([step], with_value(position, change(open_there) * 1.0))
    return edits


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
