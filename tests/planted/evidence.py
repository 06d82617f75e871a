"""One pullback beside the numerical gradient, and the functions whose backwards are spoilt."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from reference.oracle.diagnosis import diagnose
from reference.oracle.evidence.evidence import Evidence
from reference.oracle.evidence.pullbacks import differentiate, flat
from reference.oracle.report import Finding
from reference.oracle.subjects.subject import from_forward_backward


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def evidence_of(forward: Callable, backward: Callable, *primals: np.ndarray) -> Evidence:
    """One pullback beside the numerical gradient, as the engine hands it over."""
    subject = from_forward_backward(forward, backward)
    out = forward(*primals)
    cotangent = np.random.default_rng(3).normal(size=np.shape(out)) if np.ndim(out) else np.float64(1.7)
    got = backward(cotangent, *primals)
    expected, noise, flags = [], [], []
    for position, primal in enumerate(primals):
        if primal.dtype.kind != "f":
            expected, noise, flags = [*expected, None], [*noise, 0.0], [*flags, False]
            continue
        jacobian = differentiate(lambda moved: flat(forward(*moved)), primals, position)
        expected.append((flat(cotangent) @ jacobian).reshape(primal.shape))
        noise.append(1e-9 * float(np.abs(expected[-1]).max()))
        same = np.shape(got[position]) == primal.shape
        flags.append(not same or float(np.abs(got[position] - expected[-1]).max()) > 10 * noise[-1])
    arrays = tuple(None if g is None else np.asarray(g) for g in got)
    names = subject.names or ()
    return Evidence(subject, names, primals, out, cotangent, arrays, tuple(expected), tuple(noise), tuple(flags))


def said(findings: list[Finding]) -> str:
    return "\n".join(f"{f.argument}: {f.cause}: {f.message} ({f.evidence})" for f in findings) or "nothing"


@dataclass(frozen=True)
class Planted:
    """A backward with one mistake, and the cause that must come first for the argument."""

    cause: str
    argument: str
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    primals: tuple[np.ndarray, ...]

    @cached_property
    def findings(self) -> list[Finding]:
        return diagnose(evidence_of(self.forward, self.backward, *self.primals))


class Mistakes(list[Planted]):
    """Backwards collected where they are written."""

    def plant(self, cause: str, argument: str, forward: Callable, *primals: np.ndarray):
        def add(backward: Callable) -> Callable:
            self.append(Planted(cause, argument, forward, backward, primals))
            return backward

        return add


def affine(x, w, b):
    return x @ w + b


def cubes(x):
    """An elementwise function that no op of the reference computes."""
    return x**3 + np.exp(x / 2)


def slope(x):
    return 3 * x**2 + np.exp(x / 2) / 2


AFFINE = (normal(0, 3, 5), normal(1, 5, 7), normal(2, 7))
SQUARE = (normal(0, 3, 5), normal(1, 5, 5), normal(2, 5))
ENTRIES = (normal(4, 3, 5),)


def mixed(x):
    """Couples the entries of a row, as a softmax does, without being an op of the reference."""
    return x * np.sum(x, axis=1, keepdims=True)


def standardized(x):
    """A normalization without parameters, with an epsilon of its own."""
    return (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 0.1)


def standardized_backward(ct, x, mean=1, variance=1):
    inverse = 1 / np.sqrt(x.var(1, keepdims=True) + 0.1)
    xhat = (x - x.mean(1, keepdims=True)) * inverse
    through = mean * ct.mean(1, keepdims=True) + variance * xhat * (ct * xhat).mean(1, keepdims=True)
    return (inverse * (ct - through),)


ROWS = (normal(5, 3, 11),)
