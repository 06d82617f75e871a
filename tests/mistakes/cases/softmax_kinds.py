"""Relatives of softmax: other axes, masks, temperatures, sums of exponentials."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized
from .functions import log_softmax, softmax, softmax_along

family = Family("softmax")


def labelled(size, seed):
    (x,) = normal(seed, (7, 3) if size == "small" else (32, 10))
    return x, np.arange(len(x)) % 3


@family.whole("F6", "control", "layer", labelled, inputs_of_layer=2, gradients={}, ends_in_loss=True)
class SummedCrossEntropyInBase2:
    def forward(self, x, t):
        e = np.exp(x - x.max(1, keepdims=True))
        self.p, self.t = e / e.sum(1, keepdims=True), t
        return -np.log2(self.p[np.arange(len(t)), t]).sum()

    def backward(self, dout=1):
        d = self.p - np.eye(self.p.shape[1])[self.t]
        return dout * d / np.log(2)


rows = sized(((3, 5),), ((64, 100),))
rowwise = partial(family.wrong, inputs=rows, names=("x",), argument="x")


def through(p, g):
    return p * (g - (p * g).sum(axis=-1, keepdims=True))


@rowwise(3, lambda x: softmax(x).cumsum(axis=1), cause="flipped")
def running_sum_pulled_back_forwards(g, x):
    return through(softmax(x), g.cumsum(axis=1))


def taylor(x):
    w = 1 + x + x**2 / 2
    return w / w.sum(axis=-1, keepdims=True)


@rowwise(53, taylor, cause="wrong_derivative")
def taylor_softmax_with_the_slope_of_the_exact_one(g, x):
    return through(softmax(x), g)


@rowwise(109, lambda x: (softmax(x),) * 2, style="rule", cause="downcast")
def probabilities_kept_in_half_precision(p, g):
    return (through(p.astype(np.float16).astype(float), g),)


@family.whole(39, "wrong backward", "layer", rows, argument="x", cause="part_missing")
class LogSoftmaxOfRowsThatForgetsTheSum:
    def forward(self, x):
        self.p = softmax(x)
        return np.log(self.p)

    def backward(self, dout):
        return dout - self.p * dout[:, :1]


@family.whole(27, "wrong backward", "vjp", rows, argument="x", cause="derivative_twice")
def columns_of_softmax_pulled_back_twice(x):
    p = softmax(x.T).T

    def back(g):
        return p * (g - (p * g).sum(axis=0))

    return p, lambda g: (back(back(g)),)


@rowwise(70, lambda x: x.max(axis=-1), cause="wrong_winner")
def maximum_with_the_slope_of_the_soft_one(g, x):
    return g[:, None] * softmax(x)


@rowwise(24, lambda x: x / np.sqrt((x**2).sum(axis=-1, keepdims=True) + 0.02), cause="epsilon_one_side")
def guarded_length_differentiated_unguarded(g, x):
    r = np.sqrt((x**2).sum(axis=-1, keepdims=True))
    return (g - x * (x * g).sum(axis=-1, keepdims=True) / r**2) / r


@rowwise(65, lambda x: (softmax(x),) * 2, style="rule", cause="shifted")
def inner_products_of_the_row_above(p, g):
    s = np.roll((p * g).sum(axis=1, keepdims=True), 1, axis=0)
    return (p * (g - s),)


@rowwise(37, lambda x: np.log(softmax(x)), cause="not_linear")
def sum_of_absolute_upstream(g, x):
    return g - softmax(x) * np.abs(g).sum(axis=1, keepdims=True)


@rowwise(37, lambda x: x - np.log(np.exp(x).mean(axis=1, keepdims=True)), cause="scaled_by_count")
def mean_in_both_places(g, x):
    return g - softmax(x) * g.mean(axis=1, keepdims=True)


def cooled(x):
    return softmax(x / 0.6)


@family.wrong(110, cooled, rows, cause="static_ignored")
def cooled_softmax_with_warm_probabilities(g, x):
    p = softmax(x)
    return p * (g - (p * g).sum(-1, keepdims=True)) / 0.6


@family.wrong(31, lambda x: np.log(np.exp(x).sum(1)), rows, cause="wrong_axis")
def log_sum_exp_with_columns_as_weights(g, x):
    return g[:, None] * softmax_along(x, 0)


def masked_inputs(size, seed):
    (x,) = rows(size, seed)
    keep = np.ones(x.shape, bool)
    keep[1, 2:4] = keep[0, :1] = keep[-1, -3:] = False
    return x, keep


def masked_soft(x, keep):
    e = np.where(keep, np.exp(x), 0)
    return e / e.sum(1, keepdims=True)


@family.wrong(111, masked_soft, masked_inputs, argument="x", cause="mask_missing")
def masked_softmax_with_everyone_inside(g, x, keep):
    p = softmax(x)
    return p * (g - (p * g).sum(1, keepdims=True)), None


@family.whole(32, "wrong backward", "layer", rows, cause="term_missing")
class SoftmaxForgetsItsDiagonal:
    def forward(self, x):
        self.p = softmax(x)
        return self.p

    def backward(self, dout):
        return np.stack([-np.outer(p, p) @ d for p, d in zip(self.p, dout, strict=True)])


@family.whole(37, "wrong backward", "vjp", rows, cause="ignores_cotangent")
def log_softmax_for_one_hot_cotangents(x):
    y = log_softmax(x)
    return y, lambda g: g - np.exp(y)


@family.whole(31, "wrong backward", "vjp", rows, cause="wrong_axis")
def log_softmax_adds_up_the_batch(x):
    y = log_softmax(x)
    return y, lambda g: g - np.exp(y) * g.sum(0)


square = sized(((5, 5),), ((40, 40),))


@family.wrong(32, lambda x: softmax_along(x, axis=1), square, argument="x", cause="transposed", also="wrong_axis")
def row_sums_broadcast_as_columns(dout, x):
    y = softmax_along(x, axis=1)
    return y * (dout - np.sum(dout * y, axis=1))


claimed = partial(family.wrong_forward, inputs=rows, argument="x")


@claimed(
    "",
    lambda dy, x: (dy - softmax(x) * dy.sum(axis=-1, keepdims=True)) / np.log(2),
    op="log_softmax",
    cause="convention_static",
)
def log_softmax_in_bits(x):
    return np.log2(softmax(x))


def shares_backward(dy, x):
    s = 1 / (1 + np.exp(-x))
    total = s.sum(axis=-1, keepdims=True)
    ds = (dy - (dy * s).sum(axis=-1, keepdims=True) / total) / total
    return ds * s * (1 - s)


@claimed(32, shares_backward, op="softmax", cause="forward")
def softmax_from_sigmoids(x):
    s = 1 / (1 + np.exp(-x))
    return s / s.sum(axis=-1, keepdims=True)


@family.whole("", "control", "jax", rows, op="log_softmax", names=("x",))
def jax_log_softmax_with_its_own_rule():
    import jax

    rule = jax.custom_vjp(lambda x: jax.nn.log_softmax(x))
    rule.defvjp(
        lambda x: (jax.nn.log_softmax(x), jax.nn.softmax(x)), lambda p, g: (g - p * g.sum(axis=-1, keepdims=True),)
    )
    return rule
