"""Losses of distances, overlaps and distributions: triplet, cosine, KL, focal, Dice, contrastive."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized
from .cross_entropy import log_softmax, softmax
from .cross_entropy_binary import decisions, sigmoid

family = Family("losses")
GAMMA, SCALE = 2.0, 4.0

three = sized(((7, 5),) * 3, ((40, 16),) * 3)
two = sized(((7, 5),) * 2, ((40, 16),) * 2)


def triplet(a, p, n):
    return np.maximum(0, ((a - p) ** 2).sum(axis=1) - ((a - n) ** 2).sum(axis=1) + 0.5)


def active(a, p, n):
    return (triplet(a, p, n) > 0)[:, None]


of_three = partial(family.wrong, forward=triplet, inputs=three)


@of_three(12, argument="a", cause=("use_dropped", "sum_term_missing"))
def triplet_anchor_pulled_only(g, a, p, n):
    w = 2 * g[:, None] * active(a, p, n)
    return w * (a - p), w * (p - a), w * (a - n)


@of_three(96, argument="a p n", cause=("mask_missing", "derivative_missing"))
def triplet_satisfied_examples_still_move(g, a, p, n):
    w = 2 * g[:, None]
    return w * (n - p), w * (p - a), w * (a - n)


@of_three(18, argument="n", cause="sign")
def triplet_negative_pulled_like_the_positive(g, a, p, n):
    w = 2 * g[:, None] * active(a, p, n)
    return w * (n - p), w * (p - a), w * (n - a)


@of_three(13, argument="p n", cause="arguments_swapped")
def triplet_positive_and_negative_swapped(g, a, p, n):
    w = 2 * g[:, None] * active(a, p, n)
    return w * (n - p), w * (a - n), w * (p - a)


def contrastive(u, v, same):
    d = np.sqrt(((u - v) ** 2).sum(axis=1))
    return same * d**2 + (1 - same) * np.maximum(0, 3.0 - d) ** 2


def labelled_pairs(size, seed):
    u, v = two(size, seed)
    shrink = 1.4 / np.sqrt(u.shape[1])
    return shrink * u, shrink * v, (np.arange(len(u)) % 2).astype(float)


@family.wrong(
    23,
    contrastive,
    labelled_pairs,
    argument="u v",
    constants=("same",),
    cause=("local_factor", "sum_term_missing"),
)
def contrastive_push_not_divided_by_the_distance(g, u, v, same):
    d = np.sqrt(((u - v) ** 2).sum(axis=1))
    w = 2 * g * (same - (1 - same) * np.maximum(0, 3.0 - d))
    du = w[:, None] * (u - v)
    return du, -du, None


def cosine(u, v):
    nu, nv = np.linalg.norm(u, axis=1), np.linalg.norm(v, axis=1)
    similarity = (u * v).sum(axis=1) / (nu * nv)
    return 1 - similarity, {"u": u, "v": v, "nu": nu[:, None], "nv": nv[:, None], "cos": similarity[:, None]}


angle = partial(family.wrong, forward=cosine, inputs=two, style="rule")


def turned(c):
    """The gradient of the similarity to both arguments."""
    u, v, nu, nv, cos = (c[k] for k in ("u", "v", "nu", "nv", "cos"))
    return v / (nu * nv) - cos * u / nu**2, u / (nu * nv) - cos * v / nv**2


@angle(76, argument="u v", cause=("use_dropped", "sum_term_missing"))
def cosine_lengths_held_fixed(c, g):
    w = -g[:, None] / (c["nu"] * c["nv"])
    return w * c["v"], w * c["u"]


@angle(23, argument="u", cause=("wrong_operand", "sum_term_missing"))
def cosine_projection_by_the_other_length(c, g):
    du = c["v"] / (c["nu"] * c["nv"]) - c["cos"] * c["u"] / c["nv"] ** 2
    return -g[:, None] * du, -g[:, None] * turned(c)[1]


@angle(18, argument="u v", cause="sign")
def cosine_similarity_for_cosine_distance(c, g):
    du, dv = turned(c)
    return g[:, None] * du, g[:, None] * dv


def predicted(size, seed):
    u, v = two(size, seed)
    return log_softmax(u), softmax(v)


def kl(log_q, t):
    return (t * (np.log(t) - log_q)).sum(axis=-1)


divergence = partial(family.wrong, forward=kl, inputs=predicted, op="kl_divergence")


@divergence(37, argument="log_q", cause=("sum_term_missing", "other_loss", "wrong_derivative", "local_factor"))
def divergence_gradient_of_the_logits(g, log_q, t):
    return g[:, None] * (np.exp(log_q) - t), g[:, None] * (np.log(t) - log_q + 1)


@divergence(32, argument="t", cause=("sum_term_missing", "use_dropped", "local_factor"))
def divergence_target_without_the_slope_of_its_logarithm(g, log_q, t):
    return -g[:, None] * t, g[:, None] * (np.log(t) - log_q)


@divergence(23, argument="log_q", cause=("wrong_operand", "wrong_derivative", "local_factor"))
def divergence_divided_by_the_prediction(g, log_q, t):
    return -g[:, None] * t / np.exp(log_q), g[:, None] * (np.log(t) - log_q + 1)


def focal(z, t):
    pt = np.where(t > 0, sigmoid(z), sigmoid(-z))
    return -((1 - pt) ** GAMMA) * np.log(pt), (pt, t)


focused = partial(family.wrong, forward=focal, inputs=decisions, style="cache", argument="z", constants=("t",))


@focused(76, cause=("use_dropped", "sum_term_missing", "local_factor"))
def focal_weight_held_fixed(g, cache):
    pt, t = cache
    return g * (2 * t - 1) * -((1 - pt) ** (GAMMA + 1)), None


@focused(28, cause=("derivative_missing", "local_factor"))
def focal_gradient_of_the_probability(g, cache):
    pt, t = cache
    dp = GAMMA * (1 - pt) ** (GAMMA - 1) * np.log(pt) - (1 - pt) ** GAMMA / pt
    return g * (2 * t - 1) * dp, None


def maps(size, seed):
    z, t = decisions(size, seed)
    return sigmoid(z), t


def dice(p, t):
    overlap, total = (p * t).sum(axis=1), (p + t).sum(axis=1)
    return 1 - 2 * overlap / total, (t, overlap[:, None], total[:, None])


@family.wrong(76, dice, maps, style="cache", argument="p", constants=("t",), cause=("use_dropped", "sum_term_missing"))
def dice_total_held_fixed(g, cache):
    t, _, total = cache
    return -2 * g[:, None] * t / total, None


@family.wrong(
    23, dice, maps, style="cache", argument="p", constants=("t",), cause=("wrong_operand", "sum_term_missing")
)
def dice_second_term_by_the_total(g, cache):
    t, overlap, total = cache
    return -2 * g[:, None] * (t / total - overlap / total), None


def matching(u, v):
    """Rows should find their partners among columns, and columns among rows."""
    scores = u @ v.T / SCALE
    losses = -np.diag(log_softmax(scores)) - np.diag(log_softmax(scores.T))
    return losses.mean() / 2, (u, v, scores)


matched = partial(family.wrong, forward=matching, inputs=two, style="rule", argument="u v")


@matched(113, cause=("use_dropped", "sum_term_missing"))
def matching_of_columns_not_differentiated(saved, g):
    u, v, scores = saved
    ds = g * (softmax(scores) - np.eye(len(u))) / (2 * len(u) * SCALE)
    return ds @ v, ds.T @ u


@matched(110, cause=("scaled_by_static", "scaled"))
def matching_scale_left_out(saved, g):
    u, v, scores = saved
    ds = g * (softmax(scores) + softmax(scores, axis=0) - 2 * np.eye(len(u))) / (2 * len(u))
    return ds @ v, ds.T @ u


@family.wrong(
    15,
    lambda mean, log_variance: -0.5 * (1 + log_variance - mean**2 - np.exp(log_variance)).sum(axis=1),
    two,
    argument="log_variance",
    cause="scaled_by_two",
)
def variational_divergence_without_its_half(g, mean, log_variance):
    return g[:, None] * mean, g[:, None] * (np.exp(log_variance) - 1)


def uncentered(size, seed):
    y, t = normal(seed, *2 * [(11,) if size == "small" else (200,)])
    return y, t + 1.3


@family.wrong(
    77,
    lambda y, t: 1 - np.corrcoef(y, t)[0, 1],
    uncentered,
    argument="y",
    constants=("t",),
    cause=("mean_term_missing", "sum_term_missing", "wrong_operand"),
)
def correlation_with_targets_not_centered(g, y, t):
    yc, tc = y - y.mean(), t - t.mean()
    ny, nt = np.linalg.norm(yc), np.linalg.norm(tc)
    return -g * (t / nt - (yc @ tc) / (ny * nt) * yc / ny) / ny, None
