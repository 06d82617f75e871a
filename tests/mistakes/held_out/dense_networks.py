"""Small networks: the last slope, and shapes that broadcast in a loss (catalogue 9, 11)."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("dense")
NETWORK = {
    "style": "network",
    "inputs_of_layer": 2,
    "gradients": {"W1": "W1", "b1": "b1", "W2": "W2", "b2": "b2"},
    "constants": ("x", "t"),
    "ends_in_loss": True,
}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


two_layers = sized(((7, 4), (4, 5), (5,), (5, 3), (3,)), ((40, 30), (30, 50), (50,), (50, 11), (11,)))
affine = sized(((7, 4), (4, 3), (3,)), ((48, 60), (60, 35), (35,)))


def with_targets(size, seed):
    x, W1, b1, W2, b2 = two_layers(size, seed)
    t = np.random.default_rng(seed + 1).integers(0, 2, size=(len(x), len(b2)))
    return x, t.astype(float), W1 / 2, b1, W2 / 2, b2


@family.whole(
    9,
    "wrong backward",
    **NETWORK,
    inputs=with_targets,
    cause=("derivative_missing", "other_loss"),
    argument="W1 b1 W2 b2",
)
class SigmoidRegressionWithoutTheLastSlope:
    def __init__(self, W1, b1, W2, b2):
        self.params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}

    def predict(self, x):
        self.a1 = sigmoid(x @ self.params["W1"] + self.params["b1"])
        return sigmoid(self.a1 @ self.params["W2"] + self.params["b2"])

    def loss(self, x, t):
        return 0.5 * np.sum((self.predict(x) - t) ** 2) / len(x)

    def gradient(self, x, t):
        y = self.predict(x)
        delta2 = (y - t) / len(x)
        delta1 = delta2 @ self.params["W2"].T * self.a1 * (1 - self.a1)
        grads = {"W1": x.T @ delta1, "b1": delta1.sum(axis=0)}
        grads["W2"] = self.a1.T @ delta2
        grads["b2"] = delta2.sum(axis=0)
        return grads


def tanh_network(x, W1, b1, W2, b2):
    h = np.tanh(x @ W1 + b1)
    y = np.tanh(h @ W2 + b2)
    return y, (x, W1, h, W2, y)


@family.wrong(
    9,
    tanh_network,
    two_layers,
    style="cache",
    names=("x", "W1", "b1", "W2", "b2"),
    cause="derivative_missing",
    argument="x W1 b1 W2 b2",
)
def output_tanh_taken_as_linear(dout, cache):
    x, W1, h, W2, y = cache
    dz2 = dout
    dz1 = np.dot(dz2, W2.T) * (1 - np.square(h))
    return dz1.dot(W1.T), x.T.dot(dz1), dz1.sum(0), h.T.dot(dz2), dz2.sum(0)


@family.whole(
    9,
    "wrong backward",
    "layer",
    affine,
    cause="derivative_missing",
    argument="x W b",
    gradients={"W": "dW", "b": "db"},
)
class SigmoidDenseWithALinearBackward:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        self.a = sigmoid(np.dot(x, self.W) + self.b)
        return self.a

    def backward(self, da):
        self.dW = np.dot(self.x.T, da)
        self.db = np.sum(da, axis=0)
        return np.dot(da, self.W.T)


def column_and_flat(size, seed):
    n = 7 if size == "small" else 900
    return normal(seed, (n, 1), (n,))


# Judged as the op on two flat vectors.
@family.wrong_forward(
    11,
    lambda dy, y, t: (2 * dy * (len(t) * y - t.sum()), -2 * dy * (y.sum() - len(t) * t)),
    sized(((7,), (7,)), ((200,), (200,))),
    op="mean_squared_error",
    cause="forward",
    names=("y", "t"),
)
def predictions_made_a_column_by_the_layer(y, t):
    diff = y.reshape(-1, 1) - t
    return (diff**2).sum()


def flat_mse(y, t):
    return np.mean((y.ravel() - t) ** 2)


flat = partial(family.wrong, forward=flat_mse, inputs=column_and_flat, argument="y", constants=("t",))


@flat(11, cause="sum_term_missing")
def column_minus_row_averaged(dloss, y, t):
    difference = y - t
    return dloss * 2 / len(y) * difference.mean(axis=1, keepdims=True), None


def linear_fit(X, y, w, b):
    return 0.5 * np.sum((X @ w + b - y[:, 0]) ** 2)


@family.wrong(
    11,
    linear_fit,
    sized(((7, 3), (7, 1), (3,), ()), ((100, 20), (100, 1), (20,), ())),
    cause="sum_term_missing",
    argument="w",
    constants=("X", "y"),
)
def residual_of_shape_n_by_n(dloss, X, y, w, b):
    error = (X @ w + b) - y
    return None, None, dloss * (X.T @ error.mean(axis=0)), dloss * error.sum() / len(y)
