"""Sums over axes: a mean, one entry, another axis, or none in the place of one."""

from collections.abc import Callable, Iterable, Iterator
from itertools import combinations
from math import prod
from typing import Any

import numpy as np

from reference.oracle.diagnosis.edit import Edited, Group, Values, each, instead, with_argument
from reference.oracle.diagnosis.values import place
from reference.oracle.recording.program import Program
from reference.oracle.recording.rules import shared, spread
from reference.oracle.recording.tape import Step, filled


def sums(program: Program, group: Group) -> Iterator[Edited]:
    """A sum that is a mean, one entry, none, or over other axes."""
    first = group[0]
    if first.name in ("spread", "shared"):
        yield from _shares(group)
    axes = _axes(first)
    if axes is None:
        return
    last, where = first in program.last_sums, place(first)
    spelled = ", ".join(map(str, axes))
    other = ("the sum", "scaled_by_count", 2, np.sum) if first.name == "mean" else REDUCED[0]
    for word, cause, bits, reduce in (other, *REDUCED[1:]):
        said = f"takes {word} over axis {spelled} in place of the {'mean' if other is not REDUCED[0] else 'sum'}{where}"
        yield Edited(cause, said, bits, each(group, _over(axes, reduce)))
    whole = each(group, instead(lambda s, v: filled(s.args[0], v)))
    bits, cause = (1, "wrong_reduction") if last else (2.1, "diagonal_only")
    yield Edited(cause, f"does not sum over axis {spelled}{where}", bits, whole)
    yield from _other_axes(group, axes, "wrong_reduction" if last else "wrong_axis", where)


def _other_axes(group: Group, axes: tuple[int, ...], cause: str, where: str) -> Iterator[Edited]:
    for other, spelled in _others(group[0].args[0].value.ndim, axes):
        edits = each(group, instead(_along(other)))
        yield Edited(cause, f"sums over {spelled}{where}", 2 + 0.5 * len(other), edits)


def _others(rank: int, own: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], str]]:
    """Every other choice of axes, and words for it."""
    for some in range(1, rank + 1):
        for other in combinations(range(rank), some):
            if set(other) != set(own):
                yield other, f"axis {', '.join(map(str, other))} in place of axis {', '.join(map(str, own))}"


REDUCED: tuple[tuple[str, str, float, Callable[..., Any]], ...] = (
    ("the mean", "scaled_by_count", 2, np.mean),
    ("the last entry", "not_accumulated", 1.5, lambda array, axis: np.take(array, -1, axis)),
    ("the first entry", "part_missing", 1.5, lambda array, axis: np.take(array, 0, axis)),
    ("the largest entry", "not_accumulated", 1.5, np.max),
    ("the smallest entry", "not_accumulated", 1.5, np.min),
)


def _axes(step: Step) -> tuple[int, ...] | None:
    """The axes that a step of the backward sums over; None where it does not."""
    return _axes_of(step) if step.name in ("gathered", "sum", "mean") else None


def _shares(group: Group) -> Iterator[Edited]:
    """What comes back from a mean without its count, or from a sum with one."""
    first, where = group[0], place(group[0])
    count = np.size(first.value) // max(np.size(first.args[0].value), 1)
    other, words = (spread, "lacks") if first.name == "shared" else (shared, "has")
    said = f"{words} the factor 1/{count} of a mean{where}"
    change = instead(lambda s, v, f=other: f(filled(s.args[0], v), s.how["shape"], s.how["axis"]))
    if count > 1:
        yield Edited("scaled_by_count", said, 1, each(group, change))


def _spelled(axis: Any, rank: int) -> tuple[int, ...]:
    """Axes as they are counted from the first."""
    return tuple(range(rank)) if axis is None else tuple(sorted(int(one) % rank for one in np.atleast_1d(axis)))


def _over(axes: tuple[int, ...], reduce: Callable[..., Any]) -> Callable[[Step], Any]:
    def make(step: Step, values: Values) -> Any:
        array = filled(step.args[0], values)
        for axis in sorted(axes, reverse=True):
            array = reduce(array, axis=axis)
        return np.reshape(array, step.value.shape)

    return instead(make)


def _along(axes: tuple[int, ...]) -> Callable[[Step, Values], Any]:
    def make(step: Step, values: Values) -> Any:
        reduce = np.mean if step.name == "mean" else np.sum
        array = reduce(filled(step.args[0], values), axis=axes, keepdims=True)
        return array if step.name != "gathered" and step.how["keepdims"] else np.reshape(array, step.value.shape)

    return make


# Of so many terms a part may end anywhere.
FEW = 16
REDUCE: dict[str, Callable[..., Any]] = {"sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min}


def axes(program: Program) -> Iterator[Edited]:
    """All statistics over some axes, in the backward and in what it computes anew, over others."""
    found: dict[tuple[int, tuple[int, ...]], list[Step]] = {}
    for step in program.steps:
        if (own := _axes_of(step)) is not None and step.args[0].value.ndim > 1:
            source = step.how["shape"] if step.name in ("spread", "shared") else step.args[0].value.shape
            found.setdefault((len(source), own), []).append(step)
    for (rank, own), steps in found.items():
        anew = [step for step in steps if step.part == "forward"]
        where = place(steps[0]) if len({(step.code, step.line) for step in steps}) == 1 else ""
        behind = [step for step in steps if step.part == "backward"]
        for other, spelled in _others(rank, own):
            change = instead(_with_axes(other))
            yield Edited("wrong_axis", f"takes statistics over {spelled}{where}", 3, each(steps, change))
            if behind and anew:
                yield Edited("wrong_axis", f"takes its sums over {spelled}{where}", 3, each(behind, change))
                said = f"computes statistics anew over {spelled}{where}"
                yield Edited("wrong_axis", said, 3.5, each(anew, change))


def _axes_of(step: Step) -> tuple[int, ...] | None:
    if step.name == "gathered":
        return tuple(step.args[1]) if isinstance(step.args[0], Step) else None
    if step.name not in (*REDUCE, "spread", "shared") or not step.args or not isinstance(step.args[0], Step):
        return None
    rank = len(step.how["shape"]) if step.name in ("spread", "shared") else step.args[0].value.ndim
    return _spelled(step.how["axis"], rank)


def _with_axes(axes: tuple[int, ...]) -> Callable[[Step, Values], Any]:
    def make(step: Step, values: Values) -> Any:
        array = np.asarray(filled(step.args[0], values))
        if step.name in ("spread", "shared"):
            shape = step.how["shape"]
            whole = np.broadcast_to(array, shape)
            return whole / (np.prod([shape[axis] for axis in axes]) if step.name == "shared" else 1)
        return REDUCE.get(step.name, np.sum)(array, axis=axes, keepdims=True)

    return make


def parts(program: Program, group: Group) -> Iterator[Edited]:
    """A sum over axes, or the contracted axis of a product, of which only a part is added."""
    first, where = group[0], place(group[0])
    if first.name in ("matmul", "einsum") and len(first.args) == 4:
        inputs, output, a, _ = first.args
        shape = np.shape(a.value if isinstance(a, Step) else a)
        over, position = [(axis,) for axis, letter in enumerate(inputs[0]) if letter not in output], 2
    elif first.name in ("gathered", "sum") and isinstance(first.args[0], Step):
        shape, position = first.args[0].value.shape, 0
        over = _in_order(_axes(first) or ())
    elif first.name == "scattered" and isinstance(first.args[1], np.ndarray) and first.args[1].dtype.kind in "iu":
        shape, position = first.args[1].shape, 0
        over = [(axis,) for axis in range(len(shape))]
    else:
        return
    for axes in over:
        size = prod(shape[axis] for axis in axes)
        along = f"ax{'i' if len(axes) == 1 else 'e'}s {', '.join(map(str, axes))}"
        for words, kept in _ranges(size):
            said = f"adds {words} of {size} along {along} only{where}"
            cause = "not_accumulated" if words.startswith("the last") else "part_missing"
            yield Edited(cause, said, 2.5, each(group, with_argument(position, _masked(axes, kept))))


def _in_order(axes: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Each axis, and where they are neighbours all of them as the rows that they make, as a kernel's blocks hold."""
    rows = len(axes) > 1 and axes == tuple(range(axes[0], axes[0] + len(axes)))
    return [*((axis,) for axis in axes), *([axes] if rows else [])]


def _ranges(size: int) -> Iterator[tuple[str, slice]]:
    if size > 1:
        yield "the last", slice(-1, None)
        yield "the first", slice(None, 1)
    if size > 2:
        yield "all but the last", slice(None, -1)
        yield "all but the first", slice(1, None)
    for first in _ends(size):
        yield f"the first {first}", slice(None, first)
        yield f"the last {size - first}", slice(first, None)


def _ends(size: int) -> Iterable[int]:
    """Where a part may end in the middle: anywhere of few; of many where blocks of 2, 4, 8, ... do, as kernels have."""
    if size <= FEW:
        return range(2, size - 1)
    blocks = [2**power for power in range(1, size.bit_length())]
    return sorted({*blocks, *(size // block * block for block in blocks)} - {size})


def _masked(axes: tuple[int, ...], kept: slice) -> Callable[[Any], Any]:
    def change(array: Any) -> Any:
        shape, first = np.shape(array), axes[0]
        rows = np.reshape(array, (*shape[:first], -1, *shape[axes[-1] + 1 :]))
        part, key = np.zeros_like(rows), (slice(None),) * first + (kept,)
        part[key] = rows[key]
        return np.reshape(part, shape)

    return change
