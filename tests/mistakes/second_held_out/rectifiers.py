"""mistakes in ReLU and its relatives (catalogue 47 to 50)."""

import numpy as np

from ..case import Family, normal, sized

family = Family("activations")

matrix = sized(((4, 5),), ((64, 40),))


def relu(x):
    return np.maximum(0, x)


@family.wrong(47, relu, matrix, op="relu", argument="x", cause=("not_linear", "mask_wrong"))
def rectified_upstream(dout, x):
    dx = np.array(dout, copy=True)
    dx[dout <= 0] = 0
    return dx


@family.whole(
    48,
    "wrong backward",
    "layer",
    matrix,
    op="relu",
    argument="Z",
    cause=("mask_wrong", "mask_missing", "identity", "derivative_missing"),
)
class ReluByTheActivation:
    def forward(self, Z):
        self.A = relu(Z)
        return self.A

    def backward(self, dA):
        dZ = dA.copy()
        dZ[self.A < 0] = 0
        return dZ


def leaky_relu(x, alpha=0.1):
    return np.where(x > 0, x, alpha * x)


@family.wrong(
    49,
    leaky_relu,
    matrix,
    names=("x",),
    argument="x",
    cause=("static_ignored", "wrong_derivative", "entries_not_written", "partly_scaled", "local_factor"),
)
def leaky_slope_left_at_zero(delta, x):
    return delta * (x > 0)


@family.wrong(
    49,
    lambda x: leaky_relu(x, 0.2),
    matrix,
    argument="x",
    cause=("static_ignored", "partly_scaled", "identity", "derivative_missing", "local_factor"),
)
def leaky_slope_left_at_one(delta, x):
    dx = np.ones_like(x)
    dx[x < 0] = 1.0
    return delta * dx


@family.wrong(
    49,
    lambda x: leaky_relu(x, 0.3),
    matrix,
    argument="x",
    cause=("static_ignored", "partly_scaled", "local_factor"),
)
def leaky_slope_is_the_default(delta, x, negative_slope=0.01):
    return np.where(x > 0, delta, negative_slope * delta)


def leaky_with_output(x, slope=-0.4):
    y = leaky_relu(x, slope)
    return y, (y, slope)


@family.wrong(
    50,
    leaky_with_output,
    matrix,
    names=("x",),
    style="rule",
    argument="x",
    cause=("mask_wrong", "partly_scaled", "identity", "derivative_missing", "local_factor"),
)
def in_place_leaky_with_a_negative_slope(saved, grad):
    result, slope = saved
    return np.where(result > 0, grad, slope * grad)


def prelu(x, a):
    return np.where(x > 0, x, a * x), (x, a)


per_channel = sized(((5, 4), (4,)), ((64, 30), (30,)))


@family.wrong(10, prelu, per_channel, style="cache", argument="a", cause=("not_reduced", "wrong_shape"))
def slope_gradient_of_every_example(dout, cache):
    x, a = cache
    return dout * np.where(x > 0, 1, a), dout * x * (x <= 0)


@family.wrong(3, prelu, per_channel, style="cache", argument="a", cause="reduced_too_far")
def slope_gradient_of_all_channels(dout, cache):
    x, a = cache
    return dout * np.where(x > 0, 1, a), np.full(a.shape, np.sum(dout * np.minimum(x, 0)))


@family.whole(
    49,
    "wrong backward",
    "layer",
    matrix,
    argument="x",
    cause=("static_ignored", "partly_scaled", "local_factor"),
)
class Elu:
    def __init__(self, alpha=1.7):
        self.alpha = alpha

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.alpha * np.expm1(np.minimum(x, 0)))

    def backward(self, grad):
        return grad * np.where(self.x > 0, 1, np.exp(np.minimum(self.x, 0)))


def crelu_inputs(size, seed):
    return normal(seed, (4, 3) if size == "small" else (32, 20))


@family.whole(48, "wrong backward", "vjp", crelu_inputs, argument="x", cause="mask_wrong")
def masks_of_the_two_halves_swapped(x):
    out = np.concatenate([relu(x), relu(-x)], axis=1)

    def pullback(g):
        positive, negative = np.split(g, 2, axis=1)
        return (positive * (x < 0) - negative * (x > 0),)

    return out, pullback
