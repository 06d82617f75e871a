"""Squares and absolute values of differences, and who halves, averages or sums them."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized
from .functions import sigmoid

family = Family("losses")

regression = sized(((3, 5), (3, 5)), ((64, 100), (64, 100)))


def mean_per_example(y, t):
    return ((y - t) ** 2).mean(axis=1), (y, t)


both = partial(family.wrong, argument="y t")
mse = partial(both, forward=mean_per_example, inputs=regression, style="rule", op="mean_squared_error")


@mse(15, cause="scaled_by_constant")
def factor_two_missing(residuals, cotangent):
    y, t = residuals
    d = cotangent[:, None] * (y - t) / y.shape[1]
    return d, -d


@mse(20, cause="scaled_by_count")
def mean_over_the_batch_though_not_reduced(residuals, cotangent):
    y, t = residuals
    d = 2 * cotangent[:, None] * (y - t) / y.size
    return d, -d


def half_sum(y, t):
    return 0.5 * np.sum((y - t) ** 2)


@both(16, half_sum, regression, cause="scaled_by_count")
def loss_is_a_sum_and_gradient_a_mean(dout, y, t):
    d = dout * (y - t) / len(y)
    return d, -d


@both(19, half_sum, regression, cause="ignores_cotangent")
def scalar_loss_ignores_upstream(dout, y, t):
    return y - t, t - y


@both(18, half_sum, regression, cause="wrong_derivative", argument="y t")
def derivative_of_the_absolute_error(dout, y, t):
    d = dout * np.sign(y - t)
    return d, -d


def half_sum_per_example(y, t):
    return 0.5 * ((y - t) ** 2).sum(axis=1)


sse = partial(both, forward=half_sum_per_example, inputs=regression, op="sum_of_squares_error")


@sse(18, cause="sign")
def sign_of_the_difference(dout, y, t):
    d = dout[:, None] * (t - y)
    return d, -d


@sse(18, cause="sign", argument="t")
def target_gradient_without_its_sign(dout, y, t):
    d = dout[:, None] * (y - t)
    return d, d


def column(size, seed):
    return normal(seed, *(2 * [(5 if size == "small" else 64, 1)]))


def column_backward(dout, y, t):
    difference = y - t.ravel()
    dy = 2 * dout[:, None] * difference / len(t)
    return dy.sum(axis=1, keepdims=True), -dy.sum(axis=0)[:, None]


@family.wrong_forward(11, column_backward, column, op="mean_squared_error", argument="y", cause="forward")
def column_minus_row(y, t):
    return ((y - t.ravel()) ** 2).mean(axis=1)


def sigmoid_squares(z, t):
    return 0.5 * ((sigmoid(z) - t) ** 2).sum(1)


@family.control("F4", sigmoid_squares, sized(((5, 3), (5, 3)), ((24, 10), (24, 10))), constants=("t",))
def squares_behind_sigmoid(g, z, t):
    y = sigmoid(z)
    return g[:, None] * (y - t) * y * (1 - y), None


@both(17, lambda y, t: np.abs(y - t).mean(axis=1), regression, argument="y", cause="scaled_by_constant")
def square_habit_in_the_absolute_error(g, y, t):
    d = g[:, None] * np.sign(y - t) / y.shape[1]
    return 2 * d, -d


@both(
    28, lambda y, t: np.abs(y - t).sum(1).mean(), regression, constants=("t",), argument="y", cause="wrong_derivative"
)
def distance_with_the_slope_of_squares(dout, y, t):
    return dout * (y - t) / len(y), None


pair = partial(family.control, inputs=regression)


@pair("F5", lambda y, t: 0.5 * ((y - t) ** 2).sum(axis=1), op="sum_of_squares_error")
def half_the_sum_of_each_example(dout, y, t):
    d = dout[:, None] * (y - t)
    return d, -d


@pair("F6", lambda y, t: np.mean((y - t) ** 2))
def mean_of_all_squares(dout, y, t):
    d = 2 * dout * (y - t) / y.size
    return d, -d


@pair("F6", lambda y, t: ((y - t) ** 2).mean(axis=1), op="mean_squared_error")
def mean_of_each_example(dout, y, t):
    d = 2 * dout[:, None] * (y - t) / y.shape[1]
    return d, -d


@family.whole("F5", "control", "layer", regression, inputs_of_layer=2, ends_in_loss=True)
class HalfSquaresOverBatch:
    def forward(self, y, t):
        self.y, self.t = y, t
        return 0.5 * np.sum((y - t) ** 2) / len(y)

    def backward(self, dout=1):
        return dout * (self.y - self.t) / len(self.y)


@family.whole(
    14, "impure", "layer", regression, inputs_of_layer=2, ends_in_loss=True, argument="y", cause="accumulates"
)
class SquaredErrorThatCollects:
    """Adds each gradient to the one before and never clears it."""

    def __init__(self):
        self.grad = 0.0

    def forward(self, y, t):
        self.error = y - t
        return (self.error**2).sum() / 2

    def backward(self, dout=1.0):
        self.grad = self.grad + dout * self.error
        return self.grad


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


@family.whole("F6", "control", "torch", regression, names=("y_hat", "y"))
def mean_over_all_entries_in_torch():
    import torch

    class MSE(torch.autograd.Function):
        @staticmethod
        def forward(ctx, y_hat, y):
            diff = y_hat - y
            ctx.save_for_backward(diff)
            return diff.square().mean()

        @staticmethod
        def backward(ctx, *grad_outputs):
            (diff,) = ctx.saved_tensors
            grad = grad_outputs[0] * 2 * diff / diff.numel()
            return grad, -grad

    return MSE


def squares(y, t):
    return np.sum((y - t) ** 2)


@family.impure(108, squares, regression, constants=("t",), cause="changed_in_place", argument="y")
def difference_written_over_the_prediction(dout, y, t):
    y -= t
    return 2 * dout * y, None


@family.control("F5", lambda y, t: 0.5 * np.sum((y - t) ** 2), regression)
def half_cancels_the_two(dout, y, t):
    return dout * (y - t), dout * (t - y)


@family.whole("F6", "control", "layer", regression, inputs_of_layer=2, ends_in_loss=True)
class MeanLivesInTheGradientToo:
    def forward(self, y, t):
        self.r, self.size = y - t, y.size
        return (self.r**2).sum() / self.size

    def backward(self, dout=1):
        return dout * 2 * self.r / self.size


def whole_squares_backward(g, y, t):
    return 2 * g[:, None] * (y - t), 2 * g[:, None] * (t - y)


@family.wrong_forward(
    16, whole_squares_backward, regression, op="sum_of_squares_error", argument="y t", cause="convention_reduction"
)
def squares_without_the_half_anew(y, t):
    return ((y - t) ** 2).sum(1)


@family.wrong(65, lambda y, t: np.sqrt(1 + (y - t) ** 2).sum(axis=1), regression, argument="y t", cause="flipped")
def upstream_read_from_the_end(g, y, t):
    d = g[::-1, None] * (y - t) / np.sqrt(1 + (y - t) ** 2)
    return d, -d
