"""Ops of the reference with a wrong gradient, and the arrays that the known mistakes are planted in."""

from collections.abc import Callable
from typing import Any

import numpy as np

from reference.oracle.evidence.evidence import Evidence
from reference.oracle.recognition.recognize import triple
from reference.oracle.subjects.subject import Subject

from .evidence import normal

IMAGES = (3, 7, 6, 4)
KERNEL = (3, 2, 4, 5)


def evidence_of(
    op: str,
    statics: dict[str, Any],
    primals: tuple[np.ndarray, ...],
    wrong: Callable | None = None,
    named: bool = False,
) -> Evidence:
    """The op's own forward with a wrong backward, wrong(cotangent, gradients) -> gradients, as the engine sees it."""
    forward, backward, _ = triple(op)
    out, residuals = forward(*primals, **statics)
    several = isinstance(out, tuple)
    first = out[0] if several else out
    rng = np.random.default_rng(3)

    def pulled(cotangent: np.ndarray) -> tuple:
        rest = tuple(np.zeros_like(leaf) for leaf in out[1:]) if several else ()
        return backward(residuals, (cotangent, *rest) if several else cotangent)

    cotangent = rng.normal(size=first.shape)
    expected = pulled(cotangent)
    got = expected if wrong is None else wrong(cotangent, list(expected))
    names = ("x", "kernel", "bias", "mean", "variance")[: len(primals)]
    subject = Subject(
        op,
        lambda *moved: _first(forward(*moved, **statics)[0]),
        lambda *moved: (first, lambda ct: pulled(ct) if wrong is None else wrong(ct, list(pulled(ct)))),
        names,
    )
    noise = tuple(0.0 if e is None else 1e-10 * float(np.abs(e).max()) for e in expected)
    flags = tuple(e is not None and g is not e for e, g in zip(expected, got, strict=True))
    claims = {"op": op, "statics": statics} if named else {}
    return Evidence(subject, names, primals, first, cotangent, tuple(got), tuple(expected), noise, flags, **claims)


def _first(out: Any) -> np.ndarray:
    return out[0] if isinstance(out, tuple) else out


def replaced(position: int, gradient: Callable[[np.ndarray], np.ndarray]) -> Callable:
    """A backward with one gradient replaced by that of a wrong formula in the cotangent."""

    def wrong(ct: np.ndarray, gradients: list) -> list:
        gradients[position] = gradient(ct)
        return gradients

    return wrong


def softmax(z: np.ndarray, axis: int = -1) -> np.ndarray:
    weights = np.exp(z - z.max(axis=axis, keepdims=True))
    return weights / weights.sum(axis=axis, keepdims=True)


Z, LABELS = normal(1, 4, 5), np.array([1, 0, 3, 3])
P, HOT = softmax(Z), np.eye(5)[LABELS]
X, W = normal(2, *IMAGES), normal(3, *KERNEL)
STRIDED = {"strides": 2, "padding": 1}


GROUPED = {"groups": 2}
GROUPED_KERNEL = normal(4, 3, 2, 2, 6)
POOLED: dict[str, Any] = {"window": 3, "strides": 2, "padding": 1}
ROWS, GAMMA, BETA = normal(5, 5, 7) * 1.5, normal(6, 7), normal(7, 7)


def value(op: str, *primals: np.ndarray, **statics: Any) -> np.ndarray:
    return triple(op)[0](*primals, **statics)[0]


def gradient_of(op: str, ct: np.ndarray, *primals: np.ndarray, position: int = 0, **statics: Any) -> np.ndarray:
    forward, backward, _ = triple(op)
    return backward(forward(*primals, **statics)[1], ct)[position]
