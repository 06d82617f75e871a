"""Attention, causal, with two query heads for a key head: three formulas of its backward, and mistakes in them."""

import math

import numpy as np

from scripts.acceptance.verdicts.emulated import Way, like
from scripts.acceptance.verdicts.formulas import Function, Mistake


def heads_first(x, times=1):
    """(batch, heads, length, head_dim), every head so often."""
    return np.repeat(x.swapaxes(1, 2), times, 1)


def scores(w: Way, q, k, causal=0):
    """Products of queries and keys, scaled; minus infinity where the mask, moved by so much, hides the key."""
    scaled = w.dot(q, k.swapaxes(-1, -2)) * like(q, 1 / math.sqrt(q.shape[-1]))
    seen = np.tril(np.ones(scaled.shape[-2:], bool), causal)
    return np.where(seen, scaled, like(q, -np.inf))


def shares(w: Way, scaled):
    raised = np.exp(scaled - scaled.max(-1, keepdims=True))
    return raised / w.sum(raised, keepdims=True)


def attention(w: Way, query, key, value):
    q, k, v = heads_first(query), heads_first(key, 2), heads_first(value, 2)
    return w.dot(shares(w, scores(w, q, k)), v).swapaxes(1, 2)


def shared(w: Way, x):
    """The sum over the query heads of every key head, in the order of the arguments."""
    return w.sum(x.reshape(len(x), -1, 2, *x.shape[2:]), 2).swapaxes(1, 2)


def attention_recomputed(w: Way, d, out, query, key, value):
    q, k, v, d = heads_first(query), heads_first(key, 2), heads_first(value, 2), heads_first(d)
    p = shares(w, scores(w, q, k))
    p_ct = w.dot(d, v.swapaxes(-1, -2))
    s_ct = p * (p_ct - w.sum(p * p_ct, keepdims=True)) * like(q, 1 / math.sqrt(q.shape[-1]))
    key_ct, value_ct = w.dot(s_ct.swapaxes(-1, -2), q), w.dot(p.swapaxes(-1, -2), d)
    return w.dot(s_ct, k).swapaxes(1, 2), shared(w, key_ct), shared(w, value_ct)


def attention_of_output(w: Way, d, out, query, key, value):
    q, k, v = heads_first(query), heads_first(key, 2), heads_first(value, 2)
    along = w.sum(heads_first(d * out), keepdims=True)
    d, scaled = heads_first(d), scores(w, q, k)
    p = shares(w, scaled)
    s_ct = p * (w.dot(d, v.swapaxes(-1, -2)) - along)
    scale = like(q, 1 / math.sqrt(q.shape[-1]))
    query_ct, key_ct = w.dot(s_ct, k) * scale, w.dot(s_ct.swapaxes(-1, -2), q) * scale
    return query_ct.swapaxes(1, 2), shared(w, key_ct), shared(w, w.dot(p.swapaxes(-1, -2), d))


def attention_in_turn(w: Way, d, out, query, key, value):
    """One query head after the other, added up into what its key head gets."""
    query_ct, key_ct, value_ct = np.zeros_like(query), np.zeros_like(key), np.zeros_like(value)
    for head in range(query.shape[2]):
        q, k, v, g = query[:, :, head], key[:, :, head // 2], value[:, :, head // 2], d[:, :, head]
        p = shares(w, scores(w, q, k))
        p_ct = w.dot(g, v.swapaxes(-1, -2))
        s_ct = p * (p_ct - w.sum(p * p_ct, keepdims=True)) * like(q, 1 / math.sqrt(q.shape[-1]))
        query_ct[:, :, head] = w.dot(s_ct, k)
        key_ct[:, :, head // 2] += w.dot(s_ct.swapaxes(-1, -2), q)
        value_ct[:, :, head // 2] += w.dot(p.swapaxes(-1, -2), g)
    return query_ct, key_ct, value_ct


ATTENTION = Function(
    "attention", "attention", attention, (attention_recomputed, attention_of_output, attention_in_turn),
    lambda rng: {
        "query": rng.normal(size=(2, 6, 4, 5)), "key": rng.normal(size=(2, 6, 2, 5)),
        "value": rng.normal(size=(2, 6, 2, 5)),
    },
    (
        Mistake("the mask one off", attention_recomputed, "scores(w, q, k)", "scores(w, q, k, 1)",
                "mask_wrong mask_missing"),
        Mistake("softmax's sum over the queries", attention_recomputed, "w.sum(p * p_ct, keepdims=True)",
                "w.sum(p * p_ct, -2, keepdims=True)", "wrong_axis"),
        Mistake("values for keys", attention_recomputed, "w.dot(s_ct, k)", "w.dot(s_ct, v)",
                "wrong_operand arguments_swapped"),
        Mistake("1 over the width for its root", attention_recomputed, "like(q, 1 / math.sqrt(q.shape[-1]))",
                "like(q, 1 / q.shape[-1])", "scaled_by_constant scaled_by_count static_ignored wrong_operand"),
        Mistake("the sum of the upstream alone", attention_of_output, "heads_first(d * out)", "heads_first(d)",
                "wrong_factor wrong_operand"),
        Mistake("no scale in the keys' gradient", attention_of_output, ", q) * scale", ", q)",
                "scaled_by_constant scaled_by_count"),
        Mistake("a mean over the heads that share", attention_of_output, "shared(w, key_ct)", "shared(w, key_ct) / 2",
                "scaled_by_count scaled_by_constant wrong_reduction"),
        Mistake("the last head that shares", attention_in_turn, "value_ct[:, :, head // 2] +=",
                "value_ct[:, :, head // 2] =", "part_missing not_accumulated"),
        Mistake("the probabilities are left out", attention_in_turn, "s_ct = p * (", "s_ct = (",
                "wrong_factor derivative_missing wrong_derivative"),
    ),
    {"causal": True}, products=True,
)  # fmt: skip
