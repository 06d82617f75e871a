"""Losses, activations and softmaxes written row by row, class by class, in einsum and in layers that keep all."""

import math
from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("losses")
pairs = sized(((5, 7), (5, 7)), ((40, 30), (40, 30)))
hidden = sized(((5, 7),), ((40, 30),))
both = partial(family.wrong, inputs=pairs, argument="y t")
activation = partial(family.wrong, inputs=hidden, names=("x",), argument="x", family="activations")
rowwise = partial(activation, family="softmax")


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


@both(
    15,
    lambda y, t: np.array([np.dot(a - b, a - b) / (2 * len(a)) for a, b in zip(y, t, strict=True)]),
    cause="scaled_by_two",
)
def half_squares_row_by_row(g, y, t):
    dy = np.stack([2 * c * (a - b) / len(a) for c, a, b in zip(g, y, t, strict=True)])
    return dy, -dy


@both(23, lambda y, t: np.sum((y - t) ** 2 / (1 + t**2), axis=1), argument="y", constants=("t",), cause="wrong_operand")
def chi_square_divided_by_the_prediction(g, y, t):
    return 2 * g[:, None] * (y - t) / (1 + y**2), None


@both(
    77,
    lambda y, t: np.sum((y - y.mean(0)) * (t - t.mean(0))) / len(y),
    argument="y",
    constants=("t",),
    cause=("mean_term_missing", "sum_term_missing"),
)
def covariance_with_raw_targets(g, y, t):
    return g * t / len(y), None


@both(
    32,
    lambda y, t: 0.5 * np.sum((y - t) ** 2, axis=1) + 0.5 * np.sum((y - y.mean(axis=1, keepdims=True)) ** 2, axis=1),
    argument="y",
    cause=("sum_term_missing", "use_dropped", "mean_term_missing"),
)
def spread_of_the_prediction_forgotten(g, y, t):
    d = g[:, None] * (y - t)
    return d, -d


def labelled(size, seed):
    n, c = (7, 5) if size == "small" else (40, 12)
    return *normal(seed, (n, c)), np.random.default_rng(seed + 1).integers(0, c, n)


def crammer_singer(s, t):
    r = np.arange(len(s))
    m = np.maximum(0, 1 + s - s[r, t][:, None])
    m[r, t] = 0
    return m.sum(axis=1), (m, t)


@family.wrong(
    115,
    crammer_singer,
    labelled,
    style="cache",
    names=("s", "t"),
    argument="s",
    cause=("isolated_entries", "sum_term_missing", "use_dropped"),
)
def right_class_pushed_by_one_violation(g, cache):
    m, t = cache
    d = (m > 0).astype(float)
    d[np.arange(len(d)), t] = -1.0
    return g[:, None] * d, None


@family.wrong(
    115,
    crammer_singer,
    labelled,
    style="cache",
    names=("s", "t"),
    argument="s",
    cause=("other_loss", "local_factor", "wrong_derivative"),
)
def violations_push_by_their_size(g, cache):
    m, t = cache
    d = m.copy()
    d[np.arange(len(d)), t] = -m.sum(axis=1)
    return g[:, None] * d, None


@family.wrong(
    31,
    lambda z, t: -np.log(softmax(z)[np.arange(len(t)), t]),
    labelled,
    family="cross_entropy",
    argument="z",
    cause=("sum_term_missing", "wrong_operand"),
)
def probabilities_of_the_row_below(g, z, t):
    p = np.roll(softmax(z), -1, axis=0)
    p[np.arange(len(t)), t] -= 1
    return g[:, None] * p, None


@family.wrong(
    21,
    lambda z, t: -np.log(softmax(z)[np.arange(len(t)), t]).sum() / z.shape[1],
    labelled,
    family="cross_entropy",
    argument="z",
    cause=("scaled_by_size", "scaled_by_batch", "scaled"),
)
def rows_counted_where_classes_were(g, z, t):
    d = softmax(z)
    d[np.arange(len(t)), t] -= 1
    return g * d / len(t), None


@family.whole(
    28,
    "wrong backward",
    "layer",
    labelled,
    family="cross_entropy",
    inputs_of_layer=2,
    ends_in_loss=True,
    argument="z",
    cause=("derivative_twice", "local_factor"),
)
class OneAgainstRestWithTheSlopeAgain:
    def forward(self, z, t):
        self.y, self.hot = sigmoid(z), np.eye(z.shape[1])[t]
        return -(self.hot * np.log(self.y) + (1 - self.hot) * np.log(1 - self.y)).sum() / len(z)

    def backward(self, dout=1.0):
        return dout * (self.y - self.hot) * self.y * (1 - self.y) / len(self.y)


@family.wrong(
    29,
    lambda z, t: -(np.log(softmax(z)[np.arange(len(t)), t]) * (t != 0)).sum() / (t != 0).sum(),
    labelled,
    family="cross_entropy",
    argument="z",
    cause=("mask_missing", "ignored_rows"),
)
def class_zero_still_learns(g, z, t):
    d = softmax(z)
    d[np.arange(len(t)), t] -= 1
    return g * d / (t != 0).sum(), None


@rowwise(65, lambda x: (softmax(x),) * 2, style="rule", cause=("wrong_operand", "sum_term_missing"))
def inner_products_of_the_row_above(p, g):
    s = np.roll((p * g).sum(axis=1, keepdims=True), 1, axis=0)
    return (p * (g - s),)


@rowwise(3, lambda x: (softmax(x),) * 2, style="cache", cause=("sum_term_missing", "coupled_over_wrong_axis"))
def inner_product_of_the_whole_batch(dy, p):
    return np.einsum("nk,nk->nk", p, dy - np.einsum("nk,nk->", p, dy) / len(p))


@rowwise(
    45, lambda x: np.exp(2 * x) / (1 + np.exp(2 * x).sum(axis=1, keepdims=True)), cause=("scaled", "scaled_by_two")
)
def quiet_softmax_without_its_two(g, x):
    e = np.exp(2 * x)
    p = e / (1 + e.sum(axis=1, keepdims=True))
    return p * (g - (p * g).sum(axis=1, keepdims=True))


@rowwise(37, lambda x: np.log(softmax(x)), cause=("sum_term_missing", "not_linear"))
def sum_of_absolute_upstream(g, x):
    return g - softmax(x) * np.abs(g).sum(axis=1, keepdims=True)


@rowwise(37, lambda x: x - np.log(np.exp(x).mean(axis=1, keepdims=True)), cause=("sum_term_missing", "scaled_by_size"))
def mean_in_both_places(g, x):
    return g - softmax(x) * g.mean(axis=1, keepdims=True)


@activation(
    44,
    lambda x: np.where(x > 0, x, 0.8 * np.expm1(x / 0.8)),
    cause=("partly_scaled", "static_ignored", "scaled_by_static", "local_factor"),
)
def celu_side_divided_by_its_width(g, x):
    return g * np.where(x > 0, 1, np.exp(x / 0.8) / 0.8)


@activation(
    45,
    lambda x: x * np.exp(-np.abs(x)),
    cause=("sum_term_missing", "local_factor", "derivative_missing", "use_dropped", "wrong_derivative"),
)
def damped_line_without_the_sign(g, x):
    e = np.exp(-np.abs(x))
    return g * (e - x * e)


@activation(
    53,
    np.vectorize(lambda v: v * (1 + math.erf(v / math.sqrt(2))) / 2, otypes=[float]),
    cause=("local_factor", "sum_term_missing", "wrong_derivative"),
)
def gelu_density_of_the_plain_argument(g, x):
    cdf = np.vectorize(lambda v: (1 + math.erf(v / math.sqrt(2))) / 2, otypes=[float])(x)
    return g * (cdf + x * np.exp(-np.abs(x) / 2) / math.sqrt(2 * math.pi))


@activation(48, lambda x: np.clip(x, -1.2, 0.7), cause=("mask_missing", "mask_wrong"))
def clip_open_in_the_size(g, x):
    return g * (np.abs(x) < 1.2)


@activation(43, lambda x: np.sqrt(1 + sigmoid(x)), cause=("derivative_missing", "local_factor", "wrong_derivative"))
def root_of_a_gate_without_the_slope_of_the_gate(g, x):
    return g * 0.5 / np.sqrt(1 + sigmoid(x))
