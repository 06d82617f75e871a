"""Noise on the way in and on the way out, and tables of vectors."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("dropout_embedding")
noise = partial(family.wrong, family="dropout_embedding")

X = sized(((4, 7),), ((23, 37),))


def masks(size, seed):
    n, d = (5, 7) if size == "small" else (23, 37)
    x, W = normal(seed, (n, d), (d, d - 2))
    return x, W, (np.random.default_rng(seed + 9).random((n, d)) < 0.7).astype(float)


def noisy(x, W, keep):
    return np.tanh((x * keep / 0.7) @ W)


def noisy_backward(up, x, W, keep, inward=None, outward=None):
    h = x * keep / 0.7
    d = up * (1 - np.tanh(h @ W) ** 2)
    return d @ W.T * (keep / 0.7 if inward is None else inward), (h if outward is None else outward).T @ d, None


drop = partial(family.wrong, family="dropout_embedding", forward=noisy, inputs=masks, constants=("keep",))


@drop(96, argument="x", cause=("mask_missing", "argument_factor_missing"))
def inputs_learn_where_dropped(up, x, W, keep):
    return noisy_backward(up, x, W, keep, inward=1 / 0.7)


@drop(96, argument="W", cause=("wrong_operand", "mask_missing", "argument_factor_missing"))
def weights_see_what_was_dropped(up, x, W, keep):
    return noisy_backward(up, x, W, keep, outward=x / 0.7)


@drop(97, argument="W", cause=("scaled_by_keep_rate",))
def weights_see_unscaled_inputs(up, x, W, keep):
    return noisy_backward(up, x, W, keep, outward=x * keep)


@drop(97, argument="x", cause=("scaled_by_keep_rate",))
def inputs_scaled_by_the_share_dropped(up, x, W, keep):
    return noisy_backward(up, x, W, keep, inward=keep / 0.3)


@drop(98, argument="x", cause=("mask_wrong",))
def inputs_learn_under_the_next_mask(up, x, W, keep):
    return noisy_backward(up, x, W, keep, inward=np.roll(keep, 1, 0) / 0.7)


@drop(107, argument="x W", cause=("wrong_operand",))
def slope_at_the_inputs_before_the_noise(up, x, W, keep):
    h = x * keep / 0.7
    d = up * (1 - np.tanh(x @ W) ** 2)
    return d @ W.T * keep / 0.7, h.T @ d, None


def vectors(size, seed):
    v, d, n = (7, 3, 5) if size == "small" else (19, 7, 23)
    index = (np.arange(n) ** 2 + seed) % v
    return (*normal(seed, (v, d), (d,)), index)


def similarity(E, q, index):
    return np.tanh(E[index] @ q)


def similarity_backward(up, E, q, index, slope=True, rows=None, add=True):
    d = up * (1 - np.tanh(E[index] @ q) ** 2 if slope else 1)
    dE = np.zeros_like(E)
    (np.add.at if add else lambda a, i, b: a.__setitem__(i, b))(dE, index if rows is None else rows, d[:, None] * q)
    return dE, d @ E[index], None


words = partial(family.wrong, family="dropout_embedding", forward=similarity, inputs=vectors)


@words(100, argument="E", cause="repeated_index_dropped")
def similar_words_assigned(up, E, q, index):
    return similarity_backward(up, E, q, index, add=False)


@words(9, argument="E q", cause="derivative_missing")
def similar_words_without_the_slope(up, E, q, index):
    return similarity_backward(up, E, q, index, slope=False)


@words(100, argument="E", cause=("row_permuted", "wrong_operand", "shifted"))
def similar_words_in_sorted_rows(up, E, q, index):
    return similarity_backward(up, E, q, index, rows=np.sort(index))


@words(23, argument="q", cause=("wrong_operand",))
def query_from_the_first_rows(up, E, q, index):
    dE, _, _ = similarity_backward(up, E, q, index)
    d = up * (1 - np.tanh(E[index] @ q) ** 2)
    return dE, d @ E[np.arange(len(index)) % len(E)], None
