"""Gradients returned in each other's place, and gradients that are never zeroed (catalogue 13, 14)."""

# As people write it: a backward names its gradients.
# pyright: reportIncompatibleMethodOverride=false

import numpy as np

from ..case import Family, normal, sized

family = Family("dense")
affine = sized(((7, 4), (4, 3), (3,)), ((48, 60), (60, 35), (35,)))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@family.whole(
    13,
    "wrong backward",
    "torch",
    sized(((5, 4), (4,), (4,)), ((64, 48), (48,), (48,))),
    names=("x", "gamma", "beta"),
    cause="arguments_swapped",
    argument="gamma beta",
)
def beta_returned_before_gamma():
    import torch

    class Affine(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, gamma, beta):
            ctx.save_for_backward(x, gamma)
            return x * gamma + beta

        @staticmethod
        def backward(ctx, grad_output):
            x, gamma = ctx.saved_tensors
            dbeta = grad_output.sum(dim=0)
            dgamma = (grad_output * x).sum(dim=0)
            return grad_output * gamma, dbeta, dgamma

    return Affine


@family.whole(
    13,
    "wrong backward",
    "jax",
    sized(((5, 4), (5, 4), (4, 3)), ((48, 32), (48, 32), (32, 24))),
    names=("q", "k", "w"),
    cause="arguments_swapped",
    argument="q k",
)
def cotangents_of_query_and_key_exchanged():
    import jax

    @jax.custom_vjp
    def score(q, k, w):
        return (q * k) @ w

    def fwd(q, k, w):
        return score(q, k, w), (q, k, w)

    def bwd(residuals, g):
        q, k, w = residuals
        inner = g @ w.T
        dq, dk = inner * k, inner * q
        return dk, dq, (q * k).T @ g

    score.defvjp(fwd, bwd)
    return score


@family.wrong(
    13,
    lambda x, w, b: x @ w + b,
    sized(((4, 4), (4, 4), (4,)), ((48, 48), (48, 48), (48,))),
    op="dense",
    names=("x", "w", "b"),
    cause="arguments_swapped",
    argument="x w",
)
def weight_first_in_the_return(dy, x, w, b):
    dw, dx, db = x.T.dot(dy), dy.dot(w.T), dy.sum(0)
    return dw, dx, db


@family.whole(
    13,
    "wrong backward",
    "layer",
    sized(((7, 5), (5, 3), (5, 3)), ((48, 60), (60, 30), (60, 30))),
    cause="arguments_swapped",
    argument="Wv Wg",
    gradients={"Wv": "dWv", "Wg": "dWg"},
)
class GatedUnitWithItsGradientsCrossed:
    def __init__(self, Wv, Wg):
        self.Wv, self.Wg = Wv, Wg

    def forward(self, x):
        self.x, self.v, self.gate = x, x @ self.Wv, sigmoid(x @ self.Wg)
        return self.v * self.gate

    def backward(self, dout):
        dgate = dout * self.v * self.gate * (1 - self.gate)
        dvalue = dout * self.gate
        self.dWv, self.dWg = (self.x.T @ d for d in (dgate, dvalue))
        return dgate @ self.Wg.T + dvalue @ self.Wv.T


@family.whole(
    14,
    "impure",
    "layer",
    affine,
    op="dense",
    cause=("accumulates", "buffer_reused"),
    gradients={"weight": "grad_weight", "bias": "grad_bias"},
)
class LinearThatIsNeverZeroed:
    def __init__(self, weight, bias):
        self.weight, self.bias = weight, bias
        self.grad_weight = np.zeros_like(weight)
        self.grad_bias = np.zeros_like(bias)

    def forward(self, input):
        self.input = input
        return input.dot(self.weight) + self.bias

    def backward(self, grad_output):
        self.grad_weight += self.input.T.dot(grad_output)
        self.grad_bias += grad_output.sum(axis=0)
        return grad_output.dot(self.weight.T)


def labelled(size, seed):
    n, d, c = (5, 4, 3) if size == "small" else (40, 60, 10)
    x, W, b = normal(seed, (n, d), (d, c), (c,))
    return x, np.eye(c)[np.arange(n) % c], W, b


@family.whole(
    14,
    "impure",
    "network",
    labelled,
    cause="accumulates",
    inputs_of_layer=2,
    gradients={"W": "W", "b": "b"},
    constants=("x", "t"),
    ends_in_loss=True,
)
class SoftmaxRegressionWithoutZeroGrad:
    def __init__(self, W, b):
        self.params = {"W": W, "b": b}
        self.grads = dict.fromkeys(self.params, 0.0)

    def probabilities(self, x):
        scores = x @ self.params["W"] + self.params["b"]
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def loss(self, x, t):
        return -(t * np.log(self.probabilities(x))).sum() / len(x)

    def gradient(self, x, t):
        dscores = (self.probabilities(x) - t) / len(x)
        self.grads["W"] = self.grads["W"] + x.T @ dscores
        self.grads["b"] = self.grads["b"] + dscores.sum(axis=0)
        return dict(self.grads)


class Node:
    """A leaf of a toy autograd: its gradient outlives the call."""

    def __init__(self, data):
        self.data, self.grad = data, np.zeros_like(data)


@family.whole(
    14,
    "impure",
    "forward_backward",
    sized(((7, 3), (7, 3)), ((60, 40), (60, 40))),
    names=("a", "b"),
    factory=True,
    cause="accumulates",
)
def leaves_made_once():
    leaves = {}

    def forward(a, b):
        return np.tanh(a * b)

    def backward(dout, a, b):
        for name, value in (("a", a), ("b", b)):
            leaf = leaves.setdefault(name, Node(value))
            leaf.data = value
        d = dout * (1 - np.tanh(a * b) ** 2)
        leaves["a"].grad = leaves["a"].grad + d * b
        leaves["b"].grad = leaves["b"].grad + d * a
        return leaves["a"].grad.copy(), leaves["b"].grad.copy()

    return forward, backward
