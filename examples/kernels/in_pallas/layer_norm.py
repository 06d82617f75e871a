"""Layer norm over the last axis: one program a block of rows, the blocks' sums for scale and bias added at the end."""

import functools

import jax
import jax.numpy as jnp

from examples.kernels.in_pallas.layout import inside, over_rows, rows_of, wide, wide_dtype


def layer_norm_forward(x_ref, scale_ref, bias_ref, y_ref, mean_ref, rstd_ref, *, epsilon):
    """y = (x - mean) * rstd * scale + bias."""
    values = wide(x_ref[...])
    mean = values.mean(axis=1, keepdims=True)
    centered = values - mean
    rstd = jax.lax.rsqrt((centered * centered).mean(axis=1, keepdims=True) + epsilon)
    y_ref[...] = (centered * rstd * scale_ref[...] + bias_ref[...]).astype(y_ref.dtype)
    mean_ref[...], rstd_ref[...] = mean, rstd


def layer_norm_backward(
    x_ref, dy_ref, mean_ref, rstd_ref, scale_ref, dx_ref, scale_sum_ref, bias_sum_ref, *, count
):  # fmt: skip
    """dx = (g - mean(g) - n * mean(g * n)) * rstd, with g = dy * scale; dscale = sum(dy * n), dbias = sum(dy)."""
    upstream = jnp.where(inside(count), wide(dy_ref[...]), 0.0)
    normal = jnp.where(inside(count), (wide(x_ref[...]) - mean_ref[...]) * rstd_ref[...], 0.0)
    scaled = upstream * wide(scale_ref[...])
    through_mean = scaled.mean(axis=1, keepdims=True)
    through_variance = normal * (scaled * normal).mean(axis=1, keepdims=True)
    dx_ref[...] = ((scaled - through_mean - through_variance) * rstd_ref[...]).astype(dx_ref.dtype)
    scale_sum_ref[...] = (upstream * normal).sum(axis=0, keepdims=True)
    bias_sum_ref[...] = upstream.sum(axis=0, keepdims=True)


@functools.partial(jax.custom_vjp, nondiff_argnums=(3,))
def layer_norm(x: jax.Array, scale: jax.Array, bias: jax.Array, epsilon: float = 1e-5) -> jax.Array:
    """Layer norm of x over its last axis, times scale, plus bias."""
    return _forward(x, scale, bias, epsilon)[0]


def _forward(x, scale, bias, epsilon):
    columns = x.shape[-1]
    kernel = functools.partial(layer_norm_forward, epsilon=epsilon)
    outs = [(columns, x.dtype), (1, wide_dtype(x.dtype)), (1, wide_dtype(x.dtype))]
    y, mean, rstd = over_rows(kernel, [rows_of(x)], [scale[None], bias[None]], outs=outs)
    return y.reshape(x.shape), (x, scale, bias, mean, rstd)


def _backward(epsilon, kept, dy):
    x, scale, bias, mean, rstd = kept
    rows, columns = rows_of(x), x.shape[-1]
    kernel = functools.partial(layer_norm_backward, count=len(rows))
    arguments = [rows, rows_of(dy), mean, rstd]
    dx, dscale, dbias = over_rows(
        kernel, arguments, [scale[None]], outs=[(columns, x.dtype)], sums=[columns, columns]
    )  # fmt: skip
    return dx.reshape(x.shape), dscale.astype(scale.dtype), dbias.astype(bias.dtype)


layer_norm.defvjp(_forward, _backward)
