"""A forward or a backward in PyTorch or JAX as one of NumPy calls, which arrays that remember can go through."""

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
    """A function of NumPy arrays with the forward's values at shapes like the primals'; None where it has no such."""
    alike = _alike(subject, lambda *given: (subject.forward(*given), tuple), primals, ())
    return None if alike is None else lambda *given: alike(*given)[0]


def vjp_as_numpy(subject: Subject, primals: Sequence[Any], cotangent: Any) -> Callable[..., Any] | None:
    """The same of the backward: a function from primals to an output and a pullback."""
    floating: list[int] = []

    def vjp(*given: Any) -> tuple[Any, Callable[..., Any]]:
        out, pullback = subject.vjp(*given)

        def gradients(*upstream: Any) -> tuple[Any, ...]:
            parts = iter(upstream)
            found = pullback(trees.mapped(lambda _: next(parts), cotangent))
            floating[:] = [place for place, gradient in enumerate(found) if gradient is not None]
            return tuple(found[place] for place in floating)

        return out, gradients

    alike = _alike(subject, vjp, primals, tuple(map(np.asarray, trees.leaves(cotangent))))

    def numpy_vjp(*given: Any) -> tuple[Any, Callable[[Any], Any]]:
        assert alike is not None
        out, pullback = alike(*given)

        def gradients(upstream: Any) -> list[Any]:
            found = dict(zip(floating, pullback(*trees.leaves(upstream)), strict=True))
            return [found.get(place) for place in range(len(given))]

        return out, gradients

    return numpy_vjp if alike else None


def _alike(
    subject: Subject, vjp: Callable[..., Any], primals: Sequence[Any], upstream: Sequence[Any]
) -> Callable[..., Any] | None:
    """An output and its pullback in the subject's framework as NumPy calls.

    They are compared with the subject itself at the arguments, and beside them: what is computed outside of the
    framework, or chosen by the numbers, would be a constant.
    """
    way = WAYS.get(subject.style) or (of_torch if "torch" in sys.modules else None)  # a layer may hold tensors
    if way is None:
        return None
    given = tuple(np.array(argument) for argument in (*primals, *upstream))
    beside = tuple(_beside(argument, place) for place, argument in enumerate(given))
    count = len(primals)
    try:
        with np.errstate(all="ignore"):
            alike = way(vjp, beside[:count], beside[count:])
            agrees = all(_agree(alike, vjp, point[:count], point[count:]) for point in (given, beside))
    except Exception:  # anybody's code, and operations that are not known
        return None
    return alike if agrees else None


def _beside(primal: np.ndarray, place: int) -> np.ndarray:
    """Floating entries a little nearer to zero, each by another share: so they stay inside of most domains."""
    if primal.dtype.kind != "f":
        return np.array(primal)
    share = 1 - 1e-3 * (1 + np.cos(np.arange(primal.size) + 0.5 + place)).reshape(primal.shape)
    return ((primal + 1e-5 * (primal == 0)) * share).astype(primal.dtype)


def _agree(
    ours: Callable[..., Any], theirs: Callable[..., Any], primals: Sequence[np.ndarray], upstream: Sequence[np.ndarray]
) -> bool:
    narrow = any(primal.dtype.kind == "f" and primal.dtype.itemsize < 8 for primal in primals)
    tolerance = 1e-4 if narrow else 1e-9
    wanted, got = (_both(vjp, primals, upstream) for vjp in (theirs, ours))
    return len(wanted) == len(got) and all(_close(a, b, tolerance) for a, b in zip(wanted, got, strict=True))


def _both(vjp: Callable[..., Any], primals: Sequence[np.ndarray], upstream: Sequence[np.ndarray]) -> list[Any]:
    """The leaves of an output, and of the gradients."""
    out, pullback = vjp(*map(np.array, primals))
    return [np.array(leaf) for leaf in trees.leaves(out)] + trees.leaves(pullback(*map(np.array, upstream)))


def _close(wanted: Any, got: Any, tolerance: float) -> bool:
    wanted, got = np.asarray(wanted), np.asarray(got)
    if wanted.shape != got.shape:
        return False
    finite = np.abs(wanted[np.isfinite(wanted)])
    scale = max(1.0, float(finite.max(initial=0.0)))
    return bool(np.allclose(got, wanted, rtol=tolerance, atol=tolerance * scale, equal_nan=True))
