"""The grammar: every way in which one place of a program may be something else, and the cause that it is called by."""

from collections.abc import Iterator

from reference.oracle.edits.edit import Edited
from reference.oracle.edits.grammar.arguments import examples
from reference.oracle.edits.grammar.factors import chains, factors
from reference.oracle.edits.grammar.indices import columns, indices, keys, strides
from reference.oracle.edits.grammar.masks import borders, forward_masks, masks, opened
from reference.oracle.edits.grammar.moves import moves, products
from reference.oracle.edits.grammar.numbers import epsilons, numbers
from reference.oracle.edits.grammar.operands import anew, exchanged, locally, on_one_way, operands, passes, updated
from reference.oracle.edits.grammar.orders import again, arrived, rearranged, reordered
from reference.oracle.edits.grammar.slopes import skipped, slopes
from reference.oracle.edits.grammar.spans import extra_slopes, spans
from reference.oracle.edits.grammar.sums import axes, parts, shares_over, sums
from reference.oracle.edits.grammar.terms import all_statistics, alone, assigned, cuts, overwritten, terms, windows
from reference.oracle.edits.program import Program

# Rows for a program as a whole, for every place of it, for what of the forward is computed anew, for one of several
# ways, and those that ask a lot, which come where nothing else fits.
WHOLE = (
    cuts, all_statistics, numbers, epsilons, axes, shares_over, spans, examples, exchanged, forward_masks, borders,
    skipped, reordered,
)  # fmt: skip
PLACES = (
    factors, slopes, terms, masks, opened, sums, moves, keys, strides, indices, columns, products, parts, overwritten,
    assigned, windows, alone, passes, updated,
)  # fmt: skip
ANEW = (indices, keys, passes)
WAYS = (factors, masks, columns)
MANY = (rearranged, operands, chains)
LAST = (extra_slopes, arrived, again)


def plain_edits(program: Program) -> Iterator[Edited]:
    """The rows that ask little."""
    for row in PLACES:
        for group in program.groups:
            yield from row(program, group)


def whole_edits(program: Program) -> Iterator[Edited]:
    """The rows for a program as a whole."""
    for whole in WHOLE:
        yield from whole(program)


def further_edits(program: Program) -> Iterator[Edited]:
    """The rows that ask a lot."""
    for row in WAYS:
        for edited in [one for group in program.groups if len(group) == 1 for one in row(program, group)]:
            yield from on_one_way(program, edited)
    edits = [edited for whole in (anew, *WHOLE) for edited in whole(program)]
    edits += [edited for row in ANEW for group in program.forward_groups for edited in row(program, group)]
    yield from locally(program, edits)
    for row in MANY:
        for group in program.groups:
            yield from row(program, group)
    for whole in LAST:
        yield from whole(program)
