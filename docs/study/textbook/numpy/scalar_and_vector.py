"""Scalars and vectors in a loss, as a textbook prints them."""

import numpy as np


def sum_of_squares_error(p, t):
    d = p - t
    return 0.5 * np.sum(d**2, axis=1)


def numerical_gradient(f, x):
    h = 1e-4
    grad = np.zeros_like(x)
    for i in range(len(x)):
        step = np.zeros_like(x)
        step[i] = h
        grad[i] = (f(x + step) - f(x - step)) / (2 * h)
    return grad


def split(v):
    length = np.linalg.norm(v)
    return length, v / length


def directional_derivative(f, x, v):
    h = 1e-4
    return (f(x + h * v) - f(x - h * v)) / (2 * h)
