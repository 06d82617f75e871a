"""Softmax over the last axis: one program a block of rows."""

import jax
import jax.numpy as jnp

from examples.kernels.in_pallas.layout import over_rows, rows_of, wide


def softmax_forward(x_ref, y_ref):
    """y = exp(x - max) / sum."""
    logits = wide(x_ref[...])
    exponentials = jnp.exp(logits - logits.max(axis=1, keepdims=True))
    y_ref[...] = (exponentials / exponentials.sum(axis=1, keepdims=True)).astype(y_ref.dtype)


def softmax_backward(y_ref, dy_ref, dx_ref):
    """dx = y * (dy - sum(y * dy))."""
    chances, upstream = wide(y_ref[...]), wide(dy_ref[...])
    along = (chances * upstream).sum(axis=1, keepdims=True)
    dx_ref[...] = (chances * (upstream - along)).astype(dx_ref.dtype)


@jax.custom_vjp
def softmax(x: jax.Array) -> jax.Array:
    """Softmax of x over its last axis."""
    (y,) = over_rows(softmax_forward, [rows_of(x)], outs=[(x.shape[-1], x.dtype)])
    return y.reshape(x.shape)


def _forward(x):
    y = softmax(x)
    return y, y


def _backward(y, dy):
    (dx,) = over_rows(softmax_backward, [rows_of(y), rows_of(dy)], outs=[(y.shape[-1], y.dtype)])
    return (dx.reshape(y.shape),)


softmax.defvjp(_forward, _backward)
