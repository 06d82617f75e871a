"""What the exercises give, as a textbook prints it, in JAX, which finds the gradient from the forward alone."""

import jax
import jax.numpy as jnp


def derivative(f, x):
    return jax.vmap(jax.grad(f))(x)


def gradient(f, x, dout):
    _, pull = jax.vjp(f, x)
    (dx,) = pull(dout)
    return dx


def relu(x):
    return jnp.maximum(0, x)


def affine(x, W, b):
    return x @ W + b


def softmax_cross_entropy(z, t):
    z = z - jnp.max(z, axis=-1, keepdims=True)
    log_p = z - jnp.log(jnp.sum(jnp.exp(z), axis=-1, keepdims=True))
    return -log_p[jnp.arange(len(t)), t]


def batch_norm(x, gamma, beta):
    xc = x - jnp.mean(x, axis=0)
    var = jnp.mean(xc**2, axis=0)
    return gamma * xc / jnp.sqrt(var + 1e-5) + beta


def dropout(x, mask, p):
    return x * mask / (1 - p)


def convolve(x, W):
    n = len(x) - len(W) + 1
    return jnp.array([jnp.sum(x[i : i + len(W)] * W) for i in range(n)])


def max_pool(x, size):
    return jnp.max(x.reshape(-1, size), axis=1)


def gate(x, g):
    return x / (1 + jnp.exp(-g))


def loss(W, b, x, t):
    return jnp.mean(softmax_cross_entropy(affine(x, W, b), t))


def recurrence(x, a, h):
    hs = []
    for t in range(len(x)):
        h = a[t] * h + x[t]
        hs.append(h)
    return jnp.array(hs)


def by_chunks(x, W, t, size):
    chunks = [slice(i, i + size) for i in range(0, len(x), size)]
    return jnp.concatenate([softmax_cross_entropy(x[c] @ W, t[c]) for c in chunks])
