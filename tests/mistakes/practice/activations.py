"""Composite activations and gated units, in closures, classes and loops."""

import numpy as np

from ..case import Family, normal, sized

family = Family("activations")

X = sized(((5, 7),), ((24, 36),))


def logistic(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.logaddexp(0, x)


def mish(x):
    return x * np.tanh(softplus(x))


@family.wrong(43, mish, X, cause=("sum_term_missing", "local_factor"))
def mish_without_its_second_term(g, x):
    return g * np.tanh(softplus(x))


@family.wrong(45, mish, X, cause=("wrong_derivative", "local_factor", "derivative_missing"))
def mish_whose_softplus_has_slope_one(g, x):
    t = np.tanh(softplus(x))
    return g * (t + x * (1 - t**2))


@family.wrong(46, mish, X, cause=("derivative_at_input", "wrong_derivative", "local_factor", "wrong_operand"))
def mish_with_tanh_slope_of_the_softplus(g, x):
    u = softplus(x)
    return g * (np.tanh(u) + x * (1 - u**2) * logistic(x))


@family.wrong(45, softplus, X, cause=("wrong_derivative", "local_factor"))
def softplus_with_the_slope_of_its_slope(g, x):
    s = logistic(x)
    return g * s * (1 - s)


def squared_relu(x):
    return np.maximum(x, 0) ** 2


@family.wrong(43, squared_relu, X, cause=("wrong_derivative", "local_factor", "derivative_missing"))
def squared_relu_with_the_slope_of_relu(g, x):
    return g * (x > 0)


@family.wrong(15, squared_relu, X, cause="scaled_by_two")
def squared_relu_without_the_two(g, x):
    return g * np.maximum(x, 0)


def elu(x):
    return np.where(x > 0, x, 1.3 * np.expm1(x))


@family.wrong(54, elu, X, cause=("static_ignored", "partly_scaled", "local_factor"))
def elu_with_alpha_forgotten(g, x):
    return g * np.where(x > 0, 1.0, np.exp(x))


@family.wrong(45, elu, X, cause=("sum_term_missing", "wrong_derivative", "local_factor", "isolated_entries"))
def elu_with_its_value_for_its_slope(g, x):
    return g * np.where(x > 0, 1.0, 1.3 * np.expm1(x))


@family.wrong(45, elu, X, cause=("derivative_missing", "wrong_derivative", "local_factor", "mask_missing"))
def elu_straight_on_both_sides(g, x):
    return g * np.ones_like(x)


SELU = (1.0507, 1.6733)


def selu(x):
    scale, alpha = SELU
    return scale * np.where(x > 0, x, alpha * (np.exp(x) - 1))


@family.wrong(45, selu, X, cause=("partly_scaled", "static_ignored", "local_factor"))
def selu_scaled_above_only(g, x):
    scale, alpha = SELU
    return g * np.where(x > 0, scale, alpha * np.exp(x))


def hard_sigmoid(x):
    return np.clip(0.2 * x + 0.5, 0, 1)


def wide(size, seed):
    (x,) = normal(seed, (4, 7) if size == "small" else (24, 36))
    return (3 * x,)


@family.wrong(48, hard_sigmoid, wide, cause=("mask_missing", "local_factor"))
def hard_sigmoid_without_ends(g, x):
    return np.full_like(x, 0.2) * g


@family.wrong(49, hard_sigmoid, wide, cause=("scaled", "static_ignored", "scaled_by_static"))
def hard_sigmoid_with_slope_one(g, x):
    y = hard_sigmoid(x)
    return g * ((y > 0) & (y < 1))


@family.whole(49, "wrong backward", "layer", X, cause=("static_ignored", "partly_scaled", "local_factor"))
class LeakyWithTheUsualSlope:
    def __init__(self):
        self.slope = 0.27

    def forward(self, x):
        self.x = x
        return np.where(x < 0, self.slope * x, x)

    def backward(self, dout):
        dx = dout.copy()
        dx[self.x < 0] *= 0.01
        return dx


def glu_inputs(size, seed):
    return normal(seed, (5, 8) if size == "small" else (24, 36))


def glu(x):
    a, b = np.split(x, 2, axis=1)
    return a * logistic(b)


@family.wrong(43, glu, glu_inputs, cause=("derivative_missing", "isolated_entries", "wrong_derivative"))
def glu_gate_without_its_slope(g, x):
    a, b = np.split(x, 2, axis=1)
    return np.concatenate([g * logistic(b), g * a], axis=1)


@family.wrong(107, glu, glu_inputs, cause=("wrong_operand", "wrong_derivative", "derivative_at_input"))
def glu_gate_with_the_slope_of_the_other_half(g, x):
    a, b = np.split(x, 2, axis=1)
    s = logistic(a)
    return np.concatenate([g * logistic(b), g * a * s * (1 - s)], axis=1)


@family.wrong(13, glu, glu_inputs, cause=("wrong_operand", "row_permuted", "arguments_swapped", "shifted", "reordered"))
def glu_halves_joined_the_wrong_way(g, x):
    a, b = np.split(x, 2, axis=1)
    s = logistic(b)
    return np.concatenate([g * a * s * (1 - s), g * s], axis=1)


def swiglu_inputs(size, seed):
    n, d, h = (5, 3, 7) if size == "small" else (24, 12, 17)
    return normal(seed, (n, d), (d, h), (d, h))


def swiglu(x, W, V):
    a = x @ W
    return a * logistic(a) * (x @ V)


def swiglu_backward(g, x, W, V, slope=None, gate=None):
    a, b = x @ W, x @ V
    s = logistic(a)
    slope = s + a * s * (1 - s) if slope is None else slope(a, s)
    da, db = g * b * slope, g * (a * s if gate is None else gate(a, s))
    return da @ W.T + db @ V.T, x.T @ da, x.T @ db


@family.wrong(43, swiglu, swiglu_inputs, argument="x W", cause=("sum_term_missing", "derivative_missing"))
def swiglu_with_the_sigmoid_for_the_slope(g, x, W, V):
    return swiglu_backward(g, x, W, V, slope=lambda a, s: s)


@family.wrong(
    45, swiglu, swiglu_inputs, argument="x V", cause=("wrong_operand", "argument_factor_missing", "sum_term_missing")
)
def swiglu_value_through_the_sigmoid_alone(g, x, W, V):
    return swiglu_backward(g, x, W, V, gate=lambda a, s: s)


@family.wrong(12, swiglu, swiglu_inputs, argument="x", cause=("use_dropped", "sum_term_missing"))
def swiglu_input_from_the_gate_only(g, x, W, V):
    _, dW, dV = swiglu_backward(g, x, W, V)
    a, b = x @ W, x @ V
    s = logistic(a)
    return (g * b * (s + a * s * (1 - s))) @ W.T, dW, dV


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


@family.wrong(53, gelu_tanh, X, cause=("approximation_one_side", "wrong_derivative"))
def tanh_gelu_by_the_exact_slope(g, x):
    from math import erf

    cdf = 0.5 * (1 + np.array([erf(v / np.sqrt(2)) for v in x.ravel()]).reshape(x.shape))
    return g * (cdf + x * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi))


@family.wrong(53, gelu_tanh, X, cause=("sum_term_missing", "local_factor", "wrong_derivative"))
def tanh_gelu_whose_cube_keeps_its_one(g, x):
    c = np.sqrt(2 / np.pi)
    t = np.tanh(c * (x + 0.044715 * x**3))
    return g * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * c * (1 + 0.044715 * x**2))


def prelu_inputs(size, seed):
    x, a = normal(seed, *(((5, 7), (7,)) if size == "small" else ((24, 36), (36,))))
    return x, 0.1 + np.abs(a)


def prelu(x, a):
    return np.maximum(x, 0) + a * np.minimum(x, 0)


@family.wrong(49, prelu, prelu_inputs, argument="a", cause=("mask_missing", "wrong_operand"))
def prelu_slope_learns_from_all(g, x, a):
    return g * np.where(x > 0, 1, a), (g * x).sum(0)


@family.wrong(
    49, prelu, prelu_inputs, argument="x", cause=("argument_factor_missing", "derivative_missing", "identity")
)
def prelu_forgets_its_own_slope(g, x, a):
    return g * np.where(x > 0, 1.0, 1.0), (g * np.minimum(x, 0)).sum(0)


def log_cosh_unit(x):
    return np.log(np.cosh(x))


@family.wrong(45, log_cosh_unit, X, cause=("wrong_derivative", "local_factor"))
def log_cosh_divided_by_cosh(g, x):
    return g / np.cosh(x)


@family.wrong(
    45,
    lambda x: x / np.sqrt(1 + x * x),
    X,
    cause=("wrong_derivative", "local_factor", "sum_term_missing", "wrong_operand"),
)
def inverse_root_unit_without_the_cube(g, x):
    return g / np.sqrt(1 + x * x)


@family.wrong(
    45, lambda x: np.sin(x) + 0.3 * x, X, cause=("wrong_derivative", "local_factor", "sign", "sum_term_missing")
)
def sine_with_a_cosine_of_the_wrong_sign(g, x):
    return g * (0.3 - np.cos(x))


@family.wrong(45, lambda x: np.arctan(x), X, cause=("derivative_at_output", "wrong_derivative", "local_factor"))
def arctan_with_the_slope_of_its_value(g, x):
    return g / (1 + np.arctan(x) ** 2)


@family.whole(
    41,
    "wrong backward",
    "layer",
    swiglu_inputs,
    inputs_of_layer=1,
    gradients={"W": "dW", "V": "dV"},
    argument="x W V",
    cause=("derivative_at_output", "wrong_operand", "wrong_derivative"),
)
class TwoLayersWithTheSigmoidOfTheSigmoid:
    def __init__(self, W, V):
        self.W, self.V = W, V

    def forward(self, x):
        self.x = x
        self.h = logistic(x @ self.W + x @ self.V)
        return self.h

    def backward(self, dout):
        s = logistic(self.h)
        delta = dout * s * (1 - s)
        self.dW = self.x.T @ delta
        self.dV = self.x.T @ delta
        return delta @ (self.W + self.V).T
