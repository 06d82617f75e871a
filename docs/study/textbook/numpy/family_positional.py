"""Rotary position embedding, as a textbook prints it: x is (length, heads, d), p the positions."""

import numpy as np


def rotary_embedding(x, p, B=10000.0):
    half = x.shape[-1] // 2
    angle = p[:, None, None] * B ** (-np.arange(half) / half)
    a, b = x[..., :half], x[..., half:]
    turned_a = a * np.cos(angle) - b * np.sin(angle)
    turned_b = a * np.sin(angle) + b * np.cos(angle)
    return np.concatenate([turned_a, turned_b], axis=-1)


def rotary_embedding_backward(p, dout):
    return rotary_embedding(dout, -p)
