"""Losses of sequences, as a textbook prints them, in JAX: z is (steps, classes), class 0 the blank."""

import jax
import jax.numpy as jnp


def log_softmax(z):
    z = z - z.max(axis=-1, keepdims=True)
    return z - jnp.log(jnp.exp(z).sum(axis=-1, keepdims=True))


def linear_softmax_cross_entropy(x, W, labels, chunk):
    losses = []
    for start in range(0, len(x), chunk):
        part = slice(start, start + chunk)
        log_p = log_softmax(x[part] @ W)
        losses.append(-log_p[jnp.arange(len(log_p)), labels[part]])
    return jnp.concatenate(losses)


def linear_softmax_cross_entropy_backward(x, W, labels, chunk):
    return jax.grad(lambda x, W: linear_softmax_cross_entropy(x, W, labels, chunk).sum(), argnums=(0, 1))(x, W)


def states_of(labels):
    states = [0]
    for label in labels:
        states += [int(label), 0]
    return states


def ways(p, states):
    alpha = [p[0, k] if s < 2 else 0 for s, k in enumerate(states)]
    for t in range(1, len(p)):
        before, alpha = alpha, []
        for s, k in enumerate(states):
            total = before[s]
            if s >= 1:
                total += before[s - 1]
            if s >= 2 and k != states[s - 2]:
                total += before[s - 2]
            alpha.append(p[t, k] * total)
    return alpha


def ctc_loss(z, labels):
    p = jnp.exp(log_softmax(z))
    alpha = ways(p, states_of(labels))
    return -jnp.log(alpha[-1] + alpha[-2])


def ctc_gradient(z, labels):
    return jax.grad(ctc_loss)(z, labels)
