"""Attention by scaled dot products: every query takes a mean of the values, weighted by how well the keys fit it.

What it takes, returns and refuses stands with its twin in functional_nn/dot_product.py.
"""

import math

import numpy as np

from reference._checks import (
    as_array,
    as_floating,
    as_number,
    quiet,
    require,
    require_flag,
    require_hashable,
    require_ints,
)


def attention(query, key, value, mask=None, *, causal=False, window=None, scale=None, softcap=None):
    """Scaled dot-product attention: the mean of the values, weighted by the softmax of the scores of the keys.

    For each example and head scores = scale Q K^T, P = softmax of each row, out = P V. Backwards V_ct = P^T out_ct,
    P_ct = out_ct V^T, scores_ct = P (P_ct - sum of P P_ct over the row), Q_ct = scale scores_ct K and
    K_ct = scale scores_ct^T Q. Heads that share a key head add up in K_ct and V_ct; a soft cap c multiplies scores_ct
    by its slope, 1 - tanh^2(s / c).
    Residuals: query, key and value; P; the slopes; the scale. Derivation: docs/derivations/dot_product.md.
    """
    return attention_fwd(query, key, value, mask, causal=causal, window=window, scale=scale, softcap=softcap)[0]


@quiet
def attention_fwd(query, key, value, mask=None, *, causal=False, window=None, scale=None, softcap=None):
    query, key, value = (as_floating("attention", n, a) for n, a in (("query", query), ("key", key), ("value", value)))
    _check_shapes(query, key, value)
    batch, length, heads, head_dim = query.shape
    of_scores = (batch, heads, length, key.shape[1])
    seen = _seen(mask, causal, window, of_scores)
    scale, softcap = _scale(scale, head_dim), _softcap(softcap)
    dtype = np.result_type(query, key, value)
    weights, slopes = np.zeros(of_scores, dtype), np.ones(of_scores, dtype)
    out = np.zeros((batch, length, heads, value.shape[3]), dtype)
    for example, head in np.ndindex(batch, heads):
        shared = head // (heads // key.shape[2])
        scores = scale * query[example, :, head] @ key[example, :, shared].T
        if softcap is not None:
            bent = np.tanh(scores / softcap)
            scores, slopes[example, head] = softcap * bent, 1 - bent**2
        weights[example, head] = _softmax(np.where(seen[example, head], scores, -np.inf))
        out[example, :, head] = weights[example, head] @ value[example, :, shared]
    return out, (query, key, value, weights, slopes, scale)


@quiet
def attention_bwd(residuals, cotangent):
    query, key, value, weights, slopes, scale = residuals
    batch, heads = weights.shape[:2]
    query_ct, key_ct, value_ct = (np.zeros(array.shape, weights.dtype) for array in (query, key, value))
    for example, head in np.ndindex(batch, heads):
        shared = head // (heads // key.shape[2])
        p, out_ct = weights[example, head], cotangent[example, :, head]
        value_ct[example, :, shared] += p.T @ out_ct
        p_ct = out_ct @ value[example, :, shared].T
        scores_ct = p * (p_ct - np.sum(p * p_ct, axis=1, keepdims=True))
        products_ct = scale * slopes[example, head] * scores_ct
        query_ct[example, :, head] = products_ct @ key[example, :, shared]
        key_ct[example, :, shared] += products_ct.T @ query[example, :, head]
    return query_ct.astype(query.dtype), key_ct.astype(key.dtype), value_ct.astype(value.dtype), None


def _softmax(scores):
    """Softmax of each row; 0 where every score is -infinity, which is how a query that sees nothing looks."""
    peak = np.max(scores, axis=1, keepdims=True, initial=-np.inf)
    raised = np.exp(scores - np.where(peak == -np.inf, 0, peak))
    total = np.sum(raised, axis=1, keepdims=True)
    return raised / np.where(total == 0, 1, total)


def _seen(mask, causal, window, of_scores):
    """Whether each query sees each key: query i of `length` stands at key i + key_length - length."""
    *_, length, key_length = of_scores
    require_flag("attention", "causal", causal)
    ahead = np.arange(key_length) - (np.arange(length)[:, None] + key_length - length)
    seen = np.ones((length, key_length), bool)
    if causal:
        seen &= ahead <= 0
    if window is not None:
        require_hashable("attention", "window", window)
        require_ints("attention", "window must be an int", f"window={window!r}", (window,))
        require(window > 0, "attention", "window must be at least 1", f"window={window!r}")
        seen &= np.abs(ahead) < window
    return np.broadcast_to(seen if mask is None else seen & _mask(mask, of_scores), of_scores)


def _mask(mask, of_scores):
    mask = as_array("attention", "mask", mask)
    if mask.dtype != np.bool_:
        raise TypeError(f"attention: mask must be boolean; got mask.dtype={mask.dtype}")
    ends = zip(reversed(mask.shape), reversed(of_scores), strict=False)
    rule = f"mask must broadcast to (batch, heads, length, key_length), {of_scores}"
    fits = mask.ndim <= 4 and all(size in (1, whole) for size, whole in ends)
    require(fits, "attention", rule, f"mask.shape={mask.shape}")
    return mask


def _check_shapes(query, key, value):
    got = f"query.shape={query.shape}, key.shape={key.shape}, value.shape={value.shape}"
    rule = "query, key and value must have four axes, (batch, length, heads, head_dim)"
    require(query.ndim == key.ndim == value.ndim == 4, "attention", rule, got)
    same_batch = query.shape[0] == key.shape[0] == value.shape[0]
    require(same_batch, "attention", "query, key and value must have the same batch", got)
    rule = "key and value must have the same length and heads"
    require(key.shape[1:3] == value.shape[1:3], "attention", rule, got)
    require(query.shape[3] == key.shape[3], "attention", "query and key must have the same head_dim", got)
    require(query.shape[3] > 0, "attention", "head_dim must be at least 1", got)
    rule = "the heads of key must be at least one and divide those of query"
    require(key.shape[2] > 0 and query.shape[2] % key.shape[2] == 0, "attention", rule, got)


def _scale(scale, head_dim):
    if scale is None:
        return 1 / math.sqrt(head_dim)
    return as_number("attention", "scale", scale, "be a finite number", math.isfinite)


def _softcap(softcap):
    if softcap is None:
        return None
    return as_number("attention", "softcap", softcap, "be a finite number above 0", lambda cap: 0 < cap < math.inf)
