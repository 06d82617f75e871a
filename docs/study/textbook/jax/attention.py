"""Attention step by step, in JAX: one query q over the rows of V, which are keys and values at once."""

import jax
import jax.numpy as jnp


def softmax(s):
    e = jnp.exp(s - s.max())
    return e / e.sum()


def weights(V, q):
    return softmax(V @ q)


def weight_sum(V, a):
    return a @ V


def attend(V, q):
    a = weights(V, q)
    return weight_sum(V, a)


def attend_backward(V, q, dc):
    _, backward = jax.vjp(attend, V, q)
    dV, dq = backward(dc)
    return dV, dq


def score_gradient(V, q, dc):
    _, backward = jax.vjp(lambda s: weight_sum(V, softmax(s)), V @ q)
    (ds,) = backward(dc)
    return ds
