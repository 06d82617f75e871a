"""A network of two layers as a computational graph, as a textbook prints it: every node knows two directions."""

import numpy as np


def softmax(a):
    e = np.exp(a - a.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = np.sum(dout, axis=0)
        return dout @ self.W.T


class Relu:
    def forward(self, a):
        self.mask = a > 0
        return a * self.mask

    def backward(self, dout):
        return dout * self.mask


class SoftmaxWithLoss:
    def forward(self, a, t):
        self.t, self.y = t, softmax(a)
        return -np.sum(t * np.log(self.y)) / len(t)

    def backward(self, dout=1):
        return dout * (self.y - self.t) / len(self.t)


class TwoLayerNet:
    def __init__(self, params):
        self.affine1 = Affine(params["W1"], params["b1"])
        self.relu = Relu()
        self.affine2 = Affine(params["W2"], params["b2"])
        self.last = SoftmaxWithLoss()

    def forward(self, x):
        a1 = self.affine1.forward(x)
        z1 = self.relu.forward(a1)
        a2 = self.affine2.forward(z1)
        return {"a1": a1, "z1": z1, "a2": a2}

    def loss(self, x, t):
        return self.last.forward(self.forward(x)["a2"], t)

    def backward(self, x, t):
        self.loss(x, t)
        da2 = self.last.backward()
        dz1 = self.affine2.backward(da2)
        da1 = self.relu.backward(dz1)
        dx = self.affine1.backward(da1)
        return {"a2": da2, "z1": dz1, "a1": da1, "x": dx}

    def gradient(self, x, t):
        self.backward(x, t)
        first, second = self.affine1, self.affine2
        return {"W1": first.dW, "b1": first.db, "W2": second.dW, "b2": second.db}


def numerical_gradient(f, W):
    h = 1e-4
    grad = np.zeros_like(W)
    for i in np.ndindex(W.shape):
        step = np.zeros_like(W)
        step[i] = h
        grad[i] = (f(W + step) - f(W - step)) / (2 * h)
    return grad
