"""From one pass of a loop to the one before: what is carried back, and what is a state."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from reference.oracle.diagnosis.edit import Edited, instead
from reference.oracle.diagnosis.values import place
from reference.oracle.recording.program import Program
from reference.oracle.recording.tape import Step, filled


def not_carried(program: Program) -> Iterator[Edited]:
    """Of what comes back to a value in a loop, all that comes from later passes left out: in all passes, or in some."""
    found: dict[Any, dict[Step, Any]] = {}
    for forward, arriving in program.arriving.items():
        terms = list(ways(arriving))
        here = [term for term, user in terms if user is None or not around_loop(program, forward, user)]
        if len(here) < len(terms) > 1 and arriving in program.order:
            keeps = instead(lambda s, v, t=here: sum((filled(one, v) for one in t), np.zeros_like(s.value)))
            found.setdefault((forward.place, forward.name), {})[arriving] = keeps(arriving)
    for cuts in found.values():
        passes = sorted(cuts, key=program.order.__getitem__)
        said = f"carries nothing back from the passes after{place(passes[0])}"
        yield Edited("time_not_carried", said, 1, cuts)
        for first in (0, 1) if len(passes) > 1 else ():
            some = {step: cuts[step] for step in passes[first::2]}
            yield Edited("time_not_carried", f"{said}, in every second pass", 3, some)


def ways(arriving: Any) -> Iterator[tuple[Any, Step | None]]:
    """The contributions that add up to what arrives at a step, and the user that each came through; the last first."""
    while isinstance(arriving, Step) and arriving.name == "added up" and arriving.ways:
        (first, second), (before, way) = arriving.args, arriving.ways
        yield second, way
        if before is not None:
            yield first, before
            return
        arriving = first
    yield arriving, None


def around_loop(program: Program, made: Step, user: Step) -> bool:
    """Whether a value is used by the next pass of the loop that made it: at an earlier place in the same code."""
    for (code, here), (other, there) in zip(made.place, user.place, strict=False):
        if code is not other:
            return False
        if here != there:
            return there < here
    return made.name == user.name and made.place == user.place


def handed_on(program: Program, made: Step, user: Step) -> bool:
    """Whether a value is one of several outputs and a state: the next of an argument, that others are mixed into."""
    is_output = program.out in program.tape_users(user) and user is not program.out
    states = [leaf for leaf in program.leaves_behind(made) if leaf.value.shape == made.value.shape]
    mixed = any(step.name in ("matmul", "einsum") for step in program.ancestors(made))
    return is_output and bool(states) and mixed
