"""The forward itself with a mask or the step between positions changed: whose gradient came back?"""

from collections.abc import Callable, Iterator
from functools import partial, reduce
from math import gcd
from typing import Any

import numpy as np

from reference.oracle.diagnosis.evidence import Evidence
from reference.oracle.diagnosis.traced.altered import Other, gradients_with
from reference.oracle.diagnosis.traced.numbers import with_another_number
from reference.oracle.tracing.alterations import KeyChange, MaskChange, altering
from reference.oracle.tracing.trace import trace

# What a line of the forward reads or writes, pass by pass.
Keys = dict[Any, list[tuple]]


def otherwise(evidence: Evidence, cotangent: np.ndarray) -> Iterator[Other]:
    """The gradients of the forward with another mask, or with its positions side by side."""
    masks, keys = _seen(evidence)
    for cause, words, change in _masks(masks):
        yield from gradients_with(evidence, cotangent, cause, words, mask=change)
    for words, change in _keys(keys):
        yield from gradients_with(evidence, cotangent, "static_ignored", words, key=change)
    yield from with_another_number(evidence, cotangent)


def _seen(evidence: Evidence) -> tuple[list[np.ndarray], Keys]:
    masks: list[np.ndarray] = []
    keys: Keys = {}

    def note_mask(line: Any, mask: np.ndarray) -> np.ndarray:
        masks.append(mask)
        return mask

    def note_key(line: Any, key: Any) -> Any:
        keys.setdefault(line, []).append(_whole(key))
        return key

    with altering(note_mask, note_key):
        trace(evidence.subject.forward, evidence.primals)
    return masks, keys


def _masks(masks: list[np.ndarray]) -> Iterator[tuple[str, str, MaskChange]]:
    """No mask, the inverted one, and triangles that begin elsewhere."""
    if not masks:
        return
    yield "mask_missing", "is the gradient without the forward's mask", lambda line, mask: np.zeros_like(mask)
    yield "mask_wrong", "is the gradient for the inverted mask", lambda line, mask: ~mask
    for shape in dict.fromkeys(mask.shape[-2:] for mask in masks if mask.ndim > 1):
        for offset in sorted({-1, 0, 1, 2, shape[1] - shape[0], 1 + shape[1] - shape[0], 1 - shape[1] + shape[0]}):
            words = f"is the gradient for a causal mask that begins at diagonal {offset}"
            yield "mask_wrong", words, partial(_triangle, offset)


def _triangle(offset: int, line: Any, mask: np.ndarray) -> np.ndarray:
    """A triangle of another offset where the mask is one."""
    if mask.ndim < 2 or not _is_triangle(mask):
        return mask
    return np.broadcast_to(np.triu(np.ones(mask.shape[-2:], bool), offset), mask.shape)


def _is_triangle(mask: np.ndarray) -> bool:
    rows = mask.reshape(-1, *mask.shape[-2:])[0]
    return any(np.array_equal(rows, np.triu(np.ones(rows.shape, bool), k)) for k in range(-len(rows), rows.shape[1]))


def _whole(key: Any) -> tuple:
    return key if isinstance(key, tuple) else (key,)


def _keys(keys: Keys) -> Iterator[tuple[str, KeyChange]]:
    """The positions that a loop visits in steps of more than one, and slices with such a step, side by side."""
    steps = sorted({step for line in keys for step in _steps(keys[line]).values()})
    for step in steps:
        words = f"is the gradient of a forward that goes on by 1 where this one goes on by {step}"
        for anchor in (min, max):
            yield words, partial(_closer, step, keys, anchor)
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


def _closer(step: int, keys: Keys, anchor: Callable[[list[int]], int], line: Any, key: Any) -> Any:
    """The key with its starts side by side, the first of them (or the last) where it was."""
    passes = keys.get(line, [])
    numbers = [number for number, own in _steps(passes).items() if own == step] if passes else []
    parts = list(_whole(key))
    for number in numbers:
        first = anchor([_start(other[number]) or 0 for other in passes])
        parts[number] = _moved(parts[number], first, step, line[1][number])
    return tuple(parts) if isinstance(key, tuple) else parts[0]


def _moved(index: Any, first: int, step: int, size: int) -> Any:
    """The index at a step of one from the first on, or back to it."""
    start = _start(index)
    if start is None:
        return index
    if isinstance(index, slice) and _stride(index) == step and (index.stop is None or index.stop >= 0):
        stop = size if index.stop is None else min(index.stop, size)
        return slice(start, start + (stop - start + step - 1) // step)
    at = first + (start - first) // step if (start - first) % step == 0 else start
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
    parts = list(_whole(key))
    for number, start in nested[line][turn].items():
        parts[number] = _starting(parts[number], start)
    return tuple(parts) if isinstance(key, tuple) else parts[0]
