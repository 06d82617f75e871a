"""mistakes in attention, residual blocks and tied weights (catalogue 66, 110 to 113)."""

import numpy as np

from ..case import Family, sized

family = Family("recurrent_attention")


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_backward(p, dp):
    return p * (dp - (dp * p).sum(axis=-1, keepdims=True))


# Q (B, Lq, d), K (B, Lk, d), V (B, Lk, e)
queries = sized(((2, 3, 5), (2, 4, 5), (2, 4, 2)), ((4, 20, 24), (4, 28, 24), (4, 28, 16)))


def attention(Q, K, V):
    p = softmax(Q @ K.swapaxes(1, 2) / np.sqrt(Q.shape[-1]))
    return p @ V, (Q, K, V, p)


@family.wrong(110, attention, queries, style="cache", argument="Q K", cause="scaled_by_root")
def attention_scale_left_out(dO, cache):
    Q, K, V, P = cache
    dV = P.swapaxes(1, 2) @ dO
    dS = softmax_backward(P, dO @ V.swapaxes(1, 2))
    return dS @ K, dS.swapaxes(1, 2) @ Q, dV


@family.wrong(32, attention, queries, style="cache", argument="Q K", cause=("diagonal_only", "sum_term_missing"))
def attention_softmax_by_its_diagonal(dO, cache):
    Q, K, V, P = cache
    dP = np.einsum("bqe,bke->bqk", dO, V)
    dS = dP * P * (1 - P) / np.sqrt(Q.shape[2])
    return np.einsum("bqk,bkd->bqd", dS, K), np.einsum("bqk,bqd->bkd", dS, Q), np.einsum("bqk,bqe->bke", P, dO)


itself = sized(((4, 5), (4, 5), (4, 3)), ((32, 24), (32, 24), (32, 16)))


def causal(shape, offset=0):
    return np.tril(np.ones(shape, dtype=bool), offset)


def causal_attention(q, k, v):
    scores = np.where(causal((len(q), len(k))), q @ k.T / q.shape[1] ** 0.5, -np.inf)
    p = softmax(scores)
    return p @ v, (q, k, v, p)


@family.wrong(111, causal_attention, itself, style="rule", argument="q k v", cause=("mask_missing", "static_ignored"))
def recomputed_without_the_causal_mask(saved, do):
    q, k, v, _ = saved
    scale = q.shape[1] ** -0.5
    p = softmax(q @ k.T * scale)
    ds = softmax_backward(p, do @ v.T)
    return ds @ k * scale, ds.T @ q * scale, p.T @ do


@family.wrong(6, causal_attention, itself, style="rule", argument="v", cause="not_transposed")
def values_weighted_by_untransposed_probabilities(saved, do):
    q, k, v, p = saved
    ds = softmax_backward(p, do @ v.T) / np.sqrt(q.shape[1])
    return ds @ k, ds.T @ q, p @ do


@family.whole(
    111,
    "wrong backward",
    "vjp",
    sized(((3, 4), (5, 4), (5, 2)), ((20, 16), (28, 16), (28, 8))),
    argument="q k v",
    cause=("mask_wrong", "static_ignored"),
)
def continuation_masked_from_the_other_corner(q, k, v):
    """The queries are the last of the sequence; the backward takes them for the first."""
    scale = 1 / np.sqrt(q.shape[1])
    shape = len(q), len(k)

    def weights(offset):
        return softmax(np.where(causal(shape, offset), scale * q @ k.T, -1e30))

    def pullback(g):
        p = weights(0)
        ds = softmax_backward(p, g @ v.T) * scale
        return ds @ k, ds.T @ q, p.T @ g

    return weights(len(k) - len(q)) @ v, pullback


HEADS = 2


def split_heads(x):
    n, t, d = x.shape
    return x.reshape(n, t, HEADS, d // HEADS).transpose(0, 2, 1, 3)


def merge_heads(x):
    n, heads, t, d = x.shape
    return x.transpose(0, 2, 1, 3).reshape(n, t, heads * d)


def multi_head(q, k, v):
    q, k, v = split_heads(q), split_heads(k), split_heads(v)
    p = softmax(np.einsum("nhqd,nhkd->nhqk", q, k) / np.sqrt(q.shape[-1]))
    return merge_heads(p @ v), (q, k, v, p)


heads = sized(((2, 3, 6), (2, 5, 6), (2, 5, 6)), ((4, 12, 32), (4, 20, 32), (4, 20, 32)))


@family.wrong(66, multi_head, heads, style="cache", argument="q", cause="reordered")
def query_heads_merged_without_transposing(dout, cache):
    q, k, v, p = cache
    dout = split_heads(dout)
    ds = softmax_backward(p, dout @ v.swapaxes(2, 3)) / np.sqrt(q.shape[-1])
    dq, dk, dv = ds @ k, ds.swapaxes(2, 3) @ q, p.swapaxes(2, 3) @ dout
    return dq.reshape(dq.shape[0], dq.shape[2], -1), merge_heads(dk), merge_heads(dv)


block = sized(((3, 4), (4, 6), (6, 4)), ((32, 20), (20, 48), (48, 20)))


@family.whole(
    112,
    "wrong backward",
    "layer",
    block,
    gradients={"W1": "dW1", "W2": "dW2"},
    argument="x",
    cause=("skip_dropped", "use_dropped", "sum_term_missing"),
)
class ResidualMLP:
    def __init__(self, W1, W2):
        self.W1, self.W2 = W1, W2

    def forward(self, x):
        self.x = x
        self.h = np.tanh(x @ self.W1)
        return x + self.h @ self.W2

    def backward(self, dout):
        self.dW2 = self.h.T @ dout
        da = dout @ self.W2.T * (1 - self.h**2)
        self.dW1 = self.x.T @ da
        return da @ self.W1.T


def pre_norm_block(x, W):
    centered = x - x.mean(axis=-1, keepdims=True)
    std = np.sqrt((centered**2).mean(axis=-1, keepdims=True) + 1e-5)
    n = centered / std
    return x + np.maximum(n @ W, 0), (n, std, W)


@family.wrong(
    112,
    pre_norm_block,
    sized(((4, 5), (5, 5)), ((32, 24), (24, 24))),
    style="rule",
    argument="x",
    cause=("skip_dropped", "use_dropped", "sum_term_missing"),
)
def pre_norm_block_without_its_skip(saved, g):
    n, std, W = saved
    da = g * (n @ W > 0)
    dn = da @ W.T
    dx = (dn - dn.mean(axis=-1, keepdims=True) - n * (dn * n).mean(axis=-1, keepdims=True)) / std
    return dx, n.T @ da


def words_and_table(size, seed):
    rows, dim, words = (5, 3, 4) if size == "small" else (60, 16, 24)
    rng = np.random.default_rng(seed)
    return rng.integers(rows, size=words), rng.normal(size=(rows, dim))


@family.whole(113, "wrong backward", "vjp", words_and_table, argument="E", cause=("use_dropped", "sum_term_missing"))
def tied_table_learns_as_output_only(words, E):
    h = np.tanh(E[words])

    def pullback(dlogits):
        return None, dlogits.T @ h

    return h @ E.T, pullback


@family.whole(
    110,
    "wrong backward",
    "layer",
    words_and_table,
    gradients={"W": "dW"},
    argument="W",
    cause="scaled_by_root",
)
class ScaledEmbedding:
    """Rows times the root of their length, as the Transformer takes them."""

    def __init__(self, W):
        self.W = W

    def forward(self, ids):
        self.ids = ids
        return self.W[ids] * np.sqrt(self.W.shape[1])

    def backward(self, dout):
        self.dW = np.zeros_like(self.W)
        np.add.at(self.dW, self.ids, dout)
