"""Losses of sequences, as a textbook prints them: z is (steps, classes), class 0 the blank."""

import numpy as np


def log_softmax(z):
    z = z - z.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


def linear_softmax_cross_entropy(x, W, labels, chunk):
    losses = []
    for start in range(0, len(x), chunk):
        part = slice(start, start + chunk)
        log_p = log_softmax(x[part] @ W)
        losses.append(-log_p[np.arange(len(log_p)), labels[part]])
    return np.concatenate(losses)


def linear_softmax_cross_entropy_backward(x, W, labels, chunk):
    dx, dW = np.zeros_like(x), np.zeros_like(W)
    for start in range(0, len(x), chunk):
        part = slice(start, start + chunk)
        p = np.exp(log_softmax(x[part] @ W))
        t = np.eye(W.shape[1])[labels[part]]
        dx[part] = (p - t) @ W.T
        dW += x[part].T @ (p - t)
    return dx, dW


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
    p = np.exp(log_softmax(z))
    alpha = ways(p, states_of(labels))
    return -np.log(alpha[-1, -1] + alpha[-1, -2])


def ctc_gradient(z, labels):
    p, states = np.exp(log_softmax(z)), states_of(labels)
    beta = ways(p[::-1], states[::-1])[::-1, ::-1]
    chances = ways(p, states) * beta / p[:, states]
    q = np.zeros_like(p)
    for s, k in enumerate(states):
        q[:, k] += chances[:, s]
    return p - q / chances.sum(axis=1, keepdims=True)
