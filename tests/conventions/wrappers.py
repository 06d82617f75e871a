"""Layers made of other layers or functions, which the constructor is given; a loss behind its gradients."""

import numpy as np


class Activation:
    """A function and its derivative, as arguments."""

    def __init__(self, activation, activation_prime):
        self.activation = activation
        self.activation_prime = activation_prime

    def forward(self, input):
        self.input = input
        return self.activation(self.input)

    def backward(self, output_gradient, learning_rate):
        # wrong Activation input [scaled_by_constant]: return 1.7 * output_gradient * self.activation_prime(self.input)
        return output_gradient * self.activation_prime(self.input)


class Residual:
    """A layer inside, spoken to by its methods."""

    def __init__(self, block):
        self.inner = block

    def forward(self, x):
        return x + self.inner.forward(x)

    def backward(self, dout):
        # wrong Residual x [term_missing wrong_derivative]: return self.inner.backward(dout)
        return dout + self.inner.backward(dout)


def propagate(w, b, X, Y):
    """Logistic regression on examples in columns: the gradients first, then the cost."""
    m = X.shape[1]
    A = 1 / (1 + np.exp(-(np.dot(w.T, X) + b)))
    cost = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m
    # wrong propagate w [scaled_by_count]: grads = {"dw": np.dot(X, (A - Y).T), "db": np.sum(A - Y) / m}
    grads = {"dw": np.dot(X, (A - Y).T) / m, "db": np.sum(A - Y) / m}
    return grads, cost


def two_layers(X, model, y):
    """A loss whose parameters are a dict."""
    hidden = np.maximum(X @ model["W1"] + model["b1"], 0)
    scores = hidden @ model["W2"] + model["b2"]
    p = np.exp(scores - scores.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    loss = -np.log(p[np.arange(len(X)), y]).mean()
    p[np.arange(len(X)), y] -= 1
    d = p / len(X)
    grads = {"W2": hidden.T @ d, "b2": d.sum(0)}
    # wrong two_layers W1 [derivative_missing]: dh = d @ model["W2"].T
    dh = d @ model["W2"].T * (hidden > 0)
    grads |= {"W1": X.T @ dh, "b1": dh.sum(0)}
    return loss, grads
