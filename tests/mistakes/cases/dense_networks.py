"""Dense layers one after the other, as networks with a loss."""

from functools import partial
from typing import Any

import numpy as np

from ..case import Family, normal, sized
from .functions import sigmoid, softmax

family = Family("dense")


def back(dout, cache, out_slope=lambda y: 1 - y**2, hidden_slope=lambda z, a: a * (1 - a), W2=None):
    x, z1, a1, y, W1, kept = cache
    d2 = dout * out_slope(y)
    d1 = (d2 @ (kept if W2 is None else W2(kept, a1.T @ d2)).T) * hidden_slope(z1, a1)
    return d1 @ W1.T, x.T @ d1, d1.sum(0), a1.T @ d2, d2.sum(0)


# A two-layer perceptron as a function: x, W1, b1, W2, b2
MLP = sized(((4, 3), (3, 6), (6,), (6, 6), (6,)), ((24, 16), (16, 32), (32,), (32, 32), (32,)))


def mlp(x, W1, b1, W2, b2):
    z1 = x @ W1 + b1
    a1 = sigmoid(z1)
    z2 = a1 @ W2 + b2
    return np.tanh(z2), (x, z1, a1, np.tanh(z2), W1, W2)


def perceptron(number, cause, argument):
    return family.wrong(number, mlp, MLP, style="cache", cause=cause, argument=argument)


@perceptron(9, "derivative_missing", "x W1 b1 W2 b2")
def output_slope_missing(dout, cache):
    return back(dout, cache, out_slope=lambda y: 1.0)


@perceptron(42, "derivative_at_wrong_value", "x W1 b1")
def hidden_slope_of_the_sum(dout, cache):
    return back(dout, cache, hidden_slope=lambda z, a: z * (1 - z))


@perceptron(8, "updated_weight", "x W1 b1")
def second_layer_learns_first(dout, cache):
    return back(dout, cache, W2=lambda W, dW: W - 0.05 * dW)


@perceptron(6, "transposed", "x W1 b1")
def error_sent_back_untransposed(dout, cache):
    return back(dout, cache, W2=lambda W, dW: W.T)


@family.control("F1", mlp, MLP, style="cache")
def perceptron_with_slopes_of_the_outputs(dout, cache):
    return back(dout, cache)


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


@classifier(47, cause="not_linear", argument="W1 b1")
class ReluMaskOfTheHiddenGradient(Classifier):
    def gradient(self, x, t):
        dout = self.at_the_output(x, t)
        dhidden = dout @ self.params["W2"].T
        dhidden[dhidden <= 0] = 0
        return {"W1": x.T @ dhidden, "b1": dhidden.sum(0), "W2": self.a1.T @ dout, "b2": dout.sum(0)}


@classifier(21, cause="scaled_by_count", argument="W1 b1 W2 b2")
class DividesByTheClasses(Classifier):
    def at_the_output(self, x, t):
        return (softmax(self.predict(x)) - t) / t.shape[1]


@classifier(27, cause="derivative_twice", argument="W1 b1 W2 b2")
class SigmoidLikeSlopeAfterSoftmax(Classifier):
    def at_the_output(self, x, t):
        y = softmax(self.predict(x))
        return (y - t) * y * (1 - y) / len(x)


@classifier(48, cause="derivative_missing", also="derivative_at_wrong_value", argument="W1 b1")
class ReluMaskThatLetsZeroThrough(Classifier):
    def gradient(self, x, t):
        return self.back(x, self.at_the_output(x, t), self.a1 >= 0)


regression = partial(network, inputs=problem("values"))


class Regression(Net):
    def activation(self, z):
        return np.tanh(z)

    def loss(self, x, t):
        return ((self.predict(x) - t) ** 2).sum() / (2 * len(x))

    def gradient(self, x, t):
        dout = (self.predict(x) - t) / len(x)
        return self.back(x, dout, 1 - self.a1**2)


@regression(46, cause="derivative_at_wrong_value", argument="W1 b1")
class TanhSlopeOfThePreactivation(Regression):
    def gradient(self, x, t):
        dout = (self.predict(x) - t) / len(x)
        return self.back(x, dout, 1 - self.z1**2)


@regression(116, cause="regularization", argument="W1 W2")
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


right_network = partial(family.whole, kind="control", style="network", inputs_of_layer=2, gradients=parameters)


def softmax_rows(z):
    e = np.exp(z)
    return e / e.sum(axis=1, keepdims=True)


@right_network("F4", inputs=problem("classes"))
class NegativeLogLikelihoodByIndices(Classifier):
    def at_the_output(self, x, t):
        y = softmax_rows(self.predict(x))
        y[np.arange(len(x)), t.argmax(axis=1)] -= 1
        return y / len(x)


@right_network("F5", inputs=problem("values"))
class TargetMinusOutput(Regression):
    """The error is t - y throughout, and so each product carries the minus."""

    def gradient(self, x, t):
        e = (t - self.predict(x)) / len(x)
        hidden = e @ self.params["W2"].T * (1 + self.a1) * (1 - self.a1)
        return {"W1": -x.T @ hidden, "b1": -hidden.sum(0), "W2": -self.a1.T @ e, "b2": -e.sum(0)}


def square_net(size, seed):
    x, t, *_ = problem("values")(size, seed)
    n, h, o = x.shape[1], x.shape[1], t.shape[1]
    weights = normal(seed + 9, (n, h), (h, h), (h, o))
    return (x, t, *(w / np.sqrt(len(w)) for w in weights))


class ThreeLayers:
    def __init__(self, W1, W2, W3):
        self.weights = [W1, W2, W3]

    def loss(self, x, t):
        self.acts = [x]
        for W in self.weights[:-1]:
            self.acts.append(1 / (1 + np.exp(-self.acts[-1] @ W)))
        self.y = self.acts[-1] @ self.weights[-1]
        return 0.5 * np.sum((self.y - t) ** 2)


@right_network("F1", inputs=square_net, gradients={"W1": "W1", "W2": "W2", "W3": "W3"})
class SlopesFromTheActivations(ThreeLayers):
    def gradient(self, x, t):
        self.loss(x, t)
        d, grads = self.y - t, {}
        for k in (3, 2, 1):
            a = self.acts[k - 1]
            grads[f"W{k}"] = a.T @ d
            d = (d @ self.weights[k - 1].T) * (a - a * a)
        return grads


@family.whole("F1", "control", "layer", sized(((5, 3), (3, 4)), ((24, 16), (16, 12))), gradients={"w": "gw"})
class SynapseLayer:
    def __init__(self, w):
        self.w = w

    def forward(self, signal):
        self.signal, self.activity = signal, sigmoid(signal @ self.w)
        return self.activity

    def backward(self, error):
        delta = error * self.activity * (1 - self.activity)
        self.gw = self.signal.T @ delta
        return delta @ self.w.T
