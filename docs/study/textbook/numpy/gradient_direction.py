"""The direction of the gradient, as a textbook prints it."""

import numpy as np


def directional_derivative(f, x, v):
    h = 1e-4
    return (f(x + h * v) - f(x - h * v)) / (2 * h)


def numerical_gradient(f, x):
    return np.array([directional_derivative(f, x, unit) for unit in np.eye(len(x))])


def gradient_descent(f, init_x, lr, step_num):
    x = init_x
    for _ in range(step_num):
        x = x - lr * numerical_gradient(f, x)
    return x
