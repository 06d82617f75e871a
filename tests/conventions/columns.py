"""Examples in columns, (features, batch), with biases of shape (M, 1), and in rows with biases of shape (1, M)."""

import numpy as np


class DenseOfColumns:
    """W (out, in), b (out, 1)."""

    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_out, n_in)
        self.b = np.zeros((n_out, 1))

    def forward(self, A_prev):
        self.A_prev = A_prev
        return self.W @ A_prev + self.b

    def backward(self, dZ):
        self.dW = dZ @ self.A_prev.T
        # wrong DenseOfColumns b [scaled_by_count]: self.db = np.mean(dZ, axis=1, keepdims=True)
        self.db = np.sum(dZ, axis=1, keepdims=True)
        return self.W.T @ dZ


class DenseOfRows:
    """b (1, out)."""

    def __init__(self, in_dim, out_dim):
        self.w = np.random.randn(in_dim, out_dim)
        self.b = np.zeros((1, out_dim))

    def forward(self, x):
        self.x = x
        return x @ self.w + self.b

    def backward(self, grad):
        self.dw = self.x.T @ grad
        self.db = grad.sum(axis=0, keepdims=True)
        # wrong DenseOfRows x [scaled_by_constant]: return 2 * grad @ self.w.T
        return grad @ self.w.T


def linear_forward(A, W, b):
    Z = np.dot(W, A) + b
    return Z, (A, W, b)


def linear_backward(dZ, cache):
    A_prev, W, _ = cache
    dW = np.dot(dZ, A_prev.T)
    # wrong linear b [scaled_by_count]: db = np.mean(dZ, axis=1, keepdims=True)
    db = np.sum(dZ, axis=1, keepdims=True)
    dA_prev = np.dot(W.T, dZ)
    return dA_prev, dW, db


class SoftmaxOfColumns:
    """The loss of probabilities in columns and its gradient."""

    def forward(self, Z):
        e = np.exp(Z - Z.max(axis=0, keepdims=True))
        self.A = e / e.sum(axis=0, keepdims=True)
        return self.A

    def backward(self, dA):
        # wrong SoftmaxOfColumns Z [statistics_as_constants]: return self.A * dA
        return self.A * (dA - np.sum(dA * self.A, axis=0, keepdims=True))
