"""Optimizers, as a textbook prints them: from a weight, its gradient and a state to the next of each."""

import numpy as np


def sgd(p, g, state, lr):
    return p - lr * g, state


def momentum(p, g, v, lr, alpha):
    v = alpha * v + g
    return p - lr * v, v


def nesterov(p, g, v, lr, alpha):
    v = alpha * v + g
    return p - lr * (g + alpha * v), v


def adagrad(p, g, s, lr, eps=1e-7):
    s = s + g**2
    return p - lr * g / np.sqrt(s + eps), s


def rmsprop(p, g, s, lr, d, eps=1e-7):
    s = d * s + (1 - d) * g**2
    return p - lr * g / np.sqrt(s + eps), s


def adam(p, g, state, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m, s, t = state
    t = t + 1
    m = beta1 * m + (1 - beta1) * g
    s = beta2 * s + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**t)
    s_hat = s / (1 - beta2**t)
    return p - lr * m_hat / (np.sqrt(s_hat) + eps), (m, s, t)


def path(optimizer, p, gradients, state, **settings):
    points = []
    for g in gradients:
        p, state = optimizer(p, g, state, **settings)
        points.append(p)
    return np.array(points)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def loss(params, x, t):
    p = softmax(x @ params["W"] + params["b"])
    return -np.mean(np.sum(t * np.log(p), axis=1))


def gradient(params, x, t):
    dz = (softmax(x @ params["W"] + params["b"]) - t) / len(x)
    return {"W": x.T @ dz, "b": dz.sum(axis=0)}


def train(params, x, t, lr, steps):
    losses, states = [], dict.fromkeys(params, (0, 0, 0))
    for _ in range(steps):
        losses.append(loss(params, x, t))
        grads = gradient(params, x, t)
        moved = {name: adam(params[name], grads[name], states[name], lr) for name in params}
        params = {name: p for name, (p, state) in moved.items()}
        states = {name: state for name, (p, state) in moved.items()}
    return params, np.array(losses)
