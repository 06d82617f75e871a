"""Mistakes in whole small networks: a loss, and a dict of gradients."""

from functools import partial
from typing import Any

import numpy as np

from ..case import Family, normal

family = Family("dense")


def problem(last):
    """x (batch, in), t and the parameters of two layers; t is one-hot where last is "classes"."""

    def inputs(size, seed):
        n, i, h, o = (5, 4, 6, 3) if size == "small" else (40, 24, 32, 10)
        x, t, W1, b1, W2, b2 = normal(seed, (n, i), (n, o), (i, h), (h,), (h, o), (o,))
        t = np.eye(o)[t.argmax(axis=1)] if last == "classes" else t
        return x, t, W1 / np.sqrt(i), 0.3 * b1, W2 / np.sqrt(h), 0.3 * b2

    return inputs


parameters = {key: key for key in ("W1", "b1", "W2", "b2")}
network = partial(family.whole, kind="wrong backward", style="network", inputs_of_layer=2, gradients=parameters)
classifier = partial(network, inputs=problem("classes"))
regression = partial(network, inputs=problem("values"))


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


class Net:
    """Two layers; a subclass gives the slope, the gradient at the output, or the whole gradient."""

    def __init__(self, W1, b1, W2, b2):
        self.params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}

    def predict(self, x):
        p = self.params
        self.z1 = x @ p["W1"] + p["b1"]
        self.a1 = self.activation(self.z1)
        return self.a1 @ p["W2"] + p["b2"]

    def activation(self, z):
        return np.maximum(z, 0)

    def back(self, x, dout, slope) -> dict[str, Any]:
        dz = (dout @ self.params["W2"].T) * slope
        return {"W1": x.T @ dz, "b1": dz.sum(0), "W2": self.a1.T @ dout, "b2": dout.sum(0)}


class Classifier(Net):
    def loss(self, x, t):
        return -(t * np.log(softmax(self.predict(x)))).sum() / len(x)

    def gradient(self, x, t):
        return self.back(x, self.at_the_output(x, t), self.z1 > 0)

    def at_the_output(self, x, t):
        return (softmax(self.predict(x)) - t) / len(x)


class Regression(Net):
    def activation(self, z):
        return np.tanh(z)

    def loss(self, x, t):
        return ((self.predict(x) - t) ** 2).sum() / (2 * len(x))

    def gradient(self, x, t):
        dout = (self.predict(x) - t) / len(x)
        return self.back(x, dout, 1 - self.a1**2)


@classifier(47, cause="mask_wrong", argument="W1 b1")
class ReluMaskOfTheHiddenGradient(Classifier):
    def gradient(self, x, t):
        dout = self.at_the_output(x, t)
        dhidden = dout @ self.params["W2"].T
        dhidden[dhidden <= 0] = 0
        return {"W1": x.T @ dhidden, "b1": dhidden.sum(0), "W2": self.a1.T @ dout, "b2": dout.sum(0)}


@classifier(21, cause=("scaled_by_size", "scaled"), argument="W1 b1 W2 b2")
class DividesByTheClasses(Classifier):
    def at_the_output(self, x, t):
        return (softmax(self.predict(x)) - t) / t.shape[1]


@classifier(27, cause="derivative_twice", argument="W1 b1 W2 b2")
class SigmoidLikeSlopeAfterSoftmax(Classifier):
    def at_the_output(self, x, t):
        y = softmax(self.predict(x))
        return (y - t) * y * (1 - y) / len(x)


@classifier(48, cause=("mask_missing", "mask_wrong", "derivative_missing"), argument="W1 b1")
class ReluMaskThatLetsZeroThrough(Classifier):
    def gradient(self, x, t):
        return self.back(x, self.at_the_output(x, t), self.a1 >= 0)


@classifier(8, cause=("updated_weight", "wrong_operand"), argument="W1 b1")
class HiddenGradientAfterTheStep(Classifier):
    rate = 0.5

    def gradient(self, x, t):
        dout = self.at_the_output(x, t)
        grads = {"W2": self.a1.T @ dout, "b2": dout.sum(0)}
        W2 = self.params["W2"] - self.rate * grads["W2"]
        dz = (dout @ W2.T) * (self.z1 > 0)
        return grads | {"W1": x.T @ dz, "b1": dz.sum(0)}


@regression(17, cause="scaled_by_size", argument="W1 b1 W2 b2")
class MeanOverAllOutputsInTheGradient(Regression):
    def gradient(self, x, t):
        dout = (self.predict(x) - t) / t.size
        return self.back(x, dout, 1 - self.a1**2)


@regression(46, cause="derivative_at_input", argument="W1 b1")
class TanhSlopeOfThePreactivation(Regression):
    def gradient(self, x, t):
        dout = (self.predict(x) - t) / len(x)
        return self.back(x, dout, 1 - self.z1**2)


@regression(118, cause="regularization", argument="b1 b2")
class DecaysTheBiasesToo(Regression):
    decay = 0.2

    def loss(self, x, t):
        penalty = sum((self.params[k] ** 2).sum() for k in ("W1", "W2"))
        return super().loss(x, t) + 0.5 * self.decay * penalty

    def gradient(self, x, t):
        grads = super().gradient(x, t)
        return {key: grad + self.decay * self.params[key] for key, grad in grads.items()}


@regression(116, cause=("other_loss", "wrong_derivative", "sum_term_missing"), argument="W1 W2")
class LassoWithTheGradientOfRidge(Regression):
    decay = 0.2

    def loss(self, x, t):
        return super().loss(x, t) + self.decay * sum(np.abs(self.params[k]).sum() for k in ("W1", "W2"))

    def gradient(self, x, t):
        grads = super().gradient(x, t)
        return {k: g + self.decay * self.params[k] if k[0] == "W" else g for k, g in grads.items()}


@regression(8, cause="wrong_operand", argument="W2")
class OutputWeightByThePreactivation(Regression):
    def gradient(self, x, t):
        dout = (self.predict(x) - t) / len(x)
        return self.back(x, dout, 1 - self.a1**2) | {"W2": self.z1.T @ dout}


@regression(45, cause="wrong_derivative", argument="W1 b1")
class TanhSlopeAsTheMinusSquare(Regression):
    def gradient(self, x, t):
        dout = (self.predict(x) - t) / len(x)
        return self.back(x, dout, -(self.a1**2))
