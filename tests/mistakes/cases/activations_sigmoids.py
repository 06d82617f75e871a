"""Sigmoid, tanh and what is written by hand in their place."""

from functools import partial

import numpy as np

from ..case import Family, sized
from .functions import sigmoid

family = Family("activations")


def sigmoid_fwd(x):
    y = sigmoid(x)
    return y, (x, y)


matrix = sized(((3, 5),), ((64, 100),))
wrong = partial(family.wrong, inputs=matrix, argument="x")
sigmoid_rule = partial(wrong, forward=sigmoid_fwd, style="rule", op="sigmoid")


@sigmoid_rule(41, cause="derivative_at_wrong_value")
def sigmoid_slope_of_the_output(residuals, cotangent):
    _x, y = residuals
    return (cotangent * sigmoid(y) * (1 - sigmoid(y)),)


@sigmoid_rule(42, cause="derivative_at_wrong_value")
def sigmoid_slope_formula_at_the_input(residuals, cotangent):
    x, _y = residuals
    return (cotangent * x * (1 - x),)


@sigmoid_rule(43, cause="derivative_missing")
def sigmoid_slope_not_applied(residuals, cotangent):
    return (cotangent,)


@sigmoid_rule(19, cause="ignores_cotangent")
def sigmoid_upstream_ignored(residuals, cotangent):
    _x, y = residuals
    return (y * (1 - y),)


control = partial(family.control, inputs=matrix)


@control("F1", sigmoid_fwd, style="rule", op="sigmoid")
def sigmoid_slope_from_its_output(residuals, cotangent):
    _, y = residuals
    return (cotangent * y * (1 - y),)


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


def tanh_fwd(x):
    y = np.tanh(x)
    return y, (x, y)


tanh_rule = partial(wrong, forward=tanh_fwd, style="rule", op="tanh")


@tanh_rule(45, cause="wrong_derivative")
def tanh_slope_is_tanh(residuals, cotangent):
    _x, y = residuals
    return (cotangent * y,)


@tanh_rule(45, cause="sign")
def tanh_slope_plus(residuals, cotangent):
    _x, y = residuals
    return (cotangent * (1 + y**2),)


@tanh_rule(46, cause="derivative_at_wrong_value")
def tanh_slope_formula_at_the_input(residuals, cotangent):
    x, _y = residuals
    return (cotangent * (1 - x**2),)


@control("F2", tanh_fwd, style="rule", op="tanh")
def tanh_slope_from_its_output(residuals, cotangent):
    _, y = residuals
    return (cotangent * (1 - y * y),)


@family.whole(45, "wrong backward", "layer", matrix, gradients={}, op="tanh", cause="sign", argument="z")
class TanhWithPlus:
    def forward(self, z):
        self.a = np.tanh(z)
        return self.a

    def backward(self, grad):
        return grad * (1 + self.a**2)


@family.whole(109, "wrong backward", "layer", matrix, op="sigmoid", argument="x", cause="downcast")
class SigmoidWithASinglePrecisionBuffer:
    def forward(self, x):
        self.y = sigmoid(x)
        return self.y

    def backward(self, dy):
        grad = np.empty(self.y.shape, dtype=np.float32)
        np.multiply(dy, self.y * (1 - self.y), out=grad, casting="same_kind")
        return grad


@wrong(49, lambda x: 2.5 * np.tanh(x / 1.3), cause="scaled_by_constant")
def wide_tanh_without_its_width(g, x):
    return 2.5 * g * (1 - np.tanh(x / 1.3) ** 2)


@family.whole(41, "wrong backward", "vjp", matrix, op="tanh", argument="u", cause="derivative_at_wrong_value")
def transfer_function_of_the_output(u):
    out = np.tanh(u)
    return out, lambda g: (g / np.cosh(out) ** 2,)


@family.wrong(42, sigmoid, matrix, op="sigmoid", argument="x", cause="derivative_at_wrong_value")
def x_times_one_minus_x(dy, x):
    return dy * x * (1.0 - x)


def nonlin(x, deriv=False):
    return x * (1 - x) if deriv else sigmoid(x)


@family.whole("F1", "control", "vjp", matrix, op="sigmoid")
def nonlin_of_the_output(x):
    y = nonlin(x)
    return y, lambda g: (g * nonlin(y, deriv=True),)


@family.whole("F2", "control", "layer", matrix, op="tanh")
class TanhByItsSquare:
    def forward(self, x):
        self.out = (np.exp(2 * x) - 1) / (np.exp(2 * x) + 1)
        return self.out

    def backward(self, dout):
        return dout - dout * self.out * self.out


@family.whole(45, "wrong backward", "jax", matrix, op="tanh", names=("x",), argument="x", cause="sign")
def jax_tanh_slope_plus():
    import jax
    import jax.numpy as jnp

    tanh = jax.custom_vjp(jnp.tanh)
    tanh.defvjp(lambda x: (jnp.tanh(x), jnp.tanh(x)), lambda y, g: (g * (1 + y**2),))
    return tanh


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


@control("F2", np.tan, inputs=lambda size, seed: (np.clip(matrix(size, seed)[0], -1.2, 1.2),), names=("x",))
def tan_is_not_tanh(dout, x):
    return dout * (1 + np.tan(x) ** 2)


@control(119, lambda x: x**2, inputs=lambda size, seed: (1e-9 * matrix(size, seed)[0],))
def squares_of_tiny_values(dout, x):
    return 2 * dout * x


@control(119, lambda x: x**2, inputs=lambda size, seed: (1e5 * matrix(size, seed)[0],))
def squares_of_large_values(dout, x):
    return 2 * dout * x


@control("", lambda x: np.cumsum(x, axis=-1))
def running_sum(dout, x):
    return dout[..., ::-1].cumsum(axis=-1)[..., ::-1]


@family.whole("F2", "control", "jax", matrix, op="tanh", names=("x",))
def jax_tanh_minus_its_square():
    import jax
    import jax.numpy as jnp

    th = jax.custom_vjp(jnp.tanh)
    th.defvjp(lambda x: (jnp.tanh(x), jnp.tanh(x)), lambda y, g: (g - g * y * y,))
    return th


@family.wrong_forward(
    45, lambda g, x: g * (1 - np.tanh(x) ** 2) / 2, matrix, op="sigmoid", argument="x", cause="forward"
)
def sigmoid_by_half_angle_without_the_half(x):
    return (1 + np.tanh(x)) / 2
