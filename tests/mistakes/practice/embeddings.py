"""Bags, windows, pairs and tied tables (catalogue 96 to 101, 113)."""

import numpy as np

from ..case import Family, normal

family = Family("dropout_embedding")


def bags(size, seed):
    """E (V, D), index (N, L) with repetitions; row 0 stands for nothing."""
    v, d, n, m = (6, 3, 4, 5) if size == "small" else (20, 12, 16, 7)
    (E,) = normal(seed, (v, d))
    index = np.random.default_rng(seed + 1).integers(0, v, size=(n, m))
    index[:, 0], index[0, :3] = 0, (2, 2, 3)
    return E, index


def bag(E, index):
    return (E[index] * (index > 0)[..., None]).sum(axis=1)


def bag_back(g, E, index, on=None, put=np.add.at):
    dE = np.zeros_like(E)
    part = np.repeat(g[:, None], index.shape[1], axis=1) * ((index > 0)[..., None] if on is None else on)
    put(dE, index, part)
    return dE, None


def bagged(number, cause):
    return family.wrong(number, bag, bags, argument="E", cause=cause)


@bagged(101, ("mask_missing", "ignored_rows", "isolated_entries"))
def nothing_learns_too(g, E, index):
    return bag_back(g, E, index, on=1.0)


@bagged(100, "repeated_index_dropped")
def words_of_a_bag_assigned(g, E, index):
    def put(dE, index, part):
        dE[index] += part

    return bag_back(g, E, index, put=put)


@bagged(1, ("scaled_by_window", "scaled_by_size", "mean_instead_of_sum"))
def bag_taken_for_a_mean(g, E, index):
    return bag_back(g / index.shape[1], E, index)


@bagged(100, "row_permuted")
def words_one_row_too_high(g, E, index):
    return np.roll(bag_back(g, E, index)[0], -1, axis=0), None


@bagged(65, ("last_sample_only", "samples_missing"))
def only_the_last_bag_learns(g, E, index):
    dE = np.zeros_like(E)
    for row, words in zip(g, index, strict=True):
        dE = np.zeros_like(E)
        for word in words[words > 0]:
            dE[word] += row
    return dE, None


def neighbours(size, seed):
    """U, V (V, D), centre (N,), context (N,), noise (N, K)"""
    v, d, n, k = (7, 3, 5, 2) if size == "small" else (20, 8, 24, 4)
    U, V = normal(seed, (v, d), (v, d))
    rng = np.random.default_rng(seed + 1)
    centre, context, noise = (rng.integers(0, v, size=shape) for shape in ((n,), (n,), (n, k)))
    centre[:2] = 1
    noise[:2] = 3
    return U, V, centre, context, noise


def skip_gram(U, V, centre, context, noise):
    right = (U[centre] * V[context]).sum(axis=1)
    wrong = np.einsum("nd,nkd->nk", U[centre], V[noise])
    return np.log1p(np.exp(-right)).sum() + np.log1p(np.exp(wrong)).sum()


def skip_gram_back(g, U, V, centre, context, noise, sign=1, negatives=True, add=np.add.at, met=None):
    u, v, w = U[centre], V[context], V[noise]
    a = -1 / (1 + np.exp((u * v).sum(axis=1))) * sign * g
    b = 1 / (1 + np.exp(-np.einsum("nd,nkd->nk", u, w))) * g
    dU, dV = np.zeros_like(U), np.zeros_like(V)
    du = a[:, None] * v + (np.einsum("nk,nkd->nd", b, w) if negatives else 0)
    add(dU, centre, du)
    np.add.at(dV, context, a[:, None] * (u if met is None else met))
    np.add.at(dV, noise, b[:, :, None] * u[:, None])
    return dU, dV, None, None, None


def skip(name, number, argument, cause, kind="wrong", **slips):
    more = {"id": name, "argument": argument, "cause": cause}
    getattr(family, kind)(number, skip_gram, neighbours, **more)(
        lambda g, *primals: skip_gram_back(g, *primals, **slips)
    )


def assign(table, index, part):
    table[index] += part


skip("centres_hear_their_context_only", 12, "U", ("use_dropped", "sum_term_missing"), negatives=False)
skip("right_pairs_pushed_apart", 18, "U V", ("sign", "sum_term_missing"), sign=-1)
skip("centres_assigned", 100, "U", "repeated_index_dropped", add=assign)
skip("skip_gram", "", "", (), kind="control")


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


windowed("words_of_a_window_backwards", 13, "E", ("row_permuted", "flipped"), order=[2, 1, 0])
windowed("only_the_last_word_learns", 65, "E", ("use_dropped", "samples_missing", "last_sample_only"),
         columns=slice(2, 3))  # fmt: skip
windowed("slope_of_the_window_missing", 43, "E W", "derivative_missing", slope=False)
windowed("window_unfolded_the_other_way", 66, "E", "reordered", fold=True)
