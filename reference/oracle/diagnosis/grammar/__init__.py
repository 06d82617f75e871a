"""The grammar: every way in which one place of a program may be something else, and the cause that it is called by."""

from collections.abc import Iterator, Sequence

from reference.oracle.diagnosis.edit import Edited
from reference.oracle.diagnosis.grammar.arguments import examples
from reference.oracle.diagnosis.grammar.chosen import folded, in_some_passes, kept, labelled, winners
from reference.oracle.diagnosis.grammar.factors import chains, factors, misplaced
from reference.oracle.diagnosis.grammar.indices import columns, indices, keys, strides
from reference.oracle.diagnosis.grammar.inserted import (
    accumulated,
    added,
    carried,
    guards,
    matrix_products,
    multiplied,
    not_updated,
    over_passes,
    rejoined,
    turned,
    with_one,
)
from reference.oracle.diagnosis.grammar.masks import borders, forward_masks, masks, opened
from reference.oracle.diagnosis.grammar.moves import moves, products
from reference.oracle.diagnosis.grammar.numbers import epsilons, fitted_numbers, guarded, numbers, rescaled
from reference.oracle.diagnosis.grammar.operands import (
    anew,
    exchanged,
    locally,
    mistaken,
    on_one_way,
    operands,
    passes,
    updated,
)
from reference.oracle.diagnosis.grammar.orders import again, arrived, rearranged, reordered
from reference.oracle.diagnosis.grammar.penalized import penalized
from reference.oracle.diagnosis.grammar.slopes import skipped, slopes
from reference.oracle.diagnosis.grammar.spans import extra_slopes, extra_terms, spans
from reference.oracle.diagnosis.grammar.substituted import left_out, substituted, true_slopes
from reference.oracle.diagnosis.grammar.sums import axes, counts, parts, shares_over, sums
from reference.oracle.diagnosis.grammar.terms import (
    all_statistics,
    alone,
    assigned,
    cuts,
    overwritten,
    terms,
    windows,
)
from reference.oracle.diagnosis.grammar.time import not_carried
from reference.oracle.recording.program import Program
from reference.oracle.recording.tape import Step

# Rows for a program as a whole, for every place of it, for what of the forward is computed anew, for one of several
# ways, and those that ask a lot, which come where nothing else fits.
WHOLE = (
    cuts, not_carried, all_statistics, numbers, epsilons, axes, counts, shares_over, spans, examples, exchanged,
    mistaken, forward_masks, borders, skipped, reordered, strides,
)  # fmt: skip
PLACES = (
    factors, slopes, terms, masks, opened, sums, moves, keys, indices, columns, products, parts, overwritten,
    assigned, windows, alone, passes, updated,
)  # fmt: skip
ANEW = (indices, keys, passes)
WAYS = (factors, masks, columns)
MANY = (rearranged, operands, chains)
LAST = (misplaced, extra_slopes, extra_terms, fitted_numbers, guarded, rescaled, penalized, arrived, again)


Groups = Sequence[tuple[Step, ...]]


def plain_edits(program: Program, groups: Groups) -> Iterator[Edited]:
    """The rows that ask little, at these places."""
    for row in PLACES:
        for group in groups:
            yield from row(program, group)


def whole_edits(program: Program, groups: Groups) -> Iterator[Edited]:
    """The rows for a program as a whole."""
    for whole in WHOLE:
        yield from whole(program)


def _of_forward(edited: Edited) -> bool:
    return all(step.part == "forward" for step in edited.edits)


def further_edits(program: Program, groups: Groups) -> Iterator[Edited]:
    """The rows that ask a lot, at these places."""
    for row in WAYS:
        for edited in [one for group in groups if len(group) == 1 for one in row(program, group)]:
            yield from on_one_way(program, edited)
    new = [*anew(program), *(one for row in ANEW for group in program.forward_groups for one in row(program, group))]
    yield from new
    anywhere = [edited for whole in WHOLE for edited in whole(program) if _of_forward(edited)]
    without = [edited for group in groups for edited in factors(program, group) if "lacks" in edited.words]
    yield from locally(program, groups, new + anywhere + without)
    for row in MANY:
        for group in groups:
            yield from row(program, group)
    for whole in LAST:
        yield from whole(program)


def mending_edits(program: Program, groups: Groups) -> Iterator[Edited]:
    """The rows for what a backward lacks, at these places."""
    for row in (over_passes, turned, winners, labelled, kept, in_some_passes, folded, not_updated):
        yield from row(program)
    for row in (accumulated, matrix_products, guards, rejoined, with_one, carried, multiplied, added):
        for group in groups:
            yield from row(program, group)


def replacing_edits(program: Program, groups: Groups) -> Iterator[Edited]:
    """The rows for one wrong value at several places of a backward."""
    for row in (left_out, true_slopes, substituted):
        yield from row(program)
