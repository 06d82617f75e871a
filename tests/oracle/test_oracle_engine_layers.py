"""Layers and networks: parameters in every container, and state that spoils a later call."""

from typing import Any

import numpy as np
import pytest

from reference import oracle

X = np.random.default_rng(5).normal(size=(3, 7))
KERNEL = np.random.default_rng(6).normal(size=(7, 5))
BIAS = np.random.default_rng(7).normal(size=5)
LABELS = np.eye(5)[[1, 0, 4]]


def causes(report):
    return [finding.key for finding in report.findings]


def softmax(x):
    shifted = np.exp(x - x.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


class Affine:
    x: Any
    dW: Any

    def __init__(self, W, b):
        self.W, self.b, self.x, self.dW, self.db = W, b, None, None, None

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.sum(0)
        return dout @ self.W.T


class Accumulating(Affine):
    def __init__(self, W, b):
        super().__init__(W, b)
        self.dW = np.zeros_like(W)

    def backward(self, dout):
        self.dW += self.x.T @ dout
        self.db = dout.sum(0)
        return dout @ self.W.T


class Updating(Affine):
    def backward(self, dout):
        dx = super().backward(dout)
        self.W = self.W - 0.1 * self.dW
        return dx


class Stale(Affine):
    def forward(self, x):
        self.x = x if self.x is None else self.x
        return x @ self.W + self.b


class StuckInEvaluation(Affine):
    training = True

    def forward(self, x, train_flg=True):
        self.training = self.training and train_flg
        return super().forward(x)

    def backward(self, dout):
        return super().backward(dout) if self.training else 0 * self.x


class Listed:
    """Parameters and gradients in lists, gradients written in place."""

    def __init__(self, W, b):
        self.params, self.grads = [W, b], [np.zeros_like(W), np.zeros_like(b)]

    def forward(self, x):
        self.x = x
        return x @ self.params[0] + self.params[1]

    def backward(self, dout):
        self.grads[0][...] = self.x.T @ dout
        self.grads[1][...] = dout.sum(0)
        return dout @ self.params[0].T


class ReturnsWhatItKeeps(Affine):
    """The parameters' gradients are returned too, in arrays that the next backward writes into."""

    def __init__(self, W, b):
        super().__init__(W, b)
        self.dW, self.db = np.zeros_like(W), np.zeros_like(b)

    def backward(self, dout):
        np.matmul(self.x.T, dout, out=self.dW)
        np.sum(dout, axis=0, out=self.db)
        return dout @ self.W.T, self.dW, self.db


class Mapped:
    """Parameters and gradients in dicts."""

    def __init__(self, W, b):
        self.params, self.grads = {"W": W, "b": b}, {}

    def forward(self, x):
        self.x = x
        return x @ self.params["W"] + self.params["b"]

    def backward(self, dout):
        self.grads = {"W": self.x.T @ dout, "b": dout.sum(0)}
        return dout @ self.params["W"].T


class Dropout:
    def forward(self, x, train_flg=True):
        if not train_flg:
            return x * 0.7
        self.mask = np.random.rand(*x.shape) > 0.3  # noqa: NPY002 - as textbooks write it
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


class SoftmaxWithLoss:
    def forward(self, x, t):
        self.t, self.y = t, softmax(x)
        return -np.sum(t * np.log(self.y)) / len(x)

    def backward(self, dout=1):
        return (self.y - self.t) / len(self.t)


class Network:
    def __init__(self, W1, W2, forget=False):
        self.params, self.forget = {"W1": W1, "W2": W2}, forget

    def loss(self, x, t):
        self.hidden = np.tanh(x @ self.params["W1"])
        self.y = softmax(self.hidden @ self.params["W2"])
        return -np.mean(np.sum(t * np.log(self.y), axis=1))

    def gradient(self, x, t):
        self.loss(x, t)
        delta = (self.y - t) / len(x)
        inner = (delta @ self.params["W2"].T) * (1 if self.forget else 1 - self.hidden**2)
        return {"W1": x.T @ inner, "W2": self.hidden.T @ delta}


@pytest.mark.parametrize("layer", [Affine, Listed, Mapped], ids=lambda layer: layer.__name__)
def test_parameters_are_found_and_named_in_every_container(layer):
    report = oracle.check(oracle.from_layer(layer(KERNEL, BIAS)), X, op="dense")
    assert report.verdict == "pass", str(report)
    assert [argument.name for argument in report.arguments] == ["x", "W", "b"]


def test_a_mapping_fixes_the_order_and_an_empty_one_means_none():
    layer = Affine(KERNEL, BIAS)
    ordered = oracle.check(oracle.from_layer(layer, {"b": "db", "W": "dW"}), X)
    assert [argument.name for argument in ordered.arguments] == ["x", "b", "W"]
    none = oracle.check(oracle.from_layer(layer, {}), X)
    assert [argument.name for argument in none.arguments] == ["x"]
    listed = oracle.check(oracle.from_layer(Listed(KERNEL, BIAS), {"params[1]": "grads[1]"}), X)
    assert [(a.name, a.verdict) for a in listed.arguments] == [("x", "pass"), ("params[1]", "pass")]


@pytest.mark.parametrize(
    ("layer", "cause"),
    [(Accumulating, "accumulates"), (Updating, "changed_in_place (argument)"), (Stale, "stale_state"),
     (StuckInEvaluation, "stale_state"), (ReturnsWhatItKeeps, "changed_in_place (buffer)")],
    ids=lambda value: getattr(value, "__name__", value),
)  # fmt: skip
def test_state_that_spoils_a_later_call_is_found(layer, cause):
    report = oracle.check(oracle.from_layer(layer(KERNEL, BIAS)), X)
    assert (report.verdict, causes(report)[0]) == ("fail", cause), str(report)


def test_the_users_layer_is_never_touched():
    layer = Accumulating(np.array(KERNEL), np.array(BIAS))
    oracle.check(oracle.from_layer(layer), X)
    assert layer.x is None
    assert not layer.dW.any()
    np.testing.assert_array_equal(layer.W, KERNEL)


def test_dropout_with_a_global_generator_passes_and_leaves_that_generator_alone():
    np.random.seed(3)  # noqa: NPY002 - as users do
    expected = np.random.rand()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    report = oracle.check(oracle.from_layer(Dropout()), X)
    assert report.verdict == "pass", str(report)
    assert any("random" in sentence for sentence in report.acquittals)
    assert np.random.rand() == expected  # noqa: NPY002


def test_a_loss_layer_that_ignores_its_default_upstream_passes_as_last_layer():
    report = oracle.check(oracle.from_layer(SoftmaxWithLoss()), KERNEL[:3], LABELS, op="softmax_cross_entropy")
    assert report.verdict == "pass", str(report)
    assert [argument.name for argument in report.arguments] == ["x"]
    assert any("last layer" in sentence for sentence in report.acquittals)


def test_a_network_is_judged_parameter_by_parameter():
    W2 = np.random.default_rng(8).normal(size=(5, 5))
    right = oracle.check(oracle.from_network(Network(KERNEL, W2)), X, LABELS)
    assert right.verdict == "pass", str(right)
    wrong = oracle.check(oracle.from_network(Network(KERNEL, W2, forget=True)), X, LABELS)
    assert [(a.name, a.verdict) for a in wrong.arguments] == [("W1", "fail"), ("W2", "pass")]
