"""Dropout, as a textbook prints it."""

import numpy as np


def dropout_mask(seed, shape, p):
    return np.random.default_rng(seed).random(shape) >= p


def dropout(x, mask, p):
    return np.where(mask, x / (1 - p), 0)


def dropout_backward(mask, dout, p):
    return np.where(mask, dout / (1 - p), 0)
