"""Attention of one head, as a textbook prints it, in JAX: Q is (queries, d), K and V have a row for each key."""

import jax
import jax.numpy as jnp


def softmax(S):
    e = jnp.exp(S - S.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def attention(Q, K, V, scale):
    S = scale * Q @ K.T
    P = softmax(S)
    return P @ V


def attention_backward(Q, K, V, scale, dout):
    _, backward = jax.vjp(lambda Q, K, V: attention(Q, K, V, scale), Q, K, V)
    dQ, dK, dV = backward(dout)
    return dQ, dK, dV
