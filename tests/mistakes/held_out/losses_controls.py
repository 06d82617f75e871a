"""Losses that are right where people doubt them: the half, the place of 1/N, the slope of an L2 net (F4, F5, F6)."""

# As people write it: a backward names its gradients.
# pyright: reportIncompatibleMethodOverride=false

import numpy as np

from ..case import Family, sized
from .losses_squares import pairs

family = Family("losses")


@family.control(
    "F5",
    lambda X, y, theta: np.sum((X @ theta - y) ** 2) / (2 * len(y)),
    sized(((7, 4), (7,), (4,)), ((200, 30), (200,), (30,))),
    names=("X", "y", "theta"),
    constants=("X", "y"),
)
def half_of_the_mean(dJ, X, y, theta):
    m = y.size
    return None, None, dJ / m * X.T @ (X @ theta - y)


def images_and_parameters(size, seed):
    n, d, c = (7, 5, 3) if size == "small" else (80, 64, 10)
    rng = np.random.default_rng(seed)
    x, W, b = rng.random((n, d)), rng.normal(size=(d, c)) / 2, rng.normal(size=c)
    return x, np.eye(c)[rng.integers(0, c, n)], W, b


@family.whole(
    "F4",
    "control",
    "network",
    images_and_parameters,
    inputs_of_layer=2,
    gradients={"W": "W", "b": "b"},
    constants=("x", "t"),
    ends_in_loss=True,
)
class SigmoidWithSquaredError:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def loss(self, x, t):
        self.a = 1 / (1 + np.exp(-(x @ self.W + self.b)))
        return 0.5 * np.sum((t - self.a) ** 2) / len(x)

    def gradient(self, x, t):
        self.loss(x, t)
        delta = -(t - self.a) * self.a * (1 - self.a)
        return {"W": x.T @ delta / len(x), "b": delta.mean(axis=0)}


@family.whole("F6", "control", "torch", pairs, names=("y_hat", "y"))
def mean_over_all_entries_in_torch():
    import torch

    class MSE(torch.autograd.Function):
        @staticmethod
        def forward(ctx, y_hat, y):
            diff = y_hat - y
            ctx.save_for_backward(diff)
            return diff.square().mean()

        @staticmethod
        def backward(ctx, grad_output):
            (diff,) = ctx.saved_tensors
            grad = grad_output * 2 * diff / diff.numel()
            return grad, -grad

    return MSE
