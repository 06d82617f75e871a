"""Mistakes in tables of vectors (catalogue 2, 14, 90, 100, 101, 113), written from the catalogue alone."""

import numpy as np

from ..case import Family, normal

family = Family("dropout_embedding")


def lookups(size, seed):
    """Indices that repeat, then a table; the last row is never looked up."""
    rows, width, n = (6, 5, 7) if size == "small" else (50, 24, 90)
    (table,) = normal(seed, (rows, width))
    index = (np.arange(n) * 2 + 1) % (rows - 1)
    index[1] = index[0]
    return index, table


def table_first(size, seed):
    return lookups(size, seed)[::-1]


@family.whole(
    100,
    "wrong backward",
    "layer",
    lookups,
    gradients={"W": "dW"},
    argument="W",
    cause="repeated_index_dropped",
)
class EmbeddingAssigns:
    def __init__(self, W):
        self.W = W

    def forward(self, idx):
        self.idx = idx
        return self.W[idx]

    def backward(self, dout):
        self.dW = np.zeros_like(self.W)
        self.dW[self.idx] = dout


@family.whole(
    100,
    "wrong backward",
    "jax",
    table_first,
    names=("table", "index"),
    argument="table",
    cause="repeated_index_dropped",
)
def jax_embedding_sets_its_rows():
    import jax
    import jax.numpy as jnp

    @jax.custom_vjp
    def embed(table, index):
        return table[index]

    def back(saved, g):
        shape, index = saved
        order = np.asarray(index)
        last = [int(np.flatnonzero(order == row)[-1]) for row in np.unique(order)]
        return jnp.zeros(shape, g.dtype).at[np.unique(order)].set(g[np.array(last)]), None

    embed.defvjp(lambda table, index: (embed(table, index), (table.shape, index)), back)
    return embed


def padded(table, index):
    out = table[index]
    out[index == 1] = 0
    return out


@family.whole(
    101,
    "wrong backward",
    "vjp",
    table_first,
    argument="table",
    cause=("ignored_rows", "mask_missing", "isolated_entries"),
)
def padding_word_learns(table, index):
    def pullback(g):
        d = np.zeros_like(table)
        np.add.at(d, index, g)
        return d, None

    return padded(table, index), pullback


@family.wrong(110, lambda table, index: table[index] * np.sqrt(table.shape[1]), table_first, argument="table",
              cause="scaled_by_root")  # fmt: skip
def transformer_scale_only_forwards(dout, table, index):
    d = np.zeros_like(table)
    for i, row in enumerate(index):
        d[row] += dout[i]
    return d, None


def sentences(size, seed):
    rows, width, n, steps = (6, 5, 3, 4) if size == "small" else (40, 24, 8, 15)
    table, places = normal(seed, (rows, width), (steps, width))
    return table, places, np.arange(n * steps).reshape(n, steps) ** 2 % (rows - 1)


def with_places(table, places, words):
    return table[words] + places


def scattered(table, words, g):
    d = np.zeros_like(table)
    np.add.at(d, words, g)
    return d


@family.wrong(2, with_places, sentences, argument="places", cause=("not_reduced", "wrong_shape"))
def places_of_each_sentence(dout, table, places, words):
    return scattered(table, words, dout), dout, None


@family.wrong(1, with_places, sentences, argument="places", cause=("mean_instead_of_sum", "scaled_by_batch"))
def places_averaged_over_sentences(dout, table, places, words):
    return scattered(table, words, dout), dout.mean(0), None


@family.wrong(65, with_places, sentences, argument="table", cause=("last_sample_only", "use_dropped"))
def words_of_the_last_sentence(dout, table, places, words):
    d = np.zeros_like(table)
    for sentence, g in zip(words, dout, strict=True):
        d = scattered(table, sentence, g)
    return d, dout.sum(0), None


@family.control(2, with_places, sentences)
def words_and_places(dout, table, places, words):
    onehot = np.eye(len(table))[words.reshape(-1)]
    return onehot.T @ dout.reshape(len(onehot), -1), dout.sum(0), None


def context(size, seed):
    rows, width, n, around, k = (9, 5, 3, 4, 2) if size == "small" else (40, 24, 12, 6, 11)
    table, out = normal(seed, (rows, width), (width, k))
    return table, out, np.arange(n * around).reshape(n, around) * 5 % (rows - 2)


def bag(table, out, words):
    return table[words].mean(1) @ out


def bag_backward(g, table, out, words, share):
    each = np.broadcast_to((g @ out.T * share)[:, None], (*words.shape, table.shape[1]))
    return scattered(table, words, each), table[words].mean(1).T @ g, None


@family.wrong(17, bag, context, argument="table", cause=("scaled_by_size", "scaled"))
def every_context_word_takes_all(g, table, out, words):
    return bag_backward(g, table, out, words, 1.0)


@family.control(100, bag, context)
def context_shares_the_gradient(g, table, out, words):
    return bag_backward(g, table, out, words, 1 / words.shape[1])


def edges(size, seed):
    table, index = table_first(size, seed)
    return table, index, (index * 3 + 1) % (len(table) - 1)


@family.wrong(
    113,
    lambda table, source, target: np.sum(table[source] * table[target], axis=1),
    edges,
    argument="table",
    cause=("use_dropped", "sum_term_missing"),
)
def edges_teach_their_source(dout, table, source, target):
    return scattered(table, source, dout[:, None] * table[target]), None, None


@family.wrong(
    90, lambda table, index: np.tanh(table[index]), table_first, argument="table", cause=("shifted", "row_permuted")
)
def rows_counted_from_one(dout, table, index):
    return scattered(table, index + 1, dout * (1 - np.tanh(table[index]) ** 2)), None


@family.whole(
    14, "impure", "layer", lookups, gradients={"W": "dW"}, argument="W", cause=("accumulates", "buffer_reused")
)
class EmbeddingNeverZeroed:
    def __init__(self, W):
        self.W = W
        self.dW = np.zeros_like(W)

    def forward(self, idx):
        self.idx = idx
        return self.W[idx]

    def backward(self, dout):
        np.add.at(self.dW, self.idx, dout)
