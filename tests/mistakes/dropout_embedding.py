"""Mistakes in dropout and embedding (catalogue 96 to 101)."""

from functools import partial

import numpy as np

from .case import Family, normal

family = Family("dropout_embedding")


def masked(size, seed):
    (x,) = normal(seed, (3, 7) if size == "small" else (64, 100))
    mask = np.random.default_rng(seed + 1).random(x.shape) < 0.7
    mask[0, :4] = [True, False, True, False]
    return x, mask


def dropout(x, mask):
    return x * mask / 0.7, (x, mask)


wrong = partial(
    family.wrong, forward=dropout, inputs=masked, style="rule", op="dropout", statics={"rate": 0.3}, argument="x"
)


@wrong(96, cause="mask_missing")
def dropout_mask_missing(residuals, cotangent):
    return cotangent / 0.7, None


@wrong(96, cause=("identity", "derivative_missing", "mask_missing"))
def dropout_identity(residuals, cotangent):
    return cotangent, None


@wrong(97, cause="scaled_by_keep_rate")
def dropout_scale_missing(residuals, cotangent):
    _x, mask = residuals
    return cotangent * mask, None


@wrong(97, cause="scaled_by_keep_rate")
def dropout_scaled_by_the_rate(residuals, cotangent):
    _x, mask = residuals
    return cotangent * mask / 0.3, None


@wrong(97, cause="scaled_by_keep_rate")
def dropout_multiplied_by_the_keep_rate(residuals, cotangent):
    _x, mask = residuals
    return cotangent * mask * 0.7, None


@wrong(98, cause="mask_wrong")
def dropout_mask_inverted(residuals, cotangent):
    _x, mask = residuals
    return cotangent * ~mask / 0.7, None


@wrong(98, cause="mask_wrong")
def dropout_mask_drawn_anew(residuals, cotangent):
    x, _mask = residuals
    anew = np.random.default_rng(5).random(x.shape) < 0.7
    return cotangent * anew / 0.7, None


@wrong(97, cause=("scaled_by_keep_rate", "scaled_by_static"))
def dropout_scaled_twice(residuals, cotangent):
    _x, mask = residuals
    return cotangent * mask / 0.7 / 0.7, None


def with_zeros(size, seed):
    """A plain mask without scale, and zeros in x on dropped places."""
    x, mask = masked(size, seed)
    x[~mask & (np.arange(x.shape[1]) % 2 == 1)] = 0
    return x, mask


@family.wrong(
    99, lambda x, mask: x * mask, with_zeros, argument="x", cause=("mask_wrong", "mask_missing", "isolated_entries")
)
def dropout_mask_from_equal_input_and_output(dout, x, mask):
    return dout * (x == x * mask), None


@family.whole(
    96,
    "wrong backward",
    "layer",
    lambda size, seed: masked(size, seed)[:1],
    argument="x",
    cause=("mask_missing", "derivative_missing", "identity"),
)
class DropoutWithoutMask:
    """The mask is drawn once, so that the forward can be repeated."""

    def forward(self, x, train_flg=True):
        self.mask = np.random.default_rng(3).random(x.shape) > 0.3
        return x * self.mask

    def backward(self, dout):
        return dout


@family.whole(
    98,
    "impure",
    "layer",
    lambda size, seed: masked(size, seed)[:1],
    argument="x",
    cause=("not_deterministic", "mask_wrong"),
)
class DropoutDrawnAgainInBackward:
    def __init__(self):
        self.rng = np.random.default_rng(3)

    def forward(self, x, train_flg=True):
        self.rng = np.random.default_rng(3)
        return x * (self.rng.random(x.shape) > 0.3)

    def backward(self, dout):
        return dout * (self.rng.random(dout.shape) > 0.3)


def dropout_at_rate_backward(dout, x, mask):
    return dout * mask / 0.3, None


forward_wrong = partial(
    family.wrong_forward, inputs=masked, op="dropout", statics={"rate": 0.3}, argument="x", cause="convention_dropout"
)


@forward_wrong(97, dropout_at_rate_backward)
def dropout_forward_scaled_by_the_rate(x, mask):
    return x * mask / 0.3


@forward_wrong(97, lambda dout, x, mask: (dout * mask, None))
def dropout_forward_unscaled(x, mask):
    return x * mask


@forward_wrong(97, lambda dout, x, mask: (dout * ~mask / 0.7, None))
def dropout_forward_keeps_what_it_should_drop(x, mask):
    return x * ~mask / 0.7


def words(size, seed):
    """Indices that repeat, and one that never occurs."""
    rows, columns, n = (7, 5, 6) if size == "small" else (200, 64, 128)
    (table,) = normal(seed, (rows, columns))
    index = np.random.default_rng(seed + 1).integers(1, rows - 1, n)
    index[:4] = [3, 5, 3, 2]
    return table, index


def embedding(table, index):
    return table[index], (table.shape, index)


lookup = partial(family.wrong, forward=embedding, inputs=words, style="rule", argument="table")


@lookup(100, cause="repeated_index_dropped")
def duplicates_lost_by_fancy_addition(residuals, cotangent):
    shape, index = residuals
    table_ct = np.zeros(shape)
    table_ct[index] += cotangent
    return table_ct, None


@lookup(100, cause="repeated_index_dropped")
def duplicates_overwritten_in_a_loop(residuals, cotangent):
    shape, index = residuals
    table_ct = np.zeros(shape)
    for row, word in enumerate(index):
        table_ct[word] = cotangent[row]
    return table_ct, None


@lookup(100, cause=("repeated_index_dropped",))
def only_the_first_duplicate(residuals, cotangent):
    shape, index = residuals
    table_ct = np.zeros(shape)
    unique, first = np.unique(index, return_index=True)
    table_ct[unique] = cotangent[first]
    return table_ct, None


@lookup(100, cause=("row_permuted", "entries_not_written"))
def everything_into_the_first_row(residuals, cotangent):
    shape, index = residuals
    table_ct = np.zeros(shape)
    np.add.at(table_ct, np.zeros_like(index), cotangent)
    return table_ct, None


@lookup(90, cause=("shifted", "row_permuted"))
def rows_off_by_one(residuals, cotangent):
    shape, index = residuals
    table_ct = np.zeros(shape)
    np.add.at(table_ct, index - 1, cotangent)
    return table_ct, None


@lookup(100, cause=("mean_instead_of_sum", "partly_scaled"))
def duplicates_averaged(residuals, cotangent):
    shape, index = residuals
    table_ct = np.zeros(shape)
    np.add.at(table_ct, index, cotangent)
    return table_ct / np.maximum(np.bincount(index, minlength=shape[0]), 1)[:, None], None


def padded_embedding(table, index):
    """Word 0 is padding: its vector counts as zero."""
    return table[index] * (index != 0)[:, None]


def with_padding(size, seed):
    table, index = words(size, seed)
    index[4:6] = 0
    return table, index


@family.wrong(
    101, padded_embedding, with_padding, argument="table", cause=("ignored_rows", "mask_missing", "isolated_entries")
)
def padding_row_receives_gradient(dout, table, index):
    table_ct = np.zeros_like(table)
    np.add.at(table_ct, index, dout)
    return table_ct, None
