"""The same code on a smaller input, where every entry of a mistake can be looked at.

Axes of equal size are taken for the same dimension. Every large size becomes a small one of its own (a prime at first),
small ones (a window, a group) stay, and all arguments are cut alike. Code that refuses such an input is offered others:
even sizes, multiples of eight, only some of the dimensions cut.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, combinations, islice
from math import prod
from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.numerics import budget
from reference.oracle.questions.base import Base, base_of
from reference.oracle.subjects.vjp import Fault, Trial

# Sizes up to this are windows, groups, statistics: they keep their meaning only as they are.
KEPT = 7
# The sizes that large ones are replaced by, smallest first: primes, neighbours where primes grow too large, and
# multiples of 2 and 8, without which some code does not run.
LADDERS = (
    (3, 5, 7, 11, 13, 17),
    (4, 5, 6, 7, 8, 9),
    (4, 6, 10, 14, 22, 26),
    (8, 16, 24, 32, 40, 48),
    (9, 11, 13, 17, 19, 23),
)
# An input of more entries is not small.
ENTRIES = 3000
# So many inputs are offered.
OFFERS = 40

# A dimension: the size it has, and 1 where it is the second axis of a square matrix.
Dimension = tuple[int, int]


def smaller(trial: Trial) -> Iterator[tuple[Trial, Base]]:
    """Smaller trials that the subject accepts, each with its first forward and backward."""
    for primals in islice(_offers(trial), OFFERS):
        small = replace(trial, primals=primals, cotangent=None, forwards=0, backwards=0, aside=0)
        try:
            base = base_of(small)
        except Fault:
            trial.aside += small.forwards
            continue
        if base.flat.size and np.isfinite(base.flat).all() and _quickly_judged(small, base):
            yield small, base
        else:
            trial.aside += small.forwards


def _quickly_judged(small: Trial, base: Base) -> bool:
    """Whether a forward, a backward and another forward for every entry stay within the budget."""
    entries = sum(small.primals[p].size for p in small.differentiable)
    work = budget.work(lambda *primals: small.forward(primals), small.primals, base.out)
    return budget.affordable(3 * entries, work)


def _offers(trial: Trial) -> Iterator[tuple[Any, ...]]:
    """Cut arguments, the smallest first, none twice."""
    seen = set()
    for sizes in _plans(trial):
        primals = tuple(_cut(primal, of, sizes) for primal, of in zip(trial.primals, _dimensions(trial), strict=True))
        shapes = tuple(np.shape(primal) for primal in primals)
        if shapes not in seen and sum(map(prod, shapes)) <= ENTRIES:
            seen.add(shapes)
            yield primals


def _plans(trial: Trial) -> Iterator[Mapping[Dimension, int]]:
    """New sizes for the large dimensions: all of them, then all but one, then the batch or another one alone."""
    large = sorted({d for of in _dimensions(trial) for d in of if d[0] > KEPT})
    products = _products(trial, large)
    kept = {d[0] for of in _dimensions(trial) for d in of if d[0] <= KEPT}
    for chosen in (large, *([d for d in large if d != out] for out in reversed(large)), *([d] for d in large)):
        for ladder in LADDERS:
            steps = [size for size in ladder if size not in kept]
            free = [d for d in chosen if d not in products]
            if len(steps) < len(free) or any(size >= d[0] for d, size in zip(free, steps, strict=False)):
                continue
            for split, linked in ((True, False), (False, False), (True, True), (False, True)):
                sizes = dict(zip(free, steps, strict=False))
                sizes = sizes if split else {d: sizes.get((d[0], 0), size) for d, size in sizes.items()}
                sizes = _linked(sizes) if linked else sizes
                yield sizes | {d: prod(sizes.get(of, of[0]) for of in ofs) for d, ofs in products.items()}


def _linked(sizes: dict[Dimension, int]) -> dict[Dimension, int]:
    """A size that is the sum of two others, or a multiple of one, stays so: matrices and gates side by side."""
    linked: dict[Dimension, int] = {}
    for d, size in sorted(sizes.items()):
        sums = (linked[a] + linked[b] for a, b in combinations(linked, 2) if a[0] + b[0] == d[0])
        multiples = (k * linked[of] for of in linked for k in (4, 3, 2) if d[0] == k * of[0])
        linked[d] = next(chain(sums, multiples), size)
    return linked


def _dimensions(trial: Trial) -> list[tuple[Dimension, ...]]:
    """The dimension of every axis; the two axes of a square matrix, and vectors beside it, are kept apart."""
    shapes = [np.shape(primal) for primal in trial.primals]
    square = {shape[0] for shape in shapes[1:] if len(shape) == 2 and shape[0] == shape[1]}

    def of(position: int, shape: tuple[int, ...]) -> tuple[Dimension, ...]:
        second = [size in square and position > 0 and axis == len(shape) - 1 for axis, size in enumerate(shape)]
        return tuple(zip(shape, map(int, second), strict=True))

    return [of(position, shape) for position, shape in enumerate(shapes)]


def _products(trial: Trial, large: Sequence[Dimension]) -> dict[Dimension, tuple[Dimension, ...]]:
    """Dimensions that are the entries of one example of an input, as of a matrix behind a flattened image."""
    found = {}
    for of in _dimensions(trial):
        if len(of) > 2:
            size = prod(d[0] for d in of[1:])
            found |= {d: of[1:] for d in large if d[0] == size and d not in of}
    return found


def _cut(primal: Any, of: tuple[Dimension, ...], sizes: Mapping[Dimension, int]) -> Any:
    """The first entries along every axis that is made smaller; labels stay below the new number of classes.

    Of masks entries from end to end are taken, so that both values are left.
    """
    if primal is None:
        return None
    if primal.dtype.kind == "b":
        return np.array(
            primal[np.ix_(*(np.arange(sizes.get(d, d[0])) * d[0] // max(sizes.get(d, d[0]), 1) for d in of))]
        )
    part = np.array(primal[tuple(slice(sizes.get(d, d[0])) for d in of)])
    if primal.dtype.kind in "iu" and primal.size:
        classes = [size for d, size in sizes.items() if d[0] > int(primal.max())]
        return np.where(part >= 0, part % min(classes), part).astype(primal.dtype) if classes else part
    return _shares(primal, part) if is_floating(primal.dtype) and part.shape != primal.shape else part


def _shares(primal: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Rows that sum to one (probabilities, one-hot targets) still do when they are cut."""
    if primal.ndim < 2 or primal.shape[-1] == part.shape[-1] or not (primal >= 0).all():
        return part
    if not np.allclose(np.asarray(primal, np.float64).sum(-1), 1, atol=1e-3):
        return part
    rows = np.asarray(part, np.float64)
    if np.isin(primal, (0, 1)).all():
        index = tuple(map(slice, part.shape[:-1]))
        return np.eye(part.shape[-1])[primal.argmax(-1)[index] % part.shape[-1]].astype(primal.dtype)
    return (rows / np.maximum(rows.sum(-1, keepdims=True), 1e-300)).astype(primal.dtype)
