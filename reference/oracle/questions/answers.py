"""Two answers to one question, and what it means when they differ."""

from typing import Any

import numpy as np

from reference.oracle.report import Finding
from reference.oracle.subjects import trees
from reference.oracle.subjects.vjp import Trial, finding


def alike(left: Any, right: Any) -> bool:
    """Whether two tuples of gradients are equal up to the rounding of sums in another order."""
    return all(map(_close, left, right))


def still(kept: Any, now: Any) -> bool:
    """Whether an array holds what it held."""
    return not isinstance(now, np.ndarray) or trees.same(kept, now)


def overwritten() -> Finding:
    evidence = "the gradients of the first call changed during a later one"
    message = "a later backward overwrites the gradients returned before"
    return finding("changed_in_place", message, evidence, role="buffer")


def saved_changed(evidence: str) -> Finding:
    message = "the backward changes what the forward saved"
    return finding("changed_in_place", message, evidence, off=0.0, role="saved")


def two_answers(trial: Trial, first: Any, second: Any, what: str, third: Any = None) -> Finding:
    """The finding of two different gradients where one is right; `what` gave the second, and once more the third."""
    pairs = [(name, a, b) for name, a, b in zip(trial.names, first, second, strict=True) if not _close(a, b)]
    name, before, after = pairs[0]
    once = what.removeprefix("a second ")
    said = f"every call of {once} returns as much more as the one before" if _adds_up(first, second, third) else ""
    if all(isinstance(a, np.ndarray) and _close(2.0 * a, b) for _, a, b in pairs):
        said = f"{what} returns exactly twice the gradient"
    if said:
        return finding("accumulates", f"{name}_ct is added to that of the call before", said, argument=name)
    random = trial.draws or (third is not None and _at_random(first, second, third))
    cause = "not_deterministic" if random else "stale_state"
    return finding(cause, f"{what} gives another {name}_ct", _gap(before, after), argument=name)


def _adds_up(first: Any, second: Any, third: Any) -> bool:
    """Whether three answers, where there is a third, grow in equal steps: as of a gradient that each call adds."""
    if third is None:
        return False
    columns = [c for c in zip(first, second, third, strict=True) if not _close(c[0], c[1])]
    arrays = all(isinstance(a, np.ndarray) and a.shape == c[0].shape for c in columns for a in c)
    return arrays and all(_close(b - a, c - b) for a, b, c in columns)


def _at_random(*answers: Any) -> bool:
    """Whether three answers go to and fro: what a state does to them goes on in one direction, or stays."""
    columns = zip(*answers, strict=True)
    triples = [c for c in columns if all(isinstance(a, np.ndarray) and a.shape == c[0].shape for a in c)]
    there = np.concatenate([np.ravel(b - a) for a, b, _ in triples]) if triples else np.zeros(1)
    on = np.concatenate([np.ravel(c - b) for _, b, c in triples]) if triples else np.zeros(1)
    back = np.concatenate([np.ravel(c - a) for a, _, c in triples]) if triples else np.zeros(1)
    return bool(np.dot(there, on) < -0.1 * np.dot(there, there) and np.any(np.abs(back) > 1e-9 * np.max(np.abs(there))))


def _gap(before: Any, after: Any) -> str:
    if not all(isinstance(value, np.ndarray) for value in (before, after)) or before.shape != after.shape:
        return "one of the two has no such gradient"
    gap = np.abs(np.asarray(before, np.float64) - np.asarray(after, np.float64))
    return f"the two differ by up to {np.max(gap, initial=0.0):.3g}"


def _close(left: Any, right: Any) -> bool:
    if not (isinstance(left, np.ndarray) and isinstance(right, np.ndarray)):
        return isinstance(left, np.ndarray) == isinstance(right, np.ndarray)
    if left.shape != right.shape:
        return False
    if left.dtype == right.dtype and trees.same(left, right):
        return True
    a, b = np.asarray(left, np.float64), np.asarray(right, np.float64)
    return bool(np.allclose(a, b, rtol=1e-6, atol=1e-6 * float(np.max(np.abs(a), initial=0.0)), equal_nan=True))
