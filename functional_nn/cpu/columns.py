"""Batch and group normalization with sums over rows by a C file: XLA adds up columns on one core, sum after sum."""

from collections.abc import Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp

from functional_nn import _libraries
from functional_nn._numerics import mean_of_members
from functional_nn.cpu.compiler import COLUMNS
from functional_nn.cpu.native import Calls
from functional_nn.cpu.xla import barrier

DTYPES = (jnp.float32, jnp.bfloat16)
CALLS = Calls(COLUMNS, "columns_moments", "columns_sums")
MOMENTS, SUMS = "functional_nn_columns_moments", "functional_nn_columns_sums"
# Numbers of x from which on it is faster than XLA.
FEWEST = 2**15


def forward(
    x: jax.Array, scale: jax.Array, bias: jax.Array, *, groups: int, each: bool, epsilon: float
) -> Sequence[jax.Array]:
    """y of x (..., columns), in its dtype; and of each column's group the mean, the variance and what the mean was
    rounded by: all three (examples or 1, columns) and float32, as scale and bias are."""
    column = jax.ShapeDtypeStruct((x.shape[0] if each else 1, x.shape[-1]), jnp.float32)
    means, rests, variances = jax.ffi.ffi_call(MOMENTS, (column, column, column))(x)
    over = partial(mean_of_members, groups)
    mean = over(means)
    apart = means - mean + rests
    rest = over(apart)
    variance = over(variances + jnp.square(apart - rest)) if groups < x.shape[-1] else variances
    y = _distance(x, mean, rest) * _beside(x, jax.lax.rsqrt(variance + epsilon) * scale) + bias
    return y.astype(x.dtype), mean, variance, rest


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
    groups: int,
    each: bool,
    epsilon: float,
) -> Sequence[jax.Array]:
    """The gradients of x, scale and bias (docs/derivations/normalization.md), and those of the moments themselves."""
    y_ct = _written_once(y_ct)
    total, moved = _sums(y_ct, x, mean, rest)
    over, share, rows = partial(mean_of_members, groups), jax.lax.rsqrt(variance + epsilon), x.size // mean.size
    slope = (share * share * share * over(scale * moved) - 2 * over(variance_ct)) / rows
    # Of its own column an upstream gradient has no mean left; where a column is a group, the rest is exactly 0.
    level = total / rows
    shift = share * (over(scale * level) - scale * level) - over(mean_ct) / rows
    centred = (y_ct - _beside(x, level)) * _beside(x, scale * share)
    x_ct = centred - _distance(x, mean, rest) * _beside(x, slope) - _beside(x, shift)
    return x_ct.astype(x.dtype), jnp.sum(share * moved, 0), jnp.sum(total, 0)


def backward_by_statistics(
    x: jax.Array,
    scale: jax.Array,
    bias: jax.Array,
    mean: jax.Array,
    variance: jax.Array,
    y_ct: jax.Array,
    *,
    epsilon: float,
) -> Sequence[jax.Array]:
    """The gradients of x (..., columns), and of scale, bias and the moments that are given, (columns,) and float32."""
    y_ct = _written_once(y_ct)
    total, moved = _sums(y_ct, x, mean[None], jnp.zeros_like(mean)[None])
    share = jax.lax.rsqrt(variance + epsilon)
    factor, factor_ct = share * scale, moved[0]
    x_ct = (y_ct * factor).astype(x.dtype)
    return x_ct, share * factor_ct, total[0], -factor * total[0], -0.5 * share * share * factor * factor_ct


def _written_once(y_ct: jax.Array) -> jax.Array:
    """XLA would write 16 bits, which it rounds to, a second time as float32 for a loop that reads them."""
    return y_ct if y_ct.dtype == jnp.float32 else barrier(y_ct)


def _sums(y_ct: jax.Array, x: jax.Array, mean: jax.Array, rest: jax.Array) -> Sequence[jax.Array]:
    """Of each column the sums of the upstream gradient, and of it times the distance of x from the mean."""
    column = jax.ShapeDtypeStruct(mean.shape, jnp.float32)
    return jax.ffi.ffi_call(SUMS, (column, column))(y_ct, x, mean, rest)


def _distance(x: jax.Array, mean: jax.Array, rest: jax.Array) -> jax.Array:
    return x - _beside(x, mean) - _beside(x, rest)


def _beside(x: jax.Array, column: jax.Array) -> jax.Array:
    """Numbers (examples or 1, columns) in the shape that broadcasts against x."""
    return column.reshape(len(column), *(1,) * (x.ndim - 2), column.shape[1])


# What given moments make of x takes no sums: forward, XLA computes it.
BY_STATISTICS = SimpleNamespace(DTYPES=DTYPES, backward=backward_by_statistics)


def takes(x: Any) -> bool:
    """Whether the moments of the columns of x (..., columns) are best computed here."""
    wanted = _libraries.wanted_on_cpu(x) and x.dtype in DTYPES
    return wanted and x.size >= max(FEWEST, 2 * x.shape[-1]) and CALLS.unusable() is None
