"""The grammar: every way in which one place of a program may be something else, and the cause that it is called by."""

from collections.abc import Iterator

from reference.oracle.edits.edit import Edited
from reference.oracle.edits.grammar.factors import chains, factors
from reference.oracle.edits.grammar.numbers import numbers
from reference.oracle.edits.grammar.operands import anew, exchanged, operands, passes, updated
from reference.oracle.edits.grammar.places import examples, forward_masks, masks, moves, products, upstream
from reference.oracle.edits.grammar.slopes import slopes
from reference.oracle.edits.grammar.sums import sums
from reference.oracle.edits.grammar.terms import cuts, overwritten, terms
from reference.oracle.edits.program import Program

# Rows for every place, and rows for a program as a whole.
PLACES = (factors, slopes, terms, masks, sums, moves, products, overwritten, passes, updated, operands, chains)
WHOLE = (cuts, numbers, upstream, examples, exchanged, forward_masks, anew)


def all_edits(program: Program) -> Iterator[Edited]:
    """Every row at every place."""
    for whole in WHOLE:
        yield from whole(program)
    for row in PLACES:
        for group in program.groups:
            yield from row(program, group)
