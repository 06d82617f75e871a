"""SGD, momentum and Adam on one number and in a narrow valley, as a textbook prints them."""

import numpy as np


def f(x):
    return x[0] ** 2 / 20 + x[1] ** 2


def gradient(x):
    return np.array([x[0] / 10, 2 * x[1]])


def sgd(gradient, x, lr, steps):
    path = [x]
    for _ in range(steps):
        x = x - lr * gradient(x)
        path.append(x)
    return np.array(path)


def momentum(gradient, x, lr, steps, alpha=0.9):
    v, path = np.zeros_like(x), [x]
    for _ in range(steps):
        v = alpha * v - lr * gradient(x)
        x = x + v
        path.append(x)
    return np.array(path)


def adam(gradient, x, lr, steps, beta1=0.9, beta2=0.999, eps=1e-8):
    m, u, path = np.zeros_like(x), np.zeros_like(x), [x]
    for t in range(1, steps + 1):
        g = gradient(x)
        m = beta1 * m + (1 - beta1) * g
        u = beta2 * u + (1 - beta2) * g**2
        m_hat = m / (1 - beta1**t)
        u_hat = u / (1 - beta2**t)
        x = x - lr * m_hat / (np.sqrt(u_hat) + eps)
        path.append(x)
    return np.array(path)
