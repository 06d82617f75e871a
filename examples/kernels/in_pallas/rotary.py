"""Rotary embedding: pairs of entries, one of each half of a head, turned by an angle that grows with the position."""

import functools

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl

from examples.kernels.in_pallas.layout import INTERPRET, wide


def rotate(x_ref, cosines_ref, sines_ref, y_ref, *, backward):
    """(a, b) -> (a cos - b sin, b cos + a sin); backward its transpose. The two halves may have angles of their own."""
    a, b = jnp.split(wide(x_ref[...]), 2, axis=-1)
    cosine_a, cosine_b = jnp.split(wide(cosines_ref[...]), 2, axis=-1)
    sine_a, sine_b = jnp.split(wide(sines_ref[...]), 2, axis=-1)
    if backward:
        turned = a * cosine_a + b * sine_b, b * cosine_b - a * sine_a
    else:
        turned = a * cosine_a - b * sine_a, b * cosine_b + a * sine_b
    y_ref[...] = jnp.concatenate(turned, axis=-1).astype(y_ref.dtype)


def _rotated(x, cosines, sines, *, backward):
    """One program a position: all its heads in one block, the tables' row beside them."""
    batch, length, heads, width = x.shape
    heads_there = pl.BlockSpec((None, None, heads, width), lambda example, place: (example, place, 0, 0))
    angles_there = pl.BlockSpec((1, width), lambda example, place: (place, 0))
    call = pl.pallas_call(
        functools.partial(rotate, backward=backward), grid=(batch, length), interpret=INTERPRET,
        in_specs=[heads_there, angles_there, angles_there], out_specs=heads_there,
        out_shape=jax.ShapeDtypeStruct(x.shape, x.dtype),
    )  # fmt: skip
    return call(x, cosines, sines)


@jax.custom_vjp
def _rotary(x, cosines, sines):
    return _rotated(x, cosines, sines, backward=False)


def _forward(x, cosines, sines):
    return _rotary(x, cosines, sines), (cosines, sines)


def _backward(tables, dy):
    return _rotated(dy, *tables, backward=True), *map(jnp.zeros_like, tables)  # the tables are constants


_rotary.defvjp(_forward, _backward)


def rotary(x: jax.Array, cosines: jax.Array, sines: jax.Array) -> jax.Array:
    """x (batch, length, heads, head_dim) with each head's halves turned together, by tables (length, head_dim)."""
    if (rows := (x.shape[1], x.shape[3])) != cosines.shape or rows != sines.shape:
        got = f"{cosines.shape} and {sines.shape}"
        raise ValueError(f"rotary: the tables must be (length, head_dim), {rows} for this x; got {got}")
    return _rotary(x, cosines, sines)
