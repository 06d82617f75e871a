"""Gradients computed with a weight that has already been stepped (catalogue 8)."""

import numpy as np

from ..case import Family, sized
from .dense_matrices import affine, mlp, two_layer
from .dense_networks import NETWORK, sigmoid, with_targets

family = Family("dense")


@family.wrong(
    8,
    two_layer,
    style="cache",
    names=("x", "W1", "b1", "W2", "b2"),
    inputs=mlp,
    cause=("updated_weight", "not_linear"),
    argument="x W1 b1",
)
def w2_stepped_before_the_hidden_error(dout, cache):
    x, W1, h, W2 = cache
    learning_rate = 0.05
    dW2, db2 = h.T @ dout, dout.sum(axis=0)
    W2 = W2 - learning_rate * dW2
    dh = dout @ W2.T * (1 - h**2)
    return dh @ W1.T, x.T @ dh, dh.sum(axis=0), dW2, db2


def glove_cost(w, c, bw, bc):
    return 0.5 * np.sum((np.sum(w * c, axis=1) + bw + bc) ** 2)


@family.wrong(
    8,
    glove_cost,
    sized(((7, 3), (7, 3), (7,), (7,)), ((60, 32), (60, 32), (60,), (60,))),
    cause=("updated_weight", "not_linear"),
    argument="c",
)
def context_vectors_after_the_main_step(dcost, w, c, bw, bc):
    inner = dcost * (np.sum(w * c, axis=1) + bw + bc)
    grad_main = inner[:, None] * c
    w = w - 0.1 * grad_main
    grad_context = inner[:, None] * w
    return grad_main, grad_context, inner, inner.copy()


@family.whole(
    8,
    "impure",
    "layer",
    affine,
    op="dense",
    cause=("updated_weight", "input_changed", "residuals_changed"),
    gradients={"W": "dW", "b": "db"},
)
class StepsInsideBackward:
    lr = 0.01

    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        self.W -= self.lr * self.dW
        self.b -= self.lr * self.db
        return dout @ self.W.T


@family.whole(8, "wrong backward", **NETWORK, inputs=with_targets, cause="updated_weight", argument="W1 b1")
class TrainsTheOutputLayerFirst:
    learning_rate = 0.2

    def __init__(self, W1, b1, W2, b2):
        self.weights_ih, self.bias_h, self.weights_ho, self.bias_o = W1, b1, W2, b2

    def feedforward(self, x, weights_ho):
        hidden = sigmoid(x @ self.weights_ih + self.bias_h)
        return hidden, sigmoid(hidden @ weights_ho + self.bias_o)

    def loss(self, x, t):
        _, output = self.feedforward(x, self.weights_ho)
        return 0.5 * np.sum((output - t) ** 2)

    def gradient(self, x, t):
        hidden, output = self.feedforward(x, self.weights_ho)
        gradients = (output - t) * output * (1 - output)
        weight_ho_deltas = hidden.T @ gradients
        weights_ho = self.weights_ho - self.learning_rate * weight_ho_deltas
        hidden_gradient = gradients @ weights_ho.T * hidden * (1 - hidden)
        return {
            "W2": weight_ho_deltas,
            "b2": gradients.sum(axis=0),
            "W1": x.T @ hidden_gradient,
            "b1": hidden_gradient.sum(axis=0),
        }
