"""Small numbers for safety that stand elsewhere in the backward: what they can do, where no one edit says it."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.diagnosis.grammar.numbers import numbers
from reference.oracle.evidence.model import Model
from reference.oracle.evidence.view import View
from reference.oracle.recording.program import Program

# So many times what the number does in its own place, at every entry, it may do in another one; and the share of the
# largest entry that is still a small error.
TIMES, SMALL = 10.0, 1e-3


def about_as_much(view: View, program: Program) -> Iterator[Model]:
    """An error that is nowhere larger than what the forward's small numbers do themselves."""
    error, own = np.abs(view.error) if view.same_shape else None, program.gradients.get(view.position)
    if error is None or own is None or not np.max(error, initial=0.0) <= SMALL * view.scale:
        return
    for edited in numbers(program):
        if edited.cause == "epsilon_one_side":
            moved = program.edited(edited.edits).get(view.position, own.value)
            if np.all(error <= TIMES * np.abs(moved - own.value) + view.noise):
                number = edited.words.removeprefix("has 0 in place of ")
                shown = f"without it the true gradient moves by up to {np.max(np.abs(moved - own.value)):.1e}"
                words = f"has the small number elsewhere: the forward has {number}"
                yield Model("epsilon_one_side", words, view.got, shown=shown)
                return
