"""Initializers: random kernels whose scale keeps the size of signals from layer to layer."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax

from functional_nn._checks import require


def normal(key: jax.Array, shape: Sequence[int], *, std: float = 0.01, dtype: Any = float) -> jax.Array:
    """Gaussian with a fixed standard deviation, the textbook's first choice: too small for deep networks."""
    return std * jax.random.normal(key, tuple(shape), dtype)


def glorot_normal(key: jax.Array, shape: Sequence[int], *, dtype: Any = float) -> jax.Array:
    """Gaussian with variance 2 / (fan_in + fan_out), for sigmoid and tanh (Glorot and Bengio, 2010)."""
    fan_in, fan_out = fans("glorot_normal", shape)
    return normal(key, shape, std=math.sqrt(2 / (fan_in + fan_out)), dtype=dtype)


def glorot_uniform(key: jax.Array, shape: Sequence[int], *, dtype: Any = float) -> jax.Array:
    """Uniform with variance 2 / (fan_in + fan_out), for sigmoid and tanh (Glorot and Bengio, 2010)."""
    fan_in, fan_out = fans("glorot_uniform", shape)
    return _uniform(key, shape, 2 / (fan_in + fan_out), dtype)


def he_normal(key: jax.Array, shape: Sequence[int], *, dtype: Any = float) -> jax.Array:
    """Gaussian with variance 2 / fan_in, for relu, which halves the power of a signal (He et al., 2015)."""
    return normal(key, shape, std=math.sqrt(2 / fans("he_normal", shape)[0]), dtype=dtype)


def he_uniform(key: jax.Array, shape: Sequence[int], *, dtype: Any = float) -> jax.Array:
    """Uniform with variance 2 / fan_in, for relu, which halves the power of a signal (He et al., 2015)."""
    return _uniform(key, shape, 2 / fans("he_uniform", shape)[0], dtype)


def lecun_normal(key: jax.Array, shape: Sequence[int], *, dtype: Any = float) -> jax.Array:
    """Gaussian with variance 1 / fan_in, which keeps the variance of a linear layer (LeCun et al., 1998)."""
    return normal(key, shape, std=math.sqrt(1 / fans("lecun_normal", shape)[0]), dtype=dtype)


def lecun_uniform(key: jax.Array, shape: Sequence[int], *, dtype: Any = float) -> jax.Array:
    """Uniform with variance 1 / fan_in, which keeps the variance of a linear layer (LeCun et al., 1998)."""
    return _uniform(key, shape, 1 / fans("lecun_uniform", shape)[0], dtype)


def fans(op: str, shape: Sequence[int]) -> tuple[int, int]:
    """How many inputs an output sums, and how many outputs an input reaches, for a channels_last kernel."""
    require(
        len(shape) >= 2 and min(shape) > 0, op, "shape must have two axes or more, none of size 0", f"shape={shape}"
    )
    *window, inputs, outputs = shape
    return math.prod(window) * inputs, math.prod(window) * outputs


def initializer(name: str) -> Callable[..., jax.Array]:
    """The initializer of a name, as a Config spells it."""
    require(name in INITIALIZERS, "initializer", f"name must be one of {', '.join(INITIALIZERS)}", f"name={name!r}")
    return INITIALIZERS[name]


def _uniform(key: jax.Array, shape: Sequence[int], variance: float, dtype: Any) -> jax.Array:
    # The uniform distribution on (-limit, limit) has variance limit^2 / 3.
    limit = math.sqrt(3 * variance)
    return jax.random.uniform(key, tuple(shape), dtype, -limit, limit)


INITIALIZERS: dict[str, Callable[..., jax.Array]] = {
    function.__name__: function
    for function in (normal, glorot_normal, glorot_uniform, he_normal, he_uniform, lecun_normal, lecun_uniform)
}
