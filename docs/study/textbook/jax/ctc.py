"""CTC on paper, in JAX: z is (steps, classes), class 0 the blank."""

import jax
import jax.numpy as jnp


def softmax(z):
    e = jnp.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def states_of(labels):
    states = [0]
    for label in labels:
        states += [int(label), 0]
    return states


def ways(p, states):
    rows = [jnp.array([p[0, k] if s < 2 else 0.0 for s, k in enumerate(states)])]
    for t in range(1, len(p)):
        before, row = rows[-1], []
        for s, k in enumerate(states):
            total = before[s]
            if s >= 1:
                total += before[s - 1]
            if s >= 2 and k != states[s - 2]:
                total += before[s - 2]
            row.append(p[t, k] * total)
        rows.append(jnp.array(row))
    return jnp.array(rows)


def ctc_loss(z, labels):
    alpha = ways(softmax(z), states_of(labels))
    return -jnp.log(alpha[-1, -1] + alpha[-1, -2])


def ctc_gradient(z, labels):
    return jax.grad(ctc_loss)(z, labels)
