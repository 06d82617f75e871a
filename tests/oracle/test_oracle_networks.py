"""Objects that live through many calls: networks whose gradients add up or draw, and arguments that are data."""

from dataclasses import replace

import numpy as np

from reference import oracle

RNG = np.random.default_rng(0)
X, T, W = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 2)), RNG.normal(size=(3, 2))


class Linear:
    """Half the squared error of x @ W."""

    def __init__(self):
        self.params, self.grads = {"W": W.copy()}, {"W": np.zeros_like(W)}

    def loss(self, x, t):
        return 0.5 * np.sum((x @ self.params["W"] - t) ** 2)

    def gradient(self, x, t):
        self.grads["W"][...] = x.T @ (x @ self.params["W"] - t)
        return self.grads


class NeverZeroed(Linear):
    def gradient(self, x, t):
        self.grads["W"] += x.T @ (x @ self.params["W"] - t)
        return self.grads


class Drawing(Linear):
    """Drops inputs by a generator of its own, anew for every loss."""

    def __init__(self):
        super().__init__()
        self.rng = np.random.default_rng(1)

    def loss(self, x, t):
        self.kept = self.rng.random(x.shape) > 0.3
        return super().loss(x * self.kept, t)

    def gradient(self, x, t):
        self.loss(x, t)
        return super().gradient(x * self.kept, t)


def test_gradients_that_add_up_from_call_to_call_are_found():
    report = oracle.check(oracle.from_network(NeverZeroed()), X, T)
    assert (report.verdict, [finding.cause for finding in report.findings]) == ("fail", ["accumulates"]), str(report)


def test_a_network_may_keep_its_dict_and_may_draw():
    for network in (Linear(), Drawing()):
        report = oracle.check(oracle.from_network(network), X, T)
        assert report.verdict == "pass", str(report)
        assert not network.grads["W"].any(), "the user's network was touched"


class Distance:
    def forward(self, x, center):
        self.difference = x - center
        return 0.5 * np.sum(self.difference**2)

    def backward(self, dout=1.0):
        return dout * self.difference, None


def test_an_argument_of_a_layer_may_be_said_to_be_data():
    subject = oracle.from_layer(Distance())
    assert oracle.check(subject, X, X[0]).verdict == "fail"
    assert oracle.check(replace(subject, constants=("center",)), X, X[0]).verdict == "pass"
