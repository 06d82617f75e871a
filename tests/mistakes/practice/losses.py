"""Losses of differences, margins, pairs and distributions."""

import numpy as np

from ..case import Family, normal, sized

family = Family("losses")

PAIR = sized(((5, 3), (5, 3)), ((24, 11), (24, 11)))
CHAIN = sized(((5, 3), (5, 3), (5, 3)), ((24, 11), (24, 11), (24, 11)))


def wrong(number, forward, inputs=PAIR, **more):
    more.setdefault("constants", ("t",))
    more.setdefault("argument", "y")
    return family.wrong(number, forward, inputs, **more)


def pseudo_huber(y, t):
    return np.sum(np.sqrt(1 + ((y - t) / 0.7) ** 2) - 1) * 0.49


@wrong(15, pseudo_huber, cause=("scaled_by_static", "scaled", "static_ignored"))
def pseudo_huber_delta_once(g, y, t):
    e = y - t
    return g * 0.7 * e / np.sqrt(1 + (e / 0.7) ** 2), None


@wrong(
    45,
    pseudo_huber,
    cause=("other_loss", "wrong_derivative", "local_factor", "argument_factor_missing", "sum_term_missing"),
)
def pseudo_huber_without_the_root(g, y, t):
    return g * (y - t), None


TAU = 0.3


def pinball(y, t):
    e = t - y
    return np.mean(np.maximum(TAU * e, (TAU - 1) * e))


@wrong(49, pinball, cause=("mask_wrong", "wrong_derivative", "local_factor"))
def pinball_with_its_sides_exchanged(g, y, t):
    e = t - y
    return g * np.where(e > 0, 1 - TAU, -TAU) / y.size, None


@wrong(18, pinball, cause="sign")
def pinball_pushes_away(g, y, t):
    e = t - y
    return g * np.where(e > 0, TAU, TAU - 1) / y.size, None


@wrong(49, pinball, cause=("static_ignored", "partly_scaled", "local_factor", "wrong_derivative"))
def pinball_at_the_median(g, y, t):
    e = t - y
    return g * np.where(e > 0, -0.5, 0.5) / y.size, None


@wrong(28, pinball, cause=("other_loss", "local_factor", "wrong_derivative"))
def pinball_by_squares(g, y, t):
    return g * (y - t) / y.size, None


def quartic(y, t):
    return ((y - t) ** 4).sum() / len(y)


@wrong(15, quartic, cause=("scaled", "scaled_by_two"))
def quartic_with_the_two_of_squares(g, y, t):
    return g * 2 * (y - t) ** 3 / len(y), None


@wrong(28, quartic, cause=("other_loss", "wrong_derivative", "local_factor"))
def quartic_with_the_slope_of_the_square(g, y, t):
    return g * 2 * (y - t) / len(y), None


@wrong(
    17,
    lambda y, t: np.sqrt(np.mean((y - t) ** 2)),
    cause=("scaled", "sum_term_missing", "argument_factor_missing", "derivative_missing"),
)
def root_mean_square_without_its_root(g, y, t):
    return g * 2 * (y - t) / y.size, None


@wrong(
    16,
    lambda y, t: np.sqrt(((y - t) ** 2).sum(1)).mean(),
    cause=("other_loss", "sum_term_missing", "derivative_missing", "local_factor"),
)
def distance_without_its_norm(g, y, t):
    return g * (y - t) / len(y), None


@wrong(88, lambda y, t: np.sqrt(((y - t) ** 2).sum(1)).mean(), cause="coupled_over_wrong_axis")
def distance_norm_over_the_batch(g, y, t):
    e = y - t
    return g * e / np.sqrt((e**2).sum(0)) / len(y), None


def cosine(y, t):
    return 1 - (y * t).sum(1) / (np.linalg.norm(y, axis=1) * np.linalg.norm(t, axis=1))


@wrong(76, cosine, cause=("sum_term_missing", "centered_term_missing", "statistics_as_constants"))
def cosine_with_norms_as_constants(g, y, t):
    n = np.linalg.norm(y, axis=1, keepdims=True) * np.linalg.norm(t, axis=1, keepdims=True)
    return -g[:, None] * t / n, None


@wrong(18, cosine, cause="sign")
def cosine_similarity_not_distance(g, y, t):
    a, b = np.linalg.norm(y, axis=1, keepdims=True), np.linalg.norm(t, axis=1, keepdims=True)
    c = (y * t).sum(1, keepdims=True) / (a * b)
    return g[:, None] * (t / (a * b) - c * y / a**2), None


@wrong(45, cosine, cause=("wrong_operand", "argument_factor_missing", "scaled", "sum_term_missing"))
def cosine_norm_not_squared(g, y, t):
    a, b = np.linalg.norm(y, axis=1, keepdims=True), np.linalg.norm(t, axis=1, keepdims=True)
    c = (y * t).sum(1, keepdims=True) / (a * b)
    return -g[:, None] * (t / (a * b) - c * y / a), None


MARGIN = 0.8


def triplet(a, p, n):
    return np.maximum(((a - p) ** 2).sum(1) - ((a - n) ** 2).sum(1) + MARGIN, 0).mean()


def triplet_backward(g, a, p, n, active=None, anchor=lambda p, n, a: n - p, scale=2.0):
    live = ((a - p) ** 2).sum(1) - ((a - n) ** 2).sum(1) + MARGIN > 0 if active is None else active(a, p, n)
    m = g * scale * live[:, None] / len(a)
    return m * anchor(p, n, a), m * (p - a), m * (a - n)


@family.wrong(48, triplet, CHAIN, cause=("mask_missing", "isolated_entries"))
def triplet_pulls_satisfied_ones_too(g, a, p, n):
    return triplet_backward(g, a, p, n, active=lambda a, p, n: np.ones(len(a)))


def near_triplets(size, seed):
    """So close together that the margin decides in several of them."""
    return tuple(0.3 * points for points in CHAIN(size, seed))


@family.wrong(48, triplet, near_triplets, cause=("mask_wrong", "static_ignored", "entries_not_written"))
def triplet_forgets_its_margin(g, a, p, n):
    return triplet_backward(g, a, p, n, active=lambda a, p, n: ((a - p) ** 2).sum(1) > ((a - n) ** 2).sum(1))


@family.wrong(12, triplet, CHAIN, argument="a", cause=("use_dropped", "sum_term_missing"))
def triplet_anchor_leaves_the_negative_alone(g, a, p, n):
    return triplet_backward(g, a, p, n, anchor=lambda p, n, a: a - p)


@family.wrong(18, triplet, CHAIN, argument="n", cause="sign")
def triplet_attracts_the_negative(g, a, p, n):
    da, dp, dn = triplet_backward(g, a, p, n)
    return da, dp, -dn


def contrastive_inputs(size, seed):
    n, d = (7, 3) if size == "small" else (30, 5)
    a, b = normal(seed, (n, d), (n, d))
    return 0.5 * a, 0.5 * b, (np.arange(n) % 2).astype(float)


def contrastive(a, b, same):
    d = np.sqrt(((a - b) ** 2).sum(1))
    return (same * d**2 + (1 - same) * np.maximum(1.5 - d, 0) ** 2).sum() / 2


def contrastive_backward(g, a, b, same, push=lambda d: np.maximum(1.5 - d, 0), divide=True):
    e = a - b
    d = np.sqrt((e**2).sum(1))
    by = -(1 - same) * push(d) / (d if divide else 1)
    m = g * (same + by)[:, None] * e
    return m, -m, None


@family.wrong(
    48, contrastive, contrastive_inputs, constants=("same",), argument="a b", cause=("mask_missing", "isolated_entries")
)
def contrastive_pushes_beyond_the_margin(g, a, b, same):
    return contrastive_backward(g, a, b, same, push=lambda d: 1.5 - d)


@family.wrong(
    9,
    contrastive,
    contrastive_inputs,
    constants=("same",),
    argument="a b",
    cause=("sum_term_missing", "derivative_missing", "local_factor", "argument_factor_missing", "wrong_operand"),
)
def contrastive_direction_not_normalized(g, a, b, same):
    return contrastive_backward(g, a, b, same, divide=False)


def distributions(size, seed):
    y, t = PAIR(size, seed)
    q = np.exp(t) / np.exp(t).sum(1, keepdims=True)
    return y, q


def soft(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


HEAT = 2.5


def distilled(y, t):
    return HEAT**2 * (t * (np.log(t) - np.log(soft(y / HEAT)))).sum() / len(y)


@wrong(110, distilled, distributions, cause=("scaled_by_static", "scaled"))
def distillation_temperature_left_in(g, y, t):
    return g * (soft(y / HEAT) - t) / len(y), None


@wrong(110, distilled, distributions, cause=("static_ignored", "wrong_operand"))
def distillation_without_heat_in_its_softmax(g, y, t):
    return g * HEAT * (soft(y) - t) / len(y), None


@wrong(28, distilled, distributions, cause=("other_loss", "derivative_twice"))
def distillation_by_squared_probabilities(g, y, t):
    p = soft(y / HEAT)
    e = p - t
    return g * HEAT * p * (e - (p * e).sum(1, keepdims=True)) / len(y), None


def gaussian_nll(y, s, t):
    return 0.5 * (s + (y - t) ** 2 * np.exp(-s)).mean()


def gaussian_backward(g, y, s, t, precision=lambda s: np.exp(-s), one=1.0):
    e, w = y - t, precision(s)
    return g * e * w / y.size, g * 0.5 * (one - e**2 * np.exp(-s)) / y.size, None


@family.wrong(
    9,
    gaussian_nll,
    CHAIN,
    names=("y", "s", "t"),
    constants=("t",),
    argument="y",
    cause=("argument_factor_missing", "other_loss", "wrong_operand", "sum_term_missing"),
)
def gaussian_mean_without_its_precision(g, y, s, t):
    return gaussian_backward(g, y, s, t, precision=lambda s: 1.0)


@family.wrong(
    23,
    gaussian_nll,
    CHAIN,
    names=("y", "s", "t"),
    constants=("t",),
    argument="y",
    cause=("wrong_operand", "sign", "wrong_derivative"),
)
def gaussian_mean_times_its_variance(g, y, s, t):
    return gaussian_backward(g, y, s, t, precision=np.exp)


@family.wrong(
    76,
    gaussian_nll,
    CHAIN,
    names=("y", "s", "t"),
    constants=("t",),
    argument="s",
    cause=("sum_term_missing", "use_dropped"),
)
def gaussian_spread_without_its_own_term(g, y, s, t):
    return gaussian_backward(g, y, s, t, one=0.0)


def poisson(y, t):
    return (np.exp(y) - t * y).sum(1)


@wrong(22, poisson, cause="sum_term_missing")
def poisson_rate_without_counts(g, y, t):
    return g[:, None] * np.exp(y), None


@wrong(45, poisson, cause=("wrong_derivative", "derivative_missing", "wrong_operand", "other_loss"))
def poisson_log_rate_for_the_rate(g, y, t):
    return g[:, None] * (y - t), None


@wrong(65, lambda y, t: ((y - t) ** 2).sum(1).mean(), cause=("last_sample_only", "entries_not_written"))
def squares_written_for_the_last_example(g, y, t):
    dy = np.zeros_like(y)
    for i in range(len(y)):
        dy[-1] = g * 2 * (y[i] - t[i]) / len(y)
    return dy, None


def hinge_inputs(size, seed):
    (y, t) = PAIR(size, seed)
    return 2 * y, np.where(t > 0, 1.0, -1.0)


def squared_hinge(y, t):
    return (np.maximum(1 - t * y, 0) ** 2).mean()


@wrong(115, squared_hinge, hinge_inputs, cause=("derivative_missing", "other_loss", "wrong_derivative", "local_factor"))
def squared_hinge_with_the_slope_of_the_hinge(g, y, t):
    return -g * t * (1 - t * y > 0) / y.size, None


@wrong(48, squared_hinge, hinge_inputs, cause=("mask_missing", "isolated_entries"))
def squared_hinge_open_for_all(g, y, t):
    return -2 * g * t * (1 - t * y) / y.size, None


@wrong(18, squared_hinge, hinge_inputs, cause=("argument_factor_missing", "wrong_operand", "sign", "partly_scaled"))
def squared_hinge_without_its_label(g, y, t):
    return -2 * g * np.maximum(1 - t * y, 0) / y.size, None
