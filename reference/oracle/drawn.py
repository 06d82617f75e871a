"""Arguments to draw: their shapes in dimension names, and the sets that their values come from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

# Pairwise different primes: a square kernel hides a transpose, a batch of 2 confuses 1/N with 1/2.
DIMENSIONS: Mapping[str, int] = {
    "batch": 3,
    "classes": 5,
    "in_dim": 7,
    "out_dim": 11,
    "in_channels": 2,
    "out_channels": 5,
    "channels": 5,
    "heads": 2,
    "vocabulary": 17,
    "hidden": 11,
    "length": 13,
    "steps": 5,
    "depth": 5,
    "height": 7,
    "width": 11,
    "kernel_length": 3,
    "kernel_depth": 2,
    "kernel_height": 3,
    "kernel_width": 2,
    "key_length": 11,
    "key_heads": 2,
    "head_dim": 5,
    "value_dim": 7,
    "marks": 3,
}


@dataclass(frozen=True)
class Drawn:
    """An argument: its shape in dimension names ("batch 2*in_channels length"), and the set its values come from.

    kind: "normal" (signed), "uniform" (between low and high), "probabilities" (sum to 1 along the last axis),
    "labels" (integers from low up, below the size of the dimension `below`), "lengths" (integers from low to high, or
    from 0 to the size of the dimension `below`, both ends among them), "whole" (that size), "mask" (booleans),
    "positive".
    """

    shape: str
    kind: str = "normal"
    low: float = -1.0
    high: float = 1.0
    below: str = ""
    differentiable: bool = True


def labels(shape: str, *, least: int = 0, below: str = "classes") -> Drawn:
    return Drawn(shape, "labels", low=least, below=below, differentiable=False)


def lengths(shape: str, low: int = 0, high: int = 0, *, of: str = "") -> Drawn:
    return Drawn(shape, "lengths", low=low, high=high, below=of, differentiable=False)


def whole(shape: str, of: str) -> Drawn:
    return Drawn(shape, "whole", below=of, differentiable=False)


def mask(shape: str) -> Drawn:
    return Drawn(shape, "mask", differentiable=False)


def uniform(shape: str, low: float, high: float) -> Drawn:
    return Drawn(shape, "uniform", low=low, high=high)


def positive(shape: str) -> Drawn:
    return Drawn(shape, "positive")


def probabilities(shape: str) -> Drawn:
    return Drawn(shape, "probabilities")


def sizes(shape: str, dimensions: Mapping[str, int] = DIMENSIONS) -> tuple[int, ...]:
    """The sizes of a shape written in dimension names: "batch 2*in_channels 4" is (3, 4, 4)."""
    return tuple(_size(term, dimensions) for term in shape.split())


def _size(term: str, dimensions: Mapping[str, int]) -> int:
    factor, _, name = term.rpartition("*")
    return int(factor or 1) * (int(name) if name.isdigit() else dimensions[name])


def values(
    drawn: Drawn,
    rng: np.random.Generator,
    dtype: Any = np.float64,
    dimensions: Mapping[str, int] = DIMENSIONS,
    kinks: Iterable[float] = (),
) -> np.ndarray:
    """The values of an argument, away from the points where a derivative jumps."""
    shape = sizes(drawn.shape, dimensions)
    match drawn.kind:
        case "normal":
            return _away_from(kinks, rng.normal(size=shape)).astype(dtype)
        case "uniform":
            return rng.uniform(drawn.low, drawn.high, size=shape).astype(dtype)
        case "positive":
            return rng.uniform(0.5, 2.0, size=shape).astype(dtype)
        case "probabilities":
            weights = rng.uniform(0.1, 1.0, size=shape)
            return (weights / weights.sum(-1, keepdims=True)).astype(dtype)
        case "labels":
            return rng.integers(int(drawn.low), dimensions[drawn.below], size=shape)
        case "lengths":
            if not drawn.below:
                return rng.integers(int(drawn.low), int(drawn.high) + 1, size=shape)
            ends = np.linspace(0, dimensions[drawn.below], int(np.prod(shape))).astype(int)
            return rng.permutation(ends).reshape(shape)
        case "whole":
            return np.full(shape, dimensions[drawn.below])
        case "mask":
            return rng.random(shape) < 0.7
    raise ValueError(f"draw: kind must be one that Drawn documents; got kind={drawn.kind!r}")


def _away_from(kinks: Iterable[float], values: np.ndarray, margin: float = 0.05) -> np.ndarray:
    """Values moved out of every kink's neighbourhood, so that a finite step never crosses one."""
    for kink in kinks:
        distance = values - kink
        values = np.where(np.abs(distance) < margin, kink + np.copysign(2 * margin, distance), values)
    return values
