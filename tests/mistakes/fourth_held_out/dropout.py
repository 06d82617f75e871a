"""Dropout and its variants: spatial, connections, Gaussian, alpha, stochastic depth (catalogue 96 to 99)."""

from functools import partial

import numpy as np

from ..case import Family, normal

family = Family("dropout")
RATE = 0.3
KEEP = 1 - RATE


def kept(shape, seed):
    """A mask with both values in every row."""
    mask = np.random.default_rng(seed + 1).random(shape) < KEEP
    mask[..., 0], mask[..., 1] = True, False
    return mask


def masked(size, seed):
    (x,) = normal(seed, (5, 7) if size == "small" else (40, 60))
    return x, kept(x.shape, seed)


def inverted(x, mask):
    return np.where(mask, x / KEEP, 0.0), mask


def uniform_draws(size, seed):
    x, _ = masked(size, seed)
    u = np.random.default_rng(seed + 2).random(x.shape)
    u[:, :3] = [0.1, 0.5, 0.9]
    return x, u


wrong = partial(family.wrong, argument="x")
named = partial(wrong, forward=inverted, inputs=masked, style="cache", op="dropout", statics={"rate": RATE})


@named(97, cause="scaled_by_keep_rate")
def scale_applied_a_second_time(dy, mask):
    return (dy / KEEP) * (mask / KEEP), None


@named(96, cause="mask_missing")
def only_the_scale_remembered(dy, mask):
    return dy * (1 / KEEP), None


@named(98, cause="mask_wrong")
def mask_of_the_neighbouring_example(dy, mask):
    return dy * np.roll(mask, 1, axis=0) / KEEP, None


thresholded = partial(family.wrong, inputs=uniform_draws, argument="x", constants=("u",))


@thresholded(98, lambda x, u: x * (u >= RATE) / KEEP, cause="mask_wrong")
def threshold_read_from_the_other_side(dy, x, u):
    return dy * (u < RATE) / KEEP, None


@thresholded(97, lambda x, u: x * (u >= RATE) / KEEP, cause=("static_ignored", "entries_not_written"))
def keep_rate_taken_for_the_threshold(dy, x, u):
    return dy * (u >= KEEP) / KEEP, None


@thresholded(97, lambda x, u: 2 * x * (u > 0.5), cause=("scaled_by_keep_rate", "scaled_by_two"))
def doubling_of_half_dropout_forgotten(dy, x, u):
    return dy * (u > 0.5), None


def active_units(size, seed):
    """Half of the units are zero already, as after relu."""
    x, mask = masked(size, seed)
    return np.maximum(x, 0), mask


@wrong(
    99,
    lambda x, mask: (x * mask,) * 2,
    active_units,
    style="rule",
    names=("x", "mask"),
    cause=("mask_wrong", "entries_not_written"),
)
def mask_read_from_nonzero_outputs(y, g):
    return g * (y != 0), None


def feature_maps(size, seed):
    n, h, w = (5, 2, 3) if size == "small" else (12, 7, 9)
    (x,) = normal(seed, (n, n, h, w))
    return x, kept((n, n), seed)


@wrong(66, lambda x, mask: x * mask[:, :, None, None] / KEEP, feature_maps, cause="mask_wrong")
def channel_mask_transposed(dy, x, mask):
    return np.einsum("nchw,cn->nchw", dy, mask) / KEEP, None


def connections(size, seed):
    n, d, m = (3, 5, 7) if size == "small" else (20, 30, 24)
    x, W = normal(seed, (n, d), (d, m))
    return x, W, kept(W.shape, seed)


def drop_connect(x, W, mask):
    dropped = W * mask / KEEP
    return x @ dropped, (x, W, mask, dropped)


@family.wrong(96, drop_connect, connections, style="cache", argument="W", cause="mask_missing")
def dropped_connections_still_learn(dy, cache):
    x, _, _, dropped = cache
    return dy @ dropped.T, x.T @ dy / KEEP, None


@family.wrong(96, drop_connect, connections, style="cache", argument="x", cause="wrong_operand")
def dropped_connections_still_carry_back(dy, cache):
    x, W, mask, _ = cache
    return dy @ W.T / KEEP, x.T @ dy * mask / KEEP, None


def noisy(size, seed):
    (x,) = normal(seed, (5, 7) if size == "small" else (40, 60))
    return x, np.random.default_rng(seed + 4).normal(size=x.shape)


gaussian = partial(wrong, forward=lambda x, noise: x * (1 + 0.5 * noise), inputs=noisy, constants=("noise",))


@gaussian(112, cause=("skip_dropped", "sum_term_missing"))
def gaussian_noise_without_its_one(dy, x, noise):
    return 0.5 * noise * dy, None


@gaussian(96, cause=("identity", "derivative_missing"))
def gaussian_noise_taken_as_additive(dy, x, noise):
    return dy, None


def alpha_dropout(x, mask):
    a = 1 / np.sqrt(KEEP * (1 + RATE * 1.7581**2))
    return a * np.where(mask, x, -1.7581) + a * RATE * 1.7581, (mask, a)


@wrong(97, alpha_dropout, masked, style="rule", cause="scaled")
def alpha_dropout_without_its_affine_scale(saved, g):
    mask, _ = saved
    return g * mask, None


def depth(x, f, alive):
    return x + f * alive[:, None] / KEEP


def blocks(size, seed):
    x, f = normal(seed, *2 * [(5, 7) if size == "small" else (40, 60)])
    return x, f, kept((len(x),), seed)


@family.wrong(97, depth, blocks, argument="f", cause="scaled_by_keep_rate")
def surviving_block_without_its_scale(dy, x, f, alive):
    return dy, dy * alive[:, None], None


@family.wrong(112, depth, blocks, argument="x", cause=("entries_not_written", "samples_missing"))
def skip_dropped_together_with_the_block(dy, x, f, alive):
    passed = dy * alive[:, None]
    return passed, passed / KEEP, None


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def dropped_attention(x, mask):
    p = softmax(x)
    return p * mask / KEEP, (p, mask)


@wrong(111, dropped_attention, masked, style="cache", cause="sum_term_missing")
def mask_of_attention_applied_after_softmax(dy, cache):
    p, mask = cache
    return p * (dy - (p * dy).sum(axis=-1, keepdims=True)) * mask / KEEP, None
