"""mistakes in dropout and embedding (catalogue 96 to 101)."""

import numpy as np

from ..case import Family, normal, sized

family = Family("dropout_embedding")

RATE = 0.3


def units_and_mask(size, seed):
    shape = (5, 6) if size == "small" else (64, 50)
    return normal(seed, shape)[0], np.random.default_rng(seed + 3).random(shape) >= RATE


def inverted_dropout(x, keep):
    return x * keep / (1 - RATE)


@family.wrong(96, inverted_dropout, units_and_mask, argument="x", cause="mask_missing")
def dropped_units_learn_too(dout, x, keep):
    return dout / (1 - RATE), None


@family.wrong(
    96, lambda x, keep: np.where(keep, x, 0), units_and_mask, argument="x", cause=("mask_missing", "identity")
)
def plain_dropout_passes_everything(dout, x, keep):
    return dout * 1.0, None


@family.wrong(97, inverted_dropout, units_and_mask, argument="x", cause=("scaled_by_keep_rate", "scaled"))
def divided_by_the_drop_rate(dout, x, keep):
    return dout * keep / RATE, None


@family.wrong(
    97, inverted_dropout, units_and_mask, argument="x", cause=("scaled_by_keep_rate", "scaled_by_static", "scaled")
)
def only_masked_in_backward(dout, x, keep):
    dx = np.zeros_like(x)
    dx[keep] = dout[keep]
    return dx, None


def some_zeros(size, seed):
    x, keep = units_and_mask(size, seed)
    return np.maximum(x, 0), keep


def masked(x, keep):
    y = x * keep
    return y, (x, y)


@family.wrong(99, masked, some_zeros, style="rule", argument="x", cause=("mask_wrong", "mask_missing"))
def mask_guessed_from_equal_values(saved, dy):
    x, y = saved
    return dy * (x == y), None


@family.whole(98, "wrong backward", "layer", sized(((5, 6),), ((64, 50),)), argument="x", cause="mask_wrong")
class DropoutDrawnForEachDirection:
    def forward(self, x, train_flg=True):
        keep = np.random.default_rng(2).random(x.shape) > RATE
        return x * keep / (1 - RATE) if train_flg else x

    def backward(self, dout):
        keep = np.random.default_rng(3).random(dout.shape) > RATE
        return dout * keep / (1 - RATE)


def table_and_words(size, seed):
    rows, dim, words = (6, 3, 7) if size == "small" else (100, 16, 64)
    rng = np.random.default_rng(seed)
    index = rng.integers(rows, size=words)
    index[-2:] = index[:2]
    return rng.normal(size=(rows, dim)), index


@family.whole(100, "wrong backward", "vjp", table_and_words, argument="table", cause="repeated_index_dropped")
def rows_added_by_fancy_index(table, words):
    def pullback(g):
        dtable = np.zeros_like(table)
        dtable[words] += g
        return dtable, None

    return table[words], pullback


def sentences(size, seed):
    table, words = table_and_words(size, seed)
    return table, words[: len(words) // 2 * 2].reshape(2, -1)


def lookup(table, sentences):
    return table[sentences], (table.shape, sentences)


@family.wrong(100, lookup, sentences, style="cache", argument="table", cause="repeated_index_dropped")
def rows_assigned_word_by_word(dout, cache):
    shape, ids = cache
    dtable = np.zeros(shape)
    for sentence, up in zip(ids, dout, strict=True):
        for word, row in zip(sentence, up, strict=True):
            dtable[word] = row
    return dtable, None


def all_rows_used(size, seed):
    table, words = table_and_words(size, seed)
    rng = np.random.default_rng(seed + 5)
    return table, np.concatenate([rng.permutation(len(table)), words[:2]])


@family.wrong(
    100, lookup, all_rows_used, style="rule", names=("table", "words"), argument="table", cause="row_permuted"
)
def rows_in_order_of_appearance(saved, g):
    shape, words = saved
    seen, dtable = {}, np.zeros(shape)
    for word, row in zip(words, g, strict=True):
        dtable[seen.setdefault(int(word), len(seen))] += row
    return dtable, None


PADDING = 0


def padded_words(size, seed):
    table, words = table_and_words(size, seed)
    words[2:4] = PADDING
    return table, words


def lookup_but_padding(table, words):
    return table[words] * (words != PADDING)[:, None]


@family.wrong(
    101,
    lookup_but_padding,
    padded_words,
    argument="table",
    cause=("mask_missing", "ignored_rows", "isolated_entries"),
)
def padding_word_is_trained(dout, table, words):
    dtable = np.zeros_like(table)
    np.add.at(dtable, words, dout)
    return dtable, None
