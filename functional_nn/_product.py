"""The product of rows with a matrix, and a bias, by a library of the CPU where one takes them."""

import math
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
    multiply = _PRODUCTS[len(bias)] if products.takes(rows, kernel, *bias) else _multiply
    return multiply(rows, kernel, *bias)[0].reshape(*x.shape[:-1], kernel.shape[1])


def _multiply(rows: jax.Array, kernel: jax.Array, *bias: jax.Array) -> tuple[jax.Array]:
    # The bias's gradient is a long sum: in 16 bits it would stop growing.
    return (in_float32(jnp.add, rows @ kernel, *bias) if bias else rows @ kernel,)


def _nothing(*_: Any) -> tuple[Any, ...]:
    return ()


# By how many biases there are.
_PRODUCTS = [
    ByLibrary(
        name,
        _multiply,
        inputs=2 + count,
        differentiable=2 + count,
        statics=(),
        kept=_nothing,
        first_read=1,
        libraries={"cpu": products},
    )
    for count, name in enumerate(("product", "product_with_bias"))
]
