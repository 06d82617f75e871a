"""Random directions, derived from the subject's name, the shapes and the seed: no user's generator draws the same."""

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np


def generator(name: str, shapes: Sequence[Any], seed: int, label: str) -> np.random.Generator:
    """A generator of this subject, these shapes and this purpose."""
    return np.random.default_rng([seed, zlib.crc32(f"oracle/{name}/{tuple(shapes)}/{label}".encode()), 0x0DAC1E])


def signed(rng: np.random.Generator, shape: Any) -> np.ndarray:
    """Values of both signs, between 1/2 and 3/2 in size: none is negligible, no two are alike."""
    return rng.choice((-1.0, 1.0), size=shape) * rng.uniform(0.5, 1.5, size=shape)


def by_value(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """A signed direction in which equal entries of x move alike, so that a tie stays a tie."""
    _, inverse = np.unique(x, return_inverse=True)
    table = signed(rng, int(inverse.max(initial=-1)) + 1)
    return table[inverse].reshape(x.shape) if x.size else np.zeros(x.shape)
