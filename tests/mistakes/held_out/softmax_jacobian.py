"""Softmax with a piece of its Jacobian, with none, with twice it, or with a bad shift (catalogue 32 to 35)."""

# As people write it: a backward names its gradients.
# pyright: reportIncompatibleMethodOverride=false

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("softmax")

rows = sized(((5, 4),), ((80, 50),))
attention_inputs = sized(((5, 3), (7, 3), (7, 4)), ((32, 16), (48, 16), (48, 24)))
maps = sized(((2, 5, 3, 4),), ((6, 12, 10, 9),))


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


DIAGONAL = ("diagonal_only", "sum_term_missing")


@family.whole(32, "wrong backward", "layer", rows, op="softmax", cause=DIAGONAL, argument="x", gradients={})
class SoftmaxLayerLikeASigmoid:
    def forward(self, x):
        self.out = softmax(x)
        return self.out

    def backward(self, dout):
        return dout * self.out * (1 - self.out)


def attend(Q, K, V):
    P = softmax(Q @ K.T / np.sqrt(Q.shape[1]))
    return P @ V, (Q, K, V, P)


attention = partial(family.wrong, forward=attend, inputs=attention_inputs, style="rule", names=("Q", "K", "V"))


@attention(32, cause=DIAGONAL, argument="Q K")
def scores_of_attention_by_the_diagonal(saved, dO):
    Q, K, V, P = saved
    dP = dO @ V.T
    dS = P * (1 - P) * dP / np.sqrt(Q.shape[1])
    return dS @ K, dS.T @ Q, P.T @ dO


@family.wrong(
    32,
    lambda x: softmax(x, axis=1),
    maps,
    op="softmax",
    statics={"axis": 1},
    names=("x",),
    cause=DIAGONAL,
    argument="x",
)
def channels_by_the_diagonal(dy, x):
    p = softmax(x, axis=1)
    return (p - p**2) * dy


def classifier(size, seed):
    n, d, c = (7, 4, 5) if size == "small" else (60, 30, 12)
    x, W, b = normal(seed, (n, d), (d, c), (c,))
    return x, np.eye(c)[np.random.default_rng(seed).integers(0, c, n)], W, b


@family.whole(
    32,
    "wrong backward",
    "network",
    classifier,
    cause=DIAGONAL,
    argument="W b",
    inputs_of_layer=2,
    gradients={"W": "W", "b": "b"},
    constants=("x", "t"),
    ends_in_loss=True,
)
class SoftmaxOutputsAndSquaredError:
    def __init__(self, W, b):
        self.params = {"W": W, "b": b}

    def loss(self, x, t):
        return 0.5 * np.sum((softmax(x @ self.params["W"] + self.params["b"]) - t) ** 2)

    def gradient(self, x, t):
        a = softmax(x @ self.params["W"] + self.params["b"])
        delta = (a - t) * a * (1 - a)
        return {"W": x.T @ delta, "b": delta.sum(axis=0)}


@family.whole(33, "wrong backward", "vjp", rows, op="softmax", cause=("identity", "derivative_missing"), argument="x")
def softmax_passed_through(x):
    return softmax(x), lambda dy: dy.copy()


@attention(33, cause="derivative_missing", argument="Q K")
def attention_weights_taken_as_scores(saved, dO):
    Q, K, V, P = saved
    dS = dO @ V.T / np.sqrt(Q.shape[1])
    return dS @ K, dS.T @ Q, P.T @ dO


@family.whole(
    33,
    "wrong backward",
    "torch",
    maps,
    op="softmax",
    statics={"axis": 1},
    names=("input",),
    cause=("identity", "derivative_missing"),
    argument="input",
)
def softmax_layer_of_a_detector():
    import torch

    class Softmax(torch.autograd.Function):
        @staticmethod
        def forward(ctx, input):
            return torch.softmax(input, dim=1)

        @staticmethod
        def backward(ctx, grad_output):
            return grad_output.clone()

    return Softmax


@family.whole(
    34, "wrong backward", "layer", rows, op="softmax", cause=("scaled_by_two", "scaled"), argument="x", gradients={}
)
class SoftmaxWithATwo:
    def forward(self, x):
        self.y = softmax(x)
        return self.y

    def backward(self, dout):
        dx = self.y * dout
        sumdx = np.sum(dx, axis=1, keepdims=True)
        return 2 * (dx - self.y * sumdx)


def both_halves(dy, x):
    s = softmax(x)
    jacobians = np.einsum("ni,ij->nij", s, np.eye(x.shape[1])) - np.einsum("ni,nj->nij", s, s)
    return np.einsum("nij,nj->ni", jacobians + jacobians.transpose(0, 2, 1), dy)


family.wrong(
    34,
    softmax,
    rows,
    op="softmax",
    names=("x",),
    cause=("scaled_by_two", "scaled"),
    argument="x",
    id="jacobian_and_its_transpose_added",
)(both_halves)


def far_apart(size, seed):
    (x,) = rows(size, seed)
    x[::2] -= 1000
    return (x,)


def far_below_zero(size, seed):
    return (rows(size, seed)[0] - 1000,)


@family.wrong(35, lambda x: softmax(x), far_apart, op="softmax", names=("x",), cause="not_finite", argument="x")
def recomputed_with_one_maximum_for_all_rows(dy, x):
    with np.errstate(invalid="ignore"):
        e = np.exp(x - np.max(x))
        p = e / e.sum(axis=1, keepdims=True)
    return p * (dy - np.sum(p * dy, axis=1, keepdims=True))


@family.wrong(
    35,
    lambda x: x - x.max(-1, keepdims=True) - np.log(np.exp(x - x.max(-1, keepdims=True)).sum(-1, keepdims=True)),
    far_below_zero,
    op="log_softmax",
    names=("x",),
    cause="not_finite",
    argument="x",
)
def shifted_by_a_maximum_that_starts_at_zero(dy, x):
    e = np.exp(x - np.maximum(0, x.max(axis=-1, keepdims=True)))
    with np.errstate(invalid="ignore"):
        return dy - e / e.sum(axis=-1, keepdims=True) * dy.sum(axis=-1, keepdims=True)


def softmax_with_a_global_shift(x):
    with np.errstate(invalid="ignore"):
        e = np.exp(x - np.max(x))
        return e / np.sum(e, axis=-1, keepdims=True)


def by_its_output(dy, x):
    p = softmax_with_a_global_shift(x)
    return p * (dy - np.sum(p * dy, axis=-1, keepdims=True))


family.wrong_forward(35, by_its_output, far_apart, op="softmax", cause=("forward", "not_finite"), names=("x",))(
    softmax_with_a_global_shift
)


def clipped_backward(dy, x):
    e = np.exp(x)
    with np.errstate(invalid="ignore"):
        return dy - e / e.sum(axis=-1, keepdims=True) * dy.sum(axis=-1, keepdims=True)


@family.wrong_forward(
    35, clipped_backward, far_below_zero, op="log_softmax", cause=("forward", "not_finite"), names=("x",)
)
def log_softmax_shifted_by_positive_maxima(x):
    top = np.maximum(0, x.max(axis=-1, keepdims=True))
    with np.errstate(divide="ignore"):
        return x - top - np.log(np.exp(x - top).sum(axis=-1, keepdims=True))
