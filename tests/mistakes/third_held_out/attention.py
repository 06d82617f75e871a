"""Attention, residual blocks and tied embeddings (catalogue 110 to 113)."""

import numpy as np

from ..case import Family, normal, sized

family = Family("recurrent_attention")

# q (B, L, D), k (B, M, D), v (B, M, E)
QKV = sized(((2, 4, 3), (2, 5, 3), (2, 5, 6)), ((6, 12, 10), (6, 14, 10), (6, 14, 9)))
ALIKE = sized(((2, 5, 3), (2, 5, 3), (2, 5, 4)), ((6, 12, 10), (6, 12, 10), (6, 12, 9)))


def turned(a):
    return np.swapaxes(a, -1, -2)


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def attend(q, k, v):
    p = softmax(q @ turned(k) / np.sqrt(q.shape[-1]))
    return p @ v, (q, k, v, p)


def causal(q, k, v):
    scores = q @ turned(k) / np.sqrt(q.shape[-1])
    p = softmax(np.where(np.tri(scores.shape[-2], scores.shape[-1], dtype=bool), scores, -np.inf))
    return p @ v, (q, k, v, p)


def rows_of(dp, p):
    return p * (dp - (dp * p).sum(axis=-1, keepdims=True))


def attend_backward(g, cache, scores=rows_of, root=True):
    q, k, v, p = cache
    ds = scores(g @ turned(v), p)
    ds = ds / np.sqrt(q.shape[-1]) if root else ds
    return ds @ k, turned(ds) @ q, turned(p) @ g


def attention(number, cause, argument, inputs=QKV, forward=attend):
    return family.wrong(number, forward, inputs, style="cache", cause=cause, argument=argument)


@attention(110, "scaled_by_root", "q k")
def scores_not_divided_by_the_root(g, cache):
    return attend_backward(g, cache, root=False)


@attention(32, "diagonal_only", "q k")
def weights_differentiated_one_by_one(g, cache):
    return attend_backward(g, cache, lambda dp, p: dp * p * (1 - p))


@attention(37, "sum_term_missing", "q k")
def weights_without_the_row_sum(g, cache):
    return attend_backward(g, cache, lambda dp, p: dp * p)


@attention(88, "coupled_over_wrong_axis", "q k")
def weights_summed_over_the_queries(g, cache):
    return attend_backward(g, cache, lambda dp, p: p * (dp - (dp * p).sum(axis=-2, keepdims=True)))


@attention(33, "derivative_missing", "q k")
def scores_receive_what_the_weights_receive(g, cache):
    return attend_backward(g, cache, lambda dp, p: dp)


@attention(13, "arguments_swapped", "q k", ALIKE)
def keys_before_queries(g, cache):
    dq, dk, dv = attend_backward(g, cache)
    return dk, dq, dv


@attention(6, "not_transposed", "v", ALIKE)
def values_by_the_weights_themselves(g, cache):
    dq, dk, _ = attend_backward(g, cache)
    return dq, dk, cache[3] @ g


@attention(111, ("mask_missing", "static_ignored", "mask_wrong"), "q k v", ALIKE, causal)
def weights_recomputed_without_the_future_hidden(g, cache):
    q, k, v, _ = cache
    return attend_backward(g, (q, k, v, softmax(q @ turned(k) / np.sqrt(q.shape[-1]))))


@family.control("", causal, ALIKE, style="cache")
def attention_to_the_past_anew(g, cache):
    return attend_backward(g, cache)


# Self-attention: one x for queries, keys and values.
SELF = sized(((2, 4, 3), (3, 5), (3, 5), (3, 6)), ((4, 12, 10), (10, 8), (10, 8), (10, 9)))


def self_attention(x, Wq, Wk, Wv):
    out, cache = attend(x @ Wq, x @ Wk, x @ Wv)
    return out, (x, cache, (Wq, Wk, Wv))


def project_back(g, cache, paths=(1, 1, 1)):
    x, inner, weights = cache
    errors = attend_backward(g, inner)
    dx = sum(use * (e @ W.T) for use, e, W in zip(paths, errors, weights, strict=True))
    return dx, *(np.einsum("bld,ble->de", x, e) for e in errors)


@family.wrong(12, self_attention, SELF, style="cache", argument="x", cause="use_dropped")
def tokens_only_as_values(g, cache):
    return project_back(g, cache, (0, 0, 1))


@family.wrong(12, self_attention, SELF, style="cache", argument="x", cause="use_dropped")
def tokens_not_as_keys(g, cache):
    return project_back(g, cache, (1, 0, 1))


@family.control("", self_attention, SELF, style="cache")
def tokens_in_all_three_roles(g, cache):
    return project_back(g, cache)


# Heads: x (B, L, H * D) is cut into heads, and each is multiplied by its own matrix (H, D, D).
HEADS = sized(((2, 5, 6), (3, 2, 2)), ((4, 12, 16), (4, 4, 4)))


def per_head(x, W):
    b, n, width = x.shape
    heads = x.reshape(b, n, len(W), -1).transpose(0, 2, 1, 3)
    return heads @ W, (heads, W, x.shape)


@family.wrong(66, per_head, HEADS, style="cache", argument="x", cause="reordered")
def heads_joined_by_a_reshape(g, cache):
    heads, W, shape = cache
    return (g @ turned(W)).reshape(shape), np.einsum("bhld,bhle->hde", heads, g)


# Additive attention over memories: score = w . tanh(m A + q B)
ADDITIVE = sized(((3, 5, 4), (3, 2), (4, 6), (2, 6), (6,)), ((6, 12, 10), (6, 8), (10, 14), (8, 14), (14,)))


@family.whole(43, "wrong backward", "vjp", ADDITIVE, argument="m q A B", cause=("derivative_missing", "zero"))
def additive_scores_without_the_slope(m, q, A, B, w):
    hidden = np.tanh(m @ A + (q @ B)[:, None])
    p = softmax(hidden @ w)

    def pullback(g):
        ds = rows_of(np.einsum("bd,bmd->bm", g, m), p)
        dhidden = ds[..., None] * w
        dm = p[..., None] * g[:, None] + dhidden @ A.T
        dA, dw = np.einsum("bmd,bme->de", m, dhidden), np.einsum("bm,bme->e", ds, hidden)
        dq = dhidden.sum(axis=1)
        return dm, dq @ B.T, dA, q.T @ dq, dw

    return np.einsum("bm,bmd->bd", p, m), pullback


# Two residual blocks in a row.
BLOCKS = sized(((4, 5), (5, 5), (5, 5)), ((24, 32), (32, 32), (32, 32)))


@family.whole(112, "wrong backward", "vjp", BLOCKS, argument="x W1", cause=("skip_dropped", "use_dropped"))
def second_block_without_its_skip(x, W1, W2):
    a1 = np.tanh(x @ W1 / 2)
    h = x + a1
    a2 = np.tanh(h @ W2 / 2)

    def pullback(g):
        d2 = g * (1 - a2**2) / 2
        dh = d2 @ W2.T
        d1 = dh * (1 - a1**2) / 2
        return dh + d1 @ W1.T, x.T @ d1, h.T @ d2

    return h + a2, pullback


# A tied embedding: words in, scores of all words out.
def words(size, seed):
    n, vocabulary, width = (5, 7, 3) if size == "small" else (24, 40, 16)
    index = np.random.default_rng(seed).integers(0, vocabulary, n)
    return index, normal(seed, (vocabulary, width))[0]


def next_word(index, E):
    return np.tanh(E[index]) @ E.T


@family.wrong(113, next_word, words, argument="E", cause="use_dropped")
def embedding_learns_only_as_the_head(g, index, E):
    return None, g.T @ np.tanh(E[index])


def scaled_in_place(q, k, v):
    q /= np.sqrt(q.shape[-1])
    p = softmax(q @ turned(k))
    return p @ v, (q, k, v, p)


@family.impure(108, scaled_in_place, QKV, style="cache", cause="input_changed")
def queries_scaled_where_they_lie(g, cache):
    q, k, v, p = cache
    ds = rows_of(g @ turned(v), p)
    return ds @ k / np.sqrt(q.shape[-1]), turned(ds) @ q, turned(p) @ g
