"""RMS norm over the last axis, alone or behind a residual addition whose sum is handed on."""

import functools
from typing import Any

import jax
import jax.numpy as jnp

from examples.kernels.in_pallas.layout import inside, over_rows, rows_of, wide, wide_dtype


def rms_norm_forward(x_ref, residual_ref, scale_ref, y_ref, total_ref, rstd_ref, *, epsilon):
    """y = total * rstd * scale, with total = x + residual."""
    total = wide(x_ref[...]) + wide(residual_ref[...])
    rstd = jax.lax.rsqrt((total * total).mean(axis=1, keepdims=True) + epsilon)
    y_ref[...] = (total * rstd * scale_ref[...]).astype(y_ref.dtype)
    total_ref[...] = total.astype(total_ref.dtype)
    rstd_ref[...] = rstd


def rms_norm_backward(total_ref, rstd_ref, dy_ref, dtotal_ref, scale_ref, dx_ref, scale_sum_ref, *, count):
    """dx = (g - n * mean(g * n)) * rstd + dtotal, with g = dy * scale; dscale = sum(dy * n)."""
    upstream = jnp.where(inside(count), wide(dy_ref[...]), 0.0)
    normal = jnp.where(inside(count), wide(total_ref[...]) * rstd_ref[...], 0.0)
    scaled = upstream * wide(scale_ref[...])
    gradient = (scaled - normal * (scaled * normal).mean(axis=1, keepdims=True)) * rstd_ref[...]
    gradient += wide(dtotal_ref[...])
    dx_ref[...] = gradient.astype(dx_ref.dtype)
    scale_sum_ref[...] = (upstream * normal).sum(axis=0, keepdims=True)


@functools.partial(jax.custom_vjp, nondiff_argnums=(3,))
def add_rms_norm(
    x: jax.Array, residual: jax.Array, scale: jax.Array, epsilon: float = 1e-6
) -> tuple[jax.Array, jax.Array]:
    """(RMS norm of x + residual times scale, x + residual)."""
    return _forward(x, residual, scale, epsilon)[0]


def _forward(x, residual, scale, epsilon):
    columns = x.shape[-1]
    kernel = functools.partial(rms_norm_forward, epsilon=epsilon)
    outs = [(columns, x.dtype), (columns, x.dtype), (1, wide_dtype(x.dtype))]
    y, total, rstd = over_rows(kernel, [rows_of(x), rows_of(residual)], [scale[None]], outs=outs)
    return (y.reshape(x.shape), total.reshape(x.shape)), (total, scale, rstd)


def _backward(epsilon, kept, upstream):
    total, scale, rstd = kept
    dy, dtotal = upstream
    kernel = functools.partial(rms_norm_backward, count=len(total))
    arguments, columns = [total, rstd, rows_of(dy), rows_of(dtotal)], total.shape[1]
    dx, dscale = over_rows(kernel, arguments, [scale[None]], outs=[(columns, total.dtype)], sums=[columns])
    return dx.reshape(dy.shape), dx.reshape(dy.shape), dscale.astype(scale.dtype)


add_rms_norm.defvjp(_forward, _backward)


def rms_norm(x: jax.Array, scale: jax.Array, epsilon: float = 1e-6) -> jax.Array:
    """RMS norm of x over its last axis, times scale."""
    normed_and_sum: Any = add_rms_norm(x, jnp.zeros_like(x), scale, epsilon)
    return normed_and_sum[0]
