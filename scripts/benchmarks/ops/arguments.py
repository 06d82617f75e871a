"""The arguments of an op: how they are drawn, and how their axes lie in PyTorch and Equinox."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# The axes in the order in which PyTorch and Equinox have them, as numbers of ours.
Axes = tuple[int, ...]
IMAGE: Axes = (0, 3, 1, 2)
WINDOW: Axes = (3, 2, 0, 1)
MATRIX: Axes = (1, 0)
HEADS: Axes = (0, 2, 1, 3)


@dataclass(frozen=True)
class Argument:
    """An array that every contender of an op gets."""

    shape: tuple[int, ...]
    draw: Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]
    # Whether its gradient is computed.
    learned: bool = True
    axes: Axes | None = None

    def drawn(self, rng: np.random.Generator) -> np.ndarray:
        """The array in our axes: float32, integers or booleans."""
        array = self.draw(rng, self.shape)
        return array.astype(np.float32) if array.dtype == np.float64 else array


def normal(*shape: int, axes: Axes | None = None, scale: float = 1.0, learned: bool = True) -> Argument:
    """Gaussian."""
    return Argument(shape, lambda rng, shape: scale * rng.normal(size=shape), learned, axes)


def kernel(*shape: int, axes: Axes = MATRIX) -> Argument:
    """Gaussian, so that sums over all but the last axis have deviation 1."""
    return normal(*shape, axes=axes, scale=float(np.prod(shape[:-1])) ** -0.5)


def between(low: float, high: float, *shape: int, learned: bool = True) -> Argument:
    """Evenly between two numbers."""
    return Argument(shape, lambda rng, shape: rng.uniform(low, high, shape), learned)


def distribution(*shape: int, learned: bool = True, logarithm: bool = False) -> Argument:
    """Along the last axis, probabilities that add up to 1, or their logarithms."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        found = rng.dirichlet(np.ones(shape[-1]), shape[:-1]) * 0.99 + 0.01 / shape[-1]
        return np.log(found) if logarithm else found

    return Argument(shape, draw, learned)


def labels(*shape: int, below: int, least: int = 0) -> Argument:
    """Integers."""
    return Argument(shape, lambda rng, shape: rng.integers(least, below, shape, np.int32), False)


def constant(value: int, *shape: int) -> Argument:
    """One integer everywhere."""
    return Argument(shape, lambda _, shape: np.full(shape, value, np.int32), False)


def mask(share: float, *shape: int) -> Argument:
    """Booleans, of which this share is true."""
    return Argument(shape, lambda rng, shape: rng.random(shape) < share, False)
