"""Activations: elementwise functions of one array, and softmax along an axis."""

import numpy as np

from reference._checks import as_floating


def sigmoid(x):
    """The logistic function, which maps the real line onto the interval from 0 to 1.

    sigmoid(x) = 1 / (1 + exp(-x)), and sigmoid'(x) = sigmoid(x) sigmoid(-x).

    Stable because exp is only taken of -|x|; the derivative uses sigmoid(-x) for 1 - sigmoid(x), which would cancel.

    Args:
        x: any shape, a floating dtype.

    Returns:
        The shape and dtype of x.

    Raises:
        TypeError: x is not a floating array.

    References:
        Saito, Deep Learning from Scratch, sections 3.2 and 5.5.1; docs/derivations/activations.md.
    """
    return sigmoid_fwd(x)[0]


def sigmoid_fwd(x):
    x = as_floating("sigmoid", "x", x)
    shrunk = np.exp(-np.abs(x))
    out = np.where(x >= 0, 1, shrunk) / (1 + shrunk)
    return out, (out, np.where(x >= 0, shrunk, 1) / (1 + shrunk))


def sigmoid_bwd(residuals, cotangent):
    out, complement = residuals
    return (cotangent * out * complement,)
