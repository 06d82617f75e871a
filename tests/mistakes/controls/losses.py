"""Correct losses under every convention of where the half and 1/N live, and whether upstream is used."""

from functools import partial

import numpy as np

from ..case import Family
from ..cross_entropy import half_ignored, ignoring, labelled, one_hot, per_example, smoothed, softmax
from ..losses import hinge, huber, regression, scores, spread
from ..probability_losses import bits, distributions, log_distributions, logits_and_bits

family = Family("losses")
pair = partial(family.control, inputs=regression)


@pair("F5", lambda y, t: 0.5 * np.sum((y - t) ** 2))
def half_the_sum_of_squares(dout, y, t):
    d = dout * (y - t)
    return d, -d


@pair("F5", lambda y, t: 0.5 * ((y - t) ** 2).sum(axis=1), op="sum_of_squares_error")
def half_the_sum_of_each_example(dout, y, t):
    d = dout[:, None] * (y - t)
    return d, -d


@pair("F6", lambda y, t: np.mean((y - t) ** 2))
def mean_of_all_squares(dout, y, t):
    d = 2 * dout * (y - t) / y.size
    return d, -d


@pair("F6", lambda y, t: ((y - t) ** 2).mean(axis=1), op="mean_squared_error")
def mean_of_each_example(dout, y, t):
    d = 2 * dout[:, None] * (y - t) / y.shape[1]
    return d, -d


@family.whole("F5", "control", "layer", regression, inputs_of_layer=2, ends_in_loss=True)
class HalfSquaresOverBatch:
    def forward(self, y, t):
        self.y, self.t = y, t
        return 0.5 * np.sum((y - t) ** 2) / len(y)

    def backward(self, dout=1):
        return dout * (self.y - self.t) / len(self.y)


@family.whole("F6", "control", "layer", labelled, inputs_of_layer=2, ends_in_loss=True)
class SoftmaxWithLoss:
    """Ignores its upstream, which is always 1."""

    def forward(self, x, t):
        self.t, self.y = t, softmax(x)
        return -np.sum(np.log(self.y[np.arange(len(t)), t])) / len(t)

    def backward(self, dout=1):
        dx = self.y.copy()
        dx[np.arange(len(self.t)), self.t] -= 1
        return dx / len(self.t)


def one_hot_labels(size, seed):
    z, t = labelled(size, seed)
    return z, one_hot(t, z.shape[1])


@family.whole("F6", "control", "layer", one_hot_labels, inputs_of_layer=2, ends_in_loss=True)
class SoftmaxWithOneHotLoss:
    def forward(self, x, t):
        self.t, self.y = t, softmax(x)
        return -np.sum(t * np.log(self.y)) / len(t)

    def backward(self, dout=1):
        return dout * (self.y - self.t) / len(self.t)


@family.control("", per_example, labelled, style="rule", op="softmax_cross_entropy")
def cross_entropy_of_each_example(residuals, cotangent):
    p, t = residuals
    return cotangent[:, None] * (p - one_hot(t, p.shape[1])), None


@family.control("", smoothed, labelled, style="rule", op="softmax_cross_entropy", statics={"label_smoothing": 0.1})
def cross_entropy_smoothed(residuals, cotangent):
    p, t = residuals
    c = p.shape[1]
    return cotangent[:, None] * (p - 0.9 * one_hot(t, c) - 0.1 / c), None


@family.control(29, ignoring, half_ignored, style="cache")
def cross_entropy_of_the_rows_kept(dout, cache):
    p, t, kept = cache
    return dout * (p - one_hot(t, p.shape[1])) * kept[:, None] / kept.sum(), None


def log_sum_exp(z):
    m = z.max(axis=-1, keepdims=True)
    return (m + np.log(np.exp(z - m).sum(axis=-1, keepdims=True)))[:, 0]


def hopeless(size, seed):
    z, t = labelled(size, seed)
    z[1, (t[1] + 1) % z.shape[1]] += 1e4
    return z, t


@family.control(26, lambda z, t: log_sum_exp(z) - z[np.arange(len(t)), t], hopeless, op="softmax_cross_entropy")
def cross_entropy_of_a_hopeless_row(dout, z, t):
    return dout[:, None] * (softmax(z) - one_hot(t, z.shape[1])), None


@family.control("", lambda p, t: -(t * np.log(p)).sum(axis=1), distributions, op="cross_entropy_error")
def cross_entropy_of_probabilities(dout, p, t):
    return -dout[:, None] * t / p, -dout[:, None] * np.log(p)


@family.control(
    "", lambda p, t: -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean(axis=1), bits, op="binary_cross_entropy"
)
def binary_cross_entropy_of_probabilities(dout, p, t):
    d = dout[:, None] / p.shape[1]
    return d * (p - t) / (p * (1 - p)), -d * (np.log(p) - np.log(1 - p))


@family.control(
    "F4",
    lambda z, t: (np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z)))).mean(axis=1),
    logits_and_bits,
    op="sigmoid_binary_cross_entropy",
)
def sigmoid_with_cross_entropy_has_no_slope_factor(dout, z, t):
    d = dout[:, None] / z.shape[1]
    return d * (1 / (1 + np.exp(-z)) - t), -d * z


@family.control("F4", lambda z, t: 0.5 * np.sum((1 / (1 + np.exp(-z)) - t) ** 2), logits_and_bits)
def sigmoid_with_squares_has_a_slope_factor(dout, z, t):
    y = 1 / (1 + np.exp(-z))
    return dout * (y - t) * y * (1 - y), -dout * (y - t)


@family.control("", lambda logp, t: (t * (np.log(t) - logp)).sum(axis=1), log_distributions, op="kl_divergence")
def divergence(dout, logp, t):
    return -dout[:, None] * t, dout[:, None] * (np.log(t) - logp + 1)


def on_the_bend(size, seed):
    y, t = spread(size, seed)
    y[0, :3] = t[0, :3] + [1.0, -1.0, 0.0]
    return y, t


@family.control("F9", huber, on_the_bend, op="huber_loss")
def huber_on_its_bend(dout, y, t):
    d = dout[:, None] * np.clip(y - t, -1, 1) / y.shape[1]
    return d, -d


@family.control("", hinge, scores, style="cache")
def hinge_of_all_margins(dout, cache):
    margins, labels = cache
    d = (margins > 0).astype(float)
    d[np.arange(len(d)), labels] -= d.sum(axis=1)
    return dout * d, None


@family.whole("F10", "control", "layer", scores, inputs_of_layer=2, ends_in_loss=True)
class CenterLoss:
    """The centers move by a rule of their own: they are data here, not a parameter with a gradient."""

    def forward(self, x, t):
        self.difference = x - np.linspace(-1, 1, x.shape[1])[t][:, None]
        return 0.5 * np.sum(self.difference**2) / len(x)

    def backward(self, dout=1):
        return dout * self.difference / len(self.difference)


def in_single_precision(size, seed):
    z, t = labelled(size, seed)
    return z.astype(np.float32), t


@family.control(109, per_example, in_single_precision, style="rule", op="softmax_cross_entropy", precision="float32")
def cross_entropy_in_float32(residuals, cotangent):
    p, t = residuals
    return cotangent[:, None] * (p - one_hot(t, p.shape[1]).astype(np.float32)), None
