"""Attention in blocks that never holds all scores: a running softmax forward, the scores computed anew backward."""

import functools

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl

from examples.kernels.in_pallas.layout import INTERPRET, wide, wide_dtype

PLACES = 8  # queries and keys of one block


def product(a, b, contracted):
    """A matrix product over one axis of each, summed in the dtype that is computed in."""
    return jax.lax.dot_general(a, b, (contracted, ((), ())), preferred_element_type=wide_dtype(a.dtype))


def scores_of(queries, keys, query, key, *, length, scale, causal, softcap):
    """Scores of a block, -inf where a key is not seen, and the slope of the cap."""
    scores, slope = product(queries, keys, ((1,), (1,))) * scale, 1.0
    if softcap is not None:
        bent = jnp.tanh(scores / softcap)
        scores, slope = softcap * bent, 1 - bent * bent
    seen = (key < length) & (key <= query if causal else True)
    return jnp.where(seen, scores, -jnp.inf), slope


def places_of(block):
    """The places of a block as a column; their transpose is a row."""
    return block * PLACES + jax.lax.broadcasted_iota(jnp.int32, (PLACES, 1), 0)


def attention_forward(q_ref, k_ref, v_ref, y_ref, logsum_ref, **setting):
    """One block of queries of one head: y = softmax(q k^T scale) v; logsum is kept for the backward."""
    own = pl.program_id(2)

    def step(block, carried):
        highest, total, mixed = carried
        there = pl.ds(block * PLACES, PLACES)
        scores, _ = scores_of(q_ref[...], k_ref[there, :], places_of(own), places_of(block).T, **setting)
        higher = jnp.maximum(highest, scores.max(axis=1, keepdims=True))
        weights, rescale = jnp.exp(scores - higher), jnp.exp(highest - higher)
        values = v_ref[there, :]
        mixed = mixed * rescale + product(weights.astype(values.dtype), values, ((1,), (0,)))
        return higher, total * rescale + weights.sum(axis=1, keepdims=True), mixed

    dtype = wide_dtype(q_ref.dtype)
    nothing = jnp.full((PLACES, 1), -jnp.inf, dtype), jnp.zeros((PLACES, 1), dtype)
    blocks = own + 1 if setting["causal"] else k_ref.shape[0] // PLACES
    highest, total, mixed = jax.lax.fori_loop(0, blocks, step, (*nothing, jnp.zeros(q_ref.shape, dtype)))
    y_ref[...] = (mixed / total).astype(y_ref.dtype)
    logsum_ref[...] = highest + jnp.log(total)


def attention_backward_queries(q_ref, k_ref, v_ref, dy_ref, logsum_ref, along_ref, dq_ref, **setting):
    """One block of queries: dq = ds k scale, with ds = p * (dy v^T - along) * slope."""
    own = pl.program_id(2)

    def step(block, gradient):
        there = pl.ds(block * PLACES, PLACES)
        keys = k_ref[there, :]
        scores, slope = scores_of(q_ref[...], keys, places_of(own), places_of(block).T, **setting)
        weights = jnp.exp(scores - logsum_ref[...])
        arrived = product(dy_ref[...], v_ref[there, :], ((1,), (1,)))
        dscores = weights * (arrived - along_ref[...]) * slope
        return gradient + product(dscores.astype(keys.dtype), keys, ((1,), (0,))) * setting["scale"]

    blocks = own + 1 if setting["causal"] else k_ref.shape[0] // PLACES
    gradient = jax.lax.fori_loop(0, blocks, step, jnp.zeros(q_ref.shape, wide_dtype(q_ref.dtype)))
    dq_ref[...] = gradient.astype(dq_ref.dtype)


def attention_backward_keys(q_ref, k_ref, v_ref, dy_ref, logsum_ref, along_ref, dk_ref, dv_ref, **setting):
    """One block of keys and all query heads that share it: dv = p^T dy, dk = ds^T q scale."""
    own, (group, length, _) = pl.program_id(2), q_ref.shape

    def step(count, gradients):
        head, block = count // (length // PLACES), count % (length // PLACES)
        there = (head, pl.ds(block * PLACES, PLACES), slice(None))
        queries, upstream = q_ref[there], dy_ref[there]
        scores, slope = scores_of(queries, k_ref[...], places_of(block), places_of(own).T, **setting)
        weights = jnp.exp(scores - logsum_ref[there])
        arrived = product(upstream, v_ref[...], ((1,), (1,)))
        dscores = weights * (arrived - along_ref[there]) * slope
        dk = product(dscores.astype(queries.dtype), queries, ((0,), (0,))) * setting["scale"]
        dv = product(weights.astype(upstream.dtype), upstream, ((0,), (0,)))
        return gradients[0] + dk, gradients[1] + dv

    nothing = jnp.zeros(k_ref.shape, wide_dtype(k_ref.dtype))
    dk, dv = jax.lax.fori_loop(0, group * (length // PLACES), step, (nothing, nothing))
    dk_ref[...], dv_ref[...] = dk.astype(dk_ref.dtype), dv.astype(dv_ref.dtype)


def _launched(kernel, setting, arrays, outs):
    """A launch over (batch, heads of the blocks that are written, blocks); padded arrays (batch, heads, length, n)."""
    batch, heads, length, _ = outs[0].shape

    def spec(array, blocked):
        group = array.shape[1] // heads
        if blocked:
            return pl.BlockSpec((None, None, PLACES, array.shape[3]), lambda b, h, block: (b, h, block, 0))
        if array.shape[1] < heads:  # a head of keys that several heads of queries share
            shared = heads // array.shape[1]
            return pl.BlockSpec((None, None, length, array.shape[3]), lambda b, h, block: (b, h // shared, 0, 0))
        group = None if array.shape[1] == heads and kernel is not attention_backward_keys else group
        return pl.BlockSpec((None, group, length, array.shape[3]), lambda b, h, block: (b, h, 0, 0))

    return pl.pallas_call(
        functools.partial(kernel, **setting), grid=(batch, heads, length // PLACES), interpret=INTERPRET,
        in_specs=[spec(array, blocked) for array, blocked in arrays], out_specs=[spec(out, True) for out in outs],
        out_shape=outs,
    )(*(array for array, _ in arrays))  # fmt: skip


def _heads_first(x):
    """(batch, length, heads, n) as (batch, heads, length, n), with zeros up to a whole number of blocks."""
    return jnp.pad(x.swapaxes(1, 2), ((0, 0), (0, 0), (0, -x.shape[1] % PLACES), (0, 0)))


def _places_first(x, like):
    return x.swapaxes(1, 2)[:, : like.shape[1]].astype(like.dtype)


def _like(x, width=None):
    return jax.ShapeDtypeStruct((*x.shape[:3], width or x.shape[3]), wide_dtype(x.dtype) if width else x.dtype)


def _setting(query, causal, softcap):
    return {"length": query.shape[1], "scale": query.shape[3] ** -0.5, "causal": causal, "softcap": softcap}


@functools.partial(jax.custom_vjp, nondiff_argnums=(3, 4))
def attention(
    query: jax.Array, key: jax.Array, value: jax.Array, causal: bool = False, softcap: float | None = None
) -> jax.Array:
    """Attention of query (batch, length, heads, head_dim); the heads of key and value, of that length, divide its."""
    return _forward(query, key, value, causal, softcap)[0]


def _forward(query, key, value, causal, softcap):
    q, k, v = map(_heads_first, (query, key, value))
    arrays = [(q, True), (k, False), (v, False)]
    y, logsum = _launched(attention_forward, _setting(query, causal, softcap), arrays, [_like(q), _like(q, 1)])
    return _places_first(y, query), (query, key, value, y, logsum)


def _backward(causal, softcap, kept, dy):
    query, key, value, y, logsum = kept
    q, k, v, upstream = map(_heads_first, (query, key, value, dy))
    along = (wide(upstream) * wide(y)).sum(axis=-1, keepdims=True)
    setting, beside = _setting(query, causal, softcap), (upstream, logsum, along)
    arrays = [(q, True), (k, False), (v, False), *((array, True) for array in beside)]
    (dq,) = _launched(attention_backward_queries, setting, arrays, [_like(q)])
    arrays = [(q, False), (k, True), (v, True), *((array, False) for array in beside)]
    dk, dv = _launched(attention_backward_keys, setting, arrays, [_like(k), _like(v)])
    return _places_first(dq, query), _places_first(dk, key), _places_first(dv, value)


attention.defvjp(_forward, _backward)
