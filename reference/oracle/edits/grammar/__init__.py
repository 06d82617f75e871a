"""The grammar: every way in which one place of a program may be something else, and the cause that it is called by."""

from collections.abc import Iterator

from reference.oracle.edits.edit import Edited
from reference.oracle.edits.grammar.arguments import examples, turned, upstream
from reference.oracle.edits.grammar.factors import chains, factors
from reference.oracle.edits.grammar.indices import indices, keys, strides
from reference.oracle.edits.grammar.masks import forward_masks, masks
from reference.oracle.edits.grammar.moves import moves, products, rearranged
from reference.oracle.edits.grammar.numbers import epsilons, fitted_numbers, numbers, rescaled
from reference.oracle.edits.grammar.operands import anew, exchanged, locally, operands, passes, updated
from reference.oracle.edits.grammar.penalized import penalized
from reference.oracle.edits.grammar.slopes import skipped, slopes
from reference.oracle.edits.grammar.spans import extra_slopes, extra_terms, spans
from reference.oracle.edits.grammar.sums import axes, parts, sums
from reference.oracle.edits.grammar.terms import all_statistics, alone, assigned, cuts, overwritten, terms, windows
from reference.oracle.edits.program import Program

# Rows for a program as a whole, for every place of it, and those that ask a lot, which come where nothing else fits.
WHOLE = (
    cuts, all_statistics, numbers, epsilons, axes, upstream, turned, spans, examples, exchanged, forward_masks, skipped,
    strides,
)  # fmt: skip
PLACES = (
    factors, slopes, terms, masks, sums, moves, keys, indices, products, parts, overwritten, assigned, windows,
    alone, passes, updated,
)  # fmt: skip
MANY = (rearranged, operands, chains)
LAST = (anew, extra_slopes, extra_terms, fitted_numbers, rescaled, penalized)


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
    yield from locally(program, [edited for whole in (*WHOLE, anew) for edited in whole(program)])
    for row in MANY:
        for group in program.groups:
            yield from row(program, group)
    for whole in LAST:
        yield from whole(program)
