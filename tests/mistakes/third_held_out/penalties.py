"""Penalties of whole networks, and gradients that are clipped or change the weights (catalogue 116 to 118, 141)."""

from functools import partial

import numpy as np

from ..case import Family, normal

family = Family("regularisation")


def three_layers(size, seed):
    n, d, h, m, k = (7, 5, 4, 6, 3) if size == "small" else (30, 24, 18, 14, 9)
    return normal(seed, (n, d), (n, k), (d, h), (h, m), (m, k))


class ThreeLayers:
    """Two layers of tanh, a linear one, half the mean square, and a penalty on every weight."""

    lam = 0.6

    def __init__(self, W1, W2, W3):
        self.params = {"W1": W1, "W2": W2, "W3": W3}

    def outputs(self, x):
        h1 = np.tanh(x @ self.params["W1"])
        h2 = np.tanh(h1 @ self.params["W2"])
        return h1, h2, h2 @ self.params["W3"]

    def loss(self, x, t):
        decay = sum(np.sum(w**2) for w in self.params.values())
        return 0.5 * np.sum((self.outputs(x)[2] - t) ** 2) / len(x) + 0.5 * self.lam * decay

    def data_gradient(self, x, t):
        h1, h2, y = self.outputs(x)
        d3 = (y - t) / len(x)
        d2 = d3 @ self.params["W3"].T * (1 - h2**2)
        d1 = d2 @ self.params["W2"].T * (1 - h1**2)
        return {"W1": x.T @ d1, "W2": h1.T @ d2, "W3": h2.T @ d3}

    def gradient(self, x, t):
        return {key: grad + self.lam * self.params[key] for key, grad in self.data_gradient(x, t).items()}


network = partial(
    family.whole,
    style="network",
    inputs=three_layers,
    inputs_of_layer=2,
    gradients={"W1": "W1", "W2": "W2", "W3": "W3"},
)


@network(117, "wrong backward", argument="W1 W3", cause="regularization")
class FirstLayerDecaysForTheLast(ThreeLayers):
    def gradient(self, x, t):
        grads = self.data_gradient(x, t)
        grads["W1"] += self.lam * self.params["W1"]
        grads["W2"] += self.lam * self.params["W2"]
        grads["W1"] += self.lam * self.params["W1"]
        return grads


@network(118, "wrong backward", argument="W1 W2 W3", cause="regularization")
class DecayOnlyInTheGradient(ThreeLayers):
    def loss(self, x, t):
        return 0.5 * np.sum((self.outputs(x)[2] - t) ** 2) / len(x)


@network(116, "wrong backward", argument="W1 W2 W3", cause="regularization")
class DecayTwiceAsStrong(ThreeLayers):
    def gradient(self, x, t):
        return {key: grad + 2 * self.lam * self.params[key] for key, grad in self.data_gradient(x, t).items()}


@network(118, "wrong backward", argument="W2", cause="regularization")
class MiddleLayerForgotten(ThreeLayers):
    def gradient(self, x, t):
        grads = super().gradient(x, t)
        grads["W2"] = self.data_gradient(x, t)["W2"]
        return grads


@network(141, "wrong backward", argument="W1 W2 W3", cause="clipped")
class ClipsItsOwnGradient(ThreeLayers):
    def gradient(self, x, t):
        return {key: np.clip(grad, -0.5, 0.5) for key, grad in super().gradient(x, t).items()}


@network(117, "control")
class DecaysEveryLayerOnce(ThreeLayers):
    pass


def line(size, seed):
    return normal(seed, *((5, 2), (7, 5), (7, 2)) if size == "small" else ((30, 9), (40, 30), (40, 9)))


def ridge(W, x, t):
    return 0.5 * np.sum((x @ W - t) ** 2) + 0.5 * np.sum(W * W)


@family.impure(8, ridge, line, constants=("x", "t"), argument="W", cause="input_changed")
def gradient_that_already_steps(dout, W, x, t):
    dW = dout * (x.T @ (x @ W - t) + W)
    W -= 0.01 * dW
    return dW, None, None
