"""The forward itself with a mask, a number or the step between positions changed: whose gradient came back?"""

from collections.abc import Iterator
from functools import partial, reduce
from math import gcd
from typing import Any

import numpy as np

from reference.oracle.diagnosis.evidence import Evidence
from reference.oracle.tracing.alterations import KeyChange, MaskChange, NumberChange, altering
from reference.oracle.tracing.trace import trace

# (cause, words, the gradients of all arguments)
Other = tuple[str, str, list[np.ndarray | None]]
# What a line of the forward reads or writes, pass by pass.
Keys = dict[Any, list[tuple]]


def otherwise(evidence: Evidence, cotangent: np.ndarray) -> Iterator[Other]:
    """The gradients of the forward with another mask, or with its positions side by side."""
    masks, keys, numbers = _seen(evidence)
    for cause, words, change in _masks(masks):
        yield from _gradients(evidence, cotangent, cause, words, mask=change)
    for words, change in _keys(keys):
        yield from _gradients(evidence, cotangent, "static_ignored", words, key=change)
    alone = [number for number in numbers if numbers.count(number) == 1]
    for words, change in _numbers(alone, USUAL):
        yield from _gradients(evidence, cotangent, "static_ignored", words, number=change)


def with_other_numbers(evidence: Evidence, cotangent: np.ndarray) -> Iterator[Other]:
    """The gradients of the forward with one of its numbers, met at several places, at what people leave it at."""
    *_, numbers = _seen(evidence)
    several = [number for number in numbers if numbers.count(number) > 1]
    for words, change in _numbers(several, USUAL):
        yield from _gradients(evidence, cotangent, "static_ignored", words, number=change)


def without_a_number(evidence: Evidence, cotangent: np.ndarray) -> Iterator[Other]:
    """The gradients of the forward with zero in the place of one of its numbers."""
    *_, numbers = _seen(evidence)
    for words, change in _numbers(numbers, (0.0,)):
        yield from _gradients(evidence, cotangent, "static_ignored", words, number=change)


# What people leave a parameter at: one, a half, the usual slope; and a bound that is never reached.
USUAL = (1.0, 0.5, 0.01, 2.0, 1e9)
# Numbers of a forward that are tried.
MOST_NUMBERS = 8


def _numbers(numbers: list[float], others: tuple[float, ...]) -> Iterator[tuple[str, NumberChange]]:
    """Each number of the forward that is no whole one at what it is left at by default."""
    for own in list(dict.fromkeys(numbers))[:MOST_NUMBERS]:
        for usual in others if own % 1 and abs(own) > 1e-3 else ():
            words = f"is the gradient of a forward with {usual:g} where this one has {own:.6g}"
            yield words, partial(_exchanged, own, usual)


def _exchanged(own: float, usual: float, number: float) -> float:
    return usual if number == own else -usual if number == -own else number


def _seen(evidence: Evidence) -> tuple[list[np.ndarray], Keys, list[float]]:
    numbers: list[float] = []
    masks: list[np.ndarray] = []
    keys: Keys = {}

    def note_mask(line: Any, mask: np.ndarray) -> np.ndarray:
        masks.append(mask)
        return mask

    def note_key(line: Any, key: Any) -> Any:
        keys.setdefault(line, []).append(_whole(key))
        return key

    def note_number(number: float) -> float:
        numbers.append(number)
        return number

    with altering(note_mask, note_key, note_number):
        trace(evidence.subject.forward, evidence.primals)
    return masks, keys, numbers


def _gradients(
    evidence: Evidence, cotangent: np.ndarray, cause: str, words: str, **changes: MaskChange | KeyChange | NumberChange
) -> Iterator[Other]:
    with np.errstate(all="ignore"), altering(**changes):  # pyright: ignore[reportArgumentType]
        graph = trace(evidence.subject.forward, evidence.primals)
    if graph and graph.out and graph.out.value.size == cotangent.size:
        with np.errstate(all="ignore"):
            yield cause, words, graph.backward(cotangent)


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
        yield words, partial(_closer, step, keys)


def _steps(passes: list[tuple]) -> dict[int, int]:
    """The step between the starts, by the number of the index in the key."""
    found = {}
    for number in range(min(map(len, passes))):
        starts = [start for key in passes if (start := _start(key[number])) is not None]
        if len(starts) == len(passes):
            first = min(starts)
            step = reduce(gcd, (start - first for start in starts), 0) or _stride(passes[0][number])
            if step > 1:
                found[number] = step
    return found


def _start(index: Any) -> int | None:
    if isinstance(index, slice):
        return (index.start or 0) if (index.start or 0) >= 0 else None
    return int(index) if isinstance(index, int | np.integer) and not isinstance(index, bool) and index >= 0 else None


def _stride(index: Any) -> int:
    return index.step or 1 if isinstance(index, slice) else 1


def _closer(step: int, keys: Keys, line: Any, key: Any) -> Any:
    passes = keys.get(line, [])
    numbers = [number for number, own in _steps(passes).items() if own == step] if passes else []
    parts = list(_whole(key))
    for number in numbers:
        first = min(_start(other[number]) or 0 for other in passes)
        parts[number] = _moved(parts[number], first, step)
    return tuple(parts) if isinstance(key, tuple) else parts[0]


def _moved(index: Any, first: int, step: int) -> Any:
    """The index at a step of one from the first on."""
    start = _start(index)
    if start is None:
        return index
    at = first + (start - first) // step if (start - first) % step == 0 else start
    if not isinstance(index, slice):
        return at
    if _stride(index) == step and index.stop is not None and index.stop >= 0:
        return slice(start, start + (index.stop - start + step - 1) // step)
    return slice(at, None if index.stop is None or index.stop < 0 else index.stop - start + at, index.step)
