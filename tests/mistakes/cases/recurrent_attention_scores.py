"""Attention: scores, heads, masks, positions."""

from functools import partial

import numpy as np

from ..case import Family, sized
from .functions import softmax, table_and_words

family = Family("recurrent_attention")

HEADS = sized(((2, 3, 5), (2, 4, 5), (2, 4, 3)), ((4, 10, 8), (4, 12, 8), (4, 12, 6)))


def attention(q, k, v):
    p = softmax(q @ k.swapaxes(1, 2) / np.sqrt(q.shape[-1]))
    return p @ v, (q, k, v, p)


@family.wrong(32, attention, HEADS, style="rule", cause="diagonal_only", argument="q k")
def softmax_diagonal_in_attention(saved, g):
    q, k, v, p = saved
    ds = (g @ v.swapaxes(1, 2)) * p * (1 - p) / np.sqrt(q.shape[-1])
    return np.einsum("nij,njd->nid", ds, k), np.einsum("nij,nid->njd", ds, q), np.einsum("nij,nid->njd", p, g)


def T(a):
    return a.swapaxes(-1, -2)


def backward(residuals, dout, dscores=None):
    q, k, v, p = residuals
    dp = dout @ T(v)
    ds = p * (dp - (p * dp).sum(axis=-1, keepdims=True)) if dscores is None else dscores(p, dp)
    scale = 1 / np.sqrt(q.shape[-1])
    return ds @ k * scale, T(ds) @ q * scale, T(p) @ dout


wrong_attention = partial(family.wrong, forward=attention, inputs=HEADS, style="rule", names=("q", "k", "v"))


@wrong_attention(88, cause="wrong_axis", argument="q k")
def softmax_sum_over_the_queries(residuals, cotangent):
    return backward(residuals, cotangent, lambda p, dp: p * (dp - (p * dp).sum(axis=-2, keepdims=True)))


@wrong_attention(37, cause="wrong_factor", argument="q k")
def softmax_sum_without_its_weights(residuals, cotangent):
    return backward(residuals, cotangent, lambda p, dp: p * (dp - dp.sum(axis=-1, keepdims=True)))


square = sized(((2, 4, 3),) * 3, ((4, 12, 8),) * 3)


@wrong_attention(6, inputs=square, cause="transposed", argument="v")
def values_by_the_weights_untransposed(residuals, cotangent):
    dq, dk, _ = backward(residuals, cotangent)
    return dq, dk, residuals[3] @ cotangent


@wrong_attention(13, inputs=square, cause="arguments_swapped", argument="q k")
def query_and_key_gradients_exchanged(residuals, cotangent):
    dq, dk, dv = backward(residuals, cotangent)
    return dk, dq, dv


memories = sized(((2, 3, 4), (2, 5, 4)), ((4, 9, 8), (4, 12, 8)))


@family.whole(12, "wrong backward", "vjp", memories, cause="term_missing", argument="memory")
def memory_trained_as_keys_only(x, memory):
    p = softmax(x @ T(memory) / 2)

    def pullback(g):
        dp = g @ T(memory)
        ds = p * (dp - (p * dp).sum(-1, keepdims=True)) / 2
        return ds @ memory, T(ds) @ x

    return p @ memory, pullback


def split_heads(x, heads=2):
    n, length, width = x.shape
    return x.reshape(n, length, heads, width // heads).transpose(0, 2, 1, 3)


wide = sized(((2, 3, 4),), ((4, 12, 16),))


@family.wrong(66, split_heads, wide, names=("x",), cause="transposed", argument="x")
def heads_merged_by_a_bare_reshape(dout, x):
    return dout.reshape(x.shape)


def scores_gradient(dout, v, p):
    dp = dout @ v.swapaxes(-1, -2)
    return p * (dp - np.sum(dp * p, axis=-1, keepdims=True))


def aligned(Lq, Lk, bottom_right):
    return np.tril(np.ones((Lq, Lk), dtype=bool), k=Lk - Lq if bottom_right else 0)


def cached_keys_attention(query, key, value):
    s = np.einsum("bqd,bkd->bqk", query, key) * query.shape[-1] ** -0.5
    return softmax(np.where(aligned(query.shape[1], key.shape[1], True), s, -1e30)) @ value


@family.wrong(111, cached_keys_attention, HEADS, cause="mask_wrong", argument="query key value")
def backward_aligns_the_mask_top_left(g, query, key, value):
    scale = query.shape[-1] ** -0.5
    s = np.einsum("bqd,bkd->bqk", query, key) * scale
    p = softmax(np.where(aligned(query.shape[1], key.shape[1], False), s, -1e30))
    ds = scores_gradient(g, value, p) * scale
    return ds @ key, np.einsum("bqk,bqd->bkd", ds, query), np.einsum("bqk,bqe->bke", p, g)


# Four heads that share keys and values: q (H, L, D), k and v (L, D); the last key is padding
SHARED = sized(((3, 4, 5), (4, 5), (4, 5)), ((4, 7, 8), (7, 8), (7, 8)))


def sharing(q, k, v):
    s = np.where(np.arange(len(k)) < len(k) - 1, q @ k.T / np.sqrt(q.shape[-1]), -1e9)
    return softmax(s) @ v, (q, k, v, softmax(s))


def sharing_back(cache, g, heads=slice(None), mean=False, masked=True, scale=True):
    q, k, v, p = cache
    root = np.sqrt(q.shape[-1]) if scale else 1.0
    p = p if masked else softmax(q @ k.T / np.sqrt(q.shape[-1]))
    dp = g @ v.T
    ds = p * (dp - (p * dp).sum(axis=-1, keepdims=True)) / root
    dk, dv = ds.swapaxes(1, 2) @ q, p.swapaxes(1, 2) @ g
    join = np.mean if mean else np.sum
    return ds @ k, join(dk[heads], axis=0), join(dv, axis=0)


def share(name, number, argument, cause, kind="wrong", **slips):
    more = {"id": name, "style": "rule", "names": ("q", "k", "v"), "argument": argument, "cause": cause}
    getattr(family, kind)(number, sharing, SHARED, **more)(lambda cache, g: sharing_back(cache, g, **slips))


share("keys_of_the_last_head", 103, "k", "part_missing", heads=slice(-1, None))
share("padded_key_attended_on_the_way_back", 111, "q k v", "mask_missing", masked=False)
share("shared_scores_not_divided", 110, "q k", "scaled_by_count", scale=False)
share("shared_keys", "", "", (), kind="control")
share("keys_and_values_averaged_over_heads", 1, "k v", "scaled_by_count", mean=True)

# Attention without a softmax: q, k (L, D), v (L, E)
LINEAR = sized(((5, 3), (5, 3), (5, 4)), ((12, 6), (12, 6), (12, 8)))


def linear(q, k, v):
    a, b = np.exp(q), np.exp(k)
    return (a @ (b.T @ v)) / (a @ b.sum(axis=0))[:, None]


def linear_back(g, q, k, v, keys=True):
    a, b = np.exp(q), np.exp(k)
    below = (a @ b.sum(axis=0))[:, None]
    y = (a @ (b.T @ v)) / below
    d = g / below
    e = -(d * y).sum(axis=1, keepdims=True)
    da = d @ (b.T @ v).T + e * b.sum(axis=0)
    db = v @ (a.T @ d).T + (a * e).sum(axis=0) * keys
    return da * a, db * b, b @ (a.T @ d)


@family.wrong(12, linear, LINEAR, argument="k", cause="statistics_as_constants")
def keys_without_their_part_below(g, q, k, v):
    return linear_back(g, q, k, v, keys=False)


# Scores with a bias for each distance: q, k, v (L, D), r (2L - 1,)
PLACES = sized(((5, 3), (5, 3), (5, 3), (9,)), ((12, 8), (12, 8), (12, 8), (23,)))


def distance(length):
    return np.arange(length)[:, None] - np.arange(length) + length - 1


def placed(q, k, v, r):
    return softmax(q @ k.T + r[distance(len(q))]) @ v


def placed_back(g, q, k, v, r, into):
    p = softmax(q @ k.T + r[distance(len(q))])
    dp = g @ v.T
    ds = p * (dp - (dp * p).sum(axis=1, keepdims=True))
    dr = np.zeros_like(r)
    into(dr, distance(len(q)), ds)
    return ds @ k, ds.T @ q, p.T @ g, dr


@family.wrong(100, placed, PLACES, argument="r", cause="not_accumulated")
def distances_assigned(g, q, k, v, r):
    def into(dr, index, ds):
        dr[index] += ds

    return placed_back(g, q, k, v, r, into)


@family.wrong(60, placed, PLACES, argument="r", cause="flipped")
def distances_counted_from_the_other_end(g, q, k, v, r):
    return placed_back(g, q, k, v, r, lambda dr, index, ds: np.add.at(dr, index.T, ds))


def by_distance(s, table):
    """A bias for every distance between query and key, looked up in a table."""
    apart = distance(s.shape[-1])
    return s + table[apart], apart


@family.wrong(
    100,
    by_distance,
    sized(((3, 4, 4), (7,)), ((6, 9, 9), (17,))),
    style="cache",
    names=("s", "table"),
    cause="not_accumulated",
    argument="table",
)
def one_pair_of_each_distance(dout, cache):
    dtable = np.zeros(2 * dout.shape[-1] - 1)
    dtable[cache] += dout.sum(axis=0)
    return dout.copy(), dtable


@family.whole(113, "control", "vjp", lambda size, seed: table_and_words(size, seed)[::-1])
def both_uses_of_a_tied_table(words, E):
    h = E[words]

    def pullback(g):
        dE = g.T @ h
        np.add.at(dE, words, g @ E)
        return None, dE

    return h @ E.T, pullback


# q (batch, queries, d), k and v (batch, keys, d)
heads = sized(((3, 5, 7), (3, 5, 7), (3, 5, 2)), ((8, 16, 32), (8, 16, 32), (8, 16, 24)))


@family.control("F7", lambda x: x.max(axis=-1), lambda size, seed: (np.round(heads(size, seed)[0]),))
def maximum_of_each_row(dout, x):
    dx = np.zeros_like(x)
    np.put_along_axis(dx, x.argmax(axis=-1)[..., None], dout[..., None], axis=-1)
    return dx


def turned(x, direction=1):
    """(batch, length, heads, d), each half of d with the other."""
    d = x.shape[-1]
    angle = direction * np.arange(x.shape[1])[:, None, None] * 10000.0 ** (-np.arange(0, d, 2) / d)
    a, b = x[..., : d // 2], x[..., d // 2 :]
    return np.concatenate([a * np.cos(angle) - b * np.sin(angle), a * np.sin(angle) + b * np.cos(angle)], axis=-1)


@family.control("", turned, sized(((3, 5, 2, 8),), ((4, 16, 3, 32),)), names=("x",), op="rotary_embedding")
def rotation_undone(dout, x):
    return turned(dout, -1)
