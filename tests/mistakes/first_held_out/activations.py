"""Activations, alone and behind a matrix product or a gate."""

from math import erf, pi, sqrt

import numpy as np

from ..case import Family, normal, sized

family = Family("activations")

PLANE = sized(((4, 5),), ((32, 40),))
LAYER = sized(((5, 3), (3, 4), (4,)), ((24, 20), (20, 16), (16,)))
Phi = np.vectorize(lambda v: 0.5 * (1 + erf(v / sqrt(2))), otypes=[float])


def logistic(v):
    return 0.5 * (1 + np.tanh(0.5 * v))


def perceptron(x, W, b):
    return logistic(x @ W + b)


@family.wrong(41, perceptron, LAYER, cause="derivative_at_output", argument="x W b")
def slope_of_the_activated(delta, x, W, b):
    def prime(v):
        return logistic(v) * (1 - logistic(v))

    out = logistic(x @ W + b)
    delta = delta * prime(out)
    return delta @ W.T, x.T @ delta, delta.sum(0)


@family.wrong(42, logistic, PLANE, op="sigmoid", cause="derivative_at_input", argument="v")
def shortcut_on_the_raw_value(g, v):
    return g * v * (1 - v)


def glu(a, b):
    return a * logistic(b), (a, b)


@family.wrong(
    43,
    glu,
    sized(((4, 5), (4, 5)), ((32, 24), (32, 24))),
    style="cache",
    argument="b",
    cause=("derivative_missing", "local_factor"),
)
def gate_slope_left_out(dout, cache):
    a, b = cache
    return dout * logistic(b), dout * a


def far_above(size, seed):
    x = 3 * normal(seed, (5, 4) if size == "small" else (24, 30))[0]
    x[0, 2], x[3, 1] = 750, 1200
    return (x,)


def far_below(size, seed):
    return (-far_above(size, seed)[0],)


@family.wrong(44, logistic, far_below, op="sigmoid", cause="not_finite", argument="v")
def quotient_rule_overflows(g, v):
    with np.errstate(all="ignore"):
        e = np.exp(-v)
        return g * e / (1 + e) ** 2


@family.whole(45, "wrong backward", "layer", PLANE, gradients={}, op="tanh", cause="wrong_derivative", argument="z")
class TanhWithPlus:
    def forward(self, z):
        self.a = np.tanh(z)
        return self.a

    def backward(self, grad):
        return grad * (1 + self.a**2)


@family.wrong(45, np.tanh, PLANE, names=("z",), op="tanh", argument="z", cause=("wrong_derivative", "local_factor"))
def its_own_derivative(g, z):
    return g * np.tanh(z)


def dense_tanh(x, W, b):
    z = x @ W + b
    return np.tanh(z), (x, W, z)


@family.wrong(46, dense_tanh, LAYER, style="rule", cause="derivative_at_input", argument="x W b")
def one_minus_the_raw_square(saved, g):
    x, W, z = saved
    dz = g * (1 - z**2)
    return dz @ W.T, x.T @ dz, dz.sum(axis=0)


def rectify(x):
    return np.maximum(x, 0)


@family.wrong(47, rectify, PLANE, op="relu", cause=("not_linear", "mask_wrong"), argument="x")
def gradient_rectified(dout, x):
    return np.where(dout > 0, dout, 0)


@family.whole(
    48,
    "wrong backward",
    "layer",
    PLANE,
    gradients={},
    op="relu",
    argument="x",
    cause=("mask_missing", "mask_wrong", "identity"),
)
class ReluFromOutput:
    def forward(self, x):
        self.out = x * (x > 0)
        return self.out

    def backward(self, dout):
        dx = dout.copy()
        dx[self.out < 0] = 0
        return dx


def leaky(slope):
    return lambda x: np.where(x > 0, x, slope * x)


@family.wrong(
    49,
    leaky(0.2),
    PLANE,
    op="leaky_relu",
    statics={"negative_slope": 0.2},
    names=("x",),
    cause=("static_ignored", "partly_scaled", "scaled_by_static"),
    argument="x",
)
def default_slope_in_backward(g, x, alpha=0.01):
    g = g.copy()
    g[x < 0] *= alpha
    return g


def elu(x):
    return np.where(x > 0, x, 1.5 * np.expm1(np.minimum(x, 0)))


@family.wrong(
    49,
    elu,
    PLANE,
    op="elu",
    statics={"alpha": 1.5},
    argument="x",
    cause=("static_ignored", "partly_scaled", "scaled_by_static"),
)
def alpha_left_out(g, x):
    return g * np.where(x > 0, 1.0, np.exp(np.minimum(x, 0)))


@family.wrong(
    49,
    elu,
    PLANE,
    op="elu",
    statics={"alpha": 1.5},
    argument="x",
    cause=("static_ignored", "local_factor", "wrong_derivative", "sum_term_missing"),
)
def output_plus_one(g, x):
    return g * np.where(x > 0, 1.0, elu(x) + 1)


@family.wrong(50, leaky(-0.3), PLANE, names=("x",), cause=("mask_wrong", "partly_scaled"), argument="x")
def sign_taken_from_output(g, x):
    y = np.where(x > 0, x, -0.3 * x)
    return np.where(y > 0, g, -0.3 * g)


@family.impure(51, rectify, PLANE, cause="cotangent_changed")
def masked_where_it_stands(dout, x):
    dout[x <= 0] = 0
    return dout


def gelu(x):
    return x * Phi(x)


@family.wrong(53, gelu, sized(((4, 5),), ((16, 12),)), op="gelu", cause="approximation_one_side", argument="x")
def tanh_form_in_backward(g, x):
    c = sqrt(2 / pi)
    t = np.tanh(c * (x + 0.044715 * x**3))
    return g * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * c * (1 + 3 * 0.044715 * x**2))


def quick_gelu_gradient(g, x):
    s = logistic(1.702 * x)
    return g * (s + 1.702 * x * s * (1 - s))


@family.wrong(53, gelu, sized(((4, 5),), ((16, 12),)), op="gelu", cause="approximation_one_side", argument="x")
def quick_form_in_backward(g, x):
    return quick_gelu_gradient(g, x)


@family.wrong_forward(53, quick_gelu_gradient, PLANE, op="gelu", cause="convention_approximation")
def quick_gelu(x):
    return x * logistic(1.702 * x)


def leaky_tenth_gradient(g, x):
    return np.where(x > 0, g, 0.1 * g)


@family.wrong_forward(49, leaky_tenth_gradient, PLANE, op="leaky_relu", cause="convention_static")
def leaky_with_a_tenth(x):
    return np.maximum(x, 0.1 * x)


def soft_plus(x):
    return np.logaddexp(0, x)


@family.wrong(54, soft_plus, far_above, op="softplus", cause="not_finite", argument="x")
def exp_over_one_plus_exp(g, x):
    with np.errstate(all="ignore"):
        return g * np.exp(x) / (1 + np.exp(x))


@family.wrong(45, soft_plus, PLANE, op="softplus", cause=("wrong_derivative", "local_factor"), argument="x")
def reflected_sigmoid(g, x):
    return g / (1 + np.exp(x))


def swish(x):
    s = logistic(x)
    return x * s, (x, s)


@family.wrong(43, swish, PLANE, style="rule", op="silu", cause=("sum_term_missing", "local_factor"), argument="x")
def product_rule_half_done(saved, g):
    x, s = saved
    return g * s


@family.wrong(19, np.tanh, PLANE, names=("z",), op="tanh", cause="ignores_cotangent", argument="z")
def local_slope_only(g, z):
    return 1 / np.cosh(z) ** 2


def prelu(x, a):
    return np.where(x > 0, x, a * x)


@family.wrong(10, prelu, sized(((5, 3, 4), (4,)), ((8, 9, 16), (16,))), cause="reduced_too_far", argument="a")
def channel_slopes_pooled(g, x, a):
    da = np.sum(g * x * (x < 0))
    return np.where(x > 0, g, a * g), np.full_like(a, da)
