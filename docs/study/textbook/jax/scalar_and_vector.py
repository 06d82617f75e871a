"""Scalars and vectors in a loss, as a textbook prints them, in JAX."""

import jax
import jax.numpy as jnp


def sum_of_squares_error(p, t):
    d = p - t
    return 0.5 * jnp.sum(d**2, axis=1)


def gradient(f, x):
    return jax.grad(f)(x)


def split(v):
    length = jnp.linalg.norm(v)
    return length, v / length


def directional_derivative(f, x, v):
    _, slope = jax.jvp(f, (x,), (v,))
    return slope
