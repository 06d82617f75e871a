"""Gates, as a textbook prints them."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def glu(x, g):
    w = sigmoid(g)
    return x * w


def glu_backward(x, g, dout):
    w = sigmoid(g)
    dx = dout * w
    dg = dout * x * w * (1 - w)
    return dx, dg


def swiglu(x, g):
    return x * g * sigmoid(g)
