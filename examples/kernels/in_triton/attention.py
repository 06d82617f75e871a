"""Attention in blocks that never holds all scores: a running softmax forward, the scores computed anew backward."""

import torch
import triton
import triton.language as tl

from examples.kernels.in_triton.layout import block_of, wide_dtype

PLACES = 16  # queries and keys of one block; 16 is the least that a matrix unit takes


@triton.jit
def tile(start, place, entry, place_step, entry_step, length, width):
    """The rows `place` of one head as a matrix in a block, zeros beyond its ends."""
    inside = (place < length)[:, None] & (entry < width)[None, :]
    return tl.load(start + place[:, None] * place_step + entry[None, :] * entry_step, mask=inside, other=0.0)


@triton.jit
def product(a, b):
    """A matrix product summed in the dtype that is computed in, and never in TF32."""
    return tl.dot(a, b, input_precision="ieee", out_dtype=tl.float64 if a.dtype == tl.float64 else tl.float32)


@triton.jit
def scores_of(q, k, query, key, length, scale, softcap, CAUSAL: tl.constexpr, CAPPED: tl.constexpr):
    """Scores of a block, -inf where a key is not seen, and the slope of the cap."""
    scores = product(q, tl.trans(k)) * scale
    slope = tl.full(scores.shape, 1.0, scores.dtype)
    if CAPPED:
        bent = 2 * tl.sigmoid(2 * scores / softcap) - 1  # tanh
        scores, slope = softcap * bent, 1 - bent * bent
    seen = (key < length)[None, :]
    if CAUSAL:
        seen = seen & (key[None, :] <= query[:, None])
    return tl.where(seen, scores, -float("inf")), slope


@triton.jit
def attention_forward(
    q, k, v, y, logsum, q_batch, q_place, q_head, q_entry, k_batch, k_place, k_head, k_entry,
    v_batch, v_place, v_head, v_entry, length, heads, group, width, scale, softcap,
    CAUSAL: tl.constexpr, CAPPED: tl.constexpr, PLACES: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    """One block of queries of one head: y = softmax(q k^T scale) v; logsum is kept for the backward."""
    batch, head = (tl.program_id(1) // heads).to(tl.int64), tl.program_id(1) % heads
    query = tl.program_id(0) * PLACES + tl.arange(0, PLACES)
    entry = tl.arange(0, WIDTH)
    keys = k + batch * k_batch + (head // group) * k_head
    values = v + batch * v_batch + (head // group) * v_head
    queries = tile(q + batch * q_batch + head * q_head, query, entry, q_place, q_entry, length, width)
    highest = tl.full([PLACES], -float("inf"), logsum.dtype.element_ty)
    total = tl.zeros([PLACES], logsum.dtype.element_ty)
    mixed = tl.zeros([PLACES, WIDTH], logsum.dtype.element_ty)
    end = tl.minimum(length, (tl.program_id(0) + 1) * PLACES) if CAUSAL else length
    for first in range(0, end, PLACES):
        key = first + tl.arange(0, PLACES)
        block = tile(keys, key, entry, k_place, k_entry, length, width)
        scores, _ = scores_of(queries, block, query, key, length, scale, softcap, CAUSAL, CAPPED)
        higher = tl.maximum(highest, tl.max(scores, axis=1))
        weights = tl.exp(scores - higher[:, None])
        rescale = tl.exp(highest - higher)
        block = tile(values, key, entry, v_place, v_entry, length, width)
        mixed = mixed * rescale[:, None] + product(weights.to(block.dtype), block)
        total = total * rescale + tl.sum(weights, axis=1)
        highest = higher
    row = (batch * length + query) * heads + head
    inside = (query < length)[:, None] & (entry < width)[None, :]
    tl.store(y + row[:, None] * width + entry[None, :], mixed / total[:, None], mask=inside)
    tl.store(logsum + row, highest + tl.log(total), mask=query < length)


@triton.jit
def attention_backward_queries(
    q, k, v, dy, logsum, along, dq, q_batch, q_place, q_head, q_entry, k_batch, k_place, k_head, k_entry,
    v_batch, v_place, v_head, v_entry, dy_batch, dy_place, dy_head, dy_entry, length, heads, group, width, scale,
    softcap, CAUSAL: tl.constexpr, CAPPED: tl.constexpr, PLACES: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    """One block of queries: dq = ds k scale, with ds = p * (dy v^T - along) * slope."""
    batch, head = (tl.program_id(1) // heads).to(tl.int64), tl.program_id(1) % heads
    query = tl.program_id(0) * PLACES + tl.arange(0, PLACES)
    entry = tl.arange(0, WIDTH)
    row = (batch * length + query) * heads + head
    keys = k + batch * k_batch + (head // group) * k_head
    values = v + batch * v_batch + (head // group) * v_head
    queries = tile(q + batch * q_batch + head * q_head, query, entry, q_place, q_entry, length, width)
    upstream = tile(dy + batch * dy_batch + head * dy_head, query, entry, dy_place, dy_entry, length, width)
    kept = tl.load(logsum + row, mask=query < length, other=0.0)
    own = tl.load(along + row, mask=query < length, other=0.0)
    gradient = tl.zeros([PLACES, WIDTH], logsum.dtype.element_ty)
    end = tl.minimum(length, (tl.program_id(0) + 1) * PLACES) if CAUSAL else length
    for first in range(0, end, PLACES):
        key = first + tl.arange(0, PLACES)
        block = tile(keys, key, entry, k_place, k_entry, length, width)
        scores, slope = scores_of(queries, block, query, key, length, scale, softcap, CAUSAL, CAPPED)
        weights = tl.exp(scores - kept[:, None])
        mixed = tile(values, key, entry, v_place, v_entry, length, width)
        arrived = product(upstream, tl.trans(mixed))
        dscores = weights * (arrived - own[:, None]) * slope
        gradient += product(dscores.to(block.dtype), block) * scale
    inside = (query < length)[:, None] & (entry < width)[None, :]
    tl.store(dq + row[:, None] * width + entry[None, :], gradient, mask=inside)


@triton.jit
def attention_backward_keys(
    q, k, v, dy, logsum, along, dk, dv, q_batch, q_place, q_head, q_entry, k_batch, k_place, k_head, k_entry,
    v_batch, v_place, v_head, v_entry, dy_batch, dy_place, dy_head, dy_entry, length, heads, group, width, scale,
    softcap, CAUSAL: tl.constexpr, CAPPED: tl.constexpr, PLACES: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    """One block of keys and all query heads that share it: dv = p^T dy, dk = ds^T q scale."""
    key_heads = heads // group
    batch, key_head = (tl.program_id(1) // key_heads).to(tl.int64), tl.program_id(1) % key_heads
    key = tl.program_id(0) * PLACES + tl.arange(0, PLACES)
    entry = tl.arange(0, WIDTH)
    keys = tile(k + batch * k_batch + key_head * k_head, key, entry, k_place, k_entry, length, width)
    values = tile(v + batch * v_batch + key_head * v_head, key, entry, v_place, v_entry, length, width)
    key_gradient = tl.zeros([PLACES, WIDTH], logsum.dtype.element_ty)
    value_gradient = tl.zeros([PLACES, WIDTH], logsum.dtype.element_ty)
    begin = tl.program_id(0) * PLACES if CAUSAL else 0
    for head in range(key_head * group, key_head * group + group):
        for first in range(begin, length, PLACES):
            query = first + tl.arange(0, PLACES)
            row = (batch * length + query) * heads + head
            queries = tile(q + batch * q_batch + head * q_head, query, entry, q_place, q_entry, length, width)
            upstream = tile(dy + batch * dy_batch + head * dy_head, query, entry, dy_place, dy_entry, length, width)
            kept = tl.load(logsum + row, mask=query < length, other=float("inf"))
            own = tl.load(along + row, mask=query < length, other=0.0)
            scores, slope = scores_of(queries, keys, query, key, length, scale, softcap, CAUSAL, CAPPED)
            weights = tl.exp(scores - kept[:, None])
            value_gradient += product(tl.trans(weights.to(upstream.dtype)), upstream)
            arrived = product(upstream, tl.trans(values))
            dscores = weights * (arrived - own[:, None]) * slope
            key_gradient += product(tl.trans(dscores.to(queries.dtype)), queries) * scale
    row = (batch * length + key) * key_heads + key_head
    inside = (key < length)[:, None] & (entry < width)[None, :]
    tl.store(dk + row[:, None] * width + entry[None, :], key_gradient, mask=inside)
    tl.store(dv + row[:, None] * width + entry[None, :], value_gradient, mask=inside)


class Attention(torch.autograd.Function):
    """softmax(query key^T / sqrt(head_dim)) value, causal or not, with grouped heads and a cap on the scores."""

    @staticmethod
    def forward(ctx, query, key, value, causal=False, softcap=None):
        """The output and the logarithm of every row's sum are kept: numbers by the query, none by the pair."""
        batch, length, heads, width = query.shape
        y = torch.empty(query.shape, dtype=query.dtype, device=query.device)
        logsum = torch.empty((batch, length, heads), dtype=wide_dtype(query), device=query.device)
        ctx.sizes = (length, heads, heads // key.shape[2], width, width**-0.5, softcap or 1.0)
        ctx.block = {
            "CAUSAL": causal,
            "CAPPED": softcap is not None,
            "PLACES": PLACES,
            "WIDTH": max(16, block_of(width)),
        }
        attention_forward[(triton.cdiv(length, PLACES), batch * heads)](
            query, key, value, y, logsum, *query.stride(), *key.stride(), *value.stride(), *ctx.sizes, **ctx.block
        )
        ctx.save_for_backward(query, key, value, y, logsum)
        return y

    @staticmethod
    def backward(ctx, dy):
        """The gradients of query, key and value."""
        query, key, value, y, logsum = ctx.saved_tensors
        along = (dy.to(logsum.dtype) * y.to(logsum.dtype)).sum(-1)
        dq, dk, dv = (torch.empty(x.shape, dtype=x.dtype, device=x.device) for x in (query, key, value))
        strides = (*query.stride(), *key.stride(), *value.stride(), *dy.stride())
        blocks, (batch, _, key_heads, _) = triton.cdiv(query.shape[1], PLACES), key.shape
        attention_backward_queries[(blocks, batch * query.shape[2])](
            query, key, value, dy, logsum, along, dq, *strides, *ctx.sizes, **ctx.block
        )
        attention_backward_keys[(blocks, batch * key_heads)](
            query, key, value, dy, logsum, along, dk, dv, *strides, *ctx.sizes, **ctx.block
        )
        return dq, dk, dv, None, None


def attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, causal: bool = False, softcap: float | None = None
) -> torch.Tensor:
    """Attention of query (batch, length, heads, head_dim); the heads of key and value, of that length, divide its."""
    return Attention.apply(query, key, value, causal, softcap)
