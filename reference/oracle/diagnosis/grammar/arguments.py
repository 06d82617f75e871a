"""The rows of a value as a whole: in part."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from reference.oracle.diagnosis.edit import Edited, Values, each, instead
from reference.oracle.diagnosis.values import place
from reference.oracle.recording.program import Program
from reference.oracle.recording.tape import Step


def examples(program: Program) -> Iterator[Edited]:
    """Of what comes back to a value with one row an example: the first, the last, or all but one left out."""
    seen: set[tuple[int, ...]] = set()
    for forward, arriving in program.arriving.items():
        size = forward.value.shape[0] if forward.value.ndim else 0
        if size < 3 or forward.part != "forward" or forward.value.shape in seen:
            continue
        seen.add(forward.value.shape)
        for words, kept in (
            ("the first", slice(1, None)),
            ("the last", slice(None, -1)),
            ("all but the last", slice(-1, None)),
            ("all but the first", slice(None, 1)),
        ):
            said = f"lacks the contributions of {words} of {size} entries along axis 0{place(forward)}"
            cause = "not_accumulated" if words.startswith("all") else "part_missing"
            yield Edited(cause, said, 2, each([arriving], instead(_only(kept))))


def _only(kept: slice) -> Callable[[Step, Values], Any]:
    def make(step: Step, values: Values) -> Any:
        value = np.asarray(step.run(values))
        part = np.zeros_like(value)
        part[kept] = value[kept]
        return part

    return make
