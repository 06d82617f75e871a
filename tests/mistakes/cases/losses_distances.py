"""Losses of distributions, distances and pairs."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized
from .functions import one_hot, softmax, whole_numbers

family = Family("losses")


def cross_entropy(p, t):
    return -(t * np.log(p)).sum(axis=1)


def distributions(size, seed):
    n, c = (3, 5) if size == "small" else (64, 100)
    rng = np.random.default_rng(seed)
    p, t = rng.uniform(0.1, 1, (2, n, c))
    return p / p.sum(axis=1, keepdims=True), t / t.sum(axis=1, keepdims=True)


@family.wrong(23, cross_entropy, distributions, op="cross_entropy_error", argument="p", cause="not_linear")
def probability_gradient_divided_by_upstream(dout, p, t):
    with np.errstate(divide="ignore"):
        return -t / dout[:, None], -dout[:, None] * np.log(p)


def kl_divergence(logp, t):
    return (t * (np.log(t) - logp)).sum(axis=1)


def log_distributions(size, seed):
    p, t = distributions(size, seed)
    return np.log(p), t


@family.wrong(23, kl_divergence, log_distributions, op="kl_divergence", argument="t", cause="term_missing")
def divergence_of_targets_without_its_one(dout, logp, t):
    return -dout[:, None] * t, dout[:, None] * (np.log(t) - logp)


@family.wrong(23, kl_divergence, log_distributions, op="kl_divergence", argument="logp", cause="derivative_twice")
def divergence_as_if_by_probabilities(dout, logp, t):
    return -dout[:, None] * t / np.exp(logp), dout[:, None] * (np.log(t) - logp + 1)


def certain(size, seed):
    """One-hot targets, and probabilities that are exactly zero where the target is."""
    p, t = distributions(size, seed)
    t = one_hot(t.argmax(axis=1), t.shape[1])
    p[0, (t[0].argmax() + 1) % t.shape[1]] = 0
    return p, t


def guarded_backward(dout, p, t):
    positive = np.where(p > 0, p, 1)
    return -dout[:, None] * t / positive, -dout[:, None] * np.log(positive)


@family.wrong_forward(25, guarded_backward, certain, op="cross_entropy_error", argument="p", cause="not_finite")
def zero_times_the_logarithm_of_zero(p, t):
    with np.errstate(divide="ignore", invalid="ignore"):
        return -(t * np.log(p)).sum(axis=1)


@family.control("", cross_entropy, distributions, op="cross_entropy_error")
def cross_entropy_of_probabilities(dout, p, t):
    return -dout[:, None] * t / p, -dout[:, None] * np.log(p)


@family.control("", kl_divergence, log_distributions, op="kl_divergence")
def divergence(dout, logp, t):
    return -dout[:, None] * t, dout[:, None] * (np.log(t) - logp + 1)


def bits(size, seed):
    n, c = (3, 5) if size == "small" else (64, 100)
    rng = np.random.default_rng(seed)
    return rng.uniform(0.1, 0.9, (n, c)), rng.uniform(0.1, 0.9, (n, c))


@family.control(
    "", lambda p, t: -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean(axis=1), bits, op="binary_cross_entropy"
)
def binary_cross_entropy_of_probabilities(dout, p, t):
    d = dout[:, None] / p.shape[1]
    return d * (p - t) / (p * (1 - p)), -d * (np.log(p) - np.log(1 - p))


def logits_and_bits(size, seed):
    return normal(seed, (3, 5) if size == "small" else (64, 100))[0], bits(size, seed)[1]


@family.control(
    "F4",
    lambda z, t: (np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z)))).mean(axis=1),
    logits_and_bits,
    op="sigmoid_binary_cross_entropy",
)
def sigmoid_with_cross_entropy_has_no_slope_factor(dout, z, t):
    d = dout[:, None] / z.shape[1]
    return d * (1 / (1 + np.exp(-z)) - t), -d * z


regression = sized(((3, 5), (3, 5)), ((64, 100), (64, 100)))


def spread(size, seed):
    """Errors on both sides of both bends."""
    y, t = regression(size, seed)
    y[:, :4] = t[:, :4] + np.array([-2.5, -0.7, 0.7, 2.5]) + 0.1 * y[:, :4].clip(-1, 1)
    return y, t


def on_the_bend(size, seed):
    y, t = spread(size, seed)
    y[0, :3] = t[0, :3] + [1.0, -1.0, 0.0]
    return y, t


def huber(y, t):
    e = np.abs(y - t)
    return np.where(e <= 1, 0.5 * e**2, e - 0.5).mean(axis=1)


@family.control("F9", huber, on_the_bend, op="huber_loss")
def huber_on_its_bend(dout, y, t):
    d = dout[:, None] * np.clip(y - t, -1, 1) / y.shape[1]
    return d, -d


def to_the_centers(x, centers, labels):
    return 0.5 * ((x - centers[labels]) ** 2).sum()


def clustered(size, seed):
    n, d, k = (6, 3, 4) if size == "small" else (32, 16, 8)
    return *normal(seed, (n, d), (k, d)), np.arange(n) % k


@family.control("F10", to_the_centers, clustered, constants=("centers",))
def centers_move_by_another_rule(g, x, centers, labels):
    return g * (x - centers[labels]), None, None


fit = partial(family.wrong, inputs=regression, names=("guess", "truth"), constants=("truth",), argument="guess")


def cauchy(guess, truth):
    return np.log1p(((guess - truth) / 1.4) ** 2).sum(axis=1)


@fit(45, cauchy, cause="static_ignored")
def cauchy_without_its_width(up, guess, truth):
    e = guess - truth
    return up[:, None] * 2 * e / (1 + e**2), None


def relative(guess, truth):
    return (((guess - truth) / (1 + truth**2)) ** 2).sum() / 2


@fit(23, relative, cause="wrong_factor")
def relative_error_divided_once(up, guess, truth):
    return up * (guess - truth) / (1 + truth**2), None


def partners(size, seed):
    n, d = (5, 7) if size == "small" else (24, 16)
    return normal(seed, (n, d), (n, d))


def matching(u, v):
    s = u @ v.T / 3.0
    return -np.diag(np.log(softmax(s))), (u, v, s)


@family.wrong(90, matching, partners, style="cache", names=("u", "v"), argument="v", cause="transposed")
def partner_meets_its_own_row(g, cache):
    u, v, s = cache
    ds = g[:, None] * (softmax(s) - np.eye(len(u))) / 3.0
    return ds @ v, ds @ u


def weighted_rows(size, seed):
    y, t = regression(size, seed)
    return y, t, np.random.default_rng(seed + 3).uniform(0.5, 3, len(y))


@family.wrong(
    90,
    lambda y, t, w: (w * ((y - t) ** 2).mean(axis=1)).sum(),
    weighted_rows,
    constants=("w",),
    argument="y t",
    cause="shifted",
)
def weight_of_the_example_behind(g, y, t, w):
    d = 2 * g * np.roll(w, -1)[:, None] * (y - t) / y.shape[1]
    return d, -d, None


def chi_square(y, t):
    return np.sum((y - t) ** 2 / (1 + t**2), axis=1)


@family.wrong(23, chi_square, regression, argument="y", constants=("t",), cause="wrong_operand")
def chi_square_divided_by_the_prediction(g, y, t):
    return 2 * g[:, None] * (y - t) / (1 + y**2), None


@family.control("F9", lambda x: np.abs(x).sum(axis=-1), whole_numbers)
def absolute_value_with_the_sign_of_zero(g, x):
    return g[..., None] * np.sign(x)


def column_and_row(size, seed):
    n = 7 if size == "small" else 60
    return normal(seed, (n, 1), (n,))


def mean_square_of_columns(y, t):
    return np.mean((y[:, 0] - t) ** 2)


@family.wrong(11, mean_square_of_columns, column_and_row, constants=("t",), argument="y", cause="wrong_shape")
def difference_broadcast_in_backward(dout, y, t):
    return dout * 2 * (y - t) / len(y), None


def cosine_distance(a, b):
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return 1 - (a * b).sum(1) / norms


@family.wrong(84, cosine_distance, regression, argument="a b", cause="statistics_as_constants")
def cosine_with_fixed_lengths(dout, a, b):
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    c = -(dout / norms)[:, None]
    return c * b, c * a


def triplet(a, p, n):
    return np.maximum(0, ((a - p) ** 2).sum(axis=1) - ((a - n) ** 2).sum(axis=1) + 0.5)


def active(a, p, n):
    return (triplet(a, p, n) > 0)[:, None]


@family.wrong(13, triplet, sized(((7, 5),) * 3, ((40, 16),) * 3), argument="p n", cause="arguments_swapped")
def triplet_positive_and_negative_swapped(g, a, p, n):
    w = 2 * g[:, None] * active(a, p, n)
    return w * (n - p), w * (a - n), w * (p - a)


def scores(size, seed):
    n, c = (3, 5) if size == "small" else (64, 100)
    (s,) = normal(seed, (n, c))
    return 2 * s, np.random.default_rng(seed + 1).integers(0, c, n)


@family.whole("F10", "control", "layer", scores, inputs_of_layer=2, ends_in_loss=True)
class CenterLoss:
    """The centers move by a rule of their own: they are data here, not a parameter with a gradient."""

    def forward(self, x, t):
        self.difference = x - np.linspace(-1, 1, x.shape[1])[t][:, None]
        return 0.5 * np.sum(self.difference**2) / len(x)

    def backward(self, dout=1):
        return dout * self.difference / len(self.difference)
