"""Attention: its scale and its causal mask (catalogue 110, 111)."""

# As people write it: methods are replaced by others, a backward names its gradients.
# pyright: reportCallIssue=false, reportIncompatibleMethodOverride=false

import numpy as np

from ..case import Family, sized

family = Family("recurrent_attention")

heads = sized(((2, 4, 5), (2, 7, 5), (2, 7, 3)), ((6, 20, 24), (6, 33, 24), (6, 33, 18)))
square = sized(((2, 4, 5), (2, 4, 5), (2, 4, 3)), ((6, 30, 24), (6, 30, 24), (6, 30, 18)))


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def attention(q, k, v):
    p = softmax(q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1]))
    return p @ v, (q, k, v, p)


def scores_gradient(dout, v, p):
    dp = dout @ v.swapaxes(-1, -2)
    return p * (dp - np.sum(dp * p, axis=-1, keepdims=True))


@family.wrong(110, attention, heads, style="cache", cause=("scaled_by_root", "scaled"), argument="q k")
def attention_backward_without_the_scale(dout, cache):
    q, k, v, p = cache
    ds = scores_gradient(dout, v, p)
    return ds @ k, np.matmul(ds.swapaxes(-1, -2), q), np.matmul(p.swapaxes(-1, -2), dout)


def split(x, n):
    B, T, C = x.shape
    return x.reshape(B, T, n, C // n).transpose(0, 2, 1, 3)


def merge(x):
    return x.transpose(0, 2, 1, 3).reshape(x.shape[0], x.shape[2], -1)


@family.whole(
    110,
    "wrong backward",
    "vjp",
    sized(((2, 4, 6),) * 3, ((4, 25, 32),) * 3),
    cause=("scaled_by_root", "scaled"),
    argument="query key",
)
def multi_head_scaled_by_the_model_width(query, key, value):
    n_head = 2
    q, k, v = (split(a, n_head) for a in (query, key, value))
    hs = q.shape[-1]
    att = softmax(np.einsum("bhqd,bhkd->bhqk", q, k) / np.sqrt(hs))

    def pullback(dy):
        C = dy.shape[-1]
        dy = split(dy, n_head)
        dpre = scores_gradient(dy, v, att) * (1.0 / np.sqrt(C))
        dq = np.einsum("bhqk,bhkd->bhqd", dpre, k)
        dk = np.einsum("bhqk,bhqd->bhkd", dpre, q)
        return merge(dq), merge(dk), merge(np.einsum("bhqk,bhqd->bhkd", att, dy))

    return merge(att @ v), pullback


@family.whole(
    110,
    "wrong backward",
    "torch",
    heads,
    names=("q", "k", "v"),
    cause=("scaled_by_root", "scaled"),
    argument="k",
)
def torch_attention_scales_the_key_gradient_twice():
    import torch

    class ScaledDotProduct(torch.autograd.Function):
        @staticmethod
        def forward(ctx, q, k, v):
            ctx.scale = q.shape[-1] ** -0.5
            q = q * ctx.scale
            attn = torch.softmax(q @ k.transpose(-2, -1), dim=-1)
            ctx.save_for_backward(q, k, v, attn)
            return attn @ v

        @staticmethod
        def backward(ctx, do):
            q, k, v, attn = ctx.saved_tensors
            dp = do @ v.transpose(-2, -1)
            ds = attn * (dp - (dp * attn).sum(-1, keepdim=True)) * ctx.scale
            return ds @ k, ds.transpose(-2, -1) @ q, attn.transpose(-2, -1) @ do

    return ScaledDotProduct


def causal(q, k, v):
    T, scale = q.shape[-2], 1 / np.sqrt(q.shape[-1])
    s = np.where(np.tril(np.ones((T, T), dtype=bool)), q @ k.transpose(0, 2, 1) * scale, -np.inf)
    lse = np.log(np.sum(np.exp(s - s.max(-1, keepdims=True)), -1, keepdims=True)) + s.max(-1, keepdims=True)
    out = np.exp(s - lse) @ v
    return out, (q, k, v, out, lse, scale)


@family.wrong(
    111,
    causal,
    square,
    style="rule",
    names=("q", "k", "v"),
    cause="mask_missing",
    argument="q k v",
)
def flash_backward_recomputes_without_causal(residuals, do):
    q, k, v, out, lse, scale = residuals
    p = np.exp(q @ k.transpose(0, 2, 1) * scale - lse)
    delta = np.sum(do * out, axis=-1, keepdims=True)
    ds = p * (do @ v.transpose(0, 2, 1) - delta) * scale
    return ds @ k, ds.transpose(0, 2, 1) @ q, p.transpose(0, 2, 1) @ do


def aligned(Lq, Lk, bottom_right):
    return np.tril(np.ones((Lq, Lk), dtype=bool), k=Lk - Lq if bottom_right else 0)


def cached_keys_attention(query, key, value):
    s = np.einsum("bqd,bkd->bqk", query, key) * query.shape[-1] ** -0.5
    return softmax(np.where(aligned(*s.shape[1:], True), s, -1e30)) @ value


@family.wrong(111, cached_keys_attention, heads, cause=("mask_wrong", "static_ignored"), argument="query key value")
def backward_aligns_the_mask_top_left(g, query, key, value):
    scale = query.shape[-1] ** -0.5
    s = np.einsum("bqd,bkd->bqk", query, key) * scale
    p = softmax(np.where(aligned(*s.shape[1:], False), s, -1e30))
    ds = scores_gradient(g, value, p) * scale
    return ds @ key, np.einsum("bqk,bqd->bkd", ds, query), np.einsum("bqk,bqe->bke", p, g)


def linear_attention(q, k, v):
    """Scores without a softmax, as in linear attention in its parallel form."""
    return np.tril(q @ k.swapaxes(1, 2)) @ v


@family.wrong(111, linear_attention, square, cause="mask_missing", argument="q k")
def causal_scores_let_the_future_through(dout, q, k, v):
    scores = np.tril(q @ k.swapaxes(1, 2))
    dscores = dout @ v.swapaxes(1, 2)
    return dscores @ k, dscores.swapaxes(1, 2) @ q, scores.swapaxes(1, 2) @ dout
