"""Recurrent layers, as a textbook prints them, in JAX: x is (batch, length, in)."""

import jax
import jax.numpy as jnp


def sigmoid(a):
    return 1 / (1 + jnp.exp(-a))


def rnn_step(x, h, W, U, b):
    return jnp.tanh(x @ W + h @ U + b)


def rnn(x, h, W, U, b):
    hs = []
    for t in range(x.shape[1]):
        h = rnn_step(x[:, t], h, W, U, b)
        hs.append(h)
    return jnp.stack(hs, axis=1)


def lstm_step(x, h, c, W, U, b):
    i, f, g, o = jnp.split(x @ W + h @ U + b, 4, axis=1)
    i, f, g, o = sigmoid(i), sigmoid(f), jnp.tanh(g), sigmoid(o)
    c = f * c + i * g
    h = o * jnp.tanh(c)
    return h, c


def gru_step(x, h, W, U, b):
    r_b, z_b, n_b, m_b = jnp.split(b, 4)
    r_x, z_x, n_x = jnp.split(x @ W, 3, axis=1)
    r_h, z_h, n_h = jnp.split(h @ U, 3, axis=1)
    r = sigmoid(r_x + r_h + r_b)
    z = sigmoid(z_x + z_h + z_b)
    n = jnp.tanh(n_x + n_b + r * (n_h + m_b))
    return (1 - z) * n + z * h


def linear_recurrence(x, d, h):
    hs = []
    for t in range(x.shape[1]):
        h = d[:, t] * h + x[:, t]
        hs.append(h)
    return jnp.stack(hs, axis=1)


def backward(f, arguments, dout):
    _, pull = jax.vjp(f, *arguments)
    return pull(dout)
