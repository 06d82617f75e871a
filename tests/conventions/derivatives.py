"""Functions and their derivatives: d_*, *_deriv, *_prime, *_derivative, *_grad, and a switch in the function itself."""

import numpy as np


def sigmoid(x, derivative=False):
    """A switch among the arguments."""
    s = 1 / (1 + np.exp(-x))
    if derivative:
        # wrong sigmoid x [sign]: return s * (1 + s)
        return s * (1 - s)
    return s


def bent(z, prime=False):
    if prime:
        # wrong bent z [wrong_derivative scaled_by_constant unexplained]: return z / np.sqrt(z**2 + 1) + 1
        return z / (2 * np.sqrt(z**2 + 1)) + 1
    return (np.sqrt(z**2 + 1) - 1) / 2 + z


def tanh(x):
    return np.tanh(x)


def d_tanh(x):
    # wrong tanh x [sign]: return 1 + np.tanh(x) ** 2
    return 1 - np.tanh(x) ** 2


def softplus(x):
    return np.log1p(np.exp(x))


def softplus_deriv(x):
    # wrong softplus x [sign derivative_missing]: return 1 / (1 + np.exp(x))
    return 1 / (1 + np.exp(-x))


def relu(z):
    return np.maximum(z, 0)


def relu_prime(z):
    # wrong relu z [mask_missing derivative_missing]: return np.ones_like(z)
    return (z > 0).astype(float)


def swish(x):
    return x / (1 + np.exp(-x))


def swish_grad(x):
    s = 1 / (1 + np.exp(-x))
    # wrong swish x [wrong_derivative term_missing unexplained derivative_missing]: return s
    return s + x * s * (1 - s)


def logistic(x):
    """Its derivative is a function of the output."""
    return 1 / (1 + np.exp(-x))


def logistic_derivative(y):
    # wrong logistic x [scaled_by_constant]: return 2 * y * (1 - y)
    return y * (1 - y)


def leakyRelu(x):
    return np.where(x > 0, x, 0.01 * x)


def leakyReluDerivative(x):
    # wrong leakyRelu x [scaled_by_constant]: return np.where(x > 0, 1.0, 0.0)
    return np.where(x > 0, 1.0, 0.01)
