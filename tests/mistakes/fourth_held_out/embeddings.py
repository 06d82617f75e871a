"""Mistakes in embeddings and what is trained on them (catalogue 97 to 101)."""

from functools import partial

import numpy as np

from ..case import Family, normal

family = Family("embeddings")


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


@lookup(100, cause="repeated_index_dropped")
def row_of_the_first_occurrence(dout, cache):
    shape, ids = cache
    dtable, (found, where) = np.zeros(shape), np.unique(ids, return_index=True)
    dtable[found] = dout.reshape(-1, shape[1])[where]
    return dtable, None


@lookup(1, cause="mean_instead_of_sum")
def occurrences_of_a_word_averaged(dout, cache):
    shape, ids = cache
    often = np.bincount(ids.ravel(), minlength=shape[0])
    return counted(shape, ids, dout) / np.maximum(often, 1)[:, None], None


@lookup(68, cause=("shifted", "row_permuted"))
def ids_counted_from_one(dout, cache):
    shape, ids = cache
    return counted(shape, ids + 1, dout), None


@lookup(65, cause=("last_sample_only", "samples_missing", "sum_term_missing"))
def table_cleared_for_every_sentence(dout, cache):
    shape, ids = cache
    dtable = np.zeros(shape)
    for sentence, rows in zip(ids, dout, strict=True):
        dtable[:] = 0
        for i, row in zip(sentence, rows, strict=True):
            dtable[i] += row
    return dtable, None


@lookup(91, cause=("sum_term_missing", "samples_missing"))
def last_word_of_each_sentence_skipped(dout, cache):
    shape, ids = cache
    return counted(shape, ids[:, :-1], dout[:, :-1]), None


@lookup(100, cause="reduced_too_far")
def one_hot_matrix_summed_over_the_features(dout, cache):
    shape, ids = cache
    one_hot = np.eye(shape[0])[ids.ravel()]
    per_row = one_hot.T @ dout.reshape(-1, shape[1]).sum(axis=1)
    return np.repeat(per_row[:, None], shape[1], axis=1), None


@lookup(109, cause=("wrong_dtype", "downcast"))
def rows_added_in_half_precision(dout, cache):
    shape, ids = cache
    dtable = np.zeros(shape, dtype=np.float16)
    np.add.at(dtable, ids, dout.astype(np.float16))
    return dtable, None


def scaled(table, ids):
    return np.sqrt(table.shape[1]) * table[ids]


@family.wrong(110, scaled, words, cause="scaled_by_root", argument="table")
def root_of_the_width_forgotten(dout, table, ids):
    return counted(table.shape, ids, dout), None


def padded(table, ids):
    return table[ids] * (ids > 0)[..., None]


@family.wrong(101, padded, words, cause=("mask_missing", "ignored_rows", "isolated_entries"), argument="table")
def row_of_the_padding_is_trained(dout, table, ids):
    return counted(table.shape, ids, dout), None


def bags(table, ids):
    return table[ids].max(axis=1)


@family.wrong(70, bags, words, cause="mask_missing", argument="table")
def every_word_of_the_bag_wins(dout, table, ids):
    return counted(table.shape, ids, np.repeat(dout[:, None], ids.shape[1], axis=1)), None


def unit_rows(table, ids):
    rows = table[ids]
    length = np.sqrt((rows * rows).sum(axis=-1, keepdims=True))
    return rows / length, (table.shape, ids, rows, length)


@family.wrong(
    76,
    unit_rows,
    words,
    style="rule",
    names=("table", "ids"),
    cause=("sum_term_missing", "use_dropped"),
    argument="table",
)
def length_of_a_word_held_constant(residuals, cotangent):
    shape, ids, rows, length = residuals
    return counted(shape, ids, cotangent / length), None


def positioned(x, positions):
    return x + positions


def as_long_as_the_batch(size, seed):
    n, width = (4, 3) if size == "small" else (12, 8)
    return normal(seed, (n, n, width), (n, width))


@family.wrong(10, positioned, as_long_as_the_batch, cause="reduced_over_wrong_axis", argument="positions")
def positions_summed_over_the_positions(dout, x, positions):
    return dout.copy(), dout.sum(axis=1)


def hashed(table, ids):
    return table[ids % len(table)] + table[(7 * ids + 3) % len(table)]


@family.wrong(12, hashed, words, cause=("use_dropped", "sum_term_missing"), argument="table")
def second_hash_of_a_word_forgotten(dout, table, ids):
    return counted(table.shape, ids % len(table), dout), None


def pairs(size, seed):
    n, rows, width = (7, 5, 3) if size == "small" else (60, 24, 12)
    center, context = normal(seed, (rows, width), (rows, width))
    rng = np.random.default_rng(seed)
    return center, context, *rng.integers(0, rows, size=(2, n)), rng.integers(0, 2, size=n)


def skip_gram(center, context, i, j, seen):
    """The logistic loss of pairs that were seen, and of drawn ones that were not."""
    score = (center[i] * context[j]).sum(axis=1)
    return np.logaddexp(0, score).sum() - (seen * score).sum()


skip = partial(family.wrong, forward=skip_gram, inputs=pairs)


def slopes(dout, center, context, i, j, seen):
    return dout * (1 / (1 + np.exp(-(center[i] * context[j]).sum(axis=1))) - seen)[:, None]


@skip(12, cause=("sum_term_missing", "samples_missing"), argument="center")
def words_not_seen_do_not_push(dout, center, context, i, j, seen):
    d = slopes(dout, center, context, i, j, seen)
    return (
        counted(center.shape, i, seen[:, None] * d * context[j]),
        counted(context.shape, j, d * center[i]),
        None,
        None,
        None,
    )


@skip(8, cause=("updated_weight", "not_linear", "wrong_operand"), argument="context")
def context_trained_by_the_moved_center(dout, center, context, i, j, seen):
    d = slopes(dout, center, context, i, j, seen)
    dcenter = counted(center.shape, i, d * context[j])
    moved = center - 0.1 * dcenter
    return dcenter, counted(context.shape, j, d * moved[i]), None, None, None


@family.impure(14, embed, words, style="cache", names=("table", "ids"), cause="cotangent_changed")
def gradient_of_the_padding_zeroed_in_place(dout, cache):
    shape, ids = cache
    dtable = counted(shape, ids, dout)
    dout[ids == 0] = 0
    return dtable, None


@family.control(100, embed, words, style="cache", names=("table", "ids"))
def table_gradient_by_a_one_hot_product(dout, cache):
    shape, ids = cache
    one_hot = (ids.reshape(-1, 1) == np.arange(shape[0])).astype(float)
    return one_hot.T @ dout.reshape(-1, shape[1]), None


@family.control(100, embed, words, style="cache", names=("table", "ids"))
def table_gradient_by_counting(dout, cache):
    shape, ids = cache
    columns = dout.reshape(-1, shape[1]).T
    return np.stack([np.bincount(ids.ravel(), column, minlength=shape[0]) for column in columns], axis=1), None


@family.control("", skip_gram, pairs)
def skip_gram_pushes_and_pulls(dout, center, context, i, j, seen):
    d = slopes(dout, center, context, i, j, seen)
    return counted(center.shape, i, d * context[j]), counted(context.shape, j, d * center[i]), None, None, None
