"""Loss functions, as a textbook prints them, in JAX: one value per example."""

import jax
import jax.numpy as jnp


def sum_of_squares_error(p, t):
    return 0.5 * jnp.sum((p - t) ** 2, axis=-1)


def sum_of_squares_gradient(p, t):
    return jax.grad(lambda p: sum_of_squares_error(p, t).sum())(p)


def cross_entropy_error(p, labels):
    n = jnp.arange(len(labels))
    return -jnp.log(p[n, labels])


def cross_entropy_gradient(p, t):
    return jax.grad(lambda p: -jnp.sum(t * jnp.log(p)))(p)


def log_sum_exp(z):
    c = jnp.max(z, axis=-1, keepdims=True)
    return c + jnp.log(jnp.sum(jnp.exp(z - c), axis=-1, keepdims=True))


def softmax_cross_entropy(z, t):
    log_p = z - log_sum_exp(z)
    return -jnp.sum(t * log_p, axis=-1)


def softmax(z):
    return jax.grad(lambda z: log_sum_exp(z).sum())(z)


def softmax_cross_entropy_gradient(z, t):
    return jax.grad(lambda z: softmax_cross_entropy(z, t).sum())(z)
