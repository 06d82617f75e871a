"""Dropout with a given mask, and tables of embeddings."""

import numpy as np

from ..case import Family, normal, sized

family = Family("dropout_embedding")

RATE = 0.3


def with_mask(size, seed):
    shape = (5, 7) if size == "small" else (32, 40)
    return normal(seed, shape)[0], np.random.default_rng(seed + 7).random(shape) > RATE


def inverted(x, mask):
    return x * mask / (1 - RATE)


NAMED = {"op": "dropout", "statics": {"rate": RATE}, "argument": "x"}


@family.wrong(96, inverted, with_mask, cause="mask_missing", **NAMED)
def every_unit_passes(g, x, mask):
    return g / (1 - RATE), None


@family.wrong(97, inverted, with_mask, cause="scaled_by_keep_rate", **NAMED)
def divided_by_the_rate(g, x, mask):
    return g * mask / RATE, None


@family.wrong(97, inverted, with_mask, cause="scaled_by_keep_rate", **NAMED)
def keep_rate_left_out(g, x, mask):
    dx = np.zeros_like(x)
    dx[mask] = g[mask]
    return dx, None


def plain_gradient(g, x, mask):
    return g * mask, None


@family.wrong_forward(97, plain_gradient, with_mask, op="dropout", statics={"rate": RATE}, cause="convention_dropout")
def dropout_not_inverted(x, mask):
    return np.where(mask, x, 0.0)


@family.whole(
    98, "wrong backward", "vjp", lambda size, seed: with_mask(size, seed)[:1], cause="mask_wrong", argument="x"
)
def seeded_twice(x):
    kept = np.random.default_rng(11).random(x.shape) > RATE

    def pullback(g):
        kept = np.random.default_rng(12).random(g.shape) > RATE
        return (g * kept / (1 - RATE),)

    return x * kept / (1 - RATE), pullback


def after_relu(size, seed):
    x, mask = with_mask(size, seed)
    x[::2, 1] = 0.0
    mask[::2, 1] = True
    return x, mask


@family.wrong(99, inverted, after_relu, cause=("mask_wrong", "entries_not_written", "isolated_entries"), **NAMED)
def kept_where_output_is_not_zero(g, x, mask):
    return g * (inverted(x, mask) != 0) / (1 - RATE), None


def tokens(low, vocabulary, width, shape):
    def inputs(size, seed):
        rows, wide, many = (vocabulary, width, shape) if size == "small" else (40, 24, (12, 9))
        (table,) = normal(seed, (rows, wide))
        indices = np.random.default_rng(seed + 3).integers(low, rows, size=many)
        indices.flat[:3] = indices.flat[3]
        indices.flat[-2:] = 0
        return table, indices

    return inputs


@family.whole(
    100,
    "wrong backward",
    "layer",
    lambda size, seed: tokens(0, 6, 3, (4, 2))(size, seed)[::-1],
    gradients={"W": "dW"},
    names=("index", "W"),
    cause="repeated_index_dropped",
    argument="W",
)
class Embedding:
    def __init__(self, W):
        self.W = W

    def forward(self, index):
        self.index = index
        return self.W[index]

    def backward(self, dout):
        self.dW = np.zeros_like(self.W)
        self.dW[self.index] += dout


def take(table, ids):
    return table[ids]


def distinct(size, seed):
    rows, width, count = (9, 3, 5) if size == "small" else (60, 16, 40)
    (table,) = normal(seed, (rows, width))
    return table, np.random.default_rng(seed + 5).permutation(rows)[:count][::-1].copy()


@family.wrong(90, take, distinct, cause="row_permuted", argument="table")
def scattered_in_sorted_order(g, table, ids):
    grad = np.zeros_like(table)
    np.add.at(grad, np.sort(ids), g)
    return grad, None


def without_padding(table, ids):
    return table[ids] * (ids > 0)[..., None]


@family.wrong(101, without_padding, tokens(0, 6, 3, (4, 2)), cause=("mask_missing", "ignored_rows"), argument="table")
def padding_row_learns(g, table, ids):
    grad = np.zeros_like(table)
    np.add.at(grad, ids.ravel(), g.reshape(-1, table.shape[1]))
    return grad, None


def positions(x, P):
    return x + P[: x.shape[1]]


# Widened after the first run: the mean of the batch is the sum over the batch size.
@family.wrong(
    2,
    positions,
    sized(((3, 4, 2), (6, 2)), ((8, 10, 12), (16, 12))),
    argument="P",
    cause=("mean_instead_of_sum", "scaled_by_batch"),
)
def position_table_averaged(g, x, P):
    grad = np.zeros_like(P)
    grad[: x.shape[1]] = g.mean(axis=0)
    return g, grad


def bag(table, ids):
    return table[ids].mean(axis=1)


@family.wrong(
    74,
    bag,
    tokens(0, 7, 3, (4, 5)),
    argument="table",
    cause=("scaled_by_window", "scaled", "scaled_by_size", "scaled_by_spatial"),
)
def bag_not_divided(g, table, ids):
    grad = np.zeros_like(table)
    for row, upstream in zip(ids, g, strict=True):
        for i in row:
            grad[i] += upstream
    return grad, None
