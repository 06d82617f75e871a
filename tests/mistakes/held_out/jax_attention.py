"""Attention, linear attention and rotary embedding as jax.custom_vjp, backward wrong."""

import numpy as np

from ..case import Family, normal, sized
from ..declared import custom_vjp

family = Family("attention")
wrong = custom_vjp(family)


HEADS = sized(((5, 6), (4, 6), (4, 6)), ((5, 6), (4, 6), (4, 6)))


def split(x, heads=2):
    return x.reshape(len(x), heads, -1).transpose(1, 0, 2)


def merge(x):
    return x.transpose(1, 0, 2).reshape(x.shape[1], -1)


def multi_head(q, k, v):
    import jax

    q, k, v = split(q), split(k), split(v)
    p = jax.nn.softmax(q @ k.transpose(0, 2, 1) / q.shape[2] ** 0.5, axis=-1)
    return merge(p @ v), (q, k, v, p)


def score_gradient(p, dp):
    return p * (dp - (p * dp).sum(-1, keepdims=True))


@wrong(multi_head, HEADS, "transposed", "k")
def multi_head_keys_reshaped_without_moving_heads(saved, g):
    q, k, v, p = saved
    g = split(g)
    ds = score_gradient(p, g @ v.transpose(0, 2, 1)) / q.shape[2] ** 0.5
    dk, dv = ds.transpose(0, 2, 1) @ q, p.transpose(0, 2, 1) @ g
    return merge(ds @ k), dk.reshape(k.shape[1], -1), merge(dv)


@wrong(multi_head, HEADS, "scaled_by_count", "q k")
def multi_head_scaled_by_the_full_width(saved, g):
    q, k, v, p = saved
    width = g.shape[1]
    g = split(g)
    ds = score_gradient(p, g @ v.transpose(0, 2, 1)) * width**-0.5
    return merge(ds @ k), merge(ds.transpose(0, 2, 1) @ q), merge(p.transpose(0, 2, 1) @ g)


@wrong(multi_head, HEADS, "wrong_index", "v")
def multi_head_values_weighted_by_the_first_head(saved, g):
    import jax.numpy as jnp

    q, k, v, p = saved
    g = split(g)
    ds = score_gradient(p, jnp.einsum("htd,hsd->hts", g, v)) / q.shape[-1] ** 0.5
    dv = jnp.einsum("ts,htd->hsd", p[0], g)
    return merge(ds @ k), merge(jnp.einsum("hts,htd->hsd", ds, q)), merge(dv)


def padded(size, seed):
    q, k, v = normal(seed, (3, 4, 2), (3, 5, 2), (3, 5, 3))
    return q, k, v, np.arange(5) < np.array([[3], [5], [2]])


def padded_attention(q, k, v, keep):
    import jax
    import jax.numpy as jnp

    p = jax.nn.softmax(jnp.einsum("btd,bsd->bts", q, k), axis=-1) * keep[:, None]
    return jnp.einsum("bts,bsd->btd", p, v), (q, k, v, keep)


@wrong(padded_attention, padded, "mask_missing", "v")
def padded_values_learn_from_every_query(saved, g):
    import jax
    import jax.numpy as jnp

    q, k, v, keep = saved
    p = jax.nn.softmax(jnp.einsum("btd,bsd->bts", q, k), axis=-1)
    ds = score_gradient(p, jnp.einsum("btd,bsd->bts", g, v) * keep[:, None])
    return ds @ k, jnp.einsum("bts,btd->bsd", ds, q), jnp.einsum("bts,btd->bsd", p, g), None


@wrong(padded_attention, padded, "mask_wrong", "q k")
def padded_scores_let_only_the_padding_through(saved, g):
    import jax
    import jax.numpy as jnp

    q, k, v, keep = saved
    p = jax.nn.softmax(q @ k.swapaxes(1, 2), axis=-1)
    dp = (g @ v.swapaxes(1, 2)) * ~keep[:, None]
    ds = score_gradient(p, dp)
    return ds @ k, ds.swapaxes(1, 2) @ q, jnp.swapaxes(p * keep[:, None], 1, 2) @ g, None


LINEAR = sized(((6, 3), (6, 3), (6, 4)), ((6, 3), (6, 3), (6, 4)))


def linear_attention(q, k, v):
    import jax.numpy as jnp

    states = jnp.cumsum(k[:, :, None] * v[:, None, :], axis=0)
    return jnp.einsum("td,tde->te", q, states), (q, k, v, states)


@wrong(linear_attention, LINEAR, "flipped", "k v")
def linear_attention_state_gradient_summed_forwards(saved, g):
    import jax.numpy as jnp

    q, k, v, states = saved
    dstates = jnp.cumsum(q[:, :, None] * g[:, None, :], axis=0)
    dk = jnp.einsum("tde,te->td", dstates, v)
    return jnp.einsum("tde,te->td", states, g), dk, jnp.einsum("tde,td->te", dstates, k)


@wrong(linear_attention, LINEAR, "time_not_carried", "k v")
def linear_attention_state_gradient_of_its_own_step(saved, g):
    import jax.numpy as jnp

    q, k, v, states = saved
    dk, dv = jnp.zeros_like(k), jnp.zeros_like(v)
    for t in reversed(range(len(q))):
        dstate = jnp.outer(q[t], g[t])
        dk, dv = dk.at[t].set(dstate @ v[t]), dv.at[t].set(k[t] @ dstate)
    return jnp.einsum("tde,te->td", states, g), dk, dv


@wrong(linear_attention, LINEAR, "shifted", "q")
def linear_attention_query_reads_the_state_before(saved, g):
    import jax.numpy as jnp

    q, k, v, states = saved
    before = jnp.concatenate([jnp.zeros_like(states[:1]), states[:-1]])
    dstates = jnp.cumsum((q[:, :, None] * g[:, None, :])[::-1], axis=0)[::-1]
    dk = jnp.einsum("tde,te->td", dstates, v)
    return jnp.einsum("tde,te->td", before, g), dk, jnp.einsum("tde,td->te", dstates, k)


ROTARY = sized(((5, 8), (4,)), ((5, 8), (4,)))


def rotary(x, frequency):
    import jax.numpy as jnp

    a = jnp.arange(len(x))[:, None] * frequency
    c, s, u, w = jnp.cos(a), jnp.sin(a), x[:, 0::2], x[:, 1::2]
    return jnp.stack((u * c - w * s, u * s + w * c), -1).reshape(x.shape), (c, s, u, w)


def frequency_gradient(c, s, u, w, gu, gw):
    import jax.numpy as jnp

    da = gu * (-u * s - w * c) + gw * (u * c - w * s)
    return (jnp.arange(len(u))[:, None] * da).sum(0)


@wrong(rotary, ROTARY, "sign", "x")
def rotary_gradient_adds_both_sines(saved, g):
    import jax.numpy as jnp

    c, s, u, w = saved
    gu, gw = g[:, 0::2], g[:, 1::2]
    dx = jnp.stack((gu * c + gw * s, gw * c + gu * s), -1).reshape(g.shape)
    return dx, frequency_gradient(c, s, u, w, gu, gw)


@wrong(rotary, ROTARY, "wrong_factor", "frequency")
def rotary_frequency_gradient_without_the_position(saved, g):
    import jax.numpy as jnp

    c, s, u, w = saved
    gu, gw = g[:, ::2], g[:, 1::2]
    dx = jnp.stack((gu * c + gw * s, gw * c - gu * s), axis=-1).reshape(g.shape)
    return dx, (gu * (-u * s - w * c) + gw * (u * c - w * s)).sum(0)


SINK = sized(((4, 5), (5, 3), (4,)), ((4, 5), (5, 3), (4,)))


def sink_attention(scores, v, sink):
    import jax.numpy as jnp

    e, e0 = jnp.exp(scores), jnp.exp(sink)
    total = e.sum(1) + e0
    p = e / total[:, None]
    return p @ v, (p, e0 / total, v)


@wrong(sink_attention, SINK, "sign", "sink")
def sink_logit_gradient_with_plus(saved, g):
    p, p0, v = saved
    dp = g @ v.T
    mean = (p * dp).sum(1)
    return p * (dp - mean[:, None]), p.T @ g, p0 * mean


MIX = sized(((3, 4, 5), (3, 3)), ((3, 4, 5), (3, 3)))


def talking_heads(scores, mix):
    import jax.numpy as jnp

    return jnp.einsum("gh,hts->gts", mix, scores), (scores, mix)


@wrong(talking_heads, MIX, "transposed", "scores")
def talking_heads_mixed_once_more_the_same_way(saved, g):
    import jax.numpy as jnp

    scores, mix = saved
    return jnp.einsum("gh,hts->gts", mix, g), jnp.einsum("gts,hts->gh", g, scores)
