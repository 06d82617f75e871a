"""Other indices than the forward's: moved, reversed, of the largest entries, or in other steps."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from reference.oracle.diagnosis.edit import Edited, Group, Values, applied, each, instead
from reference.oracle.diagnosis.grammar.orders import orders
from reference.oracle.diagnosis.values import array_of, place
from reference.oracle.recording.functions import put
from reference.oracle.recording.program import Program
from reference.oracle.recording.tape import Step, filled

# What looks for the places of entries in their order.
RANKS = ("argmax", "argmin", "argsort")


def indices(program: Program, group: Group) -> Iterator[Edited]:
    """An array of indices that is another: moved by one, reversed, of the largest entries."""
    first, where = group[0], place(group[0])
    if first.name not in ("getitem", "scattered", "setitem", "added_at", "take"):
        return
    key = first.args[1] if isinstance(first.args[1], tuple) else (first.args[1],)
    shape = first.args[2] if first.name == "scattered" else array_of(first.args[0]).shape
    for axis, part in enumerate(key):
        ranked = isinstance(part, Step) and part.name in RANKS
        part = array_of(part) if isinstance(part, Step) else part
        if not isinstance(part, np.ndarray) or part.dtype.kind not in "iu" or part.ndim == 0 or axis >= len(shape):
            continue
        others = {
            "moved by +1": ("shifted", (part + 1) % shape[axis]),
            "moved by -1": ("shifted", (part - 1) % shape[axis]),
            "of the first entry of all": ("wrong_index", np.zeros_like(part)),
            "that counts on": ("wrong_index", np.arange(part.size).reshape(part.shape) % shape[axis]),
            **{order.words: (order.cause, order.change(part)) for order in orders(part.shape)},
        }
        for words, (cause, other) in others.items():
            if not np.array_equal(other, part):
                change = each(group, instead(with_key(axis, other)))
                cause = "wrong_winner" if ranked else cause
                yield Edited(cause, f"takes the index {words}{where}", 3, change)


def columns(program: Program, group: Group) -> Iterator[Edited]:
    """Two indices, one of which stands as a column, so that each of the one meets each of the other."""
    first = group[0]
    key = first.args[1] if first.name == "scattered" and isinstance(first.args[1], tuple) else ()
    if len(key) == 2 and all(isinstance(part, np.ndarray) and part.size == first.value.shape[0] for part in key):
        said = f"pairs every row with the index of every row{place(first)}"
        yield Edited("wrong_index", said, 2.5, each(group, instead(_crossed)))


def _crossed(step: Step, values: Values) -> np.ndarray:
    ct, (rows, others), shape = filled(step.args, values)
    return put(
        np.zeros(shape), (np.ravel(rows), np.reshape(others, (-1, 1))), np.broadcast_to(np.ravel(ct), (shape[0],))
    )


def with_key(axis: int, other: Any) -> Callable[[Step, Values], Any]:
    """A step that reads or writes at another index, or at another slice, along an axis."""
    return _with_keys({axis: other if callable(other) else lambda part, size: other})


def _with_keys(changes: Mapping[int, Callable[[Any, int], Any]]) -> Callable[[Step, Values], Any]:
    """A step that reads or writes elsewhere: by the axis what is made of a part of its key, and of the axis' size."""

    def make(step: Step, values: Values) -> Any:
        args = list(filled(step.args, values))
        key = list(args[1] if isinstance(args[1], tuple) else (args[1],))
        shape = args[2] if step.name == "scattered" else np.shape(args[0])
        for axis, change in changes.items():
            key[axis] = change(key[axis], shape[axis])
        return applied(step, [args[0], tuple(key), *args[2:]], values)

    return make


def keys(program: Program, group: Group) -> Iterator[Edited]:
    """A slice that begins elsewhere."""
    first = group[0]
    if first.name not in ("getitem", "setitem", "scattered", "added_at"):
        return
    position = 1
    key = first.args[position] if isinstance(first.args[position], tuple) else (first.args[position],)
    shape = array_of(first.args[0]).shape if first.name != "scattered" else first.args[2]
    for axis, part in enumerate(key):
        if (
            not isinstance(part, slice)
            or part.step not in (None, 1)
            or axis >= len(shape)
            or Ellipsis in [k for k in key if k is Ellipsis]
        ):
            continue
        start, stop, _ = part.indices(shape[axis])
        for other in dict.fromkeys((0, shape[axis] - (stop - start), start - 1, start + 1)):
            if other != start and 0 <= other <= shape[axis] - (stop - start):
                said = f"begins at {other} along axis {axis} in place of {start}{place(first)}"
                moved = "shifted" if abs(other - start) < stop - start else "wrong_index"  # of another block
                cause = "wrong_winner" if _ranked(first) else moved
                yield Edited(cause, said, 2.5, each(group, instead(with_key(axis, partial(_begun, other - start)))))


def _ranked(step: Step) -> bool:
    """Whether what is read are places in an order of entries."""
    source = step.args[0]
    return step.name == "getitem" and isinstance(source, Step) and source.name in RANKS


def _begun(by: int, part: slice, size: int) -> slice:
    start, stop, _ = part.indices(size)
    return slice(start + by, stop + by)


def strides(program: Program) -> Iterator[Edited]:
    """Windows that a loop visits in steps, visited in other steps: by the backward, or where it reads anew."""
    forward: dict[Any, list[Step]] = {}
    for step in program.steps:
        if step.part == "forward":
            forward.setdefault((step.place, step.name), []).append(step)
    for group in [*program.groups, *map(tuple, forward.values())]:
        if group[0].name in ("getitem", "scattered", "setitem", "added_at") and len(group) > 1:
            yield from _strides(group)


def _strides(group: Group) -> Iterator[Edited]:
    keys = [step.args[1] if isinstance(step.args[1], tuple) else (step.args[1],) for step in group]
    steps: dict[int, tuple[int, list[int]]] = {}
    for axis in range(min(map(len, keys))):
        starts = [_start(key[axis]) for key in keys]
        places = sorted({start for start in starts if start is not None})
        own = min((b - a for a, b in pairwise(places)), default=0)
        if own and None not in starts and all((start - places[0]) % own == 0 for start in places):
            steps[axis] = own, places
    for axes in [*([axis] for axis in steps), *([list(steps)] if len(steps) > 1 else [])]:
        for other in (1, 2, 3):
            moved = {axis: partial(_at_start, _moved(*steps[axis], other)) for axis in axes if steps[axis][0] != other}
            if len(moved) == len(axes):
                own, spelled = steps[axes[0]][0], " and ".join(map(str, axes))
                said = f"goes on by {other} along axis {spelled} where the forward goes on by {own}{place(group[0])}"
                yield Edited("static_ignored", said, 3, each(group, instead(_with_keys(moved))))


def _moved(own: int, places: list[int], other: int) -> dict[int, int]:
    return {start: places[0] + (start - places[0]) // own * other for start in places}


def _start(part: Any) -> int | None:
    """Where an index or a slice begins, counted from the first entry; None where that is not said so."""
    number = (part.start or 0) if isinstance(part, slice) else part
    counted = isinstance(number, int | np.integer) and not isinstance(number, bool)
    return int(number) if counted and number >= 0 else None


def _at_start(places: Mapping[int, int], part: Any, size: int) -> Any:
    """An index, or a slice, that begins at another place."""
    start = _start(part) or 0
    if not isinstance(part, slice):
        return places[start]
    return slice(places[start], None if part.stop is None else part.stop - start + places[start], part.step)
