"""The penalty of an argument: of another kind, with another factor, or of one that has none."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from reference.oracle.diagnosis.edit import Edited, each, instead
from reference.oracle.diagnosis.penalties import penalty_steps
from reference.oracle.recording.program import Program
from reference.oracle.recording.tape import Step

KINDS: Mapping[str, Callable[[Any], Any]] = {"": lambda leaf: leaf, "the sign of ": np.sign}


def penalized(program: Program) -> Iterator[Edited]:
    """In the place of an argument's penalty a number times itself, or its sign: another's number, or one that fits."""
    steps = penalty_steps(program)
    cut = each([step for step in program.backward if step.of in steps], instead(lambda s, v: 0 * s.value))
    without = program.edited(cut) if cut else {}
    own = {position: program.gradients[position].value - value for position, value in without.items()}
    leaves = {position: leaf for position, leaf in enumerate(program.arguments) if leaf is not None}
    rates = {rate for position, value in own.items() for rate in _rates(leaves[position], value)}
    for position, end in program.gradients.items() if own else ():
        leaf, term = leaves[position], own.get(position, 0.0)
        for kind, function in KINDS.items():
            said = f"has {{:.6g}} times {kind}{leaf.name} for its penalty"

            def at(rate: float, freedom: int = 1, f=function, leaf=leaf, end=end, term=term, said=said) -> Edited:
                edit = instead(lambda s, v: s.run(v) - term + rate * f(leaf.value))(end)
                return Edited("regularization", said.format(rate), 2, {end: edit}, freedom=freedom)

            yield from (at(rate, 0) for rate in rates)
            yield Edited("regularization", said, 2, at(0.0).edits, at=at)


def _rates(leaf: Step, term: np.ndarray) -> Iterator[float]:
    """The number by which a penalty's gradient is a multiple of its argument, or of that one's sign."""
    for function in KINDS.values():
        with np.errstate(all="ignore"):
            ratio = term / function(leaf.value)
        if np.isfinite(ratio).all() and np.ptp(ratio) <= 1e-9 * np.max(np.abs(ratio)):
            yield float(np.round(ratio.ravel()[0], 12))
