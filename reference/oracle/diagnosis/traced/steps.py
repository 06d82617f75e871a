"""Loops and slices that go on in other steps, or in those of another axis; repeats as often as along another axis."""

from collections.abc import Callable, Iterator
from functools import partial, reduce
from itertools import combinations
from math import gcd
from typing import Any

import numpy as np

from reference.oracle.tracing.alterations import CountChange, KeyChange

# (place and shape) of an array -> the keys it is read or written with.
Keys = dict[Any, list[tuple]]


def exchanged_steps(keys: Keys) -> Iterator[tuple[str, KeyChange]]:
    """Of every line that takes slices with steps: the steps of two axes exchanged, or one of them left out."""
    for line, passes in keys.items():
        own = _of_slices(passes, len(line[1]))
        for a, b in combinations(range(1, len(own)), 2):
            if own[a] != own[b]:
                words = f"is the gradient of a forward whose steps along axes {a} and {b} are exchanged"
                yield words, partial(_with_steps, line, _swapped(own, a, b))
        stepping = [axis for axis, step in enumerate(own) if step > 1]
        for axis in stepping if len(stepping) > 1 else ():
            words = f"is the gradient of a forward without the step along axis {axis}"
            yield words, partial(_with_steps, line, (*own[:axis], 1, *own[axis + 1 :]))


def _of_slices(passes: list[tuple], ndim: int) -> tuple[int, ...]:
    """The step along every axis, where all keys are slices of whole axes; nothing where no step is more than one."""
    (key, *others) = passes
    whole = all(isinstance(part, slice) and part.start is None and part.stop is None for part in key)
    own = (*(part.step or 1 for part in key), *(1,) * (ndim - len(key))) if whole and not others else ()
    return own if any(step > 1 for step in own) and all(step > 0 for step in own) else ()


def _swapped(own: tuple[int, ...], a: int, b: int) -> tuple[int, ...]:
    return tuple(own[b] if axis == a else own[a] if axis == b else step for axis, step in enumerate(own))


def _with_steps(place: Any, steps: tuple[int, ...], line: Any, key: Any) -> Any:
    return tuple(slice(None, None, step) for step in steps) if line == place else key


def other_counts(counts: list[int]) -> Iterator[tuple[str, CountChange]]:
    """Two numbers of repeats exchanged, or one of them another usual one."""
    for a, b in combinations(dict.fromkeys(counts), 2):
        words = f"is the gradient of a forward that repeats {a} times where this one does {b} times, and the other way"
        yield words, partial(_exchanged, {a: b, b: a})
    for own in dict.fromkeys(counts):
        for usual in (2, 3, own - 1, own + 1):
            if usual not in (own, 0):
                words = f"is the gradient of a forward that repeats {usual} times where this one does {own} times"
                yield words, partial(_exchanged, {own: usual})


def _exchanged(instead: dict[int, int], count: int) -> int:
    return instead.get(count, count)


def whole(key: Any) -> tuple:
    return key if isinstance(key, tuple) else (key,)


def closer(keys: Keys) -> Iterator[tuple[str, KeyChange]]:
    """The positions that a loop visits in steps of more than one, and slices with such a step, side by side."""
    steps = sorted({step for line in keys for step in _steps(keys[line]).values()})
    for step, other in ((own, other) for own in steps for other in sorted({1, 2, *steps} - {own})):
        words = f"is the gradient of a forward that goes on by {other} where this one goes on by {step}"
        for anchor in (min, max) if other == 1 else (min,):
            yield words, partial(_closer, step, other, keys, anchor)
    nested = {line: found for line, passes in keys.items() if (found := _nested(passes))}
    if nested:
        words = "is the gradient of a forward whose outer loop goes on by 1 where this one goes on by more"
        yield words, partial(_in_turn, nested, {})


def _steps(passes: list[tuple]) -> dict[int, int]:
    """The step between the starts, by the number of the index in the key."""
    found = {}
    for number in range(min(map(len, passes))):
        starts = [start for key in passes if (start := _start(key[number])) is not None]
        if len(starts) == len(passes):
            step = reduce(gcd, (start - min(starts) for start in starts), 0)
            step = _stride(passes[0][number]) if step < 2 else step
            if step > 1:
                found[number] = step
    return found


def _start(index: Any) -> int | None:
    if isinstance(index, slice):
        return (index.start or 0) if (index.start or 0) >= 0 else None
    return int(index) if isinstance(index, int | np.integer) and not isinstance(index, bool) and index >= 0 else None


def _stride(index: Any) -> int:
    return index.step or 1 if isinstance(index, slice) else 1


def _closer(step: int, other: int, keys: Keys, anchor: Callable[[list[int]], int], line: Any, key: Any) -> Any:
    """The key with its starts another step apart, the first of them (or the last) where it was."""
    passes = keys.get(line, [])
    numbers = [number for number, own in _steps(passes).items() if own == step] if passes else []
    parts = list(whole(key))
    for number in numbers:
        first = anchor([_start(one[number]) or 0 for one in passes])
        parts[number] = _moved(parts[number], first, (step, other), line[1][number])
    return tuple(parts) if isinstance(key, tuple) else parts[0]


def _moved(index: Any, first: int, steps: tuple[int, int], size: int) -> Any:
    """The index at another step from the first on, or back to it."""
    step, other = steps
    start = _start(index)
    if start is None:
        return index
    if isinstance(index, slice) and _stride(index) == step and (index.stop is None or index.stop >= 0):
        stop = size if index.stop is None else min(index.stop, size)
        return slice(start, start + (stop - start - 1) // step * other + 1, other)
    at = first + (start - first) // step * other if (start - first) % step == 0 else start
    return _starting(index, at)


def _starting(index: Any, at: int) -> Any:
    """The same index or slice at another place."""
    if not isinstance(index, slice):
        return at
    start = index.start or 0
    return slice(at, None if index.stop is None or index.stop < 0 else index.stop - start + at, index.step)


def _nested(passes: list[tuple]) -> list[dict[int, int]]:
    """For every pass the starts (by the number of the index) with an outer loop that goes on by one; or nothing."""
    moved: list[dict[int, int]] = [{} for _ in passes]
    for number in range(min(map(len, passes))):
        starts = [_start(key[number]) for key in passes]
        known = [start for start in starts if start is not None]
        found = _outer(known) if len(known) == len(starts) else None
        for turn, start in enumerate(known) if found else ():
            inner, step = found or (1, 1)
            moved[turn][number] = start - turn // inner * (step - 1)
    return moved if any(moved) else []


def _outer(starts: list[int]) -> tuple[int, int] | None:
    """(passes of the inner loop, step of the outer one) where all passes go on by the same step of more than one."""
    for inner in range(2, len(starts) // 2 + 1):
        steps = {b - a for a, b in zip(starts[:-inner], starts[inner:], strict=True)}
        if len(starts) % inner == 0 and len(steps) == 1:
            return (inner, steps.pop()) if min(steps) > 1 and len(set(starts[:inner])) > 1 else None
    return None


def _in_turn(nested: dict[Any, list[dict[int, int]]], turns: dict[Any, int], line: Any, key: Any) -> Any:
    """The key with the starts of this pass."""
    turn = turns[line] = turns.get(line, -1) + 1
    if line not in nested or turn >= len(nested[line]):
        return key
    parts = list(whole(key))
    for number, start in nested[line][turn].items():
        parts[number] = _starting(parts[number], start)
    return tuple(parts) if isinstance(key, tuple) else parts[0]
