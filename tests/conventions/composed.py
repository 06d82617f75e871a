"""Networks whose backward is that of a loss: in a function apart, in a method, or written nowhere."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def forward_propagation(X, parameters):
    """Examples in columns, every parameter in a dict."""
    Z1 = np.dot(parameters["W1"], X) + parameters["b1"]
    A1 = np.tanh(Z1)
    A2 = sigmoid(np.dot(parameters["W2"], A1) + parameters["b2"])
    return A2, {"A1": A1, "A2": A2}


def compute_cost(A2, Y):
    return -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / Y.shape[1]


def backward_propagation(parameters, cache, X, Y):
    m = X.shape[1]
    dZ2 = cache["A2"] - Y
    dZ1 = np.dot(parameters["W2"].T, dZ2) * (1 - cache["A1"] ** 2)
    # wrong propagation W2 [scaled_by_count]: dW2 = np.dot(dZ2, cache["A1"].T)
    dW2 = np.dot(dZ2, cache["A1"].T) / m
    db1, db2 = (np.sum(dZ, axis=1, keepdims=True) / m for dZ in (dZ1, dZ2))
    return {"dW1": np.dot(dZ1, X.T) / m, "db1": db1, "dW2": dW2, "db2": db2}


class OwnCost:
    """The loss is a method, and the gradients are attributes."""

    def __init__(self, n_inputs, n_hidden, n_outputs):
        self.W1 = np.random.randn(n_inputs, n_hidden)
        self.W2 = np.random.randn(n_hidden, n_outputs)

    def forward(self, X):
        self.z1 = X @ self.W1
        self.h = np.maximum(self.z1, 0)
        return self.h @ self.W2

    def cost(self, y_hat, y):
        return np.mean((y_hat - y) ** 2)

    def backward(self, X, y, y_hat):
        d = 2 * (y_hat - y) / y.size
        self.dW2 = self.h.T @ d
        # wrong OwnCost W1 [derivative_missing]: self.dW1 = X.T @ (d @ self.W2.T)
        self.dW1 = X.T @ (d @ self.W2.T * (self.z1 > 0))


class NoCost:
    """The loss is nowhere, and the backward moves the weights by what it takes for the gradient."""

    def __init__(self, n_inputs, n_hidden, n_outputs):
        self.W1 = np.random.randn(n_inputs, n_hidden)
        self.W2 = np.random.randn(n_hidden, n_outputs)

    def forward(self, X):
        self.h = sigmoid(X @ self.W1)
        return sigmoid(self.h @ self.W2)

    def backward(self, X, y, output):
        d = (y - output) * output * (1 - output)
        hidden = d @ self.W2.T * self.h * (1 - self.h)
        # wrong NoCost W1 [updated_weight]: self.W2 += self.h.T @ d; hidden = d @ self.W2.T * self.h * (1 - self.h)
        self.W2 += self.h.T @ d
        self.W1 += X.T @ hidden
