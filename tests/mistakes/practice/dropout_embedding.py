"""Noise, masks, tables and positions."""

import numpy as np

from ..case import Family, normal

family = Family("dropout_embedding")

KEEP = 0.6


def units(size, seed):
    n, d, k = (5, 4, 3) if size == "small" else (23, 13, 11)
    x, W = normal(seed, (n, d), (d, k))
    return x, W, np.random.default_rng(seed + 3).random((n, k)) < KEEP


def hidden(x, W, mask):
    return np.tanh(x @ W) * mask / KEEP


def hidden_backward(g, x, W, mask, open_=None, keep=KEEP, at=None):
    h = np.tanh(x @ W)
    d = g * (mask if open_ is None else open_) / keep * (1 - (h if at is None else at(h, mask)) ** 2)
    return d @ W.T, x.T @ d, None


def wrong(number, forward=hidden, inputs=units, **more):
    more.setdefault("argument", "x W")
    return family.wrong(number, forward, inputs, **more)


@wrong(96, cause="mask_missing")
def hidden_units_all_carry_back(g, x, W, mask):
    return hidden_backward(g, x, W, mask, open_=1.0)


@wrong(96, cause="mask_wrong")
def hidden_units_carry_back_when_dropped(g, x, W, mask):
    return hidden_backward(g, x, W, mask, open_=~mask)


@wrong(97, cause="scaled_by_keep_rate")
def hidden_units_unscaled(g, x, W, mask):
    return hidden_backward(g, x, W, mask, keep=1)


@wrong(97, cause="scaled_by_keep_rate")
def hidden_units_scaled_by_the_drop_rate(g, x, W, mask):
    return hidden_backward(g, x, W, mask, keep=1 - KEEP)


@wrong(107, cause=("wrong_operand", "wrong_derivative", "derivative_at_output"))
def hidden_slope_of_the_scaled_units(g, x, W, mask):
    return hidden_backward(g, x, W, mask, at=lambda h, mask: h * mask / KEEP)


def spatial(size, seed):
    n, c, h, w = (2, 3, 4, 5) if size == "small" else (3, 5, 7, 6)
    (x,) = normal(seed, (n, c, h, w))
    mask = np.ones((n, c), bool)
    mask[0, 1] = mask[-1, 0] = False
    return x, mask


@wrong(96, lambda x, mask: x * mask[:, :, None, None] / KEEP, spatial, argument="x", cause="mask_missing")
def channels_all_carry_back(g, x, mask):
    return g / KEEP, None


@wrong(97, lambda x, mask: x * mask[:, :, None, None] / KEEP, spatial, argument="x", cause="scaled_by_keep_rate")
def channels_scaled_twice(g, x, mask):
    return g * mask[:, :, None, None] / KEEP**2, None


@family.whole(
    99,
    "wrong backward",
    "layer",
    lambda size, seed: normal(seed, (5, 7) if size == "small" else (23, 37)),
    cause="mask_wrong",
)
class DropoutMasksTheMirror:
    def forward(self, x):
        self.mask = np.random.default_rng(11).random(x.shape) < KEEP
        return np.where(self.mask, x / KEEP, 0.0)

    def backward(self, dout):
        return np.where(self.mask[::-1], dout / KEEP, 0.0)


def noisy_inputs(size, seed):
    x, s = normal(seed, *(((5, 4),) * 2 if size == "small" else ((23, 13),) * 2))
    return x, s, normal(seed + 1, x.shape)[0]


@wrong(
    98,
    lambda mu, s, noise: mu + np.exp(s / 2) * noise,
    noisy_inputs,
    constants=("noise",),
    argument="s",
    cause=("scaled_by_two",),
)
def reparametrization_without_its_half(g, mu, s, noise):
    return g, g * np.exp(s / 2) * noise, None


@wrong(
    98,
    lambda mu, s, noise: mu + np.exp(s / 2) * noise,
    noisy_inputs,
    constants=("noise",),
    argument="s",
    cause=("argument_factor_missing", "wrong_operand"),
)
def reparametrization_without_its_noise(g, mu, s, noise):
    return g, g * np.exp(s / 2) / 2, None


@wrong(
    98,
    lambda mu, s, noise: mu + np.exp(s / 2) * noise,
    noisy_inputs,
    constants=("noise",),
    argument="s",
    cause=("derivative_missing", "argument_factor_missing"),
)
def reparametrization_without_its_spread(g, mu, s, noise):
    return g, g * noise / 2, None


def tokens(size, seed):
    n, t, v, d = (2, 5, 7, 3) if size == "small" else (5, 11, 13, 7)
    index = (np.arange(n * t).reshape(n, t) ** 2 + seed) % v
    return (*normal(seed, (v, d), (t, d)), index)


def embed(table, places, index):
    return table[index] * np.sqrt(table.shape[1]) + places


def embed_backward(g, table, places, index, scale=True, add=np.add.at):
    d = np.zeros_like(table)
    add(d, index, g * (np.sqrt(table.shape[1]) if scale else 1))
    return d, g.sum(0), None


def assign(d, index, rows):
    d[index] += rows


@wrong(100, embed, tokens, argument="table", cause="repeated_index_dropped")
def embedding_adds_each_word_once(g, table, places, index):
    return embed_backward(g, table, places, index, add=assign)


@wrong(110, embed, tokens, argument="table", cause=("scaled_by_root", "scaled"))
def embedding_without_its_root(g, table, places, index):
    return embed_backward(g, table, places, index, scale=False)


@wrong(1, embed, tokens, argument="places", cause=("mean_instead_of_sum", "scaled_by_batch"))
def positions_averaged_over_the_batch(g, table, places, index):
    dtable, _, _ = embed_backward(g, table, places, index)
    return dtable, g.mean(0), None


@wrong(2, embed, tokens, argument="places", cause=("last_sample_only", "one_sample_repeated"))
def positions_from_the_first_sentence(g, table, places, index):
    dtable, _, _ = embed_backward(g, table, places, index)
    return dtable, g[0], None


def bag_inputs(size, seed):
    n, t, v, d = (4, 5, 7, 3) if size == "small" else (9, 11, 13, 7)
    index = (np.arange(n * t).reshape(n, t) * 3 + seed) % v
    return (*normal(seed, (v, d)), index)


def bag(table, index):
    return table[index].mean(1)


def bag_backward(g, table, index, words, share):
    d = np.zeros_like(table)
    for row, chosen in zip(g, index, strict=True):
        for word in words(chosen):
            d[word] += row / share
    return d, None


@wrong(
    100,
    bag,
    bag_inputs,
    argument="table",
    cause=(
        "overlap_dropped",
        "samples_missing",
        "repeated_index_dropped",
        "last_sample_only",
        "use_dropped",
        "scaled",
        "entries_not_written",
    ),
)
def bag_teaches_its_last_word(g, table, index):
    return bag_backward(g, table, index, lambda chosen: chosen[-1:], index.shape[1])


@wrong(
    1, bag, bag_inputs, argument="table", cause=("scaled_by_size", "scaled_by_spatial", "scaled_by_window", "scaled")
)
def bag_sums_where_it_averaged(g, table, index):
    return bag_backward(g, table, index, lambda chosen: chosen, 1)


@wrong(100, bag, bag_inputs, argument="table", cause=("row_permuted", "wrong_operand"))
def bag_teaches_the_word_behind(g, table, index):
    return bag_backward(g, table, index, lambda chosen: (chosen + 1) % len(table), index.shape[1])


def padded(table, index):
    return table[index] * (index > 0)[..., None]


@wrong(101, padded, bag_inputs, argument="table", cause=("mask_missing", "ignored_rows", "isolated_entries"))
def padding_row_learns_too(g, table, index):
    d = np.zeros_like(table)
    np.add.at(d, index, g)
    return d, None


def tied_inputs(size, seed):
    n, t, v, d = (2, 3, 7, 4) if size == "small" else (5, 4, 13, 7)
    index = (np.arange(n * t).reshape(n, t) * 2 + seed) % v
    return (*normal(seed, (v, d)), index)


def tied(table, index):
    return np.tanh(table[index].sum(1)) @ table.T


def tied_backward(g, table, index, inward=True, outward=True):
    h = np.tanh(table[index].sum(1))
    d = g.T @ h if outward else np.zeros_like(table)
    dh = g @ table * (1 - h**2)
    if inward:
        np.add.at(d, index, np.repeat(dh[:, None], index.shape[1], 1))
    return d, None


@wrong(113, tied, tied_inputs, argument="table", cause=("use_dropped",))
def tied_table_learns_at_the_exit(g, table, index):
    return tied_backward(g, table, index, inward=False)


@wrong(113, tied, tied_inputs, argument="table", cause=("use_dropped",))
def tied_table_learns_at_the_entrance(g, table, index):
    return tied_backward(g, table, index, outward=False)


def dropped_connections(size, seed):
    n, d, k = (5, 4, 3) if size == "small" else (23, 13, 11)
    x, W = normal(seed, (n, d), (d, k))
    return x, W, (np.random.default_rng(seed + 3).random((d, k)) < KEEP) / KEEP


def dropconnect(x, W, mask):
    return np.maximum(x @ (W * mask), 0)


@wrong(
    96,
    dropconnect,
    dropped_connections,
    constants=("mask",),
    argument="W",
    cause=("mask_missing", "argument_factor_missing"),
)
def dropped_connections_learn(g, x, W, mask):
    d = g * (x @ (W * mask) > 0)
    return d @ (W * mask).T, x.T @ d, None


@wrong(
    96,
    dropconnect,
    dropped_connections,
    constants=("mask",),
    argument="x",
    cause=("mask_missing", "wrong_operand", "argument_factor_missing"),
)
def dropped_connections_carry(g, x, W, mask):
    d = g * (x @ (W * mask) > 0)
    return d @ W.T, x.T @ d * mask, None


@wrong(48, dropconnect, dropped_connections, constants=("mask",), cause="mask_wrong")
def dropped_connections_open_by_the_whole_matrix(g, x, W, mask):
    d = g * (x @ W > 0)
    return d @ (W * mask).T, x.T @ d * mask, None
