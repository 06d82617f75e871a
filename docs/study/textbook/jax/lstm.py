"""An LSTM through time, in JAX: x is (batch, length, in), the four gates stand side by side."""

import jax
import jax.numpy as jnp


def sigmoid(a):
    return 1 / (1 + jnp.exp(-a))


def gates(x, h, W, U, b):
    i, f, g, o = jnp.split(x @ W + h @ U + b, 4, axis=1)
    return sigmoid(i), sigmoid(f), jnp.tanh(g), sigmoid(o)


def lstm_step(x, h, c, W, U, b):
    i, f, g, o = gates(x, h, W, U, b)
    c = f * c + i * g
    h = o * jnp.tanh(c)
    return h, c


def lstm(x, h, c, W, U, b):
    hs, cs = [h], [c]
    for t in range(x.shape[1]):
        h, c = lstm_step(x[:, t], h, c, W, U, b)
        hs.append(h)
        cs.append(c)
    return hs, cs


def last_output(x, h, c, W, U, b):
    hs, _ = lstm(x, h, c, W, U, b)
    return hs[-1]


def lstm_backward(x, h, c, W, U, b, dh):
    _, backward = jax.vjp(last_output, x, h, c, W, U, b)
    return backward(dh)
