"""Sums over axes: a mean, one entry, another axis, or none in the place of one."""

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import numpy as np

from reference.oracle.edits.edit import Edited, Group, Values, each, instead
from reference.oracle.edits.program import Program
from reference.oracle.edits.tape import Step, filled
from reference.oracle.edits.values import place


def sums(program: Program, group: Group) -> Iterator[Edited]:
    """A sum that is something else."""
    first = group[0]
    axes = _axes(first)
    if axes is None:
        return
    last, where = first.name == "gathered", place(first)
    spelled = ", ".join(map(str, axes))
    count = int(np.prod([first.args[0].value.shape[axis] for axis in axes]))
    said = f"takes the mean over axis {spelled} where it should sum{where}"
    yield Edited("scaled_by_count", said, 2, each(group, _over(axes, np.mean)), number=1 / count)
    for word, one in ONE_ENTRY.items():
        said = f"takes {word} entry along axis {spelled} where it should sum{where}"
        yield Edited("not_accumulated", said, 2.5, each(group, _over(axes, one)))
    if not last:
        said = f"does not sum over axis {spelled}{where}"
        yield Edited("diagonal_only", said, 1.5, each(group, instead(lambda s, v: filled(s.args[0], v))))
    cause = "wrong_reduction" if last else "wrong_axis"
    rank = first.args[0].value.ndim
    for some in range(1, rank + 1):
        for other in combinations(range(rank), some):
            if set(other) != set(axes):
                said = f"sums over axis {', '.join(map(str, other))} where axis {spelled} belongs{where}"
                yield Edited(cause, said, 2 + 0.5 * some, each(group, instead(_along(other))))


ONE_ENTRY: dict[str, Callable[..., Any]] = {
    "the last": lambda array, axis: np.take(array, -1, axis),
    "the first": lambda array, axis: np.take(array, 0, axis),
    "the largest": np.max,
    "the smallest": np.min,
}


def _axes(step: Step) -> tuple[int, ...] | None:
    """The axes that a step of the backward sums over; None where it does not."""
    if step.name == "gathered":
        return step.args[1]
    if step.name != "sum" or not isinstance(step.args[0], Step):
        return None
    axis, rank = step.how["axis"], step.args[0].value.ndim
    axes = tuple(range(rank)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return tuple(one % rank for one in axes)


def _over(axes: tuple[int, ...], reduce: Callable[..., Any]) -> Callable[[Step], Any]:
    def make(step: Step, values: Values) -> Any:
        array = filled(step.args[0], values)
        for axis in sorted(axes, reverse=True):
            array = reduce(array, axis=axis)
        return np.reshape(array, step.value.shape)

    return instead(make)


def _along(axes: tuple[int, ...]) -> Callable[[Step, Values], Any]:
    def make(step: Step, values: Values) -> Any:
        array = np.sum(filled(step.args[0], values), axis=axes, keepdims=True)
        return array if step.name == "sum" and step.how["keepdims"] else np.reshape(array, step.value.shape)

    return make
