"""The grammar: every way in which one place of a program may be something else, and the cause that it is called by."""

from collections.abc import Callable, Iterator, Sequence

from reference.oracle.diagnosis.edit import Edited, Group
from reference.oracle.diagnosis.grammar import (
    chosen,
    factors,
    indices,
    inserted,
    masks,
    moves,
    numbers,
    operands,
    orders,
    slopes,
    spans,
    substituted,
    sums,
    terms,
    time,
)
from reference.oracle.recording.program import Program

Groups = Sequence[Group]
# What a row yields of a program as a whole, and of one place of it.
Whole = Callable[[Program], Iterator[Edited]]
Place = Callable[[Program, Group], Iterator[Edited]]

WHOLE: tuple[Whole, ...] = (
    terms.cuts, time.not_carried, terms.all_statistics, numbers.numbers, numbers.epsilons, sums.axes, spans.spans,
    masks.borders, slopes.skipped, orders.reordered, indices.strides,
)  # fmt: skip
PLACES: tuple[Place, ...] = (
    factors.factors, slopes.slopes, terms.terms, masks.masks, sums.sums, moves.moves, indices.keys, indices.indices,
    indices.columns, moves.products, sums.parts, terms.overwritten, terms.alone, operands.passes, operands.updated,
)  # fmt: skip
# Those for one of several ways, for what of the forward is computed anew, and those that ask a lot, which come where
# nothing else fits.
WAYS: tuple[Place, ...] = (factors.factors, masks.masks, indices.columns)
ANEW: tuple[Place, ...] = (indices.indices, indices.keys, operands.passes)
MANY: tuple[Place, ...] = (orders.rearranged, operands.operands)
LAST: tuple[Whole, ...] = (
    factors.misplaced, spans.extra_slopes, numbers.fitted_numbers, orders.arrived, orders.again,
    operands.exchanged,
)  # fmt: skip
# Those for what a backward by hand lacks, and for one wrong value at several places of it.
LACKING_WHOLE: tuple[Whole, ...] = (
    inserted.over_passes, chosen.winners, chosen.labelled, chosen.kept, chosen.in_some_passes, chosen.folded,
    inserted.not_updated,
)  # fmt: skip
LACKING: tuple[Place, ...] = (
    inserted.accumulated, inserted.matrix_products, inserted.guards, inserted.rejoined, inserted.carried,
    inserted.multiplied, inserted.added,
)  # fmt: skip
REPLACING: tuple[Whole, ...] = (substituted.true_slopes, substituted.substituted)


def _everywhere(rows: Sequence[Place], program: Program, groups: Groups) -> Iterator[Edited]:
    for row in rows:
        for group in groups:
            yield from row(program, group)


def _at_once(rows: Sequence[Whole], program: Program) -> Iterator[Edited]:
    for row in rows:
        yield from row(program)


def plain_edits(program: Program, groups: Groups) -> Iterator[Edited]:
    """The rows that ask little, at these places."""
    yield from _everywhere(PLACES, program, groups)


def whole_edits(program: Program, groups: Groups) -> Iterator[Edited]:
    """The rows for a program as a whole."""
    yield from _at_once(WHOLE, program)


def further_edits(program: Program, groups: Groups) -> Iterator[Edited]:
    """The rows that ask a lot, at these places."""
    for edited in [*_everywhere(WAYS, program, [group for group in groups if len(group) == 1])]:
        yield from operands.on_one_way(program, edited)
    yield from _everywhere(ANEW, program, program.forward_groups)
    yield from _everywhere(MANY, program, groups)
    yield from _at_once(LAST, program)


def mending_edits(program: Program, groups: Groups) -> Iterator[Edited]:
    """The rows for what a backward lacks, at these places."""
    yield from _at_once(LACKING_WHOLE, program)
    yield from _everywhere(LACKING, program, groups)


def replacing_edits(program: Program, groups: Groups) -> Iterator[Edited]:
    """The rows for one wrong value at several places of a backward."""
    yield from _at_once(REPLACING, program)
