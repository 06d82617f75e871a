"""Losses, softmax, normalization, noise and penalties beside activations: composites of several kinds."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("activations")
loss = partial(family.wrong, family="losses")
entropy = partial(family.wrong, family="cross_entropy")
squash = partial(family.wrong, family="softmax")
norm = partial(family.wrong, family="normalization")
noise = partial(family.wrong, family="dropout_embedding")
decay = partial(family.wrong, family="regularisation")

X = sized(((4, 6),), ((23, 36),))
TWO = sized(((7, 3), (7, 3)), ((24, 11), (24, 11)))


def gate(v):
    return 1 / (1 + np.exp(-v))


def loglog(v):
    return 1 - np.exp(-np.exp(v))


@family.wrong(45, loglog, X, cause=("derivative_missing", "wrong_derivative", "local_factor", "sum_term_missing"))
def loglog_without_its_inner_slope(d, v):
    return d * np.exp(-np.exp(v))


@family.wrong(18, loglog, X, cause="sign")
def loglog_of_the_wrong_sign(d, v):
    return -d * np.exp(v - np.exp(v))


def penalized_tanh(v):
    h = np.tanh(v)
    return np.where(v > 0, h, 0.25 * h)


@family.wrong(49, penalized_tanh, X, cause=("static_ignored", "partly_scaled", "local_factor"))
def penalized_tanh_whole_on_both_sides(d, v):
    return d * (1 - np.tanh(v) ** 2)


@family.wrong(43, penalized_tanh, X, cause=("derivative_missing", "mask_missing", "wrong_derivative", "local_factor"))
def penalized_tanh_with_its_factor_alone(d, v):
    return d * np.where(v > 0, 1.0, 0.25)


def pairs_of(v):
    a, b = v[:, ::2], v[:, 1::2]
    return np.sqrt(a**2 + b**2 + 0.1)


@family.wrong(12, pairs_of, X, cause=("entries_not_written", "use_dropped"))
def lengths_of_pairs_reach_the_even_entries(d, v):
    g = np.zeros_like(v)
    g[:, ::2] = d * v[:, ::2] / pairs_of(v)
    return g


@family.wrong(45, pairs_of, X, cause=("scaled_by_two", "derivative_missing", "wrong_derivative"))
def lengths_of_pairs_by_their_squares(d, v):
    g = np.empty_like(v)
    g[:, ::2], g[:, 1::2] = 2 * d * v[:, ::2], 2 * d * v[:, 1::2]
    return g


def smooth_hinge(score, side):
    return np.logaddexp(0, 1 - side * score).sum(1)


def sided(size, seed):
    s, t = TWO(size, seed)
    return s, np.sign(t)


@loss(
    48,
    smooth_hinge,
    sided,
    constants=("side",),
    argument="score",
    cause=("wrong_derivative", "mask_wrong", "other_loss", "approximation_one_side", "local_factor"),
)
def smooth_hinge_by_the_sharp_one(d, score, side):
    return -d[:, None] * side * (1 - side * score > 0), None


@loss(
    18,
    smooth_hinge,
    sided,
    constants=("side",),
    argument="score",
    cause=("argument_factor_missing", "partly_scaled", "wrong_operand", "sign"),
)
def smooth_hinge_without_its_side(d, score, side):
    return -d[:, None] * gate(1 - side * score), None


def huberized(y, t):
    e = np.abs(y - t)
    return np.sum(np.where(e < 0.8, 0.5 * e**2 / 0.8, e - 0.4))


@loss(
    49,
    huberized,
    TWO,
    constants=("t",),
    argument="y",
    cause=("partly_scaled", "static_ignored", "local_factor", "scaled", "scaled_by_static"),
)
def smooth_l1_without_its_beta(d, y, t):
    e = y - t
    return d * np.where(np.abs(e) < 0.8, e, np.sign(e)), None


@loss(
    48,
    huberized,
    TWO,
    constants=("t",),
    argument="y",
    cause=("other_loss", "wrong_derivative", "local_factor", "static_ignored"),
)
def smooth_l1_sharp_everywhere(d, y, t):
    return d * np.sign(y - t), None


def standardized_error(y, t):
    s = np.sqrt((t**2).mean(0) + 0.2)
    return (((y - t) / s) ** 2).mean()


@loss(
    23,
    standardized_error,
    TWO,
    constants=("t",),
    argument="y",
    cause=("wrong_operand", "argument_factor_missing", "sum_term_missing", "derivative_missing"),
)
def standardized_error_divided_once(d, y, t):
    return d * 2 * (y - t) / np.sqrt((t**2).mean(0) + 0.2) / y.size, None


def labelled(size, seed):
    n, k = (7, 4) if size == "small" else (24, 11)
    return (*normal(seed, (n, k)), (np.arange(n) * 3 + seed) % k)


def probs(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def poly(z, t):
    p = probs(z)[np.arange(len(t)), t]
    return (-np.log(p) + 0.6 * (1 - p)).mean()


def poly_backward(d, z, t, second=0.6, first=1.0):
    p, rows = probs(z), np.arange(len(t))
    by = -first / p[rows, t] - second
    return d * (by * p[rows, t])[:, None] * (np.eye(z.shape[1])[t] - p) / len(t), None


@entropy(28, poly, labelled, argument="z", cause=("sum_term_missing", "use_dropped", "other_loss"))
def poly_loss_without_its_polynomial(d, z, t):
    return poly_backward(d, z, t, second=0)


@entropy(18, poly, labelled, argument="z", cause=("sum_term_missing", "sign", "use_dropped"))
def poly_loss_with_its_polynomial_turned(d, z, t):
    return poly_backward(d, z, t, second=-0.6)


@entropy(
    28,
    lambda z, t: 1 - probs(z)[np.arange(len(t)), t].mean(),
    labelled,
    argument="z",
    cause=("wrong_derivative", "derivative_missing", "other_loss", "diagonal_only"),
)
def mean_error_by_cross_entropy(d, z, t):
    return d * (probs(z) - np.eye(z.shape[1])[t]) / len(t), None


@entropy(
    32,
    lambda z, t: 1 - probs(z)[np.arange(len(t)), t].mean(),
    labelled,
    argument="z",
    cause=("diagonal_only", "entries_not_written"),
)
def mean_error_by_the_labels_column(d, z, t):
    p = probs(z)
    return -d * np.eye(z.shape[1])[t] * p * (1 - p) / len(t), None


def centered_softmax(v):
    return probs(v) - 1 / v.shape[-1]


@squash(33, centered_softmax, X, cause=("identity", "derivative_missing"))
def centered_softmax_passed_through(d, v):
    return d


@squash(32, centered_softmax, X, cause=("wrong_operand", "sum_term_missing", "derivative_at_output"))
def centered_softmax_by_its_own_output(d, v):
    y = centered_softmax(v)
    return y * (d - (y * d).sum(-1, keepdims=True))


@squash(32, centered_softmax, X, cause=("sum_term_missing", "coupled_over_wrong_axis"))
def centered_softmax_less_the_mean_cotangent(d, v):
    return probs(v) * (d - d.mean(-1, keepdims=True))


def scaled_rows(size, seed):
    x, g = normal(seed, *(((5, 7), (7,)) if size == "small" else ((23, 37), (37,))))
    return x + 0.3, 1 + 0.3 * g


def max_scaled(x, g):
    return g * (x - x.mean(-1, keepdims=True)) / (1 + np.abs(x).max(-1, keepdims=True))


@norm(
    76,
    max_scaled,
    scaled_rows,
    argument="x",
    cause=("sum_term_missing", "statistics_as_constants", "use_dropped", "isolated_entries"),
)
def largest_entry_as_a_constant(d, x, g):
    c, m = x - x.mean(-1, keepdims=True), 1 + np.abs(x).max(-1, keepdims=True)
    h = d * g / m
    return h - h.mean(-1, keepdims=True), (d * c / m).sum(0)


def rank_one(size, seed):
    n, a, b, r = (5, 4, 3, 2) if size == "small" else (23, 13, 11, 5)
    return normal(seed, (n, a), (a, b), (a, r), (r, b))


def low_rank(x, W, A, B):
    return x @ (W + 0.5 * A @ B)


@decay(113, low_rank, rank_one, argument="x", cause=("sum_term_missing", "use_dropped"))
def low_rank_part_not_carried_back(d, x, W, A, B):
    dM = x.T @ d
    return d @ W.T, dM, 0.5 * dM @ B.T, 0.5 * A.T @ dM


@decay(110, low_rank, rank_one, argument="A B", cause=("scaled_by_two", "scaled", "scaled_by_static"))
def low_rank_scale_forgotten(d, x, W, A, B):
    dM = x.T @ d
    return d @ (W + 0.5 * A @ B).T, dM, dM @ B.T, A.T @ dM


def times_noise(size, seed):
    x, s = normal(seed, *(((5, 4), (4,)) if size == "small" else ((23, 13), (13,))))
    return x, s, normal(seed + 2, x.shape)[0]


def jittered(x, s, n):
    return np.tanh(x * (1 + np.log1p(np.exp(s)) * n))


def jittered_backward(d, x, s, n, of_x=None, of_s=None):
    w = np.log1p(np.exp(s))
    h = d * (1 - np.tanh(x * (1 + w * n)) ** 2)
    return (
        h * (1 + w * n if of_x is None else of_x(w, n)),
        (h * x * n * (gate(s) if of_s is None else of_s)).sum(0),
        None,
    )


jitter = partial(family.wrong, family="dropout_embedding", forward=jittered, inputs=times_noise, constants=("n",))


@jitter(96, argument="x", cause=("derivative_missing", "argument_factor_missing", "sum_term_missing", "mask_missing"))
def jitter_left_out_on_the_way_back(d, x, s, n):
    return jittered_backward(d, x, s, n, of_x=lambda w, n: 1.0)


@jitter(98, argument="x", cause=("sum_term_missing", "wrong_operand", "use_dropped"))
def jitter_without_its_one(d, x, s, n):
    return jittered_backward(d, x, s, n, of_x=lambda w, n: w * n)


@jitter(9, argument="s", cause=("derivative_missing",))
def jitter_scale_without_its_slope(d, x, s, n):
    return jittered_backward(d, x, s, n, of_s=1.0)


@jitter(45, argument="s", cause=("wrong_derivative", "local_factor"))
def jitter_scale_with_the_slope_of_exp(d, x, s, n):
    return jittered_backward(d, x, s, n, of_s=np.exp(s))
