"""Masks and winners: none, all, turned round, moved, or others than the forward's."""

from collections.abc import Callable, Iterator

import numpy as np

from reference.oracle.diagnosis.edit import Edited, Group, Values, each, instead, with_argument
from reference.oracle.diagnosis.values import is_kinked, is_mask, place
from reference.oracle.recording.program import Program
from reference.oracle.recording.rules import all_of, first_of
from reference.oracle.recording.tape import Step, filled

MASKS = ("mask", "greater", "less", "greater_equal", "less_equal", "equal", "astype", "where")


def masks(program: Program, group: Group) -> Iterator[Edited]:
    """A mask left out, or turned round; the winners of a maximum: all that tie, all, or others."""
    first, where = group[0], place(group[0])
    if first.name.startswith("winner of "):
        yield from _winners(group, where)
    elif first.name == "blanked":
        kept = each(group, instead(lambda s, v: filled(s.args[0], v)))
        yield Edited("derivative_missing", f"lacks the mask{where}", 1, kept, mask=first.args[1])
    elif first.name in MASKS and (is_mask(first) or first.value.dtype == bool):
        without = each(group, instead(lambda s, v: np.ones_like(s.value)))
        between = all(is_kinked(user) for user in program.users.get(first, ()))  # two numbers, of which none is 0
        cause, mask = ("scaled_by_constant", None) if between else ("derivative_missing", first)
        yield Edited(cause, f"lacks the mask{where}", 1, without, mask=mask)
        turned = instead(lambda s, v: ~s.run(v) if s.value.dtype == bool else 1 - s.run(v))
        yield Edited("wrong_derivative", f"has the mask turned round{where}", 2, each(group, turned), mask=first)


def _winners(group: Group, where: str) -> Iterator[Edited]:
    first = group[0]
    all_ties = instead(lambda s, v: all_of(filled(s.args[0], v), *s.args[1:]))
    said = f"gives the whole gradient to each of several equal entries{where}"
    yield Edited("all_ties", said, 1, each(group, all_ties))
    every = instead(lambda s, v: np.ones_like(s.value))
    yield Edited("wrong_winner", f"gives every entry the gradient of the winner{where}", 0.5, each(group, every))
    for other in {"max", "min"} - {first.args[2]}:
        loser = instead(lambda s, v, o=other: first_of(filled(s.args[0], v), s.args[1], o))
        yield Edited("wrong_winner", f"gives the gradient to the {other}imum{where}", 2, each(group, loser))
    for words, gap in GAPS.items():
        for far in sorted({one for step in group for one in np.ravel(gap(step, {}))} - {0.0})[:MOST_NEAR]:
            near = instead(lambda s, v, g=gap, f=far: (g(s, v) <= f) * 1.0)
            said = f"gives the gradient to every entry that is nearer to the winner than {far:.3g} {words}{where}"
            yield Edited("wrong_winner", said, 3, each(group, near))


def _gap(step: Step, values: Values) -> np.ndarray:
    """How far every entry is from the winner of its row."""
    array, axis, name = filled(step.args, values)
    return np.abs(array - getattr(np, name)(array, axis=axis, keepdims=True))


def _share(step: Step, values: Values) -> np.ndarray:
    array, axis, name = filled(step.args, values)
    return _gap(step, values) / np.abs(getattr(np, name)(array, axis=axis, keepdims=True))


# So many entries that are nearest to their winners are taken for winners, too.
MOST_NEAR = 40
GAPS: dict[str, Callable[[Step, Values], np.ndarray]] = {"": _gap, "of its size": _share}


def borders(program: Program) -> Iterator[Edited]:
    """Zeros around an array, where the forward has what never wins."""
    for step in program.steps:
        if step.name == "pad" and np.any(np.asarray(step.how.get("constant_values", 0.0)) != 0):
            change = instead(lambda s, v: np.pad(*filled(s.args, v)))
        elif step.name == "setitem" and not isinstance(step.args[0], Step) and np.any(step.args[0] < -1e4):
            change = with_argument(0, lambda base: np.where(base < -1e4, 0.0, base))
        else:
            continue
        wins = any(other.name.startswith("winner of ") for other in program.behind([step]))
        said = f"pads with zeros where the forward does not{place(step)}"
        yield Edited("wrong_winner" if wins else "static_ignored", said, 2, each([step], change))
