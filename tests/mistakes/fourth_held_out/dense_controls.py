"""Forwards that are not the affine op, impure layers, and correct code under other conventions."""

from functools import partial

import numpy as np

from ..case import Family, sized
from .dense_deep import ThreeLayers, square_net
from .dense_layers import affine, linear, linear_fwd
from .dense_networks import Classifier, Regression, parameters, problem

family = Family("dense")


def plain_backward(grad, x, kernel, bias):
    return grad @ kernel.T, x.T @ grad, grad.sum(axis=0)


not_dense = partial(family.wrong_forward, inputs=affine, op="dense", names=("x", "kernel", "bias"))


@not_dense("", lambda g, x, kernel, bias: (g @ kernel.T, x.T @ g, -g.sum(axis=0)), cause="forward")
def threshold_subtracted(x, kernel, bias):
    return x @ kernel - bias


@not_dense(
    1, lambda g, *a: tuple(d / len(a[1]) for d in plain_backward(g, *a)), cause=("convention_reduction", "forward")
)
def average_of_the_products(x, kernel, bias):
    return (x @ kernel + bias) / len(kernel)


@family.wrong_forward(
    5,
    lambda g, x, kernel, bias: (g @ kernel, g.T @ x, g.sum(0)),
    sized(((5, 4), (4, 4), (4,)), ((40, 24), (24, 24), (24,))),
    op="dense",
    names=("x", "kernel", "bias"),
    cause="convention_layout",
)
def kernel_stored_outputs_first(x, kernel, bias):
    return x @ kernel.T + bias


impure = partial(family.impure, forward=linear, inputs=affine, op="dense")


@impure(51, cause="cotangent_changed")
def batch_mean_taken_in_place(grad, inputs, weight, bias):
    dweight, dbias = inputs.T @ grad, grad.sum(axis=0)
    grad *= 1.0 / len(inputs)
    return len(inputs) * grad @ weight.T, dweight, dbias


@family.whole(83, "control", "layer", affine, op="dense", gradients={"W": "dW", "b": "db"})
class WritesIntoTheSameGradient:
    """Right, though it was taken for a mistake at first: a gradient that a layer keeps is good until its next backward,
    and optimizers that hold a list of gradients rely on these arrays being written into."""

    def __init__(self, W, b):
        self.W, self.b = W, b
        self.dW, self.db = np.empty_like(W), np.empty_like(b)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        np.matmul(self.x.T, dout, out=self.dW)
        np.sum(dout, axis=0, out=self.db)
        return dout @ self.W.T


@family.whole(85, "impure", "layer", affine, op="dense", gradients={"W": "dW", "b": "db"}, cause="stale_state")
class KeepsTheFirstBatch:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        if not hasattr(self, "x"):
            self.x = x.copy()
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T


control = partial(family.control, op="dense")
network = partial(family.whole, kind="control", style="network", inputs_of_layer=2, gradients=parameters)


@control("", linear, affine)
def affine_by_a_loop_over_the_examples(grad, inputs, weight, bias):
    dinputs, dweight, dbias = np.empty_like(inputs), np.zeros_like(weight), np.zeros_like(bias)
    for n, (row, g) in enumerate(zip(inputs, grad, strict=True)):
        dinputs[n] = weight @ g
        dweight += np.outer(row, g)
        dbias += g
    return dinputs, dweight, dbias


@control("", linear_fwd, affine, style="rule", names=("x", "w", "b"))
def affine_by_ones_and_transposes(saved, g):
    return (saved["w"] @ g.T).T, (g.T @ saved["x"]).T, np.ones(len(g)) @ g


@control(109, linear, lambda size, seed: tuple(a.astype(np.float32) for a in affine(size, seed)), precision="float32")
def affine_in_single_precision(grad, inputs, weight, bias):
    return grad @ weight.T, inputs.T @ grad, grad.sum(axis=0)


@network("F4", inputs=problem("classes"))
class NegativeLogLikelihoodByIndices(Classifier):
    def at_the_output(self, x, t):
        y = softmax_rows(self.predict(x))
        y[np.arange(len(x)), t.argmax(axis=1)] -= 1
        return y / len(x)


def softmax_rows(z):
    e = np.exp(z)
    return e / e.sum(axis=1, keepdims=True)


@network("F5", inputs=problem("values"))
class TargetMinusOutput(Regression):
    """The error is t - y throughout, and so each product carries the minus."""

    def gradient(self, x, t):
        e = (t - self.predict(x)) / len(x)
        hidden = e @ self.params["W2"].T * (1 + self.a1) * (1 - self.a1)
        return {"W1": -x.T @ hidden, "b1": -hidden.sum(0), "W2": -self.a1.T @ e, "b2": -e.sum(0)}


@network("F1", inputs=square_net, gradients={"W1": "W1", "W2": "W2", "W3": "W3"})
class SlopesFromTheActivations(ThreeLayers):
    def gradient(self, x, t):
        self.loss(x, t)
        d, grads = self.y - t, {}
        for k in (3, 2, 1):
            a = self.acts[k - 1]
            grads[f"W{k}"] = a.T @ d
            d = (d @ self.weights[k - 1].T) * (a - a * a)
        return grads


@network(116, inputs=problem("values"))
class RidgeWithItsHalf(Regression):
    def loss(self, x, t):
        return super().loss(x, t) + 0.05 * sum((self.params[k] ** 2).sum() for k in ("W1", "W2"))

    def gradient(self, x, t):
        grads = super().gradient(x, t)
        for k in ("W1", "W2"):
            grads[k] += 0.1 * self.params[k]
        return grads


@family.control(
    "F6", lambda x, y, W: ((x @ W - y) ** 2).mean(), sized(((5, 4), (5, 3), (4, 3)), ((40, 16), (40, 8), (16, 8)))
)
def mean_over_all_entries(dout, x, y, W):
    d = dout * 2 * (x @ W - y) / y.size
    return d @ W.T, -d, x.T @ d
