"""Mistakes in penalties and in whole networks with a dict of gradients (catalogue 9, 21, 116 to 118)."""

from functools import partial

import numpy as np

from .case import Family, sized

family = Family("regularisation")
REG = 0.3

affine = sized(((3, 5), (5, 7), (7,)), ((64, 128), (128, 96), (96,)))


def penalized(x, W, b):
    """The mean square of an affine map, and a penalty on its weights."""
    y = x @ W + b
    return np.mean(y**2) + REG * np.sum(W**2)


def of_the_fit(dout, x, W, b):
    dy = dout * 2 * (x @ W + b) / (len(x) * W.shape[1])
    return dy @ W.T, x.T @ dy, dy.sum(axis=0)


wrong = partial(family.wrong, forward=penalized, inputs=affine, argument="W", cause="regularization")


@wrong(116)
def penalty_gradient_halved(dout, x, W, b):
    dx, dW, db = of_the_fit(dout, x, W, b)
    return dx, dW + dout * REG * W, db


@wrong(117)
def penalty_gradient_missing(dout, x, W, b):
    return of_the_fit(dout, x, W, b)


@wrong(117)
def penalty_added_twice(dout, x, W, b):
    dx, dW, db = of_the_fit(dout, x, W, b)
    dW += 2 * dout * REG * W
    dW += 2 * dout * REG * W
    return dx, dW, db


@wrong(118, argument="b")
def penalty_on_the_bias_too(dout, x, W, b):
    dx, dW, db = of_the_fit(dout, x, W, b)
    return dx, dW + 2 * dout * REG * W, db + 2 * dout * REG * b


@wrong(116)
def penalty_gradient_negated(dout, x, W, b):
    dx, dW, db = of_the_fit(dout, x, W, b)
    return dx, dW - 2 * dout * REG * W, db


@wrong(116, cause=("regularization", "other_loss", "wrong_derivative"))
def penalty_of_the_absolute_values(dout, x, W, b):
    dx, dW, db = of_the_fit(dout, x, W, b)
    return dx, dW + dout * REG * np.sign(W), db


@wrong(19, cause=("regularization", "ignores_cotangent", "not_linear"))
def penalty_ignores_upstream(dout, x, W, b):
    dx, dW, db = of_the_fit(dout, x, W, b)
    return dx, dW + 2 * REG * W, db


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


parameters = {"W1": "W1", "b1": "b1", "W2": "W2", "b2": "b2"}


def classified(size, seed):
    """Inputs, labels, and the parameters of two layers."""
    n, d, h, c = (3, 5, 7, 4) if size == "small" else (64, 100, 50, 10)
    rng = np.random.default_rng(seed)
    weights = (rng.normal(size=(d, h)), rng.normal(size=h), rng.normal(size=(h, c)), rng.normal(size=c))
    return rng.normal(size=(n, d)), rng.integers(0, c, n), *weights


class Network:
    """Two layers with sigmoid and softmax cross-entropy; its gradient leaves its slips to the cases."""

    def __init__(self, W1, b1, W2, b2):
        self.params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}

    def loss(self, x, t):
        y = self.predict(x)[1]
        return -np.mean(np.log(y[np.arange(len(t)), t]))

    def predict(self, x):
        p = self.params
        z = sigmoid(x @ p["W1"] + p["b1"])
        return z, softmax(z @ p["W2"] + p["b2"])

    def backward(self, x, t, slope=lambda z: z * (1 - z), count=len):
        p, (z, y) = self.params, self.predict(x)
        dy = (y - np.eye(y.shape[1])[t]) / count(x)
        da = (dy @ p["W2"].T) * slope(z)
        return {"W1": x.T @ da, "b1": da.sum(axis=0), "W2": z.T @ dy, "b2": dy.sum(axis=0)}


network = partial(
    family.whole, kind="wrong backward", style="network", inputs=classified, inputs_of_layer=2, gradients=parameters
)


@network(9, argument="W1 b1", cause="derivative_missing")
class NetworkHiddenSlopeMissing(Network):
    def gradient(self, x, t):
        return self.backward(x, t, slope=lambda z: 1)


@network(41, argument="W1 b1", cause="derivative_at_output")
class NetworkHiddenSlopeOfTheOutput(Network):
    def gradient(self, x, t):
        return self.backward(x, t, slope=lambda z: sigmoid(z) * (1 - sigmoid(z)))


@network(21, argument="W1 b1 W2 b2", cause="scaled_by_batch")
class NetworkNotAveraged(Network):
    def gradient(self, x, t):
        return self.backward(x, t, count=lambda x: 1)


@network(1, argument="b2", cause=("mean_instead_of_sum", "scaled_by_batch"))
class NetworkOutputBiasAveraged(Network):
    def gradient(self, x, t):
        grads = self.backward(x, t)
        grads["b2"] = grads["b2"] / len(x)
        return grads


@network(117, argument="b1", cause="zero")
class NetworkHiddenBiasForgotten(Network):
    def gradient(self, x, t):
        return {**self.backward(x, t), "b1": np.zeros_like(self.params["b1"])}


@network(18, argument="W1 b1 W2 b2", cause="sign")
class NetworkTargetsFirst(Network):
    def gradient(self, x, t):
        return {key: -grad for key, grad in self.backward(x, t).items()}


class PenalizedNetwork(Network):
    def loss(self, x, t):
        return super().loss(x, t) + REG * sum(np.sum(self.params[key] ** 2) for key in ("W1", "W2"))


@network(117, argument="W1 W2", cause="regularization")
class NetworkFirstWeightPenalizedTwiceSecondNever(PenalizedNetwork):
    def gradient(self, x, t):
        grads = self.backward(x, t)
        grads["W1"] = grads["W1"] + 4 * REG * self.params["W1"]
        return grads


@network(118, argument="W1 W2", cause="regularization")
class NetworkPenaltyNotInTheGradient(PenalizedNetwork):
    def gradient(self, x, t):
        return self.backward(x, t)
