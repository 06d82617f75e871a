"""Where an object keeps the gradients of its parameters: grads, .grad, .gradients, and attributes with a d."""

import numpy as np


class Affine:
    """self.params and self.grads, lists in the same order, written into in place."""

    def __init__(self, W, b):
        self.params = [W, b]
        self.grads = [np.zeros_like(W), np.zeros_like(b)]

    def forward(self, x):
        W, b = self.params
        self.x = x
        return np.dot(x, W) + b

    def backward(self, dout):
        W, _ = self.params
        self.grads[0][...] = np.dot(self.x.T, dout)
        # wrong Affine b [scaled_by_count]: self.grads[1][...] = np.mean(dout, axis=0)
        self.grads[1][...] = np.sum(dout, axis=0)
        return np.dot(dout, W.T)


class Parameter:
    def __init__(self, value):
        self.value = value
        self.grad = np.zeros_like(value)


class DenseOfParameters:
    """Parameters are objects with .value and .grad, and gradients add up in them until someone zeroes them."""

    def __init__(self, n_input, n_output):
        self.W = Parameter(0.4 * np.random.randn(n_input, n_output))
        self.B = Parameter(np.random.randn(1, n_output))

    def forward(self, X):
        self.X = X
        return np.dot(X, self.W.value) + self.B.value

    def backward(self, d_out):
        # wrong DenseOfParameters W [scaled_by_count]: self.W.grad = np.dot(self.X.T, d_out) / len(d_out)
        self.W.grad = np.dot(self.X.T, d_out)
        self.B.grad = np.sum(d_out, axis=0, keepdims=True)
        return np.dot(d_out, self.W.value.T)


class DenseWithGradients:
    """self.gradients, a dict with the keys of self.parameters."""

    def __init__(self, input_dim, output_dim):
        self.parameters = {"W": np.random.randn(input_dim, output_dim), "b": np.random.randn(output_dim)}
        self.gradients = {}

    def forward(self, inputs):
        self.inputs = inputs
        return inputs @ self.parameters["W"] + self.parameters["b"]

    def backward(self, grad):
        self.gradients["W"] = self.inputs.T @ grad
        # wrong DenseWithGradients b [scaled_by_count]: self.gradients["b"] = grad.mean(axis=0)
        self.gradients["b"] = grad.sum(axis=0)
        return grad @ self.parameters["W"].T


class LayerDense:
    """dweights, dbiases and dinputs, as attributes; neither method returns anything."""

    def __init__(self, n_inputs, n_neurons):
        self.weights = 0.5 * np.random.randn(n_inputs, n_neurons)
        self.biases = np.zeros((1, n_neurons))

    def forward(self, inputs):
        self.inputs = inputs
        self.output = np.dot(inputs, self.weights) + self.biases

    def backward(self, dvalues):
        self.dweights = np.dot(self.inputs.T, dvalues)
        self.dbiases = np.sum(dvalues, axis=0, keepdims=True)
        # wrong LayerDense inputs [scaled_by_constant]: self.dinputs = 2 * np.dot(dvalues, self.weights.T)
        self.dinputs = np.dot(dvalues, self.weights.T)


class ScaleAndShift:
    """grad_gamma beside gamma."""

    def __init__(self, gamma, beta):
        self.gamma, self.beta = gamma, beta

    def forward(self, x):
        self.x = x
        return self.gamma * x + self.beta

    def backward(self, dout):
        self.grad_gamma = (dout * self.x).sum(axis=0)
        self.grad_beta = dout.sum(axis=0)
        # wrong ScaleAndShift x [wrong_factor derivative_missing]: return dout
        return dout * self.gamma
