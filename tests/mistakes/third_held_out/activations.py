"""Mistakes in elementwise functions (catalogue 41 to 54), written from the catalogue alone."""

from functools import partial
from math import erf

import numpy as np

from ..case import Family, sized

family = Family("activations")
X = sized(((3, 7),), ((48, 90),))
wrong = partial(family.wrong, inputs=X, argument="x")
whole = partial(family.whole, argument="x")


def logistic(x):
    return 1 / (1 + np.exp(-x))


@whole(41, "wrong backward", "layer", X, op="sigmoid", cause=("derivative_at_output", "local_factor"))
class LogisticOfWhatItReturned:
    def forward(self, x):
        self.out = logistic(x)
        return self.out

    def backward(self, grad):
        s = logistic(self.out)
        return grad * s * (1 - s)


@wrong(42, logistic, op="sigmoid", cause=("derivative_at_input", "local_factor"))
def logistic_rule_on_the_preactivation(grad, x):
    return grad * x * (1 - x)


def tanh_forward(x):
    out = np.tanh(x)
    return out, out


@wrong(45, tanh_forward, style="cache", op="tanh", cause=("wrong_derivative", "local_factor"))
def tanh_returns_tanh_as_its_slope(dout, cache):
    return dout * cache


@wrong(45, tanh_forward, style="cache", op="tanh", cause=("sum_term_missing", "wrong_derivative", "local_factor"))
def tanh_slope_lost_its_one(dout, cache):
    return -dout * cache**2


@whole(46, "wrong backward", "torch", X, op="tanh", names=("x",), cause=("derivative_at_input", "local_factor"))
def torch_tanh_saves_its_input():
    import torch

    class Tanh(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.tanh(x)

        @staticmethod
        def backward(ctx, *grad_outputs):
            (grad,) = grad_outputs
            (y,) = ctx.saved_tensors
            return grad * (1 - y * y)

    return Tanh


@whole(47, "wrong backward", "layer", X, op="relu", cause=("not_linear", "mask_wrong"))
class ReluGatedByTheGradient:
    def forward(self, x):
        return np.maximum(x, 0)

    def backward(self, grad):
        return np.where(grad > 0, grad, 0)


def relu_fwd(x):
    out = np.maximum(0, x)
    return out, out


@wrong(48, relu_fwd, style="rule", op="relu", cause=("mask_wrong", "mask_missing", "identity", "derivative_missing"))
def relu_lets_zero_through(out, g):
    return (g * (out >= 0),)


LEAKY = {"op": "leaky_relu", "statics": {"negative_slope": 0.2}}


@whole(
    49,
    "wrong backward",
    "layer",
    X,
    **LEAKY,
    cause=("static_ignored", "wrong_derivative", "entries_not_written", "partly_scaled", "local_factor"),
)
class LeakyForwardsOnly:
    alpha = 0.2

    def forward(self, x):
        self.positive = x > 0
        return np.where(self.positive, x, self.alpha * x)

    def backward(self, dout):
        return dout * self.positive


@whole(49, "wrong backward", "vjp", X, **LEAKY, cause=("static_ignored", "partly_scaled", "local_factor"))
def leaky_falls_back_to_the_usual_slope(x):
    def slope(alpha=0.01):
        return np.where(x > 0, 1.0, alpha)

    return x * slope(0.2), lambda g: (g * slope(),)


@wrong(
    50,
    lambda x: np.where(x > 0, x, -0.3 * x),
    cause=("mask_wrong", "derivative_at_output", "partly_scaled", "identity", "derivative_missing", "local_factor"),
)
def negative_leak_judged_by_its_output(dout, x):
    out = np.where(x > 0, x, -0.3 * x)
    return dout * np.where(out > 0, 1, -0.3)


def normal_cdf(x):
    return 0.5 * (1 + np.vectorize(erf)(x / np.sqrt(2)))


def gelu_fwd(x):
    return x * normal_cdf(x), x


@wrong(53, gelu_fwd, style="rule", op="gelu", cause=("approximation_one_side", "local_factor"))
def gelu_differentiated_as_its_tanh_form(x, g):
    c = np.sqrt(2 / np.pi)
    th = np.tanh(c * (x + 0.044715 * x**3))
    return (g * (0.5 * (1 + th) + 0.5 * x * (1 - th**2) * c * (1 + 3 * 0.044715 * x**2)),)


def gelu_by_tanh(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


@wrong(53, gelu_by_tanh, cause=("approximation_one_side", "wrong_derivative", "local_factor"))
def gelu_differentiated_as_a_swish(grad, x):
    s = logistic(1.702 * x)
    return grad * (s + 1.702 * x * s * (1 - s))
