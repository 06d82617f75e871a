"""Backwards that are given the inputs again, with the upstream gradient in any place among them."""

import numpy as np


class MultiplyGate:
    """backward(W, X, dZ): a gate that saves nothing."""

    def forward(self, W, X):
        return np.dot(X, W)

    def backward(self, W, X, dZ):
        # wrong MultiplyGate W [scaled_by_count]: dW = np.dot(X.T, dZ) / len(X)
        dW = np.dot(X.T, dZ)
        dX = np.dot(dZ, W.T)
        return dW, dX


class AddGate:
    """backward(X, b, dZ), broadcasting a row."""

    def forward(self, X, b):
        return X + b

    def backward(self, X, b, dZ):
        dX = dZ * np.ones_like(X)
        # wrong AddGate b [scaled_by_count]: db = dZ.mean(axis=0)
        db = np.dot(np.ones((1, dZ.shape[0]), dtype=np.float64), dZ)
        return db, dX


class Sigmoid:
    """backward(x, top_diff)."""

    def forward(self, x):
        return 1.0 / (1.0 + np.exp(-x))

    def backward(self, x, top_diff):
        output = self.forward(x)
        # wrong Sigmoid x [derivative_at_wrong_value derivative_twice]: output = self.forward(output)
        output = np.asarray(output)
        return (1.0 - output) * output * top_diff


class Tanh:
    """backward(top_diff, x), the other way round."""

    def forward(self, x):
        return np.tanh(x)

    def backward(self, top_diff, x):
        # wrong Tanh x [wrong_derivative derivative_at_wrong_value]: return (1.0 - np.square(x)) * top_diff
        return (1.0 - np.square(np.tanh(x))) * top_diff


class ReLU:
    """backward(grad_output, output, x): what is not needed is handed over all the same."""

    def forward(self, x):
        return np.maximum(x, 0)

    def backward(self, grad_output, output, x):
        # wrong ReLU x [not_linear]: return grad_output * (grad_output > 0)
        return grad_output * (x > 0)


def linear_forward(x, w, b):
    return x @ w + b


def linear_backward(x, w, b, dy):
    """The upstream gradient comes last."""
    dx = dy @ w.T
    # wrong linear w [transposed wrong_shape]: dw = dy.T @ x
    dw = x.T @ dy
    db = dy.sum(axis=0)
    return dx, dw, db


def scale_forward(x, gamma, beta):
    return gamma * x + beta


def scale_backward(x, grad_y, gamma):
    """The upstream gradient in the middle, and no beta, which it does not need."""
    grad_x = gamma * grad_y
    # wrong scale gamma [wrong_factor]: grad_gamma = grad_y.sum(axis=0)
    grad_gamma = (grad_y * x).sum(axis=0)
    grad_beta = grad_y.sum(axis=0)
    return grad_x, grad_gamma, grad_beta
