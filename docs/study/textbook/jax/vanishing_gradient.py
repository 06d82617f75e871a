"""How large a gradient is after so many steps back through an RNN, in JAX: x is (1, length, in)."""

import jax
import jax.numpy as jnp


def rnn_step(x, h, W, U, b):
    return jnp.tanh(x @ W + h @ U + b)


def states(x, h, W, U, b):
    hs = [h]
    for t in range(x.shape[1]):
        hs.append(rnn_step(x[:, t], hs[-1], W, U, b))
    return hs


def sizes(x, h, W, U, b, dh):
    hs, norms = states(x, h, W, U, b), []
    for t in reversed(range(x.shape[1])):
        _, backward = jax.vjp(lambda h, t=t: rnn_step(x[:, t], h, W, U, b), hs[t])
        (dh,) = backward(dh)
        norms.append(jnp.sqrt(jnp.sum(dh**2)))
    return jnp.array(norms)


def clip_grads(grads, max_norm):
    norm = jnp.sqrt(sum(jnp.sum(g**2) for g in grads))
    rate = jnp.minimum(1, max_norm / norm)
    return [rate * g for g in grads]
