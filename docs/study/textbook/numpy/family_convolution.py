"""Padding, groups and the transposed convolution, as a textbook prints them, in one dimension."""

import numpy as np


def same_padding(length, size, stride):
    windows = -(-length // stride)
    missing = max(stride * (windows - 1) + size - length, 0)
    return missing // 2, missing - missing // 2


def conv1d(x, W, stride=1, pad=(0, 0)):
    padded = np.pad(x, ((0, 0), pad, (0, 0)))
    length = (padded.shape[1] - len(W)) // stride + 1
    return sum(padded[:, k : k + stride * length : stride] @ W[k] for k in range(len(W)))


def grouped_conv1d(x, W, groups):
    parts = zip(np.split(x, groups, axis=2), np.split(W, groups, axis=2), strict=True)
    return np.concatenate([conv1d(x_part, W_part) for x_part, W_part in parts], axis=2)


def conv_transpose1d(x, W, stride):
    length = x.shape[1]
    z = np.zeros((len(x), stride * (length - 1) + len(W), W.shape[1]))
    for k in range(len(W)):
        z[:, k : k + stride * length : stride] += x @ W[k].T
    return z


def conv_transpose1d_backward(W, dout, stride):
    return conv1d(dout, W, stride)
