"""Dropout, as a textbook prints it, in JAX."""

import jax
import jax.numpy as jnp


def dropout_mask(seed, shape, p):
    return jax.random.uniform(jax.random.key(seed), shape) >= p


def dropout(x, mask, p):
    return jnp.where(mask, x / (1 - p), 0)


def dropout_backward(x, mask, dout, p):
    _, backward = jax.vjp(lambda x: dropout(x, mask, p), x)
    (dx,) = backward(dout)
    return dx
