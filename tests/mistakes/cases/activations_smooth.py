"""GELU, SiLU, softplus and other smooth functions; correct code far out."""

from functools import partial
from math import erf

import numpy as np

from ..case import Family, sized
from .functions import sigmoid

family = Family("activations")

matrix = sized(((3, 5),), ((64, 100),))


@family.whole("", "wrong backward", "vjp", matrix, op="silu", argument="x", cause="wrong_factor")
def silu_second_term_without_x(x):
    s = sigmoid(x)
    return x * s, lambda g: (g * (s + s * (1 - s)),)


wrong = partial(family.wrong, inputs=matrix, argument="x")


@wrong(45, lambda x: (x + np.sqrt(x**2 + 2.0)) / 2, cause="derivative_missing")
def square_plus_without_the_inner_x(g, x):
    return g * (1 + 1 / np.sqrt(x**2 + 2.0)) / 2


def both_sides(x):
    return np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)], axis=1)


@wrong(13, both_sides, cause="wrong_index")
def halves_of_upstream_exchanged_for_both_signs(g, x):
    a, b = np.split(g, 2, axis=1)
    return b * (x > 0) - a * (x < 0)


@wrong(109, lambda x: x / (1 + np.exp(-x)), cause="downcast")
def swish_of_an_input_kept_in_half_precision(g, x):
    x = x.astype(np.float16).astype(float)
    s = 1 / (1 + np.exp(-x))
    return g * (s + x * s * (1 - s))


even_rows = sized(((4, 6),), ((23, 36),))


def pairs_of(v):
    a, b = v[:, ::2], v[:, 1::2]
    return np.sqrt(a**2 + b**2 + 0.1)


@family.wrong(12, pairs_of, even_rows, cause="part_missing")
def lengths_of_pairs_reach_the_even_entries(d, v):
    g = np.zeros_like(v)
    g[:, ::2] = d * v[:, ::2] / pairs_of(v)
    return g


whole = partial(family.whole, argument="x")


@whole(41, "wrong backward", "layer", even_rows, op="sigmoid", cause="derivative_at_wrong_value")
class LogisticOfWhatItReturned:
    def forward(self, x):
        self.out = sigmoid(x)
        return self.out

    def backward(self, grad):
        s = sigmoid(self.out)
        return grad * s * (1 - s)


@whole(49, "wrong backward", "vjp", even_rows, cause="static_ignored")
def softplus_forgets_beta(x):
    beta = 1.9
    return np.log1p(np.exp(beta * x)) / beta, lambda g: (g * sigmoid(x),)


erf_of = np.vectorize(erf, otypes=[float])


def gelu(x):
    return x * 0.5 * (1 + erf_of(x / np.sqrt(2)))


gelu_wrong = partial(wrong, forward=gelu, op="gelu")


@gelu_wrong(53, cause="wrong_derivative")
def gelu_backward_by_tanh(dout, x):
    c = np.sqrt(2 / np.pi)
    t = np.tanh(c * (x + 0.044715 * x**3))
    return dout * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * c * (1 + 3 * 0.044715 * x**2))


@gelu_wrong(43, cause="term_missing")
def gelu_density_term_missing(dout, x):
    return dout * 0.5 * (1 + erf_of(x / np.sqrt(2)))


def tanh_form_backward(grad, x):
    c = np.sqrt(2 / np.pi)
    th = np.tanh(c * (x + 0.044715 * x**3))
    return grad * (0.5 * (1 + th) + 0.5 * x * (1 - th**2) * c * (1 + 3 * 0.044715 * x**2))


def gelu_by_tanh(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


@family.wrong_forward(53, tanh_form_backward, even_rows, op="gelu", argument="x", cause="convention_approximation")
def gelu_in_its_tanh_form(x):
    return gelu_by_tanh(x)


control = partial(family.control, inputs=matrix)


@control("", gelu, op="gelu")
def gelu_exact(dout, x):
    return dout * (0.5 * (1 + erf_of(x / np.sqrt(2))) + x * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi))


def softplus(x):
    return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)


@wrong(54, softplus, inputs=lambda size, seed: (1000 * matrix(size, seed)[0],), op="softplus", cause="not_finite")
def softplus_slope_overflows(dout, x):
    with np.errstate(over="ignore", invalid="ignore"):
        return dout * np.exp(x) / (1 + np.exp(x))


@wrong(45, softplus, op="softplus", cause="sign")
def softplus_slope_reflected(dout, x):
    return dout * sigmoid(-x)


@control("F1", lambda x: (softplus(x),) * 2, style="cache", op="softplus", names=("x",))
def softplus_slope_from_its_output(dy, y):
    return dy * -np.expm1(-y)


def saturated(size, seed):
    (x,) = matrix(size, seed)
    x[0, :3] = [-800.0, 800.0, -40.0]
    x[1, :2] = [1e4, -1e4]
    return (x,)


extreme = partial(control, inputs=saturated)


def stable_sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


@extreme("", softplus, op="softplus")
def softplus_saturated(dout, x):
    return dout * stable_sigmoid(x)


@extreme("", lambda x: -softplus(-x), op="log_sigmoid")
def log_sigmoid_saturated(dout, x):
    return dout * stable_sigmoid(-x)


@extreme("", stable_sigmoid, op="sigmoid")
def sigmoid_saturated(dout, x):
    return dout * stable_sigmoid(x) * stable_sigmoid(-x)


@extreme("", np.tanh, names=("x",), op="tanh")
def tanh_saturated(dout, x):
    return dout / np.cosh(np.minimum(np.abs(x), 300)) ** 2


def silu(x):
    return x * sigmoid(x), x


silu_wrong = partial(wrong, forward=silu, style="rule", op="silu")


@silu_wrong(43, cause="term_missing")
def silu_second_term_missing(x, cotangent):
    return (cotangent * sigmoid(x),)


@silu_wrong(43, cause="wrong_derivative")
def silu_factor_x_missing(x, cotangent):
    s = sigmoid(x)
    return (cotangent * (s + s * (1 - s)),)


@family.whole(43, "wrong backward", "torch", matrix, op="silu", names=("x",), argument="x", cause="term_missing")
def torch_swish_without_its_second_term():
    import torch

    class Swish(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            s = torch.sigmoid(x)
            ctx.save_for_backward(s)
            return x * s

        @staticmethod
        def backward(ctx, *grad_outputs):
            (s,) = ctx.saved_tensors
            return grad_outputs[0] * s

    return Swish


@family.whole("", "control", "vjp", matrix, op="silu", names=("x",))
def silu_vjp(x):
    s = 1 / (1 + np.exp(-x))
    return x * s, lambda g: (g * (s + x * s * (1 - s)),)


def sigmoid_derivative(x):
    return x * (1 - x)


network = sized(((5, 3), (5, 2), (3, 4), (4,), (4, 2), (2,)), ((40, 12), (40, 5), (12, 30), (30,), (30, 5), (5,)))
weights = {"W1": "W1", "b1": "b1", "W2": "W2", "b2": "b2"}


@family.whole("F1", "control", "network", network, inputs_of_layer=2, gradients=weights)
class NeuralNetworkOfTheTutorial:
    def __init__(self, W1, b1, W2, b2):
        self.synaptic_weights, self.biases = [W1, W2], [b1, b2]

    def think(self, inputs):
        self.layer1 = 1 / (1 + np.exp(-(np.dot(inputs, self.synaptic_weights[0]) + self.biases[0])))
        self.layer2 = 1 / (1 + np.exp(-(np.dot(self.layer1, self.synaptic_weights[1]) + self.biases[1])))
        return self.layer2

    def loss(self, inputs, outputs):
        return 0.5 * np.sum((outputs - self.think(inputs)) ** 2)

    def gradient(self, inputs, outputs):
        error = self.think(inputs) - outputs
        delta2 = error * sigmoid_derivative(self.layer2)
        delta1 = delta2.dot(self.synaptic_weights[1].T) * sigmoid_derivative(self.layer1)
        return {"W1": inputs.T.dot(delta1), "b1": delta1.sum(0), "W2": self.layer1.T.dot(delta2), "b2": delta2.sum(0)}
