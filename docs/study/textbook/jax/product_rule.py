"""The product rule at work, as a textbook prints it, in JAX."""

import jax
import jax.numpy as jnp


def derivative(f, x):
    return jax.grad(f)(x)


def sigmoid(x):
    return 1 / (1 + jnp.exp(-x))


def silu(x):
    return x * sigmoid(x)


def silu_backward(x, dout):
    _, backward = jax.vjp(silu, x)
    (dx,) = backward(dout)
    return dx


def kl_divergence(log_q, t):
    return jnp.sum(t * (jnp.log(t) - log_q), axis=-1)


def kl_backward(log_q, t):
    return jax.grad(lambda t: kl_divergence(log_q, t).sum())(t)
