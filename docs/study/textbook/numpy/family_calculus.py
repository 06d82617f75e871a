"""Derivatives and descent, as a textbook prints them."""

import numpy as np


def numerical_diff(f, x):
    h = 1e-4
    return (f(x + h) - f(x - h)) / (2 * h)


def directional_derivative(f, x, v):
    h = 1e-4
    return (f(x + h * v) - f(x - h * v)) / (2 * h)


def partial_derivative(f, i, x):
    return directional_derivative(f, x, np.eye(len(x))[i])


def numerical_gradient(f, x):
    return np.array([directional_derivative(f, x, unit) for unit in np.eye(len(x))])


def gradient_descent(f, init_x, lr, step_num):
    x = init_x
    for _ in range(step_num):
        x = x - lr * numerical_gradient(f, x)
    return x
