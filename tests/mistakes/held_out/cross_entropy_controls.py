"""Softmax and cross-entropy that are right (F4, F6, and what catalogue 24, 29, 32 look like when right)."""

import numpy as np

from ..case import Family
from .cross_entropy_labels import IGNORE, ignoring, valid_rows
from .cross_entropy_rows import classify
from .cross_entropy_scale import confident, one_hot, sigmoid, softmax
from .softmax_jacobian import attend, attention_inputs, rows

family = Family("cross_entropy")


@family.whole(
    "F4",
    "control",
    "network",
    classify,
    inputs_of_layer=2,
    gradients={"W": "W", "b": "b"},
    constants=("x", "t"),
    ends_in_loss=True,
)
class SigmoidWithCrossEntropy:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def loss(self, x, t):
        self.a = sigmoid(np.dot(x, self.W) + self.b)
        return -np.mean(np.sum(t * np.log(self.a) + (1 - t) * np.log(1 - self.a), axis=1))

    def gradient(self, x, t):
        self.loss(x, t)
        delta = self.a - t
        return {"W": np.dot(x.T, delta) / len(x), "b": np.mean(delta, axis=0)}


@family.whole(
    "F6",
    "control",
    "layer",
    one_hot,
    inputs_of_layer=2,
    gradients={},
    constants=("t",),
    ends_in_loss=True,
)
class SummedLossWithoutBatchSize:
    def forward(self, x, t):
        self.y, self.t = softmax(x), t
        return -np.sum(self.t * np.log(self.y))

    def backward(self, dout=1):
        return dout * (self.y - self.t)


@family.control(
    24,
    lambda scores, t: -np.sum(t * np.log(softmax(scores) + 1e-7)) / len(t),
    confident,
    names=("scores", "t"),
    constants=("t",),
)
def epsilon_on_both_sides(dout, scores, t):
    p = softmax(scores)
    dp = -dout * t / (p + 1e-7) / len(t)
    return p * (dp - np.sum(p * dp, axis=-1, keepdims=True)), None


@family.control(29, valid_rows, ignoring, style="cache", names=("logits", "labels"))
def ignored_rows_without_gradient_or_weight(dout, cache):
    p, labels, keep = cache
    rows = np.flatnonzero(labels != IGNORE)
    dlogits = np.zeros_like(p)
    dlogits[rows] = p[rows]
    dlogits[rows, labels[rows]] -= 1
    return dlogits * (dout / len(rows)), None


@family.control(32, lambda x: softmax(x), rows, op="softmax", names=("x",), family="softmax")
def jacobian_of_each_row(dout, x):
    dx = np.empty_like(x)
    for i, (p, dp) in enumerate(zip(softmax(x), dout, strict=True)):
        p = p.reshape(-1, 1)
        dx[i] = np.dot(np.diagflat(p) - np.dot(p, p.T), dp)
    return dx


@family.control(32, attend, attention_inputs, style="rule", names=("Q", "K", "V"), family="softmax")
def attention_by_rowsum_of_output(saved, dO):
    Q, K, V, P = saved
    D = np.sum(dO * (P @ V), axis=1, keepdims=True)
    dS = P * (dO @ V.T - D) / np.sqrt(Q.shape[-1])
    return dS @ K, dS.T @ Q, P.T @ dO


@family.whole("", "control", "jax", rows, op="log_softmax", names=("x",), family="softmax")
def log_softmax_rule_in_jax():
    import jax
    import jax.numpy as jnp

    @jax.custom_vjp
    def log_softmax(x):
        shifted = x - x.max(axis=-1, keepdims=True)
        return shifted - jnp.log(jnp.exp(shifted).sum(axis=-1, keepdims=True))

    def fwd(x):
        y = log_softmax(x)
        return y, y

    def bwd(y, g):
        return (g - jnp.exp(y) * g.sum(axis=-1, keepdims=True),)

    log_softmax.defvjp(fwd, bwd)
    return log_softmax
