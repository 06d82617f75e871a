"""Mistakes in blocks, heads and shared parts of attention."""

import numpy as np

from ..case import Family, sized

family = Family("recurrent_attention")


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def attend(q, k, v):
    p = softmax(q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1]))
    return p @ v, (q, k, v, p)


queries = sized(((2, 7, 3), (2, 4, 3), (2, 4, 3)), ((4, 13, 8), (4, 10, 8), (4, 10, 8)))


def score_gradient(residuals, g):
    q, k, v, p = residuals
    dp = g @ v.swapaxes(-1, -2)
    return p * (dp - (p * dp).sum(-1, keepdims=True)) / np.sqrt(q.shape[-1])


@family.wrong(
    91, attend, queries, style="rule", names=("q", "k", "v"), cause=("sum_term_missing", "samples_missing"),
    argument="k",
)  # fmt: skip
def queries_beyond_whole_blocks_forgotten(residuals, cotangent):
    q, k, v, p = residuals
    ds = score_gradient(residuals, cotangent)
    dk = np.zeros_like(k)
    for start in range(0, q.shape[1] - 2, 3):
        dk += ds[:, start : start + 3].swapaxes(-1, -2) @ q[:, start : start + 3]
    return ds @ k, dk, p.swapaxes(-1, -2) @ cotangent


@family.wrong(
    91, attend, queries, style="rule", names=("q", "k", "v"), cause=("sum_term_missing", "samples_missing"),
    argument="v",
)  # fmt: skip
def values_not_paid_by_the_last_two_queries(residuals, cotangent):
    q, k, v, p = residuals
    ds = score_gradient(residuals, cotangent)
    return ds @ k, ds.swapaxes(-1, -2) @ q, p[:, :-2].swapaxes(-1, -2) @ cotangent[:, :-2]


def one_value(p, v):
    """Weights (batch, heads, queries, keys) on values that all heads share (batch, keys, size)."""
    return p @ v[:, None], (p, v)


@family.wrong(
    113, one_value, sized(((2, 3, 4, 5), (2, 5, 2)), ((4, 6, 9, 8), (4, 8, 5))), style="rule", names=("p", "v"),
    cause=("use_dropped", "sum_term_missing"), argument="v",
)  # fmt: skip
def shared_value_trained_by_the_last_head(residuals, cotangent):
    p, v = residuals
    return cotangent @ v[:, None].swapaxes(-1, -2), p[:, -1].swapaxes(-1, -2) @ cotangent[:, -1]


def mixing(x, w):
    """A residual block of attention without projections."""
    p = softmax(x @ x.swapaxes(-1, -2))
    return x + p @ (x @ w), (x, w, p)


def mixing_backward(residuals, g, skip):
    x, w, p = residuals
    dv = p.swapaxes(-1, -2) @ g
    dp = g @ (x @ w).swapaxes(-1, -2)
    ds = p * (dp - (p * dp).sum(-1, keepdims=True))
    return skip * g + dv @ w.T + ds @ x + ds.swapaxes(-1, -2) @ x, np.einsum("ntd,nte->de", x, dv)


@family.wrong(
    112, mixing, sized(((2, 4, 3), (3, 3)), ((4, 9, 8), (8, 8))), style="rule", names=("x", "w"),
    cause="sum_term_missing", argument="x",
)  # fmt: skip
def stream_added_before_and_after(residuals, cotangent):
    return mixing_backward(residuals, cotangent, 2.0)


def joined_heads(p, v, heads=2):
    """Weights (batch, heads, queries, keys) on the heads of v (batch, keys, width), joined again."""
    n, t, width = v.shape
    parts = v.reshape(n, t, heads, width // heads).transpose(0, 2, 1, 3)
    return (p @ parts).transpose(0, 2, 1, 3).reshape(n, p.shape[2], width), (p, v)


@family.wrong(
    66, joined_heads, sized(((2, 2, 4, 3), (2, 3, 6)), ((4, 2, 9, 7), (4, 7, 16))), style="rule", names=("p", "v"),
    cause=("wrong_operand", "groups_mixed", "reordered", "row_permuted"), argument="p",
)  # fmt: skip
def upstream_split_into_heads_the_other_way(residuals, cotangent):
    p, v = residuals
    n, t, width = v.shape
    parts = v.reshape(n, t, 2, width // 2).transpose(0, 2, 1, 3)
    right = cotangent.reshape(n, -1, 2, width // 2).transpose(0, 2, 1, 3)
    other = cotangent.reshape(n, -1, width // 2, 2).transpose(0, 3, 1, 2)
    dv = (p.swapaxes(-1, -2) @ right).transpose(0, 2, 1, 3).reshape(v.shape)
    return other @ parts.swapaxes(-1, -2), dv


@family.wrong(
    91, attend, queries, style="rule", names=("q", "k", "v"), cause=("sum_term_missing", "samples_missing"),
    argument="k",
)  # fmt: skip
def keys_not_paid_by_the_first_two_queries(residuals, cotangent):
    q, k, v, p = residuals
    ds = score_gradient(residuals, cotangent)
    return ds @ k, ds[:, 2:].swapaxes(-1, -2) @ q[:, 2:], p.swapaxes(-1, -2) @ cotangent


@family.wrong(
    63,
    lambda p, v: joined_heads(p, v, p.shape[1]),
    sized(((2, 3, 4, 5), (2, 5, 6)), ((4, 4, 9, 7), (4, 7, 16))),
    style="rule",
    names=("p", "v"),
    cause=("wrong_operand", "groups_mixed"),
    argument="p",
)
def upstream_of_the_next_head(residuals, cotangent):
    p, v = residuals
    n, heads, t, _ = p.shape
    parts = v.reshape(n, v.shape[1], heads, -1).transpose(0, 2, 1, 3)
    right = cotangent.reshape(n, t, heads, -1).transpose(0, 2, 1, 3)
    dv = (p.swapaxes(-1, -2) @ right).transpose(0, 2, 1, 3).reshape(v.shape)
    return np.roll(right, -1, axis=1) @ parts.swapaxes(-1, -2), dv
