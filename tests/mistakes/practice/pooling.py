"""Pooling by reshape, over bins, with exponents and mixtures, and its inverse (catalogue 69 to 75)."""

import numpy as np

from ..case import Family, sized

family = Family("pooling")

# x (N, C, H, W)
BLOCKS = sized(((3, 2, 6, 4),), ((8, 4, 12, 10),))


def tiles(x):
    """(N, C, H / 2, W / 2, 4)"""
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, h // 2, w // 2, 4)


def untiled(parts, order=(0, 1, 2, 4, 3, 5)):
    n, c, h, w, _ = parts.shape
    return parts.reshape(n, c, h, w, 2, 2).transpose(order).reshape(n, c, 2 * h, 2 * w)


def largest(x):
    return tiles(x).max(-1)


def one_hot(index):
    return np.eye(4)[index]


@family.wrong(70, largest, BLOCKS, argument="x", cause=("mask_missing", "all_ties", "wrong_derivative"))
def tile_sends_to_all_four(g, x):
    return untiled(np.repeat(g[..., None], 4, axis=-1))


@family.wrong(72, largest, BLOCKS, argument="x", cause="wrong_winner")
def tile_sends_to_the_smallest(g, x):
    return untiled(g[..., None] * one_hot(tiles(x).argmin(-1)))


@family.wrong(66, largest, BLOCKS, argument="x", cause=("wrong_winner", "axes_permuted", "reordered"))
def tile_with_its_winner_across(g, x):
    return untiled(g[..., None] * one_hot(tiles(x).argmax(-1)), (0, 1, 2, 5, 3, 4))


@family.wrong(72, largest, BLOCKS, argument="x", cause="wrong_winner")
def tile_sends_to_its_first_entry(g, x):
    dx = np.zeros_like(x)
    dx[:, :, ::2, ::2] = g
    return dx


@family.wrong(75, largest, BLOCKS, argument="x", cause=("wrong_winner", "one_sample_repeated"))
def winners_of_the_first_image_for_all(g, x):
    return untiled(g[..., None] * one_hot(tiles(x)[:1].argmax(-1)))


@family.wrong("", largest, BLOCKS, argument="x", cause="wrong_derivative")
def tile_shares_like_a_mean(g, x):
    return np.kron(g, np.ones((2, 2))) / 4


@family.control("", largest, BLOCKS)
def tile_by_comparison(g, x):
    big = np.kron(largest(x), np.ones((2, 2)))
    return (x == big) * np.kron(g, np.ones((2, 2)))


# The largest entry of each map
MAPS = sized(((3, 5, 4, 3),), ((8, 12, 9, 7),))


def peak(x):
    return x.max(axis=(2, 3))


@family.wrong(73, peak, MAPS, argument="x", cause=("mask_missing", "all_ties", "wrong_winner"))
def peak_of_every_row(g, x):
    return (x == x.max(axis=3, keepdims=True)) * g[:, :, None, None]


@family.wrong(75, peak, MAPS, argument="x", cause="wrong_winner")
def peak_of_the_batch(g, x):
    flat = x.reshape(*x.shape[:2], -1)
    place = np.broadcast_to(flat.sum(axis=0).argmax(axis=-1), x.shape[:2])
    dx = np.zeros_like(flat)
    np.put_along_axis(dx, place[..., None], g[..., None], axis=-1)
    return dx.reshape(x.shape)


# Bins of different lengths that overlap: x (N, T), 3 bins
BINS = sized(((4, 7),), ((16, 16),))


def ends(t, count=3):
    return [(i * t // count, -(-(i + 1) * t // count)) for i in range(count)]


def adaptive(x):
    return np.stack([x[:, a:b].mean(axis=1) for a, b in ends(x.shape[1])], axis=1)


def adaptive_back(g, x, add=True, share=lambda a, b: b - a):
    dx = np.zeros_like(x)
    for i, (a, b) in enumerate(ends(x.shape[1])):
        part = g[:, i : i + 1] / share(a, b)
        dx[:, a:b] = dx[:, a:b] + part if add else part
    return dx


@family.wrong(69, adaptive, BINS, argument="x", cause="overlap_dropped")
def bins_assigned(g, x):
    return adaptive_back(g, x, add=False)


@family.wrong(74, adaptive, BINS, argument="x", cause=("scaled_by_window", "scaled_by_size"))
def bins_summed(g, x):
    return adaptive_back(g, x, share=lambda a, b: 1)


# Windows of three, two apart: x (N, T, C)
STEPS = sized(((3, 9, 2),), ((8, 17, 5),))


def windows(x):
    return np.stack([x[:, i : i + 3] for i in range(0, x.shape[1] - 2, 2)], axis=1)


def loudest(x):
    return windows(x).max(axis=2)


def loudest_back(g, x, stride=2, add=True):
    dx, winners = np.zeros_like(x), windows(x).argmax(axis=2)
    n, c = np.ogrid[: len(x), : x.shape[2]]
    for i in range(g.shape[1]):
        at = n, stride * i + winners[:, i], c
        dx[at] = g[:, i] + (dx[at] if add else 0)
    return dx


@family.wrong(69, loudest, STEPS, argument="x", cause="overlap_dropped")
def loudest_assigned(g, x):
    return loudest_back(g, x, add=False)


@family.wrong(56, loudest, STEPS, argument="x", cause=("static_ignored", "wrong_winner"))
def loudest_sent_with_the_window_as_its_stride(g, x):
    return loudest_back(g, x, stride=1)


def root_of_squares(x):
    return np.sqrt((windows(x) ** 2).sum(axis=2))


@family.wrong(76, root_of_squares, STEPS, argument="x", cause=("derivative_missing", "wrong_operand"))
def root_differentiated_as_a_sum_of_squares(g, x):
    dx = np.zeros_like(x)
    for i in range(g.shape[1]):
        dx[:, 2 * i : 2 * i + 3] += 2 * g[:, i : i + 1] * x[:, 2 * i : 2 * i + 3]
    return dx


@family.wrong(69, root_of_squares, STEPS, argument="x", cause="overlap_dropped")
def roots_assigned(g, x):
    dx, y = np.zeros_like(x), root_of_squares(x)
    for i in range(g.shape[1]):
        dx[:, 2 * i : 2 * i + 3] = (g / y)[:, i : i + 1] * x[:, 2 * i : 2 * i + 3]
    return dx


def mixed(x):
    return 0.8 * windows(x).max(axis=2) + 0.2 * windows(x).mean(axis=2)


def mixed_back(g, x, a=0.8, b=0.2):
    dx = a * loudest_back(g, x)
    for i in range(g.shape[1]):
        dx[:, 2 * i : 2 * i + 3] += b * g[:, i : i + 1] / 3
    return dx


@family.wrong(12, mixed, STEPS, argument="x", cause=("use_dropped", "sum_term_missing"))
def mixture_without_its_mean(g, x):
    return mixed_back(g, x, b=0.0)


@family.wrong(74, mixed, STEPS, argument="x", cause=("scaled_by_window", "sum_term_missing", "partly_scaled"))
def mean_of_the_mixture_not_divided(g, x):
    return mixed_back(g, x, b=0.6)


# Weights that compete: x (N, T, C), q (C,)
ATTENTIVE = sized(((3, 5, 4), (4,)), ((8, 10, 12), (12,)))


def attentive(x, q):
    s = x @ q
    p = np.exp(s - s.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return np.einsum("nt,ntc->nc", p, x), (x, q, p)


@family.wrong(12, attentive, ATTENTIVE, style="cache", argument="x", cause="use_dropped", names=("x", "q"))
def attended_steps_without_their_scores(g, cache):
    x, q, p = cache
    dp = np.einsum("nc,ntc->nt", g, x)
    ds = p * (dp - (p * dp).sum(axis=1, keepdims=True))
    return p[:, :, None] * g[:, None], np.einsum("nt,ntc->c", ds, x)


@family.wrong(32, attentive, ATTENTIVE, style="cache", argument="x q", cause="diagonal_only", names=("x", "q"))
def attended_steps_without_competition(g, cache):
    x, q, p = cache
    ds = p * (1 - p) * np.einsum("nc,ntc->nt", g, x)
    return p[:, :, None] * g[:, None] + ds[:, :, None] * q, np.einsum("nt,ntc->c", ds, x)


@family.wrong(
    57, attentive, ATTENTIVE, style="cache", argument="x", cause=("sum_term_missing", "use_dropped"), names=("x", "q")
)
def attended_steps_treated_alike(g, cache):
    x, q, p = cache
    dp = np.einsum("nc,ntc->nt", g, x)
    ds = p * (dp - (p * dp).sum(axis=1, keepdims=True))
    return ds[:, :, None] * q + np.zeros_like(x), np.einsum("nt,ntc->c", ds, x)
