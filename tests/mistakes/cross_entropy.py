"""Mistakes in cross-entropy losses (catalogue 21 to 31)."""

from functools import partial

import numpy as np

from .case import Family, normal

family = Family("losses")


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def one_hot(t, classes):
    return np.eye(classes)[t]


def labelled(size, seed):
    """Logits with one confidently wrong row, and labels."""
    n, c = (3, 5) if size == "small" else (64, 100)
    (z,) = normal(seed, (n, c))
    t = np.random.default_rng(seed + 1).integers(0, c, n)
    z[0, (t[0] + 1) % c] += 20
    return z, t


def mean_loss(z, t):
    p = softmax(z)
    return -np.log(p[np.arange(len(t)), t]).mean(), (p, t)


def per_example(z, t):
    p = softmax(z)
    return -np.log(p[np.arange(len(t)), t]), (p, t)


mean = partial(family.wrong, forward=mean_loss, inputs=labelled, style="cache", argument="z")
each = partial(
    family.wrong, forward=per_example, inputs=labelled, style="rule", argument="z", op="softmax_cross_entropy"
)


@mean(21, cause="scaled_by_batch")
def not_divided_by_batch(dout, cache):
    p, t = cache
    return dout * (p - one_hot(t, p.shape[1])), None


@mean(22, cause="scaled_by_batch")
def divided_by_batch_twice(dout, cache):
    p, t = cache
    n = len(t)
    d = (p - one_hot(t, p.shape[1])) / n
    return dout * d / n, None


@mean(21, cause="scaled_by_size")
def divided_by_size_not_batch(dout, cache):
    p, t = cache
    return dout * (p - one_hot(t, p.shape[1])) / p.size, None


@each(23, cause="sign")
def cross_entropy_sign(residuals, cotangent):
    p, t = residuals
    return cotangent[:, None] * (one_hot(t, p.shape[1]) - p), None


@each(27, cause=("derivative_twice", "local_factor"))
def softmax_slope_after_p_minus_t(residuals, cotangent):
    p, t = residuals
    return cotangent[:, None] * (p - one_hot(t, p.shape[1])) * p * (1 - p), None


@mean(30, cause=("isolated_entries", "partly_scaled"))
def labels_as_a_column_in_backward(dout, cache):
    p, t = cache
    d = p.copy()
    d[np.arange(len(t)), t[:, None]] -= 1
    return dout * d / len(t), None


@each(31, cause="coupled_over_wrong_axis")
def softmax_over_the_batch_in_backward(residuals, cotangent):
    p, t = residuals
    q = softmax(np.log(p).T).T
    return cotangent[:, None] * (q - one_hot(t, p.shape[1])), None


@each(19, cause="ignores_cotangent")
def cross_entropy_ignores_upstream(residuals, cotangent):
    p, t = residuals
    return p - one_hot(t, p.shape[1]), None


@each(33, cause="sum_term_missing")
def target_not_subtracted(residuals, cotangent):
    p, _t = residuals
    return cotangent[:, None] * p, None


@each(33, cause=("sum_term_missing", "entries_not_written"))
def only_the_label_column(residuals, cotangent):
    p, t = residuals
    d = np.zeros_like(p)
    rows = np.arange(len(t))
    d[rows, t] = p[rows, t] - 1
    return cotangent[:, None] * d, None


@family.whole(
    21, "wrong backward", "layer", labelled, inputs_of_layer=2, ends_in_loss=True, argument="x", cause="scaled_by_batch"
)
class SoftmaxWithLossNotAveraged:
    def forward(self, x, t):
        self.t = t
        self.y = softmax(x)
        return -np.sum(np.log(self.y[np.arange(t.shape[0]), t])) / t.shape[0]

    def backward(self, dout=1):
        dx = self.y.copy()
        dx[np.arange(self.t.shape[0]), self.t] -= 1
        return dx


@family.whole(
    21,
    "wrong backward",
    "layer",
    labelled,
    inputs_of_layer=2,
    ends_in_loss=True,
    argument="x",
    cause=("isolated_entries", "partly_scaled"),
)
class SoftmaxWithLossDividedBeforeSubtracting:
    def forward(self, x, t):
        self.t = t
        self.y = softmax(x)
        return -np.mean(np.log(self.y[np.arange(t.shape[0]), t]))

    def backward(self, dout=1):
        dx = self.y / len(self.t)
        dx[np.arange(len(self.t)), self.t] -= 1
        return dx


def confident(size, seed):
    """One row whose label has a probability near 1e-9, where the epsilon inside the logarithm counts."""
    return labelled(size, seed)


def mean_loss_with_epsilon(z, t):
    p = softmax(z)
    return -np.log(p[np.arange(len(t)), t] + 1e-7).mean(), (p, t)


@family.wrong(24, mean_loss_with_epsilon, confident, style="cache", argument="z", cause="epsilon_one_side")
def epsilon_only_in_the_loss(dout, cache):
    p, t = cache
    return dout * (p - one_hot(t, p.shape[1])) / len(t), None


def ignoring(z, t):
    """Rows with label 0 are ignored."""
    p = softmax(z)
    kept = t != 0
    return -np.log(p[np.arange(len(t)), t])[kept].sum() / kept.sum(), (p, t, kept)


def half_ignored(size, seed):
    z, t = labelled(size, seed)
    t[:] = np.where(np.arange(len(t)) % 3 == 1, 0, np.maximum(t, 1))
    return z, t


ignore = partial(family.wrong, forward=ignoring, inputs=half_ignored, style="cache", argument="z")


@ignore(29, cause=("ignored_rows", "scaled_by_size"))
def ignored_rows_counted_in_the_mean(dout, cache):
    p, t, kept = cache
    return dout * (p - one_hot(t, p.shape[1])) * kept[:, None] / len(t), None


@ignore(29, cause=("mask_missing", "isolated_entries", "partly_scaled"))
def ignored_rows_keep_their_gradient(dout, cache):
    p, t, kept = cache
    return dout * (p - one_hot(t, p.shape[1])) / kept.sum(), None


@ignore(29, cause="mask_wrong")
def ignored_rows_inverted(dout, cache):
    p, t, kept = cache
    return dout * (p - one_hot(t, p.shape[1])) * ~kept[:, None] / kept.sum(), None


def smoothed(z, t):
    c = z.shape[1]
    p = softmax(z)
    target = 0.9 * one_hot(t, c) + 0.1 / c
    return -(target * np.log(p)).sum(axis=1), (p, t)


@family.wrong(
    24,
    smoothed,
    labelled,
    style="rule",
    argument="z",
    op="softmax_cross_entropy",
    statics={"label_smoothing": 0.1},
    cause="static_ignored",
)
def smoothing_missing_in_backward(residuals, cotangent):
    p, t = residuals
    return cotangent[:, None] * (p - one_hot(t, p.shape[1])), None
