"""Mistakes in elementwise activations (catalogue 41 to 54)."""

from functools import partial
from math import erf

import numpy as np

from .case import Family, sized

family = Family("activations")

matrix = sized(((3, 5),), ((64, 100),))
erf_of = np.vectorize(erf, otypes=[float])


def away_from_zero(size, seed):
    (x,) = matrix(size, seed)
    return (x + np.copysign(0.1, x),)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_fwd(x):
    y = sigmoid(x)
    return y, (x, y)


def tanh_fwd(x):
    y = np.tanh(x)
    return y, (x, y)


def relu(x):
    return np.maximum(x, 0)


wrong = partial(family.wrong, inputs=matrix, argument="x")
sigmoid_rule = partial(wrong, forward=sigmoid_fwd, style="rule", op="sigmoid")
tanh_rule = partial(wrong, forward=tanh_fwd, style="rule", op="tanh")


@sigmoid_rule(41, cause="derivative_at_output")
def sigmoid_slope_of_the_output(residuals, cotangent):
    _x, y = residuals
    return (cotangent * sigmoid(y) * (1 - sigmoid(y)),)


@sigmoid_rule(42, cause=("derivative_at_input", "wrong_derivative"))
def sigmoid_slope_formula_at_the_input(residuals, cotangent):
    x, _y = residuals
    return (cotangent * x * (1 - x),)


@family.whole(41, "wrong backward", "layer", matrix, op="sigmoid", argument="x", cause="derivative_at_output")
class SigmoidTwice:
    def forward(self, x):
        self.out = sigmoid(x)
        return self.out

    def backward(self, dout):
        s = sigmoid(self.out)
        return dout * s * (1 - s)


@sigmoid_rule(43, cause=("derivative_missing", "identity"))
def sigmoid_slope_not_applied(residuals, cotangent):
    return (cotangent,)


@sigmoid_rule(43, cause=("local_factor", "wrong_derivative"))
def sigmoid_second_factor_missing(residuals, cotangent):
    _x, y = residuals
    return (cotangent * y,)


@sigmoid_rule(19, cause="ignores_cotangent")
def sigmoid_upstream_ignored(residuals, cotangent):
    _x, y = residuals
    return (y * (1 - y),)


@sigmoid_rule(45, cause="wrong_derivative")
def sigmoid_with_the_slope_of_tanh(residuals, cotangent):
    _x, y = residuals
    return (cotangent * (1 - y**2),)


@sigmoid_rule(45, cause="sign")
def sigmoid_slope_sign(residuals, cotangent):
    _x, y = residuals
    return (cotangent * y * (y - 1),)


def sometimes_large(size, seed):
    (x,) = matrix(size, seed)
    x[0, 0] = -800
    return (x,)


@wrong(
    44,
    lambda x: np.where(x >= 0, 1, np.exp(-np.abs(x))) / (1 + np.exp(-np.abs(x))),
    inputs=sometimes_large,
    names=("x",),
    op="sigmoid",
    cause="not_finite",
)
def sigmoid_slope_overflows(dout, x):
    with np.errstate(over="ignore", invalid="ignore"):
        return dout * np.exp(-x) / (1 + np.exp(-x)) ** 2


@tanh_rule(45, cause=("wrong_derivative", "local_factor"))
def tanh_slope_is_tanh(residuals, cotangent):
    _x, y = residuals
    return (cotangent * y,)


@tanh_rule(45, cause=("wrong_derivative", "sum_term_missing"))
def tanh_slope_lacks_the_one(residuals, cotangent):
    _x, y = residuals
    return (cotangent * -(y**2),)


@tanh_rule(45, cause=("wrong_derivative", "sign"))
def tanh_slope_plus(residuals, cotangent):
    _x, y = residuals
    return (cotangent * (1 + y**2),)


@tanh_rule(45, cause=("wrong_derivative", "local_factor"))
def tanh_slope_not_squared(residuals, cotangent):
    _x, y = residuals
    return (cotangent * (1 - y),)


@tanh_rule(46, cause="derivative_at_input")
def tanh_slope_formula_at_the_input(residuals, cotangent):
    x, _y = residuals
    return (cotangent * (1 - x**2),)


@tanh_rule(41, cause="derivative_at_output")
def tanh_slope_of_the_output(residuals, cotangent):
    _x, y = residuals
    return (cotangent * (1 - np.tanh(y) ** 2),)
