"""Normalization over groups of channels, over sequences, and by lengths alone."""

import numpy as np

from ..case import Family, normal, sized
from .normalization import EPS, full

family = Family("normalization")

CHANNELS = sized(((3, 4, 5), (4,), (4,)), ((8, 12, 10), (12,), (12,)))

RMS = sized(((5, 7), (7,)), ((24, 30), (30,)))


def rms_norm(x, w):
    r = 1 / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-6)
    return x * r * w


@family.wrong(84, rms_norm, RMS, cause=("statistics_as_constants", "centered_term_missing"), argument="x")
def root_mean_square_frozen(g, x, w):
    r = 1 / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-6)
    return g * w * r, (g * x * r).sum(0)


def unit_rows(x):
    length = np.sqrt((x * x).sum(1, keepdims=True))
    return x / length, (x / length, length)


@family.wrong(
    84,
    unit_rows,
    sized(((5, 4),), ((24, 16),)),
    style="rule",
    argument="x",
    cause=("sum_term_missing", "statistics_as_constants", "centered_term_missing", "diagonal_only"),
)
def length_frozen(saved, g):
    _, length = saved
    return g / length


def groupnorm(x, gamma, beta):
    """x (N, C, L) in two groups of channels."""
    v = x.reshape(len(x), 2, -1)
    std = np.sqrt(v.var(-1, keepdims=True) + EPS)
    n = ((v - v.mean(-1, keepdims=True)) / std).reshape(x.shape)
    return n * gamma[:, None] + beta[:, None], (n, std, gamma)


@family.wrong(95, groupnorm, CHANNELS, style="rule", cause="argument_factor_missing", argument="x")
def scale_unused_in_groups(res, dy):
    n, std, _ = res
    grouped = (len(n), 2, -1)
    dx = full(dy.reshape(grouped), n.reshape(grouped), std, -1).reshape(n.shape)
    return dx, (dy * n).sum((0, 2)), dy.sum((0, 2))


@family.wrong(90, groupnorm, CHANNELS, style="rule", cause=("row_permuted", "reordered"), argument="gamma")
def scale_stored_by_position_in_group(res, dy):
    n, std, gamma = res
    grouped, c = (len(n), 2, -1), len(gamma)
    dx = full((dy * gamma[:, None]).reshape(grouped), n.reshape(grouped), std, -1).reshape(n.shape)
    dgamma = np.zeros_like(gamma)
    for channel in range(c):
        group, place = divmod(channel, c // 2)
        dgamma[place * 2 + group] = (dy[:, channel] * n[:, channel]).sum()
    return dx, dgamma, dy.sum((0, 2))


def sequence_batchnorm(x, gamma, beta):
    """x (N, T, D), statistics over N and T."""
    std = np.sqrt(x.var((0, 1)) + EPS)
    n = (x - x.mean((0, 1))) / std
    return gamma * n + beta, (n, gamma, std)


@family.wrong(
    89,
    sequence_batchnorm,
    sized(((5, 3, 4), (4,), (4,)), ((8, 10, 12), (12,), (12,))),
    style="cache",
    cause=("statistics_as_constants", "mean_term_missing", "centered_term_missing"),
    argument="x",
)
def count_of_the_first_axis(dout, cache):
    n, gamma, std = cache
    m, d = n.shape[0] * 1.0, dout * gamma
    dx = (d - d.sum((0, 1)) / m - n * (d * n).sum((0, 1)) / m) / std
    return dx, (dout * n).sum((0, 1)), dout.sum((0, 1))


def frames(size, seed):
    return normal(seed, *(((3, 4, 5), (4,), (4,)) if size == "small" else ((8, 12, 10), (12,), (12,))))


@family.wrong(64, groupnorm, frames, style="rule", cause=("wrong_shape", "not_reduced"), argument="beta")
def shift_summed_over_the_batch_only(res, dy):
    n, std, gamma = res
    grouped = (len(n), 2, -1)
    dx = full((dy * gamma[:, None]).reshape(grouped), n.reshape(grouped), std, -1).reshape(n.shape)
    return dx, (dy * n).sum((0, 2)), dy.sum(0)
