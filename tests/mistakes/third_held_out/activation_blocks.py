"""Slopes that go wrong inside layers, gates and small networks (catalogue 9, 41 to 51, 107); pure and impure code."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized
from .activations import X, gelu_by_tanh, gelu_fwd, logistic

family = Family("activations")
DENSE = sized(((3, 7), (7, 5), (5,)), ((24, 40), (40, 17), (17,)))


def dense_logistic_forward(x, w, b):
    out = logistic(x @ w + b)
    return out, (x, w, out)


@family.wrong(
    27, dense_logistic_forward, DENSE, style="cache", argument="x w b", cause="derivative_twice", names=("x", "w", "b")
)
def neuron_slope_taken_by_layer_and_activation(dout, cache):
    x, w, out = cache
    dout = dout * out * (1 - out)
    dz = dout * out * (1 - out)
    return dz @ w.T, x.T @ dz, dz.sum(0)


@family.wrong(
    42,
    dense_logistic_forward,
    DENSE,
    style="cache",
    argument="x w b",
    cause="derivative_at_output",
    id="neuron_slope_of_the_slope",
)
def neuron_squashed_again(dout, cache):
    x, w, out = cache
    s = logistic(out)
    dz = dout * s * (1 - s)
    return dz @ w.T, x.T @ dz, dz.sum(0)


def hidden_layer(size, seed):
    n, d, h, k = (5, 7, 3, 2) if size == "small" else (20, 30, 12, 6)
    return normal(seed, (n, d), (n, k), (d, h), (h,), (h, k))


class TwoLayers:
    """Tanh, then linear, with half the squared distance."""

    def __init__(self, W1, b1, W2):
        self.params = {"W1": W1, "b1": b1, "W2": W2}

    def hidden(self, x):
        return np.tanh(x @ self.params["W1"] + self.params["b1"])

    def loss(self, x, t):
        return 0.5 * np.sum((self.hidden(x) @ self.params["W2"] - t) ** 2) / len(x)

    def slope(self, h):
        return 1 - h * h

    def gradient(self, x, t):
        h = self.hidden(x)
        delta = (h @ self.params["W2"] - t) / len(x)
        back = delta @ self.params["W2"].T * self.slope(h)
        return {"W1": x.T @ back, "b1": back.sum(0), "W2": h.T @ delta}


network = partial(
    family.whole,
    style="network",
    inputs=hidden_layer,
    inputs_of_layer=2,
    gradients={"W1": "W1", "b1": "b1", "W2": "W2"},
    argument="W1 b1",
)


@network(9, "wrong backward", cause="derivative_missing")
class NetworkWithoutTheHiddenSlope(TwoLayers):
    def slope(self, h):
        return 1.0


@network(45, "wrong backward", cause="wrong_derivative")
class NetworkWithTheLogisticSlope(TwoLayers):
    def slope(self, h):
        return h * (1 - h)


@family.whole(2, "control", "network", hidden_layer, inputs_of_layer=2, gradients={"W1": "W1", "b1": "b1", "W2": "W2"})
class NetworkAsItShouldBe(TwoLayers):
    pass


# A GRU cell whose gates share one matrix.
CELL = sized(((3, 5), (3, 4), (9, 8), (9, 4)), ((12, 14), (12, 10), (24, 20), (24, 10)))


def gru(x, h, gates, candidate):
    rz = logistic(np.hstack([x, h]) @ gates)
    r, z = np.split(rz, 2, axis=1)
    n = np.tanh(np.hstack([x, r * h]) @ candidate)
    return (1 - z) * n + z * h


def gru_backward(dh, x, h, gates, candidate, slope=lambda n, new: 1 - n**2, reset=lambda r: r * (1 - r)):
    d = x.shape[1]
    xh = np.hstack([x, h])
    r, z = np.split(logistic(xh @ gates), 2, axis=1)
    xrh = np.hstack([x, r * h])
    n = np.tanh(xrh @ candidate)
    da = dh * (1 - z) * slope(n, (1 - z) * n + z * h)
    dxrh = da @ candidate.T
    dr = dxrh[:, d:] * h
    dgate = np.hstack([dr * reset(r), dh * (h - n) * z * (1 - z)])
    dxh = dgate @ gates.T
    return dxh[:, :d] + dxrh[:, :d], dxh[:, d:] + dxrh[:, d:] * r + dh * z, xh.T @ dgate, xrh.T @ da


@family.wrong(107, gru, CELL, argument="x h gates candidate", cause="wrong_operand")
def candidate_slope_of_the_new_state(dh, x, h, gates, candidate):
    return gru_backward(dh, x, h, gates, candidate, slope=lambda n, new: 1 - new**2)


@family.wrong(43, gru, CELL, argument="x h gates", cause="derivative_missing")
def reset_gate_without_its_slope(dh, x, h, gates, candidate):
    return gru_backward(dh, x, h, gates, candidate, reset=lambda r: 1.0)


@family.control(107, gru, CELL)
def gru_step_complete(dh, x, h, gates, candidate):
    return gru_backward(dh, x, h, gates, candidate)


@family.whole(51, "impure", "layer", X, op="relu", argument="x", cause="cotangent_changed")
class ReluZeroesTheIncomingGradient:
    def forward(self, x):
        self.off = x <= 0
        return np.where(self.off, 0, x)

    def backward(self, dout):
        dout[self.off] = 0
        return dout


@family.impure(
    40,
    lambda x: (np.tanh(x), [np.tanh(x)]),
    X,
    style="rule",
    op="tanh",
    argument="x",
    cause="residuals_changed",
    names=("x",),
)
def tanh_slope_written_over_what_was_saved(saved, g):
    (y,) = saved
    y *= -y
    y += 1
    return (g * y,)


@family.whole("F1", "control", "layer", X, op="sigmoid")
class LogisticByItsOutput:
    def forward(self, x):
        self.out = logistic(x)
        return self.out

    def backward(self, dout):
        return dout * self.out * (1 - self.out)


@family.whole("F2", "control", "jax", X, op="tanh", names=("x",))
def jax_tanh_minus_its_square():
    import jax
    import jax.numpy as jnp

    th = jax.custom_vjp(jnp.tanh)
    th.defvjp(lambda x: (jnp.tanh(x), jnp.tanh(x)), lambda y, g: (g - g * y * y,))
    return th


def with_zeros(size, seed):
    (x,) = X(size, seed)
    x[0, ::3] = 0
    return (x,)


@family.control("F7", lambda x: np.maximum(x, 0), with_zeros, op="relu")
def relu_shares_the_kink(dout, x):
    return dout * (np.sign(x) + 1) / 2


def tanh_form_backward(grad, x):
    c = np.sqrt(2 / np.pi)
    th = np.tanh(c * (x + 0.044715 * x**3))
    return grad * (0.5 * (1 + th) + 0.5 * x * (1 - th**2) * c * (1 + 3 * 0.044715 * x**2))


@family.wrong_forward(53, tanh_form_backward, X, op="gelu", argument="x", cause="convention_approximation")
def gelu_in_its_tanh_form(x):
    return gelu_by_tanh(x)


@family.wrong_forward(
    49,
    lambda g, x: g * np.where(x > 0, 1, 0.2),
    X,
    op="leaky_relu",
    statics={"negative_slope": 0.01},
    argument="x",
    cause="convention_static",
)
def leaky_with_a_steeper_slope(x):
    return np.maximum(x, 0.2 * x)


@family.wrong_forward(45, lambda g, x: g * (1 - np.tanh(x) ** 2) / 2, X, op="sigmoid", argument="x", cause="forward")
def sigmoid_by_half_angle_without_the_half(x):
    return (1 + np.tanh(x)) / 2


@family.control(53, lambda x: gelu_fwd(x)[0], X, op="gelu")
def gelu_exact_anew(grad, x):
    cdf = np.divide(gelu_fwd(x)[0], x)
    return grad * (cdf + x * np.exp(-x * x / 2) / np.sqrt(2 * np.pi))
