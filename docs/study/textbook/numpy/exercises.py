"""What the exercises give, as a textbook prints it, and how a gradient is measured without being written."""

import numpy as np


def derivative(f, x, h=1e-4):
    return (f(x + h) - f(x - h)) / (2 * h)


def gradient(f, x, dout):
    dx, h = np.zeros_like(x), 1e-4
    for i in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i] = h
        dx[i] = np.sum(dout * (f(x + step) - f(x - step))) / (2 * h)
    return dx


def relu(x):
    return np.maximum(0, x)


def affine(x, W, b):
    return x @ W + b


def softmax_cross_entropy(z, t):
    z = z - np.max(z, axis=-1, keepdims=True)
    log_p = z - np.log(np.sum(np.exp(z), axis=-1, keepdims=True))
    return -log_p[np.arange(len(t)), t]


def batch_norm(x, gamma, beta):
    xc = x - np.mean(x, axis=0)
    var = np.mean(xc**2, axis=0)
    return gamma * xc / np.sqrt(var + 1e-5) + beta


def dropout(x, mask, p):
    return x * mask / (1 - p)


def convolve(x, W):
    n = len(x) - len(W) + 1
    return np.array([np.sum(x[i : i + len(W)] * W) for i in range(n)])


def max_pool(x, size):
    return np.max(x.reshape(-1, size), axis=1)


def gate(x, g):
    return x / (1 + np.exp(-g))


def loss(W, b, x, t):
    return np.mean(softmax_cross_entropy(affine(x, W, b), t))


def recurrence(x, a, h):
    hs = []
    for t in range(len(x)):
        h = a[t] * h + x[t]
        hs.append(h)
    return np.array(hs)


def by_chunks(x, W, t, size):
    chunks = [slice(i, i + size) for i in range(0, len(x), size)]
    return np.concatenate([softmax_cross_entropy(x[c] @ W, t[c]) for c in chunks])
