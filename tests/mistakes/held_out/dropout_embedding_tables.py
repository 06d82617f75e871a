"""Embeddings: indices that repeat, and the row of the padding (catalogue 100, 101)."""

# As people write it: an argument takes a number or a pair.
# pyright: reportArgumentType=false

from functools import partial

import numpy as np

from ..case import Family, normal

family = Family("dropout_embedding")


def words(shapes=((6, 5, (4, 3)), (300, 24, (16, 40)))):
    """A table of vectors and indices of it, several of them twice."""

    def inputs(size, seed):
        vocabulary, width, shape = shapes[size != "small"]
        rng = np.random.default_rng(seed)
        index = rng.integers(0, vocabulary, shape)
        index.flat[1] = index.flat[0]
        return index, rng.normal(size=(vocabulary, width))

    return inputs


def embedding(idx, W):
    return W[idx]


lookup = partial(family.wrong, cause="repeated_index_dropped", argument="W")


@lookup(100, embedding, words())
def rows_added_by_fancy_indexing(dout, idx, W):
    dW = np.zeros_like(W)
    dW[idx] += dout
    return None, dW


@family.whole(
    100,
    "wrong backward",
    "layer",
    words(((7, 5, (8,)), (200, 30, (120,)))),
    cause="repeated_index_dropped",
    argument="W",
    gradients={"W": "dW"},
)
class EmbeddingAssignsItsRows:
    def __init__(self, W):
        self.W, self.dW, self.idx = W, np.zeros_like(W), None

    def forward(self, idx):
        self.idx = idx
        return self.W[idx]

    def backward(self, dout):
        self.dW = np.zeros_like(self.W)
        for i, word_id in enumerate(self.idx):
            self.dW[word_id] = dout[i]


def two_tables(tokens, wte, wpe):
    return wte[tokens] + wpe[: tokens.shape[1]]


def positions(size, seed):
    tokens, wte = words()(size, seed)
    return tokens, wte, normal(seed + 1, (tokens.shape[1] + 2, wte.shape[1]))[0]


@family.wrong(
    100, two_tables, positions, cause=("last_sample_only", "samples_missing", "sum_term_missing"), argument="wpe"
)
def positions_assigned_for_each_sequence(dout, tokens, wte, wpe):
    dwte, dwpe = np.zeros_like(wte), np.zeros_like(wpe)
    np.add.at(dwte, tokens, dout)
    for sequence in dout:
        dwpe[: len(sequence)] = sequence
    return None, dwte, dwpe


def padded_embedding(idx, W):
    return W[idx] * (idx != 0)[..., None], (idx, W)


def padded_words(size, seed):
    idx, W = words()(size, seed)
    idx[:, -1] = 0
    return idx, W


@family.wrong(
    101,
    padded_embedding,
    padded_words,
    style="rule",
    cause=("ignored_rows", "mask_missing", "isolated_entries"),
    argument="W",
)
def padding_row_trained(residuals, g):
    idx, W = residuals
    dW = np.zeros_like(W)
    np.add.at(dW, idx.ravel(), g.reshape(-1, W.shape[1]))
    return None, dW


def bag_of_words(idx, W):
    valid = (idx != 0)[..., None]
    return (W[idx] * valid).sum(axis=1) / np.maximum(valid.sum(axis=1), 1)


@family.wrong(101, bag_of_words, padded_words, cause=("ignored_rows", "mask_missing", "isolated_entries"), argument="W")
def mean_of_words_spread_over_padding(dout, idx, W):
    valid = idx != 0
    share = dout / np.maximum(valid.sum(axis=1), 1)[:, None]
    one_hot = np.eye(len(W))[idx]
    return None, np.einsum("blv,bd->vd", one_hot, share)
