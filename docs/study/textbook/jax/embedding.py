"""An embedding in JAX: words are numbers, and each has a row of the table W."""

import jax
import jax.numpy as jnp


def one_hot(words, size):
    return jnp.eye(size)[words]


def by_product(words, W):
    return one_hot(words, len(W)) @ W


def embedding(words, W):
    return W[words]


def embedding_backward(words, W, dout):
    _, backward = jax.vjp(lambda W: embedding(words, W), W)
    (dW,) = backward(dout)
    return dW


def product_backward(words, W, dout):
    _, backward = jax.vjp(lambda W: by_product(words, W), W)
    (dW,) = backward(dout)
    return dW


def cos_similarity(x, y):
    return jnp.sum(x * y) / (jnp.sqrt(jnp.sum(x**2)) * jnp.sqrt(jnp.sum(y**2)))
