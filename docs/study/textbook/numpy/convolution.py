"""Convolution, as a textbook prints it: forward and backward in one dimension, and the loop of two."""

import numpy as np


def conv1d(x, W, b, stride=1, dilation=1, pad=(0, 0)):
    padded = np.pad(x, ((0, 0), pad, (0, 0)))
    size = dilation * (len(W) - 1) + 1
    length = (padded.shape[1] - size) // stride + 1
    y = np.zeros((len(x), length, W.shape[2]))
    for k in range(len(W)):
        start = dilation * k
        y += padded[:, start : start + stride * length : stride] @ W[k]
    return y + b


def conv1d_backward(x, W, dout, stride=1, dilation=1, pad=(0, 0)):
    padded = np.pad(x, ((0, 0), pad, (0, 0)))
    dpadded, dW = np.zeros_like(padded), np.zeros_like(W)
    for k in range(len(W)):
        start = dilation * k
        window = slice(start, start + stride * dout.shape[1], stride)
        dW[k] = np.tensordot(padded[:, window], dout, axes=([0, 1], [0, 1]))
        dpadded[:, window] += dout @ W[k].T
    dx = dpadded[:, pad[0] : pad[0] + x.shape[1]]
    return dx, dW


def conv2d(x, W):
    height, width = x.shape[1] - W.shape[0] + 1, x.shape[2] - W.shape[1] + 1
    y = np.zeros((len(x), height, width, W.shape[3]))
    for i in range(W.shape[0]):
        for j in range(W.shape[1]):
            y += x[:, i : i + height, j : j + width] @ W[i, j]
    return y
