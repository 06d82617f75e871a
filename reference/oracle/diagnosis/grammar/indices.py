"""Other indices than the forward's: moved, reversed, of the largest entries, or in other steps."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from reference.oracle.diagnosis.edit import Edited, Group, Values, applied, each, instead
from reference.oracle.diagnosis.grammar.operands import moved_on
from reference.oracle.diagnosis.grammar.orders import orders
from reference.oracle.diagnosis.values import array_of, named, place
from reference.oracle.recording.functions import put
from reference.oracle.recording.program import Program
from reference.oracle.recording.tape import Step, filled

# What looks for the places of entries in their order, and what reads or writes at a key.
RANKS = ("argmax", "argmin", "argsort")
KEYED = ("getitem", "scattered", "setitem", "added_at", "take")


def _parts(step: Step) -> list[tuple[int, Any, int]]:
    """(axis, part, size of the axis) of the key that a step reads or writes at."""
    if step.name not in KEYED:
        return []
    key = step.args[1] if isinstance(step.args[1], tuple) else (step.args[1],)
    shape = step.args[2] if step.name == "scattered" else array_of(step.args[0]).shape
    return [(axis, part, size) for (axis, part), size in zip(enumerate(key), shape, strict=False)]


def indices(program: Program, group: Group) -> Iterator[Edited]:
    """An array of indices that is another: moved by one, reversed, all alike, of the largest entries."""
    for axis, part, size in _parts(group[0]):
        ranked = isinstance(part, Step) and part.name in RANKS
        part = array_of(part) if isinstance(part, Step) else part
        if not isinstance(part, np.ndarray) or part.dtype.kind not in "iu" or part.ndim == 0:
            continue
        others = {
            "moved by +1": ("shifted", (part + 1) % size),
            "moved by -1": ("shifted", (part - 1) % size),
            "of the first entry of all": ("wrong_index", np.zeros_like(part)),
            "that counts on": ("wrong_index", np.arange(part.size).reshape(part.shape) % size),
            **{order.words: (order.cause, order.change(part)) for order in orders(part.shape)},
            **_computed(program, part, size),
        }
        for words, (cause, other) in others.items():
            if not np.array_equal(other, part):
                change = each(group, instead(_with_keys({axis: lambda part, size, o=other: o})))
                cause = "wrong_winner" if ranked else cause
                yield Edited(cause, f"takes the index {words}{place(group[0])}", 3, change)


def _computed(program: Program, part: np.ndarray, size: int) -> dict[str, tuple[str, np.ndarray]]:
    """The places of the largest entries of values with one row an index, and indices that stand elsewhere."""
    rows = [value for value in program.values if value.value.shape == (*part.shape, size)][:4]
    chosen = any(np.array_equal(row.value.argmax(-1), part) for row in rows)
    cause = "wrong_winner" if chosen else "wrong_index"
    found = {f"of the largest entries of {named(program, row)}": (cause, row.value.argmax(-1)) for row in rows}
    for step in program.tape.steps:
        for _, other, _ in _parts(step):
            if isinstance(other, np.ndarray) and other.dtype.kind in "iu" and other.shape == part.shape:
                cause = "shifted" if moved_on(part, other) else "wrong_index"
                found |= {f"of{place(step)}": (cause, other)} if np.all(other < size) else {}
    return found


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
    found = _parts(first)
    for axis, part, size in [] if any(part is Ellipsis for _, part, _ in found) else found:
        if not isinstance(part, slice) or part.step not in (None, 1):
            continue
        start, stop, _ = part.indices(size)
        last = size - (stop - start)
        for other in dict.fromkeys((0, last, start - 1, start + 1)):
            if other != start and 0 <= other <= last:
                said = f"begins at {other} along axis {axis} in place of {start}{place(first)}"
                moved = "shifted" if abs(other - start) < stop - start else "wrong_index"  # of another block
                change = _with_keys({axis: partial(_at_start, {start: other})})
                yield Edited("wrong_winner" if _ranked(first) else moved, said, 2.5, each(group, instead(change)))


def _ranked(step: Step) -> bool:
    """Whether what is read are places in an order of entries."""
    source = step.args[0]
    return step.name == "getitem" and isinstance(source, Step) and source.name in RANKS


def strides(program: Program) -> Iterator[Edited]:
    """Windows that a loop visits in steps, visited in other steps: by the backward, or where it reads anew."""
    for group in [*program.groups, *program.forward_groups]:
        if len(group) > 1 and group[0].name in KEYED:
            yield from _strides(group)


def _strides(group: Group) -> Iterator[Edited]:
    keys = [[part for _, part, _ in _parts(step)] for step in group]
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
    if not isinstance(part, slice):
        return places[part]
    start, stop, _ = part.indices(size)
    return slice(places[start], stop - start + places[start], part.step)
