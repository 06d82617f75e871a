"""Penalties on weights, alone or with a loss."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("regularisation")

REG = 0.3


def of_the_fit(dout, x, W, b):
    dy = dout * 2 * (x @ W + b) / (len(x) * W.shape[1])
    return dy @ W.T, x.T @ dy, dy.sum(axis=0)


affine = sized(((3, 5), (5, 7), (7,)), ((64, 128), (128, 96), (96,)))


def penalized(x, W, b):
    """The mean square of an affine map, and a penalty on its weights."""
    y = x @ W + b
    return np.mean(y**2) + REG * np.sum(W**2)


wrong = partial(family.wrong, forward=penalized, inputs=affine, argument="W", cause="regularization")


@wrong(116)
def penalty_gradient_halved(dout, x, W, b):
    dx, dW, db = of_the_fit(dout, x, W, b)
    return dx, dW + dout * REG * W, db


@wrong(117)
def penalty_gradient_missing(dout, x, W, b):
    return of_the_fit(dout, x, W, b)


@wrong(118, argument="b")
def penalty_on_the_bias_too(dout, x, W, b):
    dx, dW, db = of_the_fit(dout, x, W, b)
    return dx, dW + 2 * dout * REG * W, db + 2 * dout * REG * b


@wrong(19, cause="ignores_cotangent", also="regularization")
def penalty_ignores_upstream(dout, x, W, b):
    dx, dW, db = of_the_fit(dout, x, W, b)
    return dx, dW + 2 * REG * W, db


@family.control(116, penalized, affine)
def penalty_with_its_two(dout, x, W, b):
    dx, dW, db = of_the_fit(dout, x, W, b)
    return dx, dW + 2 * dout * REG * W, db


@family.whole(
    "F5",
    "control",
    "network",
    sized(((5, 3), (5,), (3,)), ((24, 16), (24,), (16,))),
    inputs_of_layer=2,
    gradients={"w": "w"},
)
class ElasticNetHalved:
    def __init__(self, w):
        self.w = w

    def loss(self, x, t):
        return np.sum((x @ self.w - t) ** 2) / (2 * len(t)) + 0.1 * np.abs(self.w).sum() + 0.05 * self.w @ self.w

    def gradient(self, x, t):
        return {"w": x.T @ (x @ self.w - t) / len(t) + 0.1 * np.sign(self.w) + 0.1 * self.w}


weights = sized(((5, 7),), ((24, 40),))
alone = partial(family.wrong, inputs=weights, argument="W")


@alone(116, lambda W: np.linalg.norm(W), cause="wrong_factor")
def norm_divided_by_its_square(g, W):
    return g * W / (W * W).sum()


def orthogonality(W):
    return ((W.T @ W - np.eye(W.shape[1])) ** 2).sum()


@alone(34, orthogonality, cause="scaled_by_constant")
def orthogonality_counts_one_of_two_uses(g, W):
    return 2 * g * W @ (W.T @ W - np.eye(W.shape[1]))


@family.control("", orthogonality, weights)
def orthogonality_from_the_other_side(g, W):
    return 4 * g * (W @ (W.T @ W) - W)


@alone(116, lambda W: 0.1 * (W**2).sum() + 0.2 * np.abs(W).sum(), cause="term_missing")
def mixture_pulled_by_the_squares_alone(g, W):
    return 0.2 * g * W


@alone(116, lambda W: np.sqrt((W**2).sum() + 1e-3), cause="derivative_missing")
def root_of_squares_not_divided(g, W):
    return g * W


def weighted_rows(size, seed):
    x, w = sized(((5, 3), (5,)), ((32, 8), (32,)))(size, seed)
    return x, np.exp(0.3 * w)


@family.wrong(
    77, lambda x, w: (w[:, None] * x).sum(0) / w.sum(), weighted_rows, argument="w", cause="statistics_as_constants"
)
def weights_not_differentiated_in_the_total(g, x, w):
    return w[:, None] * g / w.sum(), x @ g / w.sum()


def line(size, seed):
    return normal(seed, *((5, 2), (7, 5), (7, 2)) if size == "small" else ((30, 9), (40, 30), (40, 9)))


def ridge(W, x, t):
    return 0.5 * np.sum((x @ W - t) ** 2) + 0.5 * np.sum(W * W)


@family.impure(8, ridge, line, constants=("x", "t"), argument="W", cause="changed_in_place")
def gradient_that_already_steps(dout, W, x, t):
    dW = dout * (x.T @ (x @ W - t) + W)
    W -= 0.01 * dW
    return dW, None, None


def clusters(size, seed):
    N, D, C = (7, 4, 3) if size == "small" else (120, 40, 10)
    features, centers = normal(seed, (N, D), (C, D))
    return features, np.random.default_rng(seed + 1).integers(0, C, N), centers


@family.whole("F10", "control", "layer", clusters, inputs_of_layer=3, gradients={}, constants=("centers",))
class CenterLossMovesItsCentersByARule:
    """The centers follow a damped average of their examples, which is not the gradient of the loss."""

    def forward(self, features, labels, centers):
        self.labels, self.diff = labels, features - centers[labels]
        return 0.5 * np.sum(self.diff**2) / len(features)

    def backward(self, dout=1.0):
        delta = np.zeros((self.labels.max() + 1, self.diff.shape[1]))
        np.add.at(delta, self.labels, -self.diff)
        self.center_update = delta / (1 + np.bincount(self.labels))[:, None]
        return dout * self.diff / len(self.diff), None, None
