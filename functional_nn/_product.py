"""The product of rows with a matrix, and a bias, in the way that is the fastest on a CPU."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from functional_nn._by_library import ByLibrary
from functional_nn._numerics import in_float32
from functional_nn.cpu import products


def product(x: jax.Array, kernel: jax.Array, *bias: jax.Array) -> jax.Array:
    """x (..., in_dim) @ kernel (in_dim, out_dim), plus the bias (out_dim,) if there is one; all of one dtype.

    As of one matrix, whatever the axes in front, so that no gradient is a product over several axes: those are slower.
    """
    rows = x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
    (out,) = _way(rows, kernel, *bias)(rows, kernel, *bias)
    return out.reshape(*x.shape[:-1], kernel.shape[1])


def _way(rows: jax.Array, kernel: jax.Array, *bias: jax.Array) -> Callable[..., Sequence[jax.Array]]:
    if products.takes(rows, kernel, *bias):
        return _BY_ONEDNN[len(bias)]
    return _OF_ONE_ROW[len(bias)] if rows.shape[0] == 1 else _multiply


def _multiply(rows: jax.Array, kernel: jax.Array, *bias: jax.Array) -> tuple[jax.Array]:
    out = rows @ kernel
    # The bias's gradient is a long sum: in 16 bits it would stop growing.
    return (in_float32(jnp.add, out, *bias) if bias else out,)


class _OneRow:
    """As JAX transposes a product, XLA writes the kernel's gradient of one row transposed, in four times the time."""

    DTYPES = (jnp.float32, jnp.float64, jnp.bfloat16, jnp.float16)
    forward = staticmethod(_multiply)

    @staticmethod
    def backward(row: jax.Array, kernel: jax.Array, *arrays: jax.Array) -> Sequence[jax.Array]:
        *bias, ct = arrays
        return ct @ kernel.T, row.T @ ct, *(ct[0] for _ in bias)


def _nothing(*_: Any) -> tuple[Any, ...]:
    return ()


def _products(library: Any) -> list[ByLibrary]:
    """By how many biases there are."""
    return [
        ByLibrary(
            name,
            _multiply,
            inputs=2 + count,
            differentiable=2 + count,
            statics=(),
            kept=_nothing,
            first_read=1,
            libraries={"cpu": library},
        )
        for count, name in enumerate(("product", "product_with_bias"))
    ]


_BY_ONEDNN, _OF_ONE_ROW = _products(products), _products(_OneRow)
