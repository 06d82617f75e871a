"""The power rule in a loss, as a textbook prints it, in JAX."""

import jax
import jax.numpy as jnp


def derivative(f, x):
    return jax.grad(f)(x)


def sum_of_squares_error(p, t):
    return 0.5 * jnp.sum((p - t) ** 2)


def sum_of_squares_gradient(p, t):
    return jax.grad(sum_of_squares_error)(p, t)


def mean_squared_error(p, t):
    return jnp.mean((p - t) ** 2)


def mean_squared_gradient(p, t):
    return jax.grad(mean_squared_error)(p, t)
