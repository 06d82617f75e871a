"""Parts of the way back that are gone back through at once: left out, twice, or with a slope too many."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from reference.oracle.edits.edit import Edited, Values, each, instead
from reference.oracle.edits.program import Program
from reference.oracle.edits.tape import Step, filled
from reference.oracle.edits.values import is_kinked, is_slope, named, place


def spans(program: Program) -> Iterator[Edited]:
    """A part of the way back that is left out, or gone twice."""
    for start, end in program.spans:
        if start is None or end is None or start.value.shape != end.value.shape or start is end:
            continue
        where = place(end)
        skipped = each([end], instead(lambda s, v, a=start: filled(a, v)))
        inside = [s for s in program.behind([start]) if s in program.ancestors(end) and s is not start]
        if any(is_slope(parent) and is_kinked(parent) for s in inside for parent in s.parents):
            continue
        yield Edited("derivative_missing", f"passes the cotangent on unchanged{where}", 1.2, skipped)
        again = each([end], instead(lambda s, v, a=start, i=inside: _again(s, v, a, i)))
        yield Edited("derivative_twice", f"goes back twice{where}", 2, again)


def _again(end: Step, values: Values, start: Step, inside: list[Step]) -> Any:
    once = end.run(values)
    found = {**values, start: once}
    for step in inside:
        found[step] = step.run(found)
    return found[end]


EXTRA: dict[str, Callable[[Any, Any], Any]] = {
    "u * (1 - u)": lambda ct, u: ct * u * (1 - u),
    "1 - u**2": lambda ct, u: ct * (1 - u * u),
    "(u > 0)": lambda ct, u: ct * (u > 0),
    "softmax's derivative": lambda ct, u: u * (ct - np.sum(u * ct, axis=-1, keepdims=True)),
}


def extra_slopes(program: Program) -> Iterator[Edited]:
    """A slope that does not belong there, besides the right derivative."""
    arriving = [(forward, step) for forward, step in program.arriving.items() if forward.part == "forward"]
    ends = [(end, end) for end in program.gradients.values()]
    for forward, step in [*arriving, *ends]:
        for value in program.values if forward.value.size > 1 else ():
            if value.value.shape != step.value.shape:
                continue
            for formula, apply in EXTRA.items():
                said = f"applies {formula} with u = {named(program, value)} besides{place(forward)}"
                change = each([step], instead(lambda s, v, f=apply, o=value: f(s.run(v), filled(o, v))))
                yield Edited("derivative_twice", said, 6, change)
