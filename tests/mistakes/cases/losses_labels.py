"""Losses of scores and labels: cross-entropy as the book writes it, hinges, masked errors."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized
from .functions import one_hot, softmax

family = Family("losses")


def labelled(size, seed):
    """Logits and labels; the label of one row has a probability near 1e-9, where an epsilon counts."""
    n, c = (3, 5) if size == "small" else (64, 100)
    (z,) = normal(seed, (n, c))
    t = np.random.default_rng(seed + 1).integers(0, c, n)
    z[0, (t[0] + 1) % c] += 20
    return z, t


def mean_loss(z, t):
    p = softmax(z)
    return -np.log(p[np.arange(len(t)), t]).mean(), (p, t)


mean = partial(family.wrong, forward=mean_loss, inputs=labelled, style="cache", argument="z")


@mean(22, cause="scaled_by_count")
def divided_by_batch_twice(dout, cache):
    p, t = cache
    n = len(t)
    d = (p - one_hot(t, p.shape[1])) / n
    return dout * d / n, None


def per_example(z, t):
    p = softmax(z)
    return -np.log(p[np.arange(len(t)), t]), (p, t)


each = partial(
    family.wrong, forward=per_example, inputs=labelled, style="rule", argument="z", op="softmax_cross_entropy"
)


@each(23, cause="sign")
def cross_entropy_sign(residuals, cotangent):
    p, t = residuals
    return cotangent[:, None] * (one_hot(t, p.shape[1]) - p), None


@each(27, cause="derivative_twice")
def softmax_slope_after_p_minus_t(residuals, cotangent):
    p, t = residuals
    return cotangent[:, None] * (p - one_hot(t, p.shape[1])) * p * (1 - p), None


@mean(30, cause="wrong_index")
def labels_as_a_column_in_backward(dout, cache):
    p, t = cache
    d = p.copy()
    d[np.arange(len(t)), t[:, None]] -= 1
    return dout * d / len(t), None


@each(31, cause="wrong_axis")
def softmax_over_the_batch_in_backward(residuals, cotangent):
    p, t = residuals
    q = softmax(np.log(p).T).T
    return cotangent[:, None] * (q - one_hot(t, p.shape[1])), None


@each(33, cause="part_missing")
def only_the_label_column(residuals, cotangent):
    p, t = residuals
    d = np.zeros_like(p)
    rows = np.arange(len(t))
    d[rows, t] = p[rows, t] - 1
    return cotangent[:, None] * d, None


@each(33, cause="term_missing")
def target_not_subtracted(residuals, cotangent):
    p, _t = residuals
    return cotangent[:, None] * p, None


@each(19, cause="ignores_cotangent")
def cross_entropy_ignores_upstream(residuals, cotangent):
    p, t = residuals
    return p - one_hot(t, p.shape[1]), None


@family.whole(
    21, "wrong backward", "layer", labelled, inputs_of_layer=2, ends_in_loss=True, argument="x", cause="scaled_by_count"
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


def mean_loss_with_epsilon(z, t):
    p = softmax(z)
    return -np.log(p[np.arange(len(t)), t] + 1e-7).mean(), (p, t)


@family.wrong(24, mean_loss_with_epsilon, labelled, style="cache", argument="z", cause="epsilon_one_side")
def epsilon_only_in_the_loss(dout, cache):
    p, t = cache
    return dout * (p - one_hot(t, p.shape[1])) / len(t), None


forward_wrong = partial(family.wrong_forward, argument="z", op="softmax_cross_entropy")


def backward(dout, z, t):
    return dout[:, None] * (softmax(z) - one_hot(t, z.shape[1])), None


def gap(size, seed):
    z, t = labelled(size, seed)
    z[1, (t[1] + 1) % z.shape[1]] += 800
    return z, t


@forward_wrong(26, backward, gap, cause="not_finite")
def logarithm_of_zero(z, t):
    with np.errstate(divide="ignore"):
        return -np.log(softmax(z)[np.arange(len(t)), t])


def epsilon_backward(dout, z, t):
    p = softmax(z)
    chosen = p[np.arange(len(t)), t][:, None]
    return dout[:, None] * chosen / (chosen + 1e-7) * (p - one_hot(t, z.shape[1])), None


@forward_wrong(24, epsilon_backward, labelled, cause="convention_static")
def epsilon_in_the_loss_and_its_gradient(z, t):
    return -np.log(softmax(z)[np.arange(len(t)), t] + 1e-7)


@family.control("", per_example, labelled, style="rule", op="softmax_cross_entropy")
def cross_entropy_of_each_example(residuals, cotangent):
    p, t = residuals
    return cotangent[:, None] * (p - one_hot(t, p.shape[1])), None


def in_single_precision(size, seed):
    z, t = labelled(size, seed)
    return z.astype(np.float32), t


@family.control(109, per_example, in_single_precision, style="rule", op="softmax_cross_entropy", precision="float32")
def cross_entropy_in_float32(residuals, cotangent):
    p, t = residuals
    return cotangent[:, None] * (p - one_hot(t, p.shape[1]).astype(np.float32)), None


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


def scores(size, seed):
    n, c = (3, 5) if size == "small" else (64, 100)
    (s,) = normal(seed, (n, c))
    return 2 * s, np.random.default_rng(seed + 1).integers(0, c, n)


def hinge(scores, labels):
    margins = np.maximum(0, scores - scores[np.arange(len(scores)), labels][:, None] + 1)
    margins[np.arange(len(scores)), labels] = 0
    return margins.sum(), (margins, labels)


@family.wrong(115, hinge, scores, style="cache", argument="scores", cause="not_accumulated")
def hinge_correct_class_subtracted_from_its_zero(dout, cache):
    margins, labels = cache
    d = (margins > 0).astype(float)
    d[np.arange(len(d)), labels] = -1
    return dout * d, None


@family.wrong(115, hinge, scores, style="cache", argument="scores", cause="part_missing", also="term_missing")
def hinge_correct_class_forgotten(dout, cache):
    margins, _labels = cache
    return dout * (margins > 0), None


def largest_violation(s, labels):
    r = np.arange(len(s))
    margins = s - s[r, labels][:, None] + 1
    margins[r, labels] = 0
    return margins.max(axis=1), (margins, labels)


def margins_of(size, seed):
    n, k = (5, 7) if size == "small" else (40, 12)
    (s,) = normal(seed, (n, k))
    return 2 * s, np.random.default_rng(seed + 1).integers(0, k, n)


@family.wrong(70, largest_violation, margins_of, style="cache", argument="s", cause="wrong_winner")
def every_violation_instead_of_the_largest(g, cache):
    margins, labels = cache
    d = (margins > 0).astype(float)
    d[np.arange(len(d)), labels] = -d.sum(axis=1)
    return g[:, None] * d, None


def with_equal_violations(size, seed):
    """The largest violation is reached by two classes in some rows."""
    s, labels = margins_of(size, seed)
    k = s.shape[1]
    for i in range(0, len(s), 2):
        s[i, (labels[i] + 1) % k] = s[i, (labels[i] + 2) % k] = s[i].max() + 1
    return s, labels


@family.control("F7", largest_violation, with_equal_violations, style="cache")
def largest_violation_shared_by_the_tied(g, cache):
    margins, labels = cache
    d = (margins == margins.max(axis=1, keepdims=True)).astype(float)
    d *= g[:, None] / d.sum(axis=1, keepdims=True)
    d[np.arange(len(d)), labels] -= d.sum(axis=1)
    return d, None


def sides(size, seed):
    (s,) = normal(seed, (13,) if size == "small" else (200,))
    return 1.5 * s, np.where(np.arange(len(s)) % 3, 1.0, -1.0)


@family.wrong(
    115,
    lambda s, y: (np.maximum(0, 1 - y * s) ** 3).sum(),
    sides,
    argument="s",
    constants=("y",),
    cause="derivative_missing",
)
def cubed_hinge_pushes_evenly(g, s, y):
    return -3 * g * y * (y * s < 1), None


pairs = sized(((5, 7), (5, 7)), ((40, 30), (40, 30)))


def of_targets(d):
    return d, -d


def with_mask(size, seed):
    y, t = pairs(size, seed)
    mask = np.random.default_rng(seed + 5).random(y.shape) < 0.6
    mask[:, 1] = True
    return y, t, mask


@family.wrong(
    29,
    lambda y, t, mask: ((mask * (y - t) ** 2).sum(axis=1) / mask.sum(axis=1)).mean(),
    with_mask,
    argument="y t",
    cause="mask_missing",
)
def masked_error_moves_what_is_masked(g, y, t, mask):
    return *of_targets(2 * g * (y - t) / mask.sum(axis=1, keepdims=True) / len(y)), None


def huber(y, t):
    return np.where(np.abs(y - t) < 0.6, 0.5 * (y - t) ** 2, 0.6 * (np.abs(y - t) - 0.3)).sum(axis=1)


@family.wrong(47, huber, pairs, argument="y t", cause="derivative_at_wrong_value")
def tails_told_by_the_target(g, y, t):
    return of_targets(g[:, None] * np.where(np.abs(t) < 0.6, y - t, 0.6 * np.sign(y - t)))
