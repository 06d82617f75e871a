"""How large a gradient is after so many steps back through an RNN, as a textbook prints it: x is (1, length, in)."""

import numpy as np


def rnn_step(x, h, W, U, b):
    return np.tanh(x @ W + h @ U + b)


def states(x, h, W, U, b):
    hs = [h]
    for t in range(x.shape[1]):
        hs.append(rnn_step(x[:, t], hs[-1], W, U, b))
    return hs


def sizes(x, h, W, U, b, dh):
    hs, norms = states(x, h, W, U, b), []
    for t in reversed(range(x.shape[1])):
        da = dh * (1 - hs[t + 1] ** 2)
        dh = da @ U.T
        norms.append(np.sqrt(np.sum(dh**2)))
    return np.array(norms)


def clip_grads(grads, max_norm):
    norm = np.sqrt(sum(np.sum(g**2) for g in grads))
    rate = min(1, max_norm / norm)
    return [rate * g for g in grads]
