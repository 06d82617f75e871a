"""The forward itself with a mask or the step between positions changed: whose gradient came back?"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from reference.oracle.diagnosis.evidence import Evidence
from reference.oracle.diagnosis.traced.altered import Other, gradients_with
from reference.oracle.diagnosis.traced.numbers import with_another_number
from reference.oracle.diagnosis.traced.steps import Keys, closer, exchanged_steps, other_counts, whole
from reference.oracle.tracing.alterations import MaskChange, altering
from reference.oracle.tracing.trace import trace


def otherwise(evidence: Evidence, cotangent: np.ndarray) -> Iterator[Other]:
    """The gradients of the forward with another mask, or with its positions side by side."""
    masks, keys, counts = _seen(evidence)
    for cause, words, change in _masks(masks):
        yield from gradients_with(evidence, cotangent, cause, words, mask=change)
    for words, change in (*closer(keys), *exchanged_steps(keys)):
        yield from gradients_with(evidence, cotangent, "static_ignored", words, key=change)
    for words, change in other_counts(counts):
        yield from gradients_with(evidence, cotangent, "static_ignored", words, count=change)
    yield from with_another_number(evidence, cotangent)


def _seen(evidence: Evidence) -> tuple[list[np.ndarray], Keys, list[int]]:
    counts: list[int] = []
    masks: list[np.ndarray] = []
    keys: Keys = {}

    def note_mask(line: Any, mask: np.ndarray) -> np.ndarray:
        masks.append(mask)
        return mask

    def note_key(line: Any, key: Any) -> Any:
        keys.setdefault(line, []).append(whole(key))
        return key

    def note_count(count: int) -> int:
        counts.append(count)
        return count

    with altering(note_mask, note_key, count=note_count):
        trace(evidence.subject.forward, evidence.primals)
    return masks, keys, counts


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
