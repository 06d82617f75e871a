"""Activations, as a textbook prints them."""

import numpy as np


def relu(x):
    return np.maximum(x, 0)


def tanh(x):
    return np.tanh(x)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.log(1 + np.exp(x))


def silu(x):
    return x * sigmoid(x)


def relu_backward(x, dout):
    return dout * (x > 0)


def tanh_backward(y, dout):
    return dout * (1 - y**2)


def softplus_backward(x, dout):
    return dout * sigmoid(x)


def silu_backward(x, dout):
    y = sigmoid(x)
    return dout * (y + x * y * (1 - y))
