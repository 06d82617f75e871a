"""Parts of the way back that are gone back through at once: left out, twice, or with a slope too many."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from reference.oracle.diagnosis.edit import Edited, Values, each, instead
from reference.oracle.diagnosis.values import is_kinked, is_slope, named, place
from reference.oracle.recording.program import Program
from reference.oracle.recording.tape import Step, filled


def spans(program: Program) -> Iterator[Edited]:
    """A part of the way back that is left out, or gone twice: at one place, or the same function's at all."""
    found: dict[Any, list[tuple[Step, Step]]] = {}
    for start, end in program.spans:
        if start.value.shape == end.value.shape and start is not end:
            found.setdefault((end.of.place, end.of.name) if end.of else end, []).append((start, end))
    for pairs in found.values():
        for some in [pairs, *([pair] for pair in pairs if len(pairs) > 1)]:
            yield from _of_spans(program, some)


def _of_spans(program: Program, pairs: list[tuple[Step, Step]]) -> Iterator[Edited]:
    where, skipped, again = place(pairs[0][1]), {}, {}
    for start, end in pairs:
        inside = [s for s in program.behind([start]) if s in program.ancestors(end) and s is not start]
        if any(is_slope(parent) and is_kinked(parent) for s in inside for parent in s.parents):
            return
        skipped |= each([end], instead(lambda s, v, a=start: filled(a, v)))
        again |= each([end], instead(lambda s, v, a=start, i=inside: _again(s, v, a, i)))
    yield Edited("derivative_missing", f"passes the cotangent on unchanged{where}", 1.2, skipped)
    yield Edited("derivative_twice", f"goes back twice{where}", 2, again)


def _again(end: Step, values: Values, start: Step, inside: list[Step]) -> Any:
    once = end.run(values)
    found = {**values, start: once}
    for step in inside:
        found[step] = step.run(found)
    return found[end]


def _with_statistics(axis: int) -> Callable[[Any, Any], Any]:
    def less(ct: Any, u: Any) -> Any:
        return ct - np.mean(ct, axis, keepdims=True) - u * np.mean(ct * u, axis, keepdims=True)

    return less


EXTRA: dict[str, Callable[[Any, Any], Any]] = {
    "u * (1 - u)": lambda ct, u: ct * u * (1 - u),
    "1 - u**2": lambda ct, u: ct * (1 - u * u),
    "(u > 0)": lambda ct, u: ct * (u > 0),
    "the terms through a mean and a spread along axis 0": _with_statistics(0),
    "the terms through a mean and a spread along axis -1": _with_statistics(-1),
    "softmax's derivative": lambda ct, u: u * (ct - np.sum(u * ct, axis=-1, keepdims=True)),
}


def extra_slopes(program: Program) -> Iterator[Edited]:
    """A slope that does not belong there, or the terms of statistics that were given, besides the right derivative."""
    for forward, step in _arriving(program):
        for value in program.values if forward.value.size > 1 else ():
            if value.value.shape != step.value.shape:
                continue
            for formula, apply in EXTRA.items():
                said = f"applies {formula} with u = {named(program, value)} besides{place(forward)}"
                change = each([step], instead(lambda s, v, f=apply, o=value: f(s.run(v), filled(o, v))))
                cause = "term_extra" if "mean" in formula else "derivative_twice"
                own = (
                    any(leaf and np.array_equal(value.value, leaf.value) for leaf in program.arguments)
                    and cause == "derivative_twice"
                )
                yield Edited("wrong_derivative" if own else cause, said, 6, change)


def _arriving(program: Program) -> list[tuple[Step, Step]]:
    arriving = [(forward, step) for forward, step in program.arriving.items() if forward.part == "forward"]
    return [*arriving, *((end, end) for end in program.gradients.values())]
