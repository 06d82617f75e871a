"""The cotangent, an argument or the rows of a value as a whole: turned, reversed, or in part."""

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import numpy as np

from reference.oracle.edits.edit import Edited, Values, each, instead
from reference.oracle.edits.program import Program
from reference.oracle.edits.tape import Step
from reference.oracle.edits.values import place


def upstream(program: Program) -> Iterator[Edited]:
    """The cotangent itself: turned, or without some of its examples."""
    users = program.users.get(program.cotangent, [])
    shape = program.cotangent.value.shape
    if len(shape) == 2 and shape[0] == shape[1]:
        yield Edited(
            "transposed", "takes the cotangent with its axes exchanged", 2, _given(program, users, np.transpose)
        )
    for axis in range(len(shape)):
        if shape[axis] > 1:
            flipped = lambda ct, a=axis: np.flip(ct, a)  # noqa: E731
            yield Edited(
                "flipped", f"takes the cotangent in reverse along axis {axis}", 3, _given(program, users, flipped)
            )


def _given(program: Program, users: list[Step], change: Callable[[Any], Any]) -> dict[Step, Any]:
    changed = change(program.cotangent.value)
    return {user: (lambda v, s=user: s.run({**v, program.cotangent: changed})) for user in users}


def turned(program: Program) -> Iterator[Edited]:
    """An argument that is reversed, or has its axes exchanged, wherever the backward uses it."""
    for leaf in program.arguments:
        users = [step for step in program.steps if leaf in step.parents] if leaf is not None else []
        if leaf is None or not users or leaf.value.ndim == 0:
            continue
        rank, shape = leaf.value.ndim, leaf.value.shape
        for count in range(1, rank + 1):
            for some in combinations([axis for axis in range(rank) if shape[axis] > 1], count):
                said = f"takes {leaf.name} in reverse along axis {', '.join(map(str, some))}"
                yield Edited("flipped", said, 2 + count / 4, _with_leaf(leaf, users, np.flip(leaf.value, some)))
        for a, b in combinations(range(rank), 2):
            if shape[a] == shape[b]:
                said = f"takes {leaf.name} with axes {a} and {b} exchanged"
                yield Edited("transposed", said, 2.5, _with_leaf(leaf, users, np.swapaxes(leaf.value, a, b)))


def _with_leaf(leaf: Step, users: list[Step], other: np.ndarray) -> dict[Step, Any]:
    return {user: (lambda v, s=user: s.run({**v, leaf: other})) for user in users}


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
