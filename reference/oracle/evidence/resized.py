"""The same question with one example more: numbers that are equal on one input by chance are not on the next."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from reference.oracle.evidence.pullbacks import Pullbacks, rebuild
from reference.oracle.evidence.view import View

# The largest size that is tried with one more.
MOST = 32
Primals = tuple[np.ndarray, ...]


def with_one_example_more(view: View) -> View | None:
    """The view of the same argument on a longer batch; None where the code, or the argument, does not take one."""
    for primals in _longer(view.evidence.primals, len(view.out) if view.out.ndim else 0):
        try:
            return _view(view, primals)
        except Exception:  # the subject is anybody's code, and refuses what it likes
            continue
    return None


def with_one_more(view: View) -> Iterator[View]:
    """The same with every axis of one size longer by one, size by size: channels, features, positions."""
    shapes = [np.shape(primal) for primal in view.evidence.primals]
    for size in sorted({size for shape in shapes for size in shape if 1 < size <= MOST}):
        try:
            yield _view(view, tuple(_grown(primal, size) for primal in view.evidence.primals))
        except Exception:  # the code takes no other number of these
            continue


def _grown(primal: np.ndarray, size: int) -> np.ndarray:
    for axis in (axis for axis, own in enumerate(primal.shape) if own == size):
        first, last = (np.take(primal, [index], axis) for index in (0, -1))
        more = last * 0.75 + 0.25 * first if primal.dtype.kind == "f" else first
        primal = np.concatenate([primal, more.astype(primal.dtype)], axis)
    return primal


def _longer(primals: Primals, outputs: int) -> Iterator[Primals]:
    """Longer by one: the arguments that are as long as the output, where the first is not; all of the first length; or
    the first and the labels that go with it; or the first."""
    size = len(primals[0]) if np.ndim(primals[0]) else 0
    alike = [i for i, primal in enumerate(primals) if size and np.ndim(primal) and len(primal) == size]
    labels = [i for i in alike if primals[i].dtype.kind in "iu"]
    others = [i for i, primal in enumerate(primals) if np.ndim(primal) and len(primal) == outputs != size]
    for chosen in (others, *((alike, [0, *labels], [0]) if alike[:1] == [0] else ())):
        if chosen:
            yield tuple(_extended(primal) if i in chosen else primal for i, primal in enumerate(primals))


def _extended(primal: np.ndarray) -> np.ndarray:
    last = primal[-1:] * 0.75 + 0.25 * primal[:1] if primal.dtype.kind == "f" else primal[:1]
    return np.concatenate([primal, last.astype(primal.dtype)])


def _view(view: View, primals: Primals) -> View:
    evidence = view.evidence
    out = evidence.subject.forward(*(np.array(primal) for primal in primals))
    size = sum(np.size(leaf) for leaf in (out if isinstance(out, tuple | list) else [out]))
    upstream = np.cos(np.arange(size) + 0.3) if size > 1 else view.flat_cotangent
    longer = replace(evidence, primals=primals, out=out, cotangent=rebuild(out, upstream))
    ask = Pullbacks(longer)
    got, truth = ask.subject(upstream), ask.truth_at(view.position, primals)
    if got is None or truth is None:
        raise ValueError("the longer batch has no gradient")
    expected = tuple(truth if i == view.position else None for i in range(len(primals)))
    return View(replace(longer, got=got, expected=expected), view.position, ask, view.recognized)


def holds(view: View, factor: float) -> bool:
    """Whether the forward computes with a number that is this factor, or one over it: it need not count anything."""
    size = max(abs(factor), 1 / abs(factor)) if factor else 0.0
    return size > 2 and any(abs(size - max(own, 1 / own)) < 1e-9 * size for own in view.ask.numbers if own)
