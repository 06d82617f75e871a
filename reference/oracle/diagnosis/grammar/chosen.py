"""Which entries, and in which passes of a loop: winners exchanged, a label's entry alone, the first pass alone."""

from collections.abc import Callable, Iterator
from itertools import chain, product
from typing import Any

import numpy as np

from reference.oracle.diagnosis.edit import Edited, each, instead, with_argument, with_value
from reference.oracle.diagnosis.grammar.factors import joint
from reference.oracle.diagnosis.values import array_of, named, place, slopes_of
from reference.oracle.recording.program import Program
from reference.oracle.recording.rules import returned_from
from reference.oracle.recording.tape import Step, filled

OPPOSITE: dict[str, Callable[..., Any]] = {"argmax": np.argmin, "argmin": np.argmax}
# Loops of more passes are not asked which of them count.
MOST = 16


def winners(program: Program) -> Iterator[Edited]:
    """The smallest entry for the largest, at one place or wherever either is looked for; or along another axis."""
    groups = [group for group in program.groups if group[0].name in OPPOSITE]
    for group in [*groups, *([tuple(chain(*groups))] if len(groups) > 1 else [])]:
        turned = instead(lambda s, v: OPPOSITE[s.name](*filled(s.args, v), **s.how))
        said = f"takes the smallest for the largest, and the largest for the smallest,{place(group[0])}"
        yield Edited("wrong_winner", said, 2.5, each(group, turned))
    for group in groups:
        for axis in range(array_of(group[0].args[0]).ndim):
            along = instead(lambda s, v, a=axis: s.function(filled(s.args[0], v), axis=a))  # pyright: ignore
            yield Edited("wrong_winner", f"looks along axis {axis}{place(group[0])}", 3, each(group, along))


def labelled(program: Program) -> Iterator[Edited]:
    """A number at the one entry of each row that an argument of whole numbers names, and 0 at all others."""
    for label, group in product(program.given, program.groups):
        first = group[0]
        chooses = label.value.dtype.kind in "iu" and label.value.ndim and first.name in ("add", "subtract", "multiply")
        items = [(position, item) for position, item in enumerate(first.args) if not isinstance(item, Step)]
        for (position, item), axis in product(items if chooses else (), range(first.value.ndim)):
            entries = _entries(label.value, first.value.shape, axis)
            if entries is not None and not np.array_equal(np.broadcast_to(item, entries.shape), entries):
                number = item if np.ndim(item) == 0 else 1
                said = f"has {number} at the entry of {label.name} along axis {axis} alone{place(first)}"
                yield Edited("wrong_index", said, 3, each(group, with_value(position, number * entries)))


def _entries(label: np.ndarray, shape: tuple[int, ...], axis: int) -> np.ndarray | None:
    """1 at the entries that labels name along an axis."""
    if shape[:axis] + shape[axis + 1 :] != label.shape or label.min() < 0 or label.max() >= shape[axis]:
        return None
    return np.moveaxis(np.eye(shape[axis])[label], -1, axis)


def kept(program: Program) -> Iterator[Edited]:
    """An array that comes of no argument and is in the backward alone, in the place of what this forward gives."""
    known = {id(item) for step in program.forward for item in step.args}
    fresh = [(named(program, value), value.value) for value in program.values if value.part == "forward"]
    fresh += [("the derivative", slope) for slope in slopes_of(program)]
    for step in program.backward:
        for position, item in enumerate(step.args):
            if not isinstance(item, np.ndarray) or item.size < 2 or item.dtype.kind != "f" or id(item) in known:
                continue
            for words, value in fresh:
                if joint(value.shape, item.shape) == value.shape:
                    said = f"takes {words} of this call in place of an array kept from before{place(step)}"
                    yield Edited("stale_state", said, 3, each([step], with_value(position, value)))


def in_some_passes(program: Program) -> Iterator[Edited]:
    """A term that belongs into the first pass of a loop, or the last, alone."""
    for group in program.groups:
        ordered = sorted(group, key=lambda step: step.turn)
        if 1 < len(group) <= MOST and group[0].name in ("add", "subtract"):
            yield from _of_one_pass(program, ordered)


def _of_one_pass(program: Program, ordered: list[Step]) -> Iterator[Edited]:
    for position, item in enumerate(ordered[0].args):
        if isinstance(item, Step) and item in program.carrying and all(step.args[position] is item for step in ordered):
            for word, others in (("first", ordered[1:]), ("last", ordered[:-1])):
                said = f"adds {named(program, item)} in the {word} pass alone{place(ordered[0])}"
                yield Edited("term_missing", said, 3, each(others, with_argument(position, np.zeros_like)))


def folded(program: Program) -> Iterator[Edited]:
    """What padding by an array's own entries put beside it, back where these came from, in place of being cut off."""
    pads = [one for one in [*program.forward, *program.tape.steps] if one.name == "pad" and one.args[2] != "constant"]
    cuts = [group for group in program.groups if group[0].name == "getitem" and group[0] in program.carrying]
    for group, pad in product(cuts, dict.fromkeys(pads)):
        first, inner = group[0], pad.parents[0]
        if array_of(first.args[0]).shape == pad.value.shape and first.value.shape == inner.value.shape:
            back = instead(lambda s, v, p=pad: returned_from(p, np.asarray(filled(s.args[0], v))))
            said = f"hands what the padding copied on to where it came from{place(first)}"
            yield Edited("term added", said, 2.5, each(group, back))
