"""Losses and cross-entropies of further kinds: ranking, masked, relative, sampled, with a focus or a temperature."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("losses")
pairs = sized(((5, 7), (5, 7)), ((40, 30), (40, 30)))
both = partial(family.wrong, inputs=pairs, argument="y t")
TEMPERATURE, FOCUS = 1.7, 2.5


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def of_targets(d):
    return d, -d


def positive(size, seed):
    y, t = pairs(size, seed)
    return np.exp(0.4 * y), np.exp(0.4 * t)


@family.wrong(
    23,
    lambda y, t: (np.abs(y - t) / t).mean(axis=1),
    positive,
    argument="y",
    constants=("t",),
    cause=("wrong_operand", "local_factor"),
)
def relative_error_by_the_prediction(g, y, t):
    return g[:, None] * np.sign(y - t) / y / y.shape[1], None


def ranking(size, seed):
    (s,) = normal(seed, (7,) if size == "small" else (40,))
    return (1.5 * s,)


@family.wrong(
    12,
    lambda s: np.maximum(0, 1 - (s[:, None] - s[None, :])).sum(),
    ranking,
    names=("s",),
    argument="s",
    cause=("use_dropped", "sum_term_missing"),
)
def ranking_moves_the_better_one_only(g, s):
    return -g * (1 - (s[:, None] - s[None, :]) > 0).sum(axis=1)


def with_mask(size, seed):
    y, t = pairs(size, seed)
    mask = np.random.default_rng(seed + 5).random(y.shape) < 0.6
    mask[:, 1] = True
    return y, t, mask


@family.wrong(
    29,
    lambda y, t, mask: (mask * (y - t) ** 2).sum() / mask.sum(),
    with_mask,
    argument="y t",
    cause=("ignored_rows", "scaled", "wrong_operand"),
)
def masked_error_over_all_entries(g, y, t, mask):
    return *of_targets(2 * g * mask * (y - t) / y.size), None


@family.wrong(
    29,
    lambda y, t, mask: ((mask * (y - t) ** 2).sum(axis=1) / mask.sum(axis=1)).mean(),
    with_mask,
    argument="y t",
    cause=("mask_missing", "ignored_rows"),
)
def masked_error_moves_what_is_masked(g, y, t, mask):
    return *of_targets(2 * g * (y - t) / mask.sum(axis=1, keepdims=True) / len(y)), None


@both(
    49,
    lambda y, t: np.where(np.abs(y - t) < 0.6, 0.5 * (y - t) ** 2, 0.6 * (np.abs(y - t) - 0.3)).sum(axis=1),
    cause=("partly_scaled", "sign", "local_factor", "derivative_missing", "isolated_entries"),
)
def tails_without_their_sign(g, y, t):
    return of_targets(g[:, None] * np.where(np.abs(y - t) < 0.6, y - t, 0.6))


@both(
    47,
    lambda y, t: np.where(np.abs(y - t) < 0.6, 0.5 * (y - t) ** 2, 0.6 * (np.abs(y - t) - 0.3)).sum(axis=1),
    cause=("mask_wrong", "local_factor", "isolated_entries"),
)
def tails_told_by_the_target(g, y, t):
    return of_targets(g[:, None] * np.where(np.abs(t) < 0.6, y - t, 0.6 * np.sign(y - t)))


def distilled(z, t):
    p, q = softmax(z / TEMPERATURE), softmax(t / TEMPERATURE)
    return TEMPERATURE**2 * (q * (np.log(q) - np.log(p))).sum(axis=1)


@family.wrong(
    110, distilled, pairs, names=("z", "t"), argument="z", constants=("t",), cause=("scaled", "scaled_by_static")
)
def distillation_without_its_squared_temperature(g, z, t):
    return g[:, None] * (softmax(z / TEMPERATURE) - softmax(t / TEMPERATURE)), None


@family.wrong(
    110,
    distilled,
    pairs,
    names=("z", "t"),
    argument="z",
    constants=("t",),
    cause=("wrong_operand", "static_ignored", "sum_term_missing"),
)
def teacher_at_temperature_one_in_backward(g, z, t):
    return g[:, None] * TEMPERATURE * (softmax(z / TEMPERATURE) - softmax(t)), None


def partners(size, seed):
    n, d = (5, 7) if size == "small" else (24, 16)
    return normal(seed, (n, d), (n, d))


def matching(u, v):
    s = u @ v.T / 3.0
    return -np.diag(np.log(softmax(s))), (u, v, s)


@family.wrong(
    88,
    matching,
    partners,
    style="cache",
    names=("u", "v"),
    argument="u v",
    cause=("coupled_over_wrong_axis", "wrong_operand"),
)
def partners_normalized_over_the_columns(g, cache):
    u, v, s = cache
    ds = g[:, None] * (softmax(s, axis=0) - np.eye(len(u))) / 3.0
    return ds @ v, ds.T @ u


@family.wrong(
    90, matching, partners, style="cache", names=("u", "v"), argument="v", cause=("wrong_operand", "not_transposed")
)
def partner_meets_its_own_row(g, cache):
    u, v, s = cache
    ds = g[:, None] * (softmax(s) - np.eye(len(u))) / 3.0
    return ds @ v, ds @ u


def labelled(size, seed):
    n, c = (7, 5) if size == "small" else (40, 12)
    return *normal(seed, (n, c)), np.random.default_rng(seed + 1).integers(0, c, n)


def picked(z, t):
    return softmax(z)[np.arange(len(t)), t]


def difference(z, t):
    return softmax(z) - np.eye(z.shape[1])[t]


labels = partial(family.wrong, inputs=labelled, names=("z", "t"), argument="z", family="cross_entropy")


@labels(
    28,
    lambda z, t: (1 - picked(z, t) ** 0.7) / 0.7,
    cause=("other_loss", "wrong_operand", "local_factor", "derivative_missing", "argument_factor_missing"),
)
def robust_entropy_with_the_gradient_of_the_plain_one(g, z, t):
    return g[:, None] * difference(z, t), None


@labels(
    12,
    lambda z, t: -np.log(picked(z, t)) + 1.5 * (1 - picked(z, t)),
    cause=("use_dropped", "sum_term_missing", "other_loss"),
)
def polynomial_term_without_gradient(g, z, t):
    return g[:, None] * difference(z, t), None


@labels(
    76,
    lambda z, t: -((1 - picked(z, t)) ** FOCUS) * np.log(picked(z, t)),
    cause=("use_dropped", "sum_term_missing"),
)
def focus_held_fixed_over_classes(g, z, t):
    return (g * (1 - picked(z, t)) ** FOCUS)[:, None] * difference(z, t), None


def sampled(size, seed):
    z, t = labelled(size, seed)
    return z, t, np.linspace(-3.0, -0.5, z.shape[1])


@family.wrong(
    23,
    lambda z, t, logq: -np.log(picked(z - logq, t)).mean(),
    sampled,
    family="cross_entropy",
    argument="z",
    constants=("logq",),
    cause=("wrong_operand", "sum_term_missing"),
)
def correction_of_the_samples_forgotten(g, z, t, logq):
    return g * difference(z, t) / len(t), None, None


def decisions(size, seed):
    (z,) = normal(seed, (5, 7) if size == "small" else (40, 30))
    t = (np.random.default_rng(seed + 1).random(z.shape) < 0.4).astype(float)
    t[:, :2] = [0.0, 1.0]
    return z, t


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


@family.wrong(
    49,
    lambda z, t: (2.5 * t * np.logaddexp(0, -z) + (1 - t) * np.logaddexp(0, z)).mean(),
    decisions,
    family="cross_entropy",
    argument="z",
    constants=("t",),
    cause=("sum_term_missing", "partly_scaled", "local_factor", "isolated_entries"),
)
def weight_on_the_target_alone(g, z, t):
    return g * (sigmoid(z) - 2.5 * t) / z.size, None


def steps(size, seed):
    s, b, v = (3, 5, 7) if size == "small" else (11, 8, 25)
    return *normal(seed, (s, b, v)), np.random.default_rng(seed + 1).integers(0, v, (s, b))


@family.whole(
    22,
    "wrong backward",
    "layer",
    steps,
    family="cross_entropy",
    inputs_of_layer=2,
    ends_in_loss=True,
    argument="z",
    cause=("scaled_by_size", "scaled_by_batch", "scaled"),
)
class TimeMajorLossDividedByTheSteps:
    def forward(self, z, t):
        self.p, self.t = softmax(z), t
        picked = np.take_along_axis(self.p, t[..., None], -1)
        return -np.log(picked).sum() / t.shape[1]

    def backward(self, dout=1.0):
        d = self.p - np.eye(self.p.shape[-1])[self.t]
        return dout * d / self.t.shape[0]
