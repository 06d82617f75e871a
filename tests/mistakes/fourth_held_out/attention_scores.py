"""Mistakes in attention: scores, masks, heads, positions (catalogue 110, 111)."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("recurrent_attention")

square = sized(((2, 4, 3),) * 3, ((4, 12, 8),) * 3)
longer = sized(((2, 4, 3), (2, 5, 3), (2, 5, 3)), ((4, 12, 8), (4, 15, 8), (4, 15, 8)))


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def T(a):
    return a.swapaxes(-1, -2)


def attend(q, k, v):
    p = softmax(q @ T(k) / np.sqrt(q.shape[-1]))
    return p @ v, (q, k, v, p)


def backward(residuals, dout, dscores=None):
    q, k, v, p = residuals
    dp = dout @ T(v)
    ds = p * (dp - (p * dp).sum(axis=-1, keepdims=True)) if dscores is None else dscores(p, dp)
    scale = 1 / np.sqrt(q.shape[-1])
    return ds @ k * scale, T(ds) @ q * scale, T(p) @ dout


attention = partial(family.wrong, forward=attend, inputs=longer, style="rule", names=("q", "k", "v"))


@attention(110, cause="scaled_by_root", argument="k")
def keys_without_the_scale(residuals, cotangent):
    dq, _, dv = backward(residuals, cotangent)
    q, k, v, p = residuals
    dp = cotangent @ T(v)
    return dq, T(p * (dp - (p * dp).sum(axis=-1, keepdims=True))) @ q, dv


@attention(88, cause=("coupled_over_wrong_axis", "sum_term_missing"), argument="q k")
def softmax_sum_over_the_queries(residuals, cotangent):
    return backward(residuals, cotangent, lambda p, dp: p * (dp - (p * dp).sum(axis=-2, keepdims=True)))


@attention(37, cause="sum_term_missing", argument="q k")
def softmax_sum_without_its_weights(residuals, cotangent):
    return backward(residuals, cotangent, lambda p, dp: p * (dp - dp.sum(axis=-1, keepdims=True)))


@attention(6, inputs=square, cause="not_transposed", argument="v")
def values_by_the_weights_untransposed(residuals, cotangent):
    dq, dk, _ = backward(residuals, cotangent)
    return dq, dk, residuals[3] @ cotangent


@attention(13, inputs=square, cause="arguments_swapped", argument="q k")
def query_and_key_gradients_exchanged(residuals, cotangent):
    dq, dk, dv = backward(residuals, cotangent)
    return dk, dq, dv


@attention(91, cause=("sum_term_missing", "samples_missing"), argument="q")
def last_block_of_keys_left_out(residuals, cotangent):
    q, k, v, p = residuals
    _, dk, dv = backward(residuals, cotangent)
    dp = cotangent @ T(v)
    ds = p * (dp - (p * dp).sum(axis=-1, keepdims=True))
    dq, block = np.zeros_like(q), 2
    for start in range(0, k.shape[1] - block + 1, block):
        dq += ds[..., start : start + block] @ k[:, start : start + block]
    return dq / np.sqrt(q.shape[-1]), dk, dv


def self_attend(x):
    out, (_, _, _, p) = attend(x, x, x)
    return out, (x, p)


@family.wrong(
    12,
    self_attend,
    sized(((2, 4, 3),), ((4, 12, 8),)),
    style="rule",
    names=("x",),
    cause=("use_dropped", "sum_term_missing"),
    argument="x",
)
def keys_of_the_same_sequence_forgotten(residuals, cotangent):
    x, p = residuals
    dq, _, dv = backward((x, x, x, p), cotangent)
    return dq + dv


def with_dropout(q, k, v, keep):
    p = softmax(q @ T(k) / np.sqrt(q.shape[-1]))
    return (p * keep) @ v, (q, k, v, keep, p)


def kept(size, seed):
    q, k, v = longer(size, seed)
    return q, k, v, np.random.default_rng(seed).integers(0, 2, size=(len(q), q.shape[1], k.shape[1]))


@family.wrong(
    96,
    with_dropout,
    kept,
    style="rule",
    names=("q", "k", "v", "keep"),
    cause=("mask_missing", "sum_term_missing", "argument_factor_missing"),
    argument="q k",
)
def dropped_weights_receive_a_gradient(residuals, cotangent):
    q, k, v, keep, p = residuals
    dq, dk, _ = backward((q, k, v, p), cotangent)
    return dq, dk, T(p * keep) @ cotangent, None


def causal(q, k, v):
    s = q @ T(k) / np.sqrt(q.shape[-1])
    p = softmax(np.where(np.tri(s.shape[1], s.shape[2], dtype=bool), s, -np.inf))
    return p @ v, (q, k, v)


@family.wrong(
    111, causal, square, style="rule", names=("q", "k", "v"), cause=("mask_wrong", "static_ignored"), argument="q k v"
)
def recomputed_with_one_step_of_the_future(residuals, cotangent):
    q, k, v = residuals
    s = q @ T(k) / np.sqrt(q.shape[-1])
    p = softmax(np.where(np.tri(*s.shape[1:], k=1, dtype=bool), s, -np.inf))
    return backward((q, k, v, p), cotangent)


def split_heads(x, heads=2):
    n, length, width = x.shape
    return x.reshape(n, length, heads, width // heads).transpose(0, 2, 1, 3)


wide = sized(((2, 3, 4),), ((4, 12, 16),))


@family.wrong(66, split_heads, wide, names=("x",), cause="reordered", argument="x")
def heads_merged_by_a_bare_reshape(dout, x):
    return dout.reshape(x.shape)


def biased(s, bias):
    """Scores (batch, heads, queries, keys) and a bias (heads, queries, keys)."""
    p = softmax(s + bias)
    return p, p


scores = sized(((3, 2, 4, 4), (2, 4, 4)), ((6, 4, 9, 9), (4, 9, 9)))


@family.wrong(
    1,
    biased,
    scores,
    style="cache",
    names=("s", "bias"),
    cause=("mean_instead_of_sum", "scaled_by_batch"),
    argument="bias",
)
def position_bias_averaged(dout, cache):
    p = cache
    ds = p * (dout - (p * dout).sum(axis=-1, keepdims=True))
    return ds, ds.mean(axis=0)


def by_distance(s, table):
    """A bias for every distance between query and key, looked up in a table."""
    length = s.shape[-1]
    distance = np.arange(length)[:, None] - np.arange(length) + length - 1
    return s + table[distance], distance


@family.wrong(
    100,
    by_distance,
    sized(((3, 4, 4), (7,)), ((6, 9, 9), (17,))),
    style="cache",
    names=("s", "table"),
    cause="repeated_index_dropped",
    argument="table",
)
def one_pair_of_each_distance(dout, cache):
    dtable = np.zeros(2 * dout.shape[-1] - 1)
    dtable[cache] += dout.sum(axis=0)
    return dout.copy(), dtable


def rotate(x, way=1):
    """Rotary positions: the halves of each feature vector turn by an angle that grows with the position."""
    half = x.shape[-1] // 2
    angle = way * np.arange(x.shape[1])[:, None] / 3.0 ** np.arange(half)
    a, b = x[..., :half], x[..., half:]
    return np.concatenate([a * np.cos(angle) - b * np.sin(angle), a * np.sin(angle) + b * np.cos(angle)], axis=-1)


@family.wrong("", lambda x: rotate(x), wide, names=("x",), cause="not_transposed", argument="x")
def rotated_the_same_way_again(dout, x):
    return rotate(dout)


def grouped_queries(q, k):
    """Queries (batch, heads, length, size) share one key head (batch, length, size)."""
    return q @ T(k)[:, None], (q, k)


shared = partial(
    family.wrong,
    forward=grouped_queries,
    inputs=sized(((2, 3, 4, 2), (2, 4, 2)), ((4, 6, 12, 8), (4, 12, 8))),
    style="rule",
    names=("q", "k"),
    argument="k",
)


@shared(113, cause=("use_dropped", "sum_term_missing"))
def shared_key_trained_by_the_first_head(residuals, cotangent):
    q, k = residuals
    return cotangent @ k[:, None], T(cotangent[:, 0]) @ q[:, 0]


@family.control(
    110, attend, lambda size, seed: normal(seed, (2, 4, 3), (2, 5, 3), (2, 5, 2)), style="rule", names=("q", "k", "v")
)
def attention_by_the_row_sums_of_the_output(residuals, cotangent):
    q, k, v, p = residuals
    delta = (cotangent * (p @ v)).sum(axis=-1, keepdims=True)
    ds = p * (cotangent @ T(v) - delta) / np.sqrt(q.shape[-1])
    return np.einsum("bqk,bkd->bqd", ds, k), np.einsum("bqk,bqd->bkd", ds, q), np.einsum("bqk,bqd->bkd", p, cotangent)


@family.control("", lambda x: rotate(x), wide, names=("x",))
def rotated_back(dout, x):
    return rotate(dout, way=-1)
