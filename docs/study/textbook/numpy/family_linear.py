"""A dense layer and an embedding, as a textbook prints them."""

import numpy as np


def affine(x, W, b):
    return x @ W + b


def affine_backward(x, W, dout):
    dx = dout @ W.T
    dW = x.T @ dout
    db = dout.sum(axis=0)
    return dx, dW, db


def embedding(index, table):
    return table[index]


def embedding_backward(index, table, dout):
    dtable = np.zeros_like(table)
    for n, i in enumerate(index):
        dtable[i] += dout[n]
    return dtable


def numerical_gradient(f, W):
    h = 1e-4
    grad = np.zeros_like(W)
    for i in np.ndindex(W.shape):
        step = np.zeros_like(W)
        step[i] = h
        grad[i] = (f(W + step) - f(W - step)) / (2 * h)
    return grad


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
