"""Losses that are not the named op, keep state, or are right under other conventions (F5 to F7)."""

from functools import partial

import numpy as np

from ..case import Family
from .losses import DELTA, huber, largest_violation, margins_of, of_targets, pairs, pinball, rmse, spread
from .losses_of_pairs import cosine, predicted, three, triplet, turned, two

family = Family("losses")

claimed = partial(family.wrong_forward, argument="y")


@claimed(
    15,
    lambda g, y, t: of_targets(g[:, None] * (y - t) / y.shape[1]),
    pairs,
    op="mean_squared_error",
    cause="convention_reduction",
)
def mean_square_with_a_half(y, t):
    return 0.5 * ((y - t) ** 2).mean(axis=1)


@claimed(
    18,
    lambda g, y, t: of_targets(g[:, None] * np.sign(y - t) / y.shape[1]),
    pairs,
    op="mean_squared_error",
    cause="forward",
)
def absolute_error_called_squared(y, t):
    return np.abs(y - t).mean(axis=1)


def reversed_backward(g, log_q, t):
    q = np.exp(log_q)
    return g[:, None] * q * (log_q - np.log(t) + 1), -g[:, None] * q / t


@family.wrong_forward(37, reversed_backward, predicted, op="kl_divergence", argument="log_q", cause="forward")
def divergence_in_the_other_direction(log_q, t):
    return (np.exp(log_q) * (log_q - np.log(t))).sum(axis=-1)


@family.whole(14, "impure", "layer", pairs, inputs_of_layer=2, ends_in_loss=True, argument="y", cause="accumulates")
class SquaredErrorThatCollects:
    """Adds each gradient to the one before and never clears it."""

    def __init__(self):
        self.grad = 0.0

    def forward(self, y, t):
        self.error = y - t
        return (self.error**2).sum() / 2

    def backward(self, dout=1.0):
        self.grad = self.grad + dout * self.error
        return self.grad


def margins_in_place(s, labels):
    s -= s[np.arange(len(s)), labels][:, None] - 1
    s[np.arange(len(s)), labels] = 0
    margins = np.maximum(s, 0)
    return margins.sum(axis=1), (margins > 0, labels)


@family.impure(115, margins_in_place, margins_of, style="cache", argument="s", cause="input_changed")
def hinge_margins_written_over_the_scores(g, cache):
    positive, labels = cache
    d = positive.astype(float)
    d[np.arange(len(d)), labels] = -positive.sum(axis=1)
    return g[:, None] * d, None


control = partial(family.control, inputs=pairs)


@family.whole("F6", "control", "layer", pairs, inputs_of_layer=2, ends_in_loss=True)
class HalfSquaredErrorPerExample:
    """Half the squares, averaged over the examples alone."""

    def forward(self, y, t):
        self.diff, self.count = y - t, y.shape[0]
        return 0.5 * np.square(self.diff).sum() / self.count

    def backward(self, dout=1.0):
        return dout * self.diff / self.count


@control("F6", lambda y, t: ((y - t) ** 2).sum() / y.shape[1])
def squares_divided_by_the_number_of_outputs(g, y, t):
    return of_targets(g / y.shape[1] * 2 * (y - t))


@control("F5", lambda y, t: 0.25 * ((y - t) ** 2).sum(axis=1))
def quarter_of_the_squares(g, y, t):
    return of_targets(0.5 * g[:, None] * (y - t))


@control("", rmse)
def root_mean_square_error(g, y, t):
    return of_targets(g * (y - t) / (y.size * rmse(y, t)))


def at_the_bends(size, seed):
    y, t = spread(size, seed)
    y[0, :4] = t[0, :4] + np.array([0.0, DELTA, -DELTA, 1e-9])
    return y, t


@control("F9", huber, inputs=at_the_bends, op="huber_loss", statics={"delta": DELTA})
def huber_by_clipping_at_its_bends(g, y, t):
    return of_targets(g[:, None] * np.clip(y - t, -DELTA, DELTA) / y.shape[1])


@control("F9", pinball, inputs=at_the_bends)
def quantile_loss_at_zero_error(g, y, t):
    return of_targets(g[:, None] * ((t <= y) - 0.8))


def with_equal_violations(size, seed):
    """The largest violation is reached by two classes in some rows."""
    s, labels = margins_of(size, seed)
    k = s.shape[1]
    for i in range(0, len(s), 2):
        s[i, (labels[i] + 1) % k] = s[i, (labels[i] + 2) % k] = s[i].max() + 1
    return s, labels


@control("F7", largest_violation, inputs=with_equal_violations, style="cache")
def largest_violation_shared_by_the_tied(g, cache):
    margins, labels = cache
    d = (margins == margins.max(axis=1, keepdims=True)).astype(float)
    d *= g[:, None] / d.sum(axis=1, keepdims=True)
    d[np.arange(len(d)), labels] -= d.sum(axis=1)
    return d, None


@control("", cosine, inputs=two, style="rule")
def cosine_distance_turns_its_arguments(c, g):
    du, dv = turned(c)
    return -g[:, None] * du, -g[:, None] * dv


@control("", triplet, inputs=three)
def triplet_by_a_gated_difference(g, a, p, n):
    w = 2 * (g * (triplet(a, p, n) > 0))[:, None]
    return w * (n - p), w * (p - a), w * (a - n)
