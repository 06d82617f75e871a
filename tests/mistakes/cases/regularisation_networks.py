"""Networks of two layers, with a penalty or without."""

from functools import partial

import numpy as np

from ..case import Family, normal
from .functions import sigmoid, softmax

family = Family("regularisation")


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


parameters = {"W1": "W1", "b1": "b1", "W2": "W2", "b2": "b2"}


def classified(size, seed):
    """Inputs, labels, and the parameters of two layers."""
    n, d, h, c = (3, 5, 7, 4) if size == "small" else (64, 100, 50, 10)
    rng = np.random.default_rng(seed)
    weights = (rng.normal(size=(d, h)), rng.normal(size=h), rng.normal(size=(h, c)), rng.normal(size=c))
    return rng.normal(size=(n, d)), rng.integers(0, c, n), *weights


network = partial(
    family.whole, kind="wrong backward", style="network", inputs=classified, inputs_of_layer=2, gradients=parameters
)


@network(9, argument="W1 b1", cause="derivative_missing")
class NetworkHiddenSlopeMissing(Network):
    def gradient(self, x, t):
        return self.backward(x, t, slope=lambda z: 1)


@network(41, argument="W1 b1", cause="derivative_at_wrong_value")
class NetworkHiddenSlopeOfTheOutput(Network):
    def gradient(self, x, t):
        return self.backward(x, t, slope=lambda z: sigmoid(z) * (1 - sigmoid(z)))


@network(21, argument="W1 b1 W2 b2", cause="scaled_by_count")
class NetworkNotAveraged(Network):
    def gradient(self, x, t):
        return self.backward(x, t, count=lambda x: 1)


@network(117, argument="b1", cause="missing")
class NetworkHiddenBiasForgotten(Network):
    def gradient(self, x, t):
        return {**self.backward(x, t), "b1": np.zeros_like(self.params["b1"])}


@network(18, argument="W1 b1 W2 b2", cause="sign")
class NetworkTargetsFirst(Network):
    def gradient(self, x, t):
        return {key: -grad for key, grad in self.backward(x, t).items()}


REG = 0.3


class PenalizedNetwork(Network):
    def loss(self, x, t):
        return super().loss(x, t) + REG * sum(np.sum(self.params[key] ** 2) for key in ("W1", "W2"))


@network(117, argument="W1 W2", cause="regularization")
class NetworkFirstWeightPenalizedTwiceSecondNever(PenalizedNetwork):
    def gradient(self, x, t):
        grads = self.backward(x, t)
        grads["W1"] = grads["W1"] + 4 * REG * self.params["W1"]
        return grads


right_network = partial(family.whole, kind="control", style="network", inputs_of_layer=2, gradients=parameters)


@right_network(117, inputs=classified)
class TwoLayerNetworkWithDecay(PenalizedNetwork):
    def gradient(self, x, t):
        return {k: g + 2 * REG * self.params[k] * k.startswith("W") for k, g in self.backward(x, t).items()}


def network_inputs(size, seed):
    n, d, h, k = (6, 3, 5, 2) if size == "small" else (40, 20, 30, 5)
    x, W1, b1, W2, b2 = normal(seed, (n, d), (d, h), (h,), (h, k), (k,))
    return x, np.random.default_rng(seed + 2).integers(2, size=(n, k)).astype(float), W1, b1, W2, b2


class Net:
    def __init__(self, W1, b1, W2, b2):
        self.params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}

    def predict(self, x):
        p = self.params
        self.hidden = sigmoid(x @ p["W1"] + p["b1"])
        return sigmoid(self.hidden @ p["W2"] + p["b2"])

    def chain(self, x, delta):
        hidden_delta = delta @ self.params["W2"].T * self.hidden * (1 - self.hidden)
        dW1, dW2 = x.T @ hidden_delta, self.hidden.T @ delta
        return {"W1": dW1, "b1": hidden_delta.sum(axis=0), "W2": dW2, "b2": delta.sum(axis=0)}


@right_network("F4", inputs=network_inputs)
class CrossEntropyNeedsNoSlope(Net):
    def loss(self, x, t):
        a = self.predict(x)
        return -np.sum(t * np.log(a) + (1 - t) * np.log(1 - a))

    def gradient(self, x, t):
        return self.chain(x, self.predict(x) - t)


@right_network("F6", inputs=network_inputs)
class AverageTakenInTheWeightsGradients(Net):
    """The delta is a sum; every gradient is divided by the batch size where it is made."""

    def loss(self, x, t):
        return np.sum((self.predict(x) - t) ** 2) / (2 * len(x))

    def gradient(self, x, t):
        a = self.predict(x)
        sums = self.chain(x, (a - t) * (a - a * a))
        return {name: total / len(x) for name, total in sums.items()}
