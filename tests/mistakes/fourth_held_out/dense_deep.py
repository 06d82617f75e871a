"""Mistakes in a deeper network, and in losses whose rows have weights."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized
from .dense_networks import problem

family = Family("dense")


def square_net(size, seed):
    x, t, *_ = problem("values")(size, seed)
    n, h, o = x.shape[1], x.shape[1], t.shape[1]
    weights = normal(seed + 9, (n, h), (h, h), (h, o))
    return (x, t, *(w / np.sqrt(len(w)) for w in weights))


deep = partial(
    family.whole,
    kind="wrong backward",
    style="network",
    inputs_of_layer=2,
    inputs=square_net,
    gradients={"W1": "W1", "W2": "W2", "W3": "W3"},
)


class ThreeLayers:
    def __init__(self, W1, W2, W3):
        self.weights = [W1, W2, W3]

    def loss(self, x, t):
        self.acts = [x]
        for W in self.weights[:-1]:
            self.acts.append(1 / (1 + np.exp(-self.acts[-1] @ W)))
        self.y = self.acts[-1] @ self.weights[-1]
        return 0.5 * np.sum((self.y - t) ** 2)


@deep(13, cause="arguments_swapped", argument="W1 W2")
class GradientsFiledUnderTheWrongLayer(ThreeLayers):
    def gradient(self, x, t):
        self.loss(x, t)
        d, grads = self.y - t, []
        for a, W in zip(reversed(self.acts), reversed(self.weights), strict=True):
            grads.append(a.T @ d)
            d = (d @ W.T) * a * (1 - a)
        return {"W3": grads[0], "W1": grads[1], "W2": grads[2]}


@deep(43, cause="derivative_missing", argument="W1")
class FirstSlopeSkippedByTheLoop(ThreeLayers):
    def gradient(self, x, t):
        self.loss(x, t)
        a, (_, W2, W3) = self.acts, self.weights
        d3 = self.y - t
        d2 = d3 @ W3.T * a[2] * (1 - a[2])
        d1 = d2 @ W2.T
        return {"W3": a[2].T @ d3, "W2": a[1].T @ d2, "W1": a[0].T @ d1}


@deep(12, cause="wrong_operand", argument="W2")
class MiddleWeightByItsOwnOutput(ThreeLayers):
    def gradient(self, x, t):
        self.loss(x, t)
        d, grads = self.y - t, {}
        for k in (3, 2, 1):
            a = self.acts[k - 1]
            grads[f"W{k}"] = (self.acts[2] if k == 2 else a).T @ d
            d = (d @ self.weights[k - 1].T) * a * (1 - a)
        return grads


weighted = sized(((6, 4), (6, 3), (6,), (4, 3)), ((40, 16), (40, 8), (40,), (16, 8)))


def least_squares(x, y, importance, W):
    return 0.5 * np.sum(importance[:, None] * (x @ W - y) ** 2)


def positive(size, seed):
    x, y, importance, W = weighted(size, seed)
    return x, y, np.exp(importance), W


rows = partial(family.wrong, inputs=positive, constants=("x", "importance"))


@rows("", least_squares, cause="argument_factor_missing", argument="y W")
def importance_of_the_rows_forgotten(dout, x, y, importance, W):
    residual = dout * (x @ W - y)
    return None, -residual, None, x.T @ residual


def weighted_mean(x, y, importance, W):
    return least_squares(x, y, importance, W) / importance.sum()


@rows("", weighted_mean, cause="scaled", argument="y W")
def weighted_mean_divided_by_the_rows(dout, x, y, importance, W):
    residual = dout * importance[:, None] * (x @ W - y) / len(x)
    return None, -residual, None, x.T @ residual


@rows(
    26,
    lambda x, y, importance, W: np.logaddexp(0, 3000 * (x @ W)),
    cause="not_finite",
    argument="W",
    names=("x", "y", "importance", "W"),
    id="slope_of_a_large_logit_overflows",
    constants=("x", "y", "importance"),
)
@np.errstate(all="ignore")
def slope_of_a_large_logit_overflows(dout, x, y, importance, W):
    e = np.exp(3000 * (x @ W))
    return None, None, None, 3000 * x.T @ (dout * e / (1 + e))
