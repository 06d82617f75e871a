"""Embeddings: tables of rows, bags of words, padding."""

from functools import partial

import numpy as np

from ..case import Family, normal
from .functions import table_and_words

family = Family("dropout_embedding")


def words(size, seed):
    """A table and ids that repeat; the last row of the table is never asked for, the first often."""
    n, length, rows, width = (3, 4, 6, 5) if size == "small" else (12, 14, 40, 16)
    (table,) = normal(seed, (rows, width))
    ids = np.random.default_rng(seed).integers(0, rows - 1, size=(n, length))
    ids[:, 0] = 0
    return table, ids


def embed(table, ids):
    return table[ids], (table.shape, ids)


lookup = partial(family.wrong, forward=embed, inputs=words, style="cache", names=("table", "ids"), argument="table")


def counted(shape, ids, dout):
    """The right gradient: every occurrence adds its row."""
    grad = np.zeros(shape)
    np.add.at(grad, ids, dout)
    return grad


@lookup(1, cause="scaled_by_count")
def occurrences_of_a_word_averaged(dout, cache):
    shape, ids = cache
    often = np.bincount(ids.ravel(), minlength=shape[0])
    return counted(shape, ids, dout) / np.maximum(often, 1)[:, None], None


@lookup(68, cause="shifted")
def ids_counted_from_one(dout, cache):
    shape, ids = cache
    return counted(shape, ids + 1, dout), None


@lookup(91, cause="part_missing")
def last_word_of_each_sentence_skipped(dout, cache):
    shape, ids = cache
    return counted(shape, ids[:, :-1], dout[:, :-1]), None


@lookup(109, cause="downcast")
def rows_added_in_half_precision(dout, cache):
    shape, ids = cache
    dtable = np.zeros(shape, dtype=np.float16)
    np.add.at(dtable, ids, dout.astype(np.float16))
    return dtable, None


def bags(table, ids):
    return table[ids].max(axis=1)


@family.wrong(70, bags, words, cause="wrong_winner", argument="table")
def every_word_of_the_bag_wins(dout, table, ids):
    return counted(table.shape, ids, np.repeat(dout[:, None], ids.shape[1], axis=1)), None


def unit_rows(table, ids):
    rows = table[ids]
    length = np.sqrt((rows * rows).sum(axis=-1, keepdims=True))
    return rows / length, (table.shape, ids, rows, length)


@family.wrong(
    76, unit_rows, words, style="rule", names=("table", "ids"), cause="statistics_as_constants", argument="table"
)
def length_of_a_word_held_constant(residuals, cotangent):
    shape, ids, rows, length = residuals
    return counted(shape, ids, cotangent / length), None


@family.impure(14, embed, words, style="cache", names=("table", "ids"), cause="changed_in_place")
def gradient_of_the_padding_zeroed_in_place(dout, cache):
    shape, ids = cache
    dtable = counted(shape, ids, dout)
    dout[ids == 0] = 0
    return dtable, None


@family.control(100, embed, words, style="cache", names=("table", "ids"))
def table_gradient_by_counting(dout, cache):
    shape, ids = cache
    columns = dout.reshape(-1, shape[1]).T
    return np.stack([np.bincount(ids.ravel(), column, minlength=shape[0]) for column in columns], axis=1), None


@family.control(100, embed, words, style="cache", names=("table", "ids"))
def table_gradient_by_a_one_hot_product(dout, cache):
    shape, ids = cache
    one_hot = (ids.reshape(-1, 1) == np.arange(shape[0])).astype(float)
    return one_hot.T @ dout.reshape(-1, shape[1]), None


def take(table, ids):
    return table[ids]


def distinct(size, seed):
    rows, width, count = (9, 3, 5) if size == "small" else (60, 16, 40)
    (table,) = normal(seed, (rows, width))
    return table, np.random.default_rng(seed + 5).permutation(rows)[:count][::-1].copy()


@family.wrong(90, take, distinct, cause="wrong_index", argument="table")
def scattered_in_sorted_order(g, table, ids):
    grad = np.zeros_like(table)
    np.add.at(grad, np.sort(ids), g)
    return grad, None


def tokens(size, seed):
    """A table, and ids that repeat; row 0 stands for padding."""
    rows, wide, many = (6, 3, (4, 2)) if size == "small" else (40, 24, (12, 9))
    (table,) = normal(seed, (rows, wide))
    indices = np.random.default_rng(seed + 3).integers(0, rows, size=many)
    indices.flat[:3] = indices.flat[3]
    indices.flat[-2:] = 0
    return table, indices


def without_padding(table, ids):
    return table[ids] * (ids > 0)[..., None]


@family.wrong(101, without_padding, tokens, cause="mask_missing", argument="table")
def padding_row_learns(g, table, ids):
    grad = np.zeros_like(table)
    np.add.at(grad, ids.ravel(), g.reshape(-1, table.shape[1]))
    return grad, None


def positioned(x, positions):
    return x + positions


def as_long_as_the_batch(size, seed):
    n, width = (4, 3) if size == "small" else (12, 8)
    return normal(seed, (n, n, width), (n, width))


@family.wrong(10, positioned, as_long_as_the_batch, cause="wrong_reduction", argument="positions")
def positions_summed_over_the_positions(dout, x, positions):
    return dout.copy(), dout.sum(axis=1)


def windows(size, seed):
    """E (V, D), index (N, 3), W (3 D, M)"""
    v, d, n, m = (7, 3, 5, 4) if size == "small" else (20, 8, 24, 10)
    E, W = normal(seed, (v, d), (3 * d, m))
    return E, np.random.default_rng(seed + 1).integers(0, v, size=(n, 3)), W


def in_a_window(E, index, W):
    return np.tanh(E[index].reshape(len(index), -1) @ W), (E, index, W)


def window_back(g, cache, order=None, columns=slice(None), slope=True, fold=None):
    E, index, W = cache
    joined = E[index].reshape(len(index), -1)
    da = g * (1 - np.tanh(joined @ W) ** 2 if slope else 1)
    parts = (da @ W.T).reshape(len(index), 3, -1)
    parts = parts if fold is None else (da @ W.T).reshape(len(index), -1, 3).swapaxes(1, 2)
    dE = np.zeros_like(E)
    np.add.at(dE, (index if order is None else index[:, order])[:, columns], parts[:, columns])
    return dE, None, joined.T @ da


def windowed(name, number, argument, cause, **slips):
    more = {"style": "cache", "id": name, "names": ("E", "index", "W"), "argument": argument, "cause": cause}
    family.wrong(number, in_a_window, windows, **more)(lambda g, cache: window_back(g, cache, **slips))


windowed("words_of_a_window_backwards", 13, "E", "flipped", order=[2, 1, 0])
windowed("slope_of_the_window_missing", 43, "E W", "derivative_missing", slope=False)
windowed("window_unfolded_the_other_way", 66, "E", "transposed", fold=True)
windowed("only_the_last_word_learns", 65, "E", "part_missing", columns=slice(2, 3))


def quantities(size, seed):
    n, v, d = (9, 5, 3) if size == "small" else (60, 12, 8)
    (table,) = normal(seed, (v, d))
    return np.random.default_rng(seed).integers(0, v - 1, n), table


tables = partial(family.wrong, inputs=quantities, argument="table")


@tables(100, lambda index, table: np.tanh(table[index]), cause="not_accumulated")
def the_latest_word_wins(g, index, table):
    dt = np.zeros_like(table)
    for i, row in zip(index, g, strict=True):
        dt[i] = row * (1 - np.tanh(table[i]) ** 2)
    return None, dt


@tables(100, lambda index, table: table[index].mean(0), cause="scaled_by_count")
def bag_of_words_not_averaged(g, index, table):
    dt = np.zeros_like(table)
    np.add.at(dt, index, np.broadcast_to(g, (len(index), len(g))))
    return None, dt


@family.control(100, lambda table, words: table[words], table_and_words)
def rows_summed_by_one_hot_words(g, table, words):
    return (words == np.arange(len(table))[:, None]).astype(float) @ g, None


def lookups(size, seed):
    """Indices that repeat, then a table; the last row is never looked up."""
    rows, width, n = (6, 5, 7) if size == "small" else (50, 24, 90)
    (table,) = normal(seed, (rows, width))
    index = (np.arange(n) * 2 + 1) % (rows - 1)
    index[1] = index[0]
    return index, table


@family.whole(14, "impure", "layer", lookups, gradients={"W": "dW"}, argument="W", cause="accumulates")
class EmbeddingNeverZeroed:
    def __init__(self, W):
        self.W = W
        self.dW = np.zeros_like(W)

    def forward(self, idx):
        self.idx = idx
        return self.W[idx]

    def backward(self, dout):
        np.add.at(self.dW, self.idx, dout)


@family.control(
    100,
    lambda ids, table: table[ids],
    lambda size, seed: words(size, seed)[::-1],
    names=("ids", "table"),
    op="embedding",
)
def table_gradient_word_by_word(dout, ids, table):
    return None, counted(table.shape, ids, dout)
