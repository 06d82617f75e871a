"""A small classifier as a class, whose gradient is a dictionary (catalogue 4, 28, 43)."""

from functools import partial

import numpy as np

from ..case import Family, normal
from .activations import sigmoid

family = Family("composed")


def classified(size, seed):
    n, d, h = (7, 3, 5) if size == "small" else (30, 12, 20)
    x, W1, b1, W2, b2 = normal(seed, (n, d), (d, h), (h,), (h, 1), (1,))
    return x, (np.arange(n) % 2.0)[:, None], W1, b1, W2, b2


class Classifier:
    """One hidden layer of sigmoids and a sigmoid with binary cross-entropy, averaged over the batch."""

    def __init__(self, W1, b1, W2, b2):
        self.W1, self.b1, self.W2, self.b2 = W1, b1, W2, b2

    def predict(self, x):
        self.a = sigmoid(x @ self.W1 + self.b1)
        return sigmoid(self.a @ self.W2 + self.b2)

    def loss(self, x, t):
        y = self.predict(x)
        return -(t * np.log(y) + (1 - t) * np.log(1 - y)).sum() / len(x)

    def from_delta(self, x, dz):
        da = dz @ self.W2.T * self.a * (1 - self.a)
        return {"W1": x.T @ da, "b1": da.sum(axis=0), "W2": self.a.T @ dz, "b2": dz.sum(axis=0)}


network = partial(
    family.whole,
    kind="wrong backward",
    style="network",
    inputs=classified,
    inputs_of_layer=2,
    gradients={name: name for name in ("W1", "b1", "W2", "b2")},
)


@network(28, argument="W1 b1 W2 b2", cause=("other_loss", "derivative_twice"))
class ClassifierWithTheDeltaOfSquares(Classifier):
    def gradient(self, x, t):
        y = self.predict(x)
        return self.from_delta(x, (y - t) * y * (1 - y) / len(x))


@network(4, argument="W1 W2", cause="scaled_by_batch")
class ClassifierWithWeightsDividedAgain(Classifier):
    def gradient(self, x, t):
        grads = self.from_delta(x, (self.predict(x) - t) / len(x))
        for name in grads:
            if name.startswith("W"):
                grads[name] /= x.shape[0]
        return grads


@network(43, argument="W1 b1", cause="derivative_at_output")
class ClassifierWithTheHiddenSlopeOfTheActivation(Classifier):
    def gradient(self, x, t):
        dz = (self.predict(x) - t) / len(x)
        again = sigmoid(self.a)
        da = dz @ self.W2.T * again * (1 - again)
        return {"W1": x.T @ da, "b1": da.sum(axis=0), "W2": self.a.T @ dz, "b2": dz.sum(axis=0)}


@family.whole(
    "", "control", "network", classified, inputs_of_layer=2, gradients={n: n for n in ("W1", "b1", "W2", "b2")}
)
class ClassifierByTheChainRule(Classifier):
    def gradient(self, x, t):
        return self.from_delta(x, (self.predict(x) - t) / len(x))
