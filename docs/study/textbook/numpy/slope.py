"""The slope in one variable and in a direction, as a textbook prints it."""

import numpy as np


def numerical_diff(f, x):
    h = 1e-4
    return (f(x + h) - f(x - h)) / (2 * h)


def directional_derivative(f, x, v):
    h = 1e-4
    return (f(x + h * v) - f(x - h * v)) / (2 * h)


def numerical_gradient(f, x):
    return np.array([directional_derivative(f, x, unit) for unit in np.eye(len(x))])
