"""Sigmoid and tanh, alone and in small networks (catalogue 41, 42, 44 to 46)."""

# As people write it: a base class leaves methods to others.
# pyright: reportAttributeAccessIssue=false

from functools import partial

import numpy as np

from ..case import Family, sized

family = Family("activations")

batch = sized(((5, 7),), ((48, 40),))
volume = sized(((2, 3, 5),), ((8, 12, 16),))
network = sized(((5, 3), (5, 2), (3, 4), (4,), (4, 2), (2,)), ((40, 12), (40, 5), (12, 30), (30,), (30, 5), (5,)))
at_output, at_input = ("derivative_at_output", "local_factor"), ("derivative_at_input", "local_factor")


def sigmoid(x):
    return 0.5 * (1 + np.tanh(0.5 * x))


def nonlin(x, deriv=False):
    return sigmoid(x) * (1 - sigmoid(x)) if deriv else sigmoid(x)


sig = partial(family.wrong, op="sigmoid", argument="x")


@sig(41, lambda x: (sigmoid(x), sigmoid(x)), batch, style="rule", names=("x",), cause=at_output)
def prime_of_the_saved_activation(activation, delta):
    return delta * nonlin(activation, deriv=True)


weights = {"W1": "W1", "b1": "b1", "W2": "W2", "b2": "b2"}


class TwoLayerNet:
    def __init__(self, W1, b1, W2, b2):
        self.params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}

    def predict(self, x):
        p = self.params
        self.z1 = x @ p["W1"] + p["b1"]
        self.a1 = self.squash(self.z1)
        return self.a1 @ p["W2"] + p["b2"]

    def loss(self, x, t):
        return 0.5 * np.sum((self.predict(x) - t) ** 2) / len(x)

    def gradient(self, x, t):
        d2 = (self.predict(x) - t) / len(x)
        d1 = d2 @ self.params["W2"].T * self.slope()
        return {"W1": x.T @ d1, "b1": d1.sum(0), "W2": self.a1.T @ d2, "b2": d2.sum(0)}


of_two_layers = {
    "kind": "wrong backward",
    "style": "network",
    "inputs": network,
    "inputs_of_layer": 2,
    "gradients": weights,
    "argument": "W1 b1",
}
hidden = partial(family.whole, **of_two_layers)


@hidden(41, cause="derivative_at_output")
class SigmoidNetWithPrimeOfTheActivation(TwoLayerNet):
    squash = staticmethod(sigmoid)

    def slope(self):
        return nonlin(self.a1, True)


@family.whole(41, "wrong backward", "vjp", sized(((4, 5), (5,)), ((60, 30), (30,))), cause=at_output, argument="gate")
def gated_channels(x, gate):
    s = sigmoid(gate)

    def pullback(dy):
        ds = (dy * x).sum(axis=0)
        return dy * s, ds * sigmoid(s) * (1 - sigmoid(s))

    return x * s, pullback


@sig(42, sigmoid, volume, cause=at_input)
def net_input_times_one_minus_itself(dout, x):
    return dout * x * (1 - x)


@hidden(42, cause="derivative_at_input")
class SigmoidNetWithTheWrongList(TwoLayerNet):
    squash = staticmethod(sigmoid)

    def slope(self):
        return self.z1 * (1.0 - self.z1)


def neurons(inputs, w, b):
    z = np.array([[np.dot(row, w[j]) + b[j] for j in range(len(b))] for row in inputs])
    return sigmoid(z), (inputs, w, z)


@family.wrong(
    42,
    neurons,
    sized(((3, 4), (5, 4), (5,)), ((16, 24), (20, 24), (20,))),
    style="cache",
    names=("inputs", "w", "b"),
    cause="derivative_at_input",
    argument="inputs w b",
)
def neuron_by_neuron(dout, cache):
    inputs, w, z = cache
    dinputs, dw, db = np.zeros_like(inputs), np.zeros_like(w), np.zeros(len(w))
    for n in range(len(inputs)):
        for j in range(len(w)):
            delta = dout[n, j] * z[n, j] * (1 - z[n, j])
            dw[j] += delta * inputs[n]
            dinputs[n] += delta * w[j]
            db[j] += delta
    return dinputs, dw, db


def very_negative(size, seed):
    (x,) = batch(size, seed)
    x[:, ::2] -= 760
    return (x,)


@sig(44, sigmoid, very_negative, cause="not_finite")
def logistic_slope_of_raw_exponentials(dout, x):
    e = np.exp(-x)
    return dout * e / (1 + e) ** 2


@family.whole(44, "wrong backward", "layer", very_negative, op="silu", cause="not_finite", argument="x")
class Swish:
    def forward(self, x):
        self.x = x
        return x * sigmoid(x)

    def backward(self, grad):
        e = np.exp(-self.x)
        return grad * (1 + e + self.x * e) / (1 + e) ** 2


def tanh_backward(g, x):
    return g * (1 - np.tanh(x) ** 2)


@family.wrong_forward(44, tanh_backward, very_negative, op="tanh", names=("x",), cause="forward")
def tanh_of_four_exponentials(x):
    return (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))


other_function = ("wrong_derivative", "local_factor")
tanh = partial(family.wrong, op="tanh", argument="x")


@family.whole(45, "wrong backward", "layer", batch, op="tanh", cause=other_function, argument="x")
class TanhWithASecant:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, dy):
        return dy * (1 + self.y * self.y)


@tanh(45, lambda x: (np.tanh(x), np.tanh(x)), volume, style="cache", names=("x",), cause=other_function)
def one_lost_from_the_tanh_slope(dout, y):
    return -(y**2) * dout


@hidden(45, cause="wrong_derivative")
class TanhNetWithTanhAsItsSlope(TwoLayerNet):
    squash = staticmethod(np.tanh)

    def slope(self):
        return np.tanh(self.z1)


@tanh(46, np.tanh, batch, names=("x",), cause=at_input)
def one_minus_the_squared_input(dout, x):
    return (1.0 - np.square(x)) * dout
