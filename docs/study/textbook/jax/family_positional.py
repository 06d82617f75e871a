"""Rotary position embedding, as a textbook prints it, in JAX: x is (length, heads, d), p the positions."""

import jax
import jax.numpy as jnp


def rotary_embedding(x, p, B=10000.0):
    half = x.shape[-1] // 2
    angle = p[:, None, None] * B ** (-jnp.arange(half) / half)
    a, b = x[..., :half], x[..., half:]
    turned_a = a * jnp.cos(angle) - b * jnp.sin(angle)
    turned_b = a * jnp.sin(angle) + b * jnp.cos(angle)
    return jnp.concatenate([turned_a, turned_b], axis=-1)


def rotary_embedding_backward(x, p, dout):
    _, backward = jax.vjp(lambda x: rotary_embedding(x, p), x)
    (dx,) = backward(dout)
    return dx
