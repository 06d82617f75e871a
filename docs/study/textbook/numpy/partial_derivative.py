"""The partial derivative, as a textbook prints it."""

import numpy as np


def partial_derivative(f, i, x):
    h = 1e-4
    step = np.zeros_like(x)
    step[i] = h
    return (f(x + step) - f(x - step)) / (2 * h)


def numerical_diff(f, x):
    h = 1e-4
    return (f(x + h) - f(x - h)) / (2 * h)
