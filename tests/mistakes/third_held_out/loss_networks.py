"""Losses on top of layers, losses that are impure, correct under another convention, or not the op they claim to be."""

from functools import partial

import numpy as np

from ..case import Family, normal
from .losses import PAIR

family = Family("losses")


def regression(size, seed):
    n, d, h, k = (5, 7, 4, 3) if size == "small" else (30, 40, 16, 9)
    return normal(seed, (n, d), (n, k), (d, h), (h,), (h, k), (k,))


class Regression:
    """Relu between two linear layers, and the mean over the batch of squared distances."""

    def __init__(self, W1, b1, W2, b2):
        self.params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}

    def hidden(self, x):
        return np.maximum(0, x @ self.params["W1"] + self.params["b1"])

    def loss(self, x, t):
        return np.sum((self.hidden(x) @ self.params["W2"] + self.params["b2"] - t) ** 2) / len(x)

    def delta(self, x, t):
        return 2 * (self.hidden(x) @ self.params["W2"] + self.params["b2"] - t) / len(x)

    def gradient(self, x, t):
        h, delta = self.hidden(x), self.delta(x, t)
        below = delta @ self.params["W2"].T * (h > 0)
        return {"W1": x.T @ below, "b1": below.sum(0), "W2": h.T @ delta, "b2": delta.sum(0)}


SLOTS = {name: name for name in ("W1", "b1", "W2", "b2")}
network = partial(family.whole, style="network", inputs=regression, inputs_of_layer=2, gradients=SLOTS)


@network(4, "wrong backward", argument="W1 W2", cause="scaled_by_batch")
class RegressionAveragesItsWeightsTwice(Regression):
    def gradient(self, x, t):
        grads = super().gradient(x, t)
        for key in ("W1", "W2"):
            grads[key] /= len(x)
        return grads


@network(8, "wrong backward", argument="W1 b1", cause="updated_weight")
class RegressionStepsBeforeItIsDone(Regression):
    def gradient(self, x, t):
        h, delta = self.hidden(x), self.delta(x, t)
        dW2 = h.T @ delta
        updated = self.params["W2"] - 0.1 * dW2
        below = delta @ updated.T * (h > 0)
        return {"W1": x.T @ below, "b1": below.sum(0), "W2": dW2, "b2": delta.sum(0)}


@network(18, "wrong backward", argument="W1 b1 W2 b2", cause="sign")
class RegressionTowardsThePrediction(Regression):
    def delta(self, x, t):
        return -super().delta(x, t)


@network(15, "wrong backward", argument="W1 b1 W2 b2", cause="scaled_by_two")
class RegressionByHalfTheSquares(Regression):
    def delta(self, x, t):
        return super().delta(x, t) / 2


@network(6, "control")
class RegressionAsItShouldBe(Regression):
    pass


def line(size, seed):
    n, d = (5, 3) if size == "small" else (30, 17)
    return normal(seed, (n, d), (n,), (d,))


@family.whole(
    14,
    "impure",
    "layer",
    line,
    inputs_of_layer=2,
    ends_in_loss=True,
    gradients={"w": "dw"},
    argument="w",
    cause=("accumulates", "buffer_reused"),
)
class LineFitAddsUp:
    def __init__(self, w):
        self.w, self.dw = w, np.zeros_like(w)

    def forward(self, x, t):
        self.x, self.r = x, x @ self.w - t
        return 0.5 * np.mean(self.r**2)

    def backward(self, dout=1):
        self.dw += dout * self.x.T @ self.r / len(self.r)
        return dout * np.outer(self.r, self.w) / len(self.r)


def squares(y, t):
    return np.sum((y - t) ** 2)


@family.impure(108, squares, PAIR, constants=("t",), cause="input_changed", argument="y")
def difference_written_over_the_prediction(dout, y, t):
    y -= t
    return 2 * dout * y, None


@family.control("F5", lambda y, t: 0.5 * np.sum((y - t) ** 2), PAIR)
def half_cancels_the_two(dout, y, t):
    return dout * (y - t), dout * (t - y)


@family.whole("F6", "control", "layer", PAIR, inputs_of_layer=2, ends_in_loss=True)
class MeanLivesInTheGradientToo:
    def forward(self, y, t):
        self.r, self.size = y - t, y.size
        return (self.r**2).sum() / self.size

    def backward(self, dout=1):
        return dout * 2 * self.r / self.size


forward_wrong = partial(family.wrong_forward, inputs=PAIR, argument="y t", names=("y", "t"))


@forward_wrong(
    16,
    lambda g, y, t: (2 * g[:, None] * (y - t), 2 * g[:, None] * (t - y)),
    op="sum_of_squares_error",
    cause="convention_reduction",
)
def squares_without_the_half_anew(y, t):
    return ((y - t) ** 2).sum(1)


@forward_wrong(
    17,
    lambda g, y, t: (2 * g[:, None] * (y - t), 2 * g[:, None] * (t - y)),
    op="mean_squared_error",
    cause="convention_reduction",
)
def mean_that_is_a_sum(y, t):
    return np.square(y - t).sum(axis=1)


def early_huber_backward(g, y, t):
    dy = g[:, None] * np.clip(y - t, -0.4, 0.4) / y.shape[1]
    return dy, -dy


@forward_wrong(15, early_huber_backward, op="huber_loss", statics={"delta": 1.0}, cause="convention_static")
def huber_that_turns_early(y, t):
    r = np.abs(y - t)
    return np.where(r < 0.4, r**2 / 2, 0.4 * (r - 0.2)).mean(1)
