"""Gates, as a textbook prints them, in JAX."""

import jax
import jax.numpy as jnp


def sigmoid(x):
    return 1 / (1 + jnp.exp(-x))


def glu(x, g):
    w = sigmoid(g)
    return x * w


def glu_backward(x, g, dout):
    _, backward = jax.vjp(glu, x, g)
    dx, dg = backward(dout)
    return dx, dg


def swiglu(x, g):
    return x * g * sigmoid(g)
