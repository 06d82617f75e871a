"""Activations that are not the named op, write into what they are given, or are right in unusual forms (F1, F2, F7)."""

import math
from functools import partial

import numpy as np

from ..case import Family
from .activations import hidden, mish, phi, quick_gelu, sigmoid, softplus, softsign
from .activations_rectified import clear_of, glu, hard_swish, parted, prelu, scales, signed, swiglu, two_branches

family = Family("activations")
claimed = partial(family.wrong_forward, inputs=hidden, argument="x")


def quick_backward(dy, x):
    s = sigmoid(1.702 * x)
    return dy * (s + 1.702 * x * s * (1 - s))


@claimed(53, quick_backward, op="gelu", cause="convention_approximation")
def sigmoid_gelu_called_gelu(x):
    return quick_gelu(x)


@claimed(
    49,
    lambda dy, x: dy * np.where(x > 0, 1, 0.2),
    inputs=signed,
    op="leaky_relu",
    cause="convention_static",
)
def leaky_of_another_default_slope(x):
    return np.where(x > 0, x, 0.2 * x)


def ramp_backward(dy, x):
    return dy * np.where(np.abs(x) < 3, (2 * x + 3) / 6, x > 0)


@claimed(
    53,
    ramp_backward,
    inputs=clear_of(-3.0, 3.0, scale=3.0),
    op="silu",
    cause=("convention_approximation", "forward"),
)
def hard_swish_called_silu(x):
    return hard_swish(x)


@claimed(45, lambda dy, x: dy * 2 * sigmoid(x) * (1 - sigmoid(x)), op="tanh", cause="forward")
def bipolar_sigmoid_called_tanh(x):
    return 2 * sigmoid(x) - 1


@family.impure(51, lambda x: np.maximum(x, 0), signed, op="relu", argument="x", cause="cotangent_changed")
def relu_silences_upstream(dy, x):
    dy[x <= 0] = 0
    return dy


def elu_in_place(x):
    negative = x < 0
    x[negative] = np.expm1(x[negative])
    return x, (negative, x.copy())


@family.impure(51, elu_in_place, signed, style="rule", argument="x", cause="input_changed")
def elu_overwrites_its_input(saved, g):
    negative, y = saved
    return (g * np.where(negative, y + 1, 1),)


control = partial(family.control, inputs=hidden)


@control("F1", lambda x: (softsign(x),) * 2, style="rule", names=("x",))
def softsign_slope_from_its_output(y, g):
    return (g * (1 - np.abs(y)) ** 2,)


@control("F1", lambda x: (softplus(x),) * 2, style="cache", op="softplus", names=("x",))
def softplus_slope_from_its_output(dy, y):
    return dy * -np.expm1(-y)


@control("F2", lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)), op="tanh")
def tanh_slope_by_the_quotient_rule(dy, x):
    a, b = np.exp(x) - np.exp(-x), np.exp(x) + np.exp(-x)
    return dy * (b * b - a * a) / b**2


@control("", mish)
def mish_by_its_published_formula(dy, x):
    e = np.exp(x)
    omega = 4 * (x + 1) + 4 * e**2 + e**3 + e * (4 * x + 6)
    return dy * e * omega / (2 * e + e**2 + 2) ** 2


@control("", lambda x: 0.5 * x * (1 + phi(x / math.sqrt(2))), op="gelu")
def gelu_by_the_product_rule(dy, x):
    density = np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    return dy * (0.5 + 0.5 * phi(x / math.sqrt(2)) + x * density)


def on_the_bends(size, seed):
    (x,) = hidden(size, seed)
    x[0, :4] = [-3.0, 3.0, 0.0, 1e-8]
    return (x,)


@control("F7", hard_swish, inputs=on_the_bends)
def hard_swish_at_its_bends(dy, x):
    return dy * np.where(x <= -3, 0, np.where(x >= 3, 1, (2 * x + 3) / 6))


@control("F7", lambda x: np.clip(x, 0, 3), inputs=on_the_bends)
def ceiling_passes_at_its_bound(dy, x):
    return dy * ((x >= 0) & (x <= 3))


@control("", prelu, inputs=scales, style="rule")
def prelu_slope_for_each_channel(saved, g):
    x, a = saved
    below = np.minimum(x, 0)
    return np.where(x > 0, g, g * a[:, None]), np.einsum("ncl,ncl->c", g, below)


@control("", glu, inputs=parted, style="rule")
def glu_halves_in_order(saved, g):
    a, s = saved
    dx = np.empty((len(a), 2 * a.shape[1]))
    dx[:, : a.shape[1]], dx[:, a.shape[1] :] = g * s, g * a * s * (1 - s)
    return (dx,)


@control("", swiglu, inputs=two_branches, style="rule")
def swiglu_from_its_cache(c, g):
    gate, up, s = c["gate"], c["up"], c["s"]
    return [g * up * (s + gate * s * (1 - s)), g * gate * s]
