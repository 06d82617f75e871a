"""Layers whose backward also learns: with a learning rate handed over, with one of their own, with an optimizer."""

import numpy as np

# pyright: reportOptionalMemberAccess=false


class Dense:
    """backward(output_gradient, learning_rate) moves the parameters itself."""

    def __init__(self, input_size, output_size):
        self.weights = np.random.randn(output_size, input_size)
        self.bias = np.random.randn(output_size, 1)

    def forward(self, input):
        self.input = input
        return np.dot(self.weights, self.input) + self.bias

    def backward(self, output_gradient, learning_rate):
        weights_gradient = np.dot(output_gradient, self.input.T)
        # wrong Dense input [updated_weight]: self.weights -= learning_rate * weights_gradient
        input_gradient = np.dot(self.weights.T, output_gradient)
        self.weights = self.weights - learning_rate * weights_gradient
        self.bias = self.bias - learning_rate * output_gradient.sum(axis=1, keepdims=True)
        # wrong Dense input [updated_weight]: return np.dot(self.weights.T, output_gradient)
        return input_gradient


class FullyConnected:
    """The rate comes first in the constructor, and the step is taken in place."""

    def __init__(self, n_in, n_out, lr=0.1):
        self.W = np.random.randn(n_in, n_out) * 0.3
        self.b = np.zeros(n_out)
        self.lr = lr

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, grad):
        grad_x = grad @ self.W.T
        self.W -= self.lr * self.x.T @ grad
        # wrong FullyConnected b [scaled_by_count]: self.b -= self.lr * grad.mean(axis=0)
        self.b -= self.lr * grad.sum(axis=0)
        return grad_x


class Linear:
    """A learning rate with a default behind the gradient, and both parameters divided by nothing."""

    def __init__(self, in_features, out_features):
        rng = np.random.default_rng(3)
        self.w = rng.normal(size=(in_features, out_features))
        self.b = rng.normal(size=(1, out_features))

    def forward(self, x):
        self.x = x
        return x.dot(self.w) + self.b

    def backward(self, dy, lr=0.01):
        # wrong Linear x [scaled_by_constant]: dx = 2 * dy.dot(self.w.T)
        dx = dy.dot(self.w.T)
        self.w -= lr * self.x.T.dot(dy)
        self.b -= lr * dy.sum(axis=0, keepdims=True)
        return dx


class OptimizedDense:
    """initialize(optimizer) first; the optimizer's update(parameter, gradient) makes the step in the backward."""

    def __init__(self, n_units, input_shape):
        self.n_units = n_units
        self.input_shape = input_shape
        self.W = None

    def initialize(self, optimizer):
        limit = 1 / np.sqrt(self.input_shape[0])
        self.W = np.random.uniform(-limit, limit, (self.input_shape[0], self.n_units))
        self.w0 = np.zeros((1, self.n_units))
        self.W_opt = optimizer
        self.w0_opt = optimizer

    def forward_pass(self, X, training=True):
        self.layer_input = X
        return X.dot(self.W) + self.w0

    def backward_pass(self, accum_grad):
        W = self.W
        grad_w = self.layer_input.T.dot(accum_grad)
        # wrong OptimizedDense w0 [scaled_by_count]: grad_w0 = np.mean(accum_grad, axis=0)[None]
        grad_w0 = np.sum(accum_grad, axis=0, keepdims=True)
        self.W = self.W_opt.update(self.W, grad_w)
        self.w0 = self.w0_opt.update(self.w0, grad_w0)
        return accum_grad.dot(W.T)
