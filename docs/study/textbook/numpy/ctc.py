"""CTC on paper, as a textbook prints it: z is (steps, classes), class 0 the blank."""

import numpy as np


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def states_of(labels):
    states = [0]
    for label in labels:
        states += [int(label), 0]
    return states


def ways(p, states):
    alpha = np.zeros((len(p), len(states)))
    alpha[0, :2] = p[0, states[:2]]
    for t in range(1, len(p)):
        for s in range(len(states)):
            total = alpha[t - 1, s]
            if s >= 1:
                total += alpha[t - 1, s - 1]
            if s >= 2 and states[s] != states[s - 2]:
                total += alpha[t - 1, s - 2]
            alpha[t, s] = p[t, states[s]] * total
    return alpha


def ctc_loss(z, labels):
    alpha = ways(softmax(z), states_of(labels))
    return -np.log(alpha[-1, -1] + alpha[-1, -2])


def ctc_gradient(z, labels):
    p, states = softmax(z), states_of(labels)
    beta = ways(p[::-1], states[::-1])[::-1, ::-1]
    through = ways(p, states) * beta / p[:, states]
    q = np.zeros_like(p)
    for s, k in enumerate(states):
        q[:, k] += through[:, s]
    return p - q / through.sum(axis=1, keepdims=True)
