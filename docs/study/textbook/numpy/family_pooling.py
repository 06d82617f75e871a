"""Max and average pooling, as a textbook prints them."""

import numpy as np


def max_pool(x, size, stride):
    height, width = (x.shape[1] - size[0]) // stride + 1, (x.shape[2] - size[1]) // stride + 1
    y = -np.inf
    for i in range(size[0]):
        for j in range(size[1]):
            patch = x[:, i : i + stride * height : stride, j : j + stride * width : stride]
            y = np.where(patch > y, patch, y)
    return y


def avg_pool(x, size, stride):
    height, width = (x.shape[1] - size[0]) // stride + 1, (x.shape[2] - size[1]) // stride + 1
    total = 0
    for i in range(size[0]):
        for j in range(size[1]):
            total = total + x[:, i : i + stride * height : stride, j : j + stride * width : stride]
    return total / (size[0] * size[1])


def max_pool_backward(x, y, dout, size, stride):
    dx, free = np.zeros_like(x), np.full(y.shape, True)
    height, width = y.shape[1:3]
    for i in range(size[0]):
        for j in range(size[1]):
            rows, columns = slice(i, i + stride * height, stride), slice(j, j + stride * width, stride)
            wins = free & (x[:, rows, columns] == y)
            dx[:, rows, columns] += dout * wins
            free = free & ~wins
    return dx


def avg_pool_backward(x, dout, size, stride):
    dx, share = np.zeros_like(x), dout / (size[0] * size[1])
    height, width = dout.shape[1:3]
    for i in range(size[0]):
        for j in range(size[1]):
            dx[:, i : i + stride * height : stride, j : j + stride * width : stride] += share
    return dx
