"""im2col and col2im, as a textbook prints them: x is (N, C, height, width), a filter (FN, C, FH, FW)."""

import numpy as np


def output_size(length, size, stride, pad):
    return (length + 2 * pad - size) // stride + 1


def im2col(x, FH, FW, stride=1, pad=0):
    N, C, height, width = x.shape
    OH = output_size(height, FH, stride, pad)
    OW = output_size(width, FW, stride, pad)
    img = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    col = np.zeros((N, C, FH, FW, OH, OW))
    for i in range(FH):
        for j in range(FW):
            col[:, :, i, j] = img[:, :, i : i + stride * OH : stride, j : j + stride * OW : stride]
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(N * OH * OW, C * FH * FW)


def col2im(col, shape, FH, FW, stride=1, pad=0):
    N, C, height, width = shape
    OH = output_size(height, FH, stride, pad)
    OW = output_size(width, FW, stride, pad)
    col = col.reshape(N, OH, OW, C, FH, FW).transpose(0, 3, 4, 5, 1, 2)
    img = np.zeros((N, C, height + 2 * pad, width + 2 * pad))
    for i in range(FH):
        for j in range(FW):
            img[:, :, i : i + stride * OH : stride, j : j + stride * OW : stride] += col[:, :, i, j]
    return img[:, :, pad : pad + height, pad : pad + width]


def conv(x, W, b, stride=1, pad=0):
    FN, _, FH, FW = W.shape
    OH = output_size(x.shape[2], FH, stride, pad)
    OW = output_size(x.shape[3], FW, stride, pad)
    col = im2col(x, FH, FW, stride, pad)
    out = col @ W.reshape(FN, -1).T + b
    return out.reshape(len(x), OH, OW, FN).transpose(0, 3, 1, 2)


def conv_backward(x, W, dout, stride=1, pad=0):
    FN, _, FH, FW = W.shape
    col = im2col(x, FH, FW, stride, pad)
    dout = dout.transpose(0, 2, 3, 1).reshape(-1, FN)
    db = dout.sum(axis=0)
    dW = (dout.T @ col).reshape(W.shape)
    dcol = dout @ W.reshape(FN, -1)
    dx = col2im(dcol, x.shape, FH, FW, stride, pad)
    return dx, dW, db
