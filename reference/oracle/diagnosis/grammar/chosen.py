"""Which entries, and in which passes of a loop: winners exchanged, a label's entry alone, the first pass alone."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import numpy as np

from reference.oracle.diagnosis.edit import Edited, each, instead, with_argument, with_value
from reference.oracle.diagnosis.grammar.factors import factors_of
from reference.oracle.diagnosis.values import array_of, is_number, named, place
from reference.oracle.recording.program import Program
from reference.oracle.recording.tape import Step, filled

OPPOSITE: dict[str, Callable[..., Any]] = {"argmax": np.argmin, "argmin": np.argmax}
# Loops of more passes are not asked which of them count otherwise, nor larger counts for smaller ones.
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


def in_some_passes(program: Program) -> Iterator[Edited]:
    """A term that belongs into the first pass of a loop, or the last, alone; another count at the ends."""
    for group in program.groups:
        ordered = sorted(group, key=lambda step: step.turn)
        if 1 < len(group) <= MOST and group[0].name in ("add", "subtract"):
            yield from _of_one_pass(program, ordered)
        if 2 < len(group) <= MOST and group[0].name in ("multiply", "divide"):
            yield from _at_the_ends(program, ordered)


def _of_one_pass(program: Program, ordered: list[Step]) -> Iterator[Edited]:
    for position, item in enumerate(ordered[0].args):
        if isinstance(item, Step) and item in program.carrying and all(step.args[position] is item for step in ordered):
            for word, others in (("first", ordered[1:]), ("last", ordered[:-1])):
                said = f"adds {named(program, item)} in the {word} pass alone{place(ordered[0])}"
                yield Edited("term_missing", said, 3, each(others, with_argument(position, np.zeros_like)))


def _at_the_ends(program: Program, ordered: list[Step]) -> Iterator[Edited]:
    for position, factor in factors_of(program, ordered[0]):
        own = float(array_of(factor).ravel()[0]) if is_number(factor) else 0.0
        size = own if ordered[0].name == "divide" or not own else 1 / own
        for other in range(1, round(size)) if abs(size - round(size)) < 1e-9 and size <= MOST else ():
            for word, some in (
                ("first", ordered[:1]),
                ("last", ordered[-1:]),
                ("first and last", ordered[:1] + ordered[-1:]),
            ):
                said = f"divides by {other} in place of {size:g} in the {word} pass{place(ordered[0])}"
                number = other if ordered[0].name == "divide" else 1 / other
                yield Edited("scaled_by_count", said, 3.5, each(some, with_value(position, number)))
