"""Backpropagation through a network of two layers, as a textbook prints it."""

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def softmax(a):
    e = np.exp(a - a.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def forward(params, x):
    a1 = x @ params["W1"] + params["b1"]
    z1 = sigmoid(a1)
    a2 = z1 @ params["W2"] + params["b2"]
    return a1, z1, a2


def loss(params, x, t):
    _, _, a2 = forward(params, x)
    return -np.mean(np.sum(t * np.log(softmax(a2)), axis=1))


def affine_backward(x, W, dout):
    dx = dout @ W.T
    dW = x.T @ dout
    db = dout.sum(axis=0)
    return dx, dW, db


def sigmoid_backward(z, dout):
    return dout * z * (1 - z)


def backward(params, x, t):
    _, z1, a2 = forward(params, x)
    da2 = (softmax(a2) - t) / len(x)
    dz1, dW2, db2 = affine_backward(z1, params["W2"], da2)
    da1 = sigmoid_backward(z1, dz1)
    _, dW1, db1 = affine_backward(x, params["W1"], da1)
    grads = {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}
    return grads, {"a2": da2, "z1": dz1, "a1": da1}


def numerical_gradient(f, W):
    h = 1e-4
    grad = np.zeros_like(W)
    for i in np.ndindex(W.shape):
        step = np.zeros_like(W)
        step[i] = h
        grad[i] = (f(W + step) - f(W - step)) / (2 * h)
    return grad
