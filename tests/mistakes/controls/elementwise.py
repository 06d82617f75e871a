"""Correct activations, at ordinary points, at kinks, and where exp overflows."""

from functools import partial
from math import erf

import numpy as np

from ..activations import away_from_zero, matrix, sigmoid_fwd, tanh_fwd
from ..case import Family
from ..rectifiers import elu, leaky, tanh_gelu

family = Family("activations")
control = partial(family.control, inputs=matrix)
erf_of = np.vectorize(erf, otypes=[float])


@control("F1", sigmoid_fwd, style="rule", op="sigmoid")
def sigmoid_slope_from_its_output(residuals, cotangent):
    _, y = residuals
    return (cotangent * y * (1 - y),)


@control("F1", lambda x: 1 / (1 + np.exp(-x)), op="sigmoid")
def sigmoid_slope_from_its_input(dout, x):
    return dout * np.exp(-x) / (1 + np.exp(-x)) ** 2


@family.whole("F1", "control", "layer", matrix, op="sigmoid")
class Sigmoid:
    def forward(self, x):
        self.out = 1 / (1 + np.exp(-x))
        return self.out

    def backward(self, dout):
        return dout * (1.0 - self.out) * self.out


@control("F2", tanh_fwd, style="rule", op="tanh")
def tanh_slope_from_its_output(residuals, cotangent):
    _, y = residuals
    return (cotangent * (1 - y * y),)


@control("F2", np.tan, inputs=lambda size, seed: (np.clip(matrix(size, seed)[0], -1.2, 1.2),), names=("x",))
def tan_is_not_tanh(dout, x):
    return dout * (1 + np.tan(x) ** 2)


@family.whole("", "control", "layer", away_from_zero, op="relu")
class Relu:
    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dx = dout.copy()
        dx[self.mask] = 0
        return dx


def with_zeros(size, seed):
    """Zeros at the kink, and values so near that a finite step crosses it."""
    (x,) = matrix(size, seed)
    x[0, :3] = 0.0
    x[1, :4] = [1e-7, -1e-7, 1e-5, -1e-5]
    return (x,)


at_the_kink = partial(control, inputs=with_zeros, op="relu")


def relu(x):
    return np.maximum(x, 0)


@at_the_kink("F7", relu)
def relu_slope_zero_at_zero(dout, x):
    return dout * (x > 0)


@at_the_kink("F7", relu)
def relu_slope_one_at_zero(dout, x):
    return dout * (x >= 0)


@at_the_kink("F7", relu)
def relu_slope_one_half_at_zero(dout, x):
    return dout * np.heaviside(x, 0.5)


@at_the_kink("F9", leaky, op="leaky_relu", statics={"negative_slope": 0.1})
def leaky_kink_hit(dout, x):
    return dout * np.where(x > 0, 1, 0.1)


@at_the_kink("F9", np.abs, op=None, names=("x",))
def absolute_value_at_zero(dout, x):
    return dout * np.sign(x)


@at_the_kink("F9", lambda x: np.clip(x, -0.5, 0.0), op=None)
def clip_at_its_bound(dout, x):
    return dout * ((x > -0.5) & (x <= 0.0))


@control("", elu, inputs=away_from_zero, op="elu", statics={"alpha": 1.5})
def elu_slope(dout, x):
    return dout * np.where(x > 0, 1, 1.5 * np.exp(np.minimum(x, 0)))


@control("", lambda x: x * 0.5 * (1 + erf_of(x / np.sqrt(2))), op="gelu")
def gelu_exact(dout, x):
    return dout * (0.5 * (1 + erf_of(x / np.sqrt(2))) + x * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi))


@control("", tanh_gelu, op="gelu", statics={"approximate": True})
def gelu_approximate(dout, x):
    c = np.sqrt(2 / np.pi)
    t = np.tanh(c * (x + 0.044715 * x**3))
    return dout * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * c * (1 + 3 * 0.044715 * x**2))


def silu_vjp(x):
    s = 1 / (1 + np.exp(-x))
    return x * s, lambda g: (g * (s + x * s * (1 - s)),)


family.whole("", "control", "vjp", matrix, op="silu", names=("x",))(silu_vjp)


def saturated(size, seed):
    (x,) = matrix(size, seed)
    x[0, :3] = [-800.0, 800.0, -40.0]
    x[1, :2] = [1e4, -1e4]
    return (x,)


def stable_sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


extreme = partial(control, inputs=saturated)


@extreme("", stable_sigmoid, op="sigmoid")
def sigmoid_saturated(dout, x):
    return dout * stable_sigmoid(x) * stable_sigmoid(-x)


def softplus(x):
    return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)


@extreme("", softplus, op="softplus")
def softplus_saturated(dout, x):
    return dout * stable_sigmoid(x)


@extreme("", lambda x: -softplus(-x), op="log_sigmoid")
def log_sigmoid_saturated(dout, x):
    return dout * stable_sigmoid(-x)


@extreme("", np.tanh, names=("x",), op="tanh")
def tanh_saturated(dout, x):
    return dout / np.cosh(np.minimum(np.abs(x), 300)) ** 2


@control("", lambda x: (x > 0).astype(float), inputs=away_from_zero, op="step")
def step_has_slope_zero(dout, x):
    return np.zeros_like(x)


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


@control("", softmax, op="softmax", names=("x",), family="softmax")
def softmax_sum_subtracted(dout, x):
    p = softmax(x)
    return p * (dout - (p * dout).sum(axis=-1, keepdims=True))


@control("", lambda x: softmax(x, 0), op="softmax", statics={"axis": 0}, family="softmax")
def softmax_over_the_first_axis(dout, x):
    p = softmax(x, 0)
    return p * dout - p * (p * dout).sum(axis=0)


@control("", softmax, op="softmax", names=("x",), sizes=("small",), family="softmax")
def softmax_by_its_jacobian(dout, x):
    p = softmax(x)
    jacobian = p[:, :, None] * (np.eye(p.shape[1]) - p[:, None, :])
    return (jacobian @ dout[..., None])[..., 0]


def far_apart(size, seed):
    """Rows 1e4 apart, gaps of 1e3 inside a row, a row of equal values."""
    (x,) = matrix(size, seed)
    x[0] += 1e4
    x[1, 0] += 1e3
    x[2] = 0.25
    return (x,)


@control("", softmax, inputs=far_apart, op="softmax", names=("x",), family="softmax")
def softmax_of_large_values(dout, x):
    p = softmax(x)
    return p * (dout - (p * dout).sum(axis=-1, keepdims=True))


def log_softmax(x):
    shifted = x - x.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


@control("", log_softmax, inputs=far_apart, op="log_softmax", family="softmax")
def log_softmax_of_large_values(dout, x):
    return dout - softmax(x) * dout.sum(axis=-1, keepdims=True)


@control("", lambda x: np.cumsum(x, axis=-1))
def running_sum(dout, x):
    return dout[..., ::-1].cumsum(axis=-1)[..., ::-1]


def near_zero(size, seed):
    x = np.abs(matrix(size, seed)[0])
    x[0, :2] = [1e-6, 1e-8]
    return (x,)


at_the_edge = partial(control, inputs=near_zero, names=("x",), near_an_edge=True)


@at_the_edge(128, np.log)
def logarithm_near_its_edge(dout, x):
    return dout / x


@at_the_edge(128, np.sqrt)
def square_root_near_its_edge(dout, x):
    return dout / (2 * np.sqrt(x))


@control(119, lambda x: x**2, inputs=lambda size, seed: (1e5 * matrix(size, seed)[0],))
def squares_of_large_values(dout, x):
    return 2 * dout * x


@control(119, lambda x: x**2, inputs=lambda size, seed: (1e-9 * matrix(size, seed)[0],))
def squares_of_tiny_values(dout, x):
    return 2 * dout * x
