"""Mistakes in attention, residual blocks and tied weights, and shared arrays (catalogue 85, 108 to 114)."""

from functools import partial

import numpy as np

from .case import Family, normal, sized

family = Family("recurrent_attention")


# q (batch, queries, d), k and v (batch, keys, d)
heads = sized(((3, 5, 7), (3, 5, 7), (3, 5, 2)), ((8, 16, 32), (8, 16, 32), (8, 16, 24)))


def row_softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def turned(a):
    return a.swapaxes(-1, -2)


def attention(q, k, v):
    p = row_softmax(q @ turned(k) / np.sqrt(q.shape[-1]))
    return p @ v, (p, q, k, v)


def causal_attention(q, k, v):
    s = q @ turned(k) / np.sqrt(q.shape[-1])
    p = row_softmax(np.where(np.tri(*s.shape[-2:], dtype=bool), s, -np.inf))
    return p @ v, (p, q, k, v)


def attention_backward(residuals, do, scale=None, slope=None, p=None):
    saved, q, k, v = residuals
    p = saved if p is None else p
    scale = 1 / np.sqrt(q.shape[-1]) if scale is None else scale
    dp = do @ turned(v)
    ds = scale * (slope or (lambda p, dp: p * (dp - (p * dp).sum(axis=-1, keepdims=True))))(p, dp)
    return ds @ k, turned(ds) @ q, turned(p) @ do


attend = partial(family.wrong, forward=attention, inputs=heads, style="rule")


@attend(110, argument="q k", cause="scaled_by_root")
def attention_scale_missing(residuals, cotangent):
    return attention_backward(residuals, cotangent, scale=1.0)


@attend(110, argument="q k", cause="scaled_by_root")
def attention_scale_twice(residuals, cotangent):
    return attention_backward(residuals, cotangent, scale=1 / residuals[1].shape[-1])


@attend(32, argument="q k", cause=("diagonal_only", "sum_term_missing"))
def attention_softmax_diagonal_only(residuals, cotangent):
    return attention_backward(residuals, cotangent, slope=lambda p, dp: p * (1 - p) * dp)


@attend(88, argument="q k", cause="coupled_over_wrong_axis")
def attention_softmax_over_the_queries_in_backward(residuals, cotangent):
    return attention_backward(residuals, cotangent, slope=lambda p, dp: p * (dp - (p * dp).sum(axis=-2, keepdims=True)))


@attend(5, argument="v", cause="not_transposed")
def attention_value_gradient_untransposed(residuals, cotangent):
    dq, dk, _ = attention_backward(residuals, cotangent)
    return dq, dk, residuals[0] @ cotangent


@attend(13, argument="q k", cause="arguments_swapped")
def attention_query_and_key_swapped(residuals, cotangent):
    dq, dk, dv = attention_backward(residuals, cotangent)
    return dk, dq, dv


@family.wrong(
    111, causal_attention, heads, style="rule", argument="q k v", cause=("mask_missing", "mask_wrong", "static_ignored")
)
def causal_mask_ignored_in_backward(residuals, cotangent):
    _, q, k, _v = residuals
    return attention_backward(residuals, cotangent, p=row_softmax(q @ turned(k) / np.sqrt(q.shape[-1])))


@family.wrong(
    111, causal_attention, heads, style="rule", argument="q k v", cause=("mask_missing", "mask_wrong", "static_ignored")
)
def causal_mask_aligned_otherwise_in_backward(residuals, cotangent):
    _, q, k, _v = residuals
    s = q @ turned(k) / np.sqrt(q.shape[-1])
    shifted = np.tri(*s.shape[-2:], k=1, dtype=bool)
    return attention_backward(residuals, cotangent, p=row_softmax(np.where(shifted, s, -np.inf)))


# A residual block x + tanh(x W1) W2
blocks = sized(((3, 5), (5, 7), (7, 5)), ((32, 64), (64, 48), (48, 64)))


def residual_block(x, W1, W2):
    a = np.tanh(x @ W1)
    return x + a @ W2, (x, W1, W2, a)


block = partial(family.wrong, forward=residual_block, inputs=blocks, style="rule")


@block(112, argument="x", cause="skip_dropped")
def skip_gradient_missing(residuals, cotangent):
    x, W1, W2, a = residuals
    dz = (cotangent @ W2.T) * (1 - a**2)
    return dz @ W1.T, x.T @ dz, a.T @ cotangent


@block(112, argument="x", cause=("use_dropped", "identity"))
def only_the_skip_gradient(residuals, cotangent):
    x, _W1, W2, a = residuals
    dz = (cotangent @ W2.T) * (1 - a**2)
    return cotangent, x.T @ dz, a.T @ cotangent


@block(9, argument="x W1", cause="derivative_missing")
def block_slope_missing(residuals, cotangent):
    x, W1, W2, a = residuals
    dz = cotangent @ W2.T
    return cotangent + dz @ W1.T, x.T @ dz, a.T @ cotangent


def tied_autoencoder(x, W):
    a = np.tanh(x @ W)
    return a @ W.T, (x, W, a)


tied = partial(
    family.wrong, forward=tied_autoencoder, inputs=sized(((3, 5), (5, 7)), ((32, 64), (64, 48))), style="rule"
)


@tied(113, argument="W", cause="use_dropped")
def tied_weight_first_use_dropped(residuals, cotangent):
    _x, W, a = residuals
    dz = (cotangent @ W) * (1 - a**2)
    return dz @ W.T, cotangent.T @ a


@tied(113, argument="W", cause="use_dropped")
def tied_weight_second_use_dropped(residuals, cotangent):
    x, W, a = residuals
    dz = (cotangent @ W) * (1 - a**2)
    return dz @ W.T, x.T @ dz


@family.wrong(
    114, lambda x, y: x * y + np.tanh(x), sized(((3, 5), (3, 5)), ((32, 64), (32, 64))), argument="x", cause="missing"
)
def graph_severed(dout, x, y):
    return None, dout * x


@family.wrong(
    108,
    lambda x, y: x * y,
    sized(((3, 5), (3, 5)), ((32, 64), (32, 64))),
    argument="y",
    cause=("wrong_operand", "argument_factor_missing", "local_factor"),
)
def upstream_overwritten_before_its_second_use(dout, x, y):
    dout = dout.copy()
    dout *= y
    dx = dout
    return dx, dout * x


@family.impure(
    108, lambda x, y: x * y, sized(((3, 5), (3, 5)), ((32, 64), (32, 64))), argument="x y", cause="cotangent_changed"
)
def product_overwrites_upstream(dout, x, y):
    dy = dout * x
    dout *= y
    return dout, dy


@family.whole(
    85,
    "impure",
    "layer",
    lambda size, seed: normal(seed, (3, 5) if size == "small" else (32, 64)),
    argument="x",
    cause="buffer_reused",
)
class TanhIntoItsBuffer:
    """Returns the same array from every call."""

    buffer = np.zeros(0)

    def forward(self, x):
        self.out = np.tanh(x)
        return self.out

    def backward(self, dout):
        if self.buffer.shape != dout.shape:
            self.buffer = np.empty_like(dout)
        np.multiply(dout, 1 - self.out**2, out=self.buffer)
        return self.buffer
