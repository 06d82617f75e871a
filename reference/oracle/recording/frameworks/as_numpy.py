"""A forward in PyTorch or JAX as one of NumPy calls, which arrays that remember can go through."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from reference.oracle.recording.frameworks.aten import of_torch
from reference.oracle.recording.frameworks.jaxprs import of_jax
from reference.oracle.subjects import trees
from reference.oracle.subjects.subject import Subject

WAYS: dict[str, Callable[..., Callable[..., Any]]] = {"torch": of_torch, "jax": of_jax}


def as_numpy(subject: Subject, primals: Sequence[Any]) -> Callable[..., Any] | None:
    """A function of NumPy arrays with the forward's values at shapes like the primals'; None where it has no such.

    It is compared with the subject's own forward at the primals, and beside them: what the forward computes outside of
    its framework, or chooses by the numbers, would be a constant.
    """
    way = WAYS.get(subject.style) or (of_torch if "torch" in sys.modules else None)  # a layer may hold tensors
    if way is None:
        return None
    given = tuple(np.array(primal) for primal in primals)
    beside = tuple(_beside(primal, place) for place, primal in enumerate(given))
    try:
        with np.errstate(all="ignore"):
            forward = way(subject.forward, beside)
            agrees = all(_agree(forward, subject.forward, point) for point in (given, beside))
    except Exception:  # anybody's code, and operations that are not known
        return None
    return forward if agrees else None


def _beside(primal: np.ndarray, place: int) -> np.ndarray:
    """Floating entries a little nearer to zero, each by another share: so they stay inside of most domains."""
    if primal.dtype.kind != "f":
        return np.array(primal)
    share = 1 - 1e-3 * (1 + np.cos(np.arange(primal.size) + 0.5 + place)).reshape(primal.shape)
    return ((primal + 1e-5 * (primal == 0)) * share).astype(primal.dtype)


def _agree(ours: Callable[..., Any], theirs: Callable[..., Any], primals: Sequence[np.ndarray]) -> bool:
    narrow = any(primal.dtype.kind == "f" and primal.dtype.itemsize < 8 for primal in primals)
    tolerance = 1e-4 if narrow else 1e-9
    wanted, got = (trees.leaves(forward(*map(np.array, primals))) for forward in (theirs, ours))
    return len(wanted) == len(got) and all(_close(a, b, tolerance) for a, b in zip(wanted, got, strict=True))


def _close(wanted: Any, got: Any, tolerance: float) -> bool:
    wanted, got = np.asarray(wanted), np.asarray(got)
    if wanted.shape != got.shape:
        return False
    finite = np.abs(wanted[np.isfinite(wanted)])
    scale = max(1.0, float(finite.max(initial=0.0)))
    return bool(np.allclose(got, wanted, rtol=tolerance, atol=tolerance * scale, equal_nan=True))
