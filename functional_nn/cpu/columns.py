"""Batch normalization with sums over rows by a C file: XLA adds up columns on one core, one sum at a time."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from functional_nn import _libraries
from functional_nn.cpu.compiler import COLUMNS
from functional_nn.cpu.native import Calls

DTYPES = (jnp.float32,)
CALLS = Calls(COLUMNS, "columns_moments", "columns_sums")
MOMENTS, SUMS = "functional_nn_columns_moments", "functional_nn_columns_sums"
# Numbers of x from which on it is faster than XLA.
FEWEST = 2**15


def forward(x: jax.Array, scale: jax.Array, bias: jax.Array, *, epsilon: float) -> Sequence[jax.Array]:
    """y, the mean and the variance of each column of x (rows, columns), and what the mean was rounded by."""
    column = jax.ShapeDtypeStruct(scale.shape, jnp.float32)
    mean, rest, variance = jax.ffi.ffi_call(MOMENTS, (column, column, column))(x)
    y = (x - mean - rest) * jax.lax.rsqrt(variance + epsilon) * scale + bias
    return y, mean, variance, rest


def backward(
    x: jax.Array,
    scale: jax.Array,
    bias: jax.Array,
    mean: jax.Array,
    variance: jax.Array,
    rest: jax.Array,
    y_ct: jax.Array,
    mean_ct: jax.Array,
    variance_ct: jax.Array,
    *,
    epsilon: float,
) -> Sequence[jax.Array]:
    """The gradients of x, scale and bias (docs/derivations/normalization.md), and those of the moments themselves."""
    column = jax.ShapeDtypeStruct(scale.shape, jnp.float32)
    total, moved = jax.ffi.ffi_call(SUMS, (column, column))(y_ct, x, mean, rest)
    share, rows = jax.lax.rsqrt(variance + epsilon), x.shape[0]
    slope = (scale * share * share * share * moved - 2 * variance_ct) / rows
    x_ct = (y_ct - total / rows) * (scale * share) - (x - mean - rest) * slope + mean_ct / rows
    return x_ct, share * moved, total


def takes(x: Any) -> bool:
    """Whether the moments of the columns of x are best computed here."""
    wanted = _libraries.WANTED and x.dtype in DTYPES and x.size >= max(FEWEST, 2 * x.shape[-1])
    return wanted and jax.default_backend() == "cpu" and CALLS.unusable() is None
