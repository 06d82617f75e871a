"""Attention by scaled dot products: every query takes a mean of the values, weighted by how well the keys fit it."""

import math

import jax
import jax.numpy as jnp

from functional_nn._attending import Sight
from functional_nn._attention import attention as attend
from functional_nn._checks import as_array, as_number, require, require_flag, require_floating, require_ints
from functional_nn._jit import jit_op


@jit_op("causal", "window", "scale", "softcap")
def attention(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    mask: jax.Array | None = None,
    *,
    causal: bool = False,
    window: int | None = None,
    scale: float | None = None,
    softcap: float | None = None,
) -> jax.Array:
    """Scaled dot-product attention: the mean of the values, weighted by the softmax of the scores of the keys.

    attention(query, key, value) = softmax(scores) value with scores = scale query key^T, softmax over the keys that a
    query may see. With key_heads fewer than heads, query head h uses key head h // (heads // key_heads).

    Stable because the largest score of a row is taken off before exp. A query that may see no key gives 0, and passes
    no gradient. Beyond 2**18 pairs of a query and a key the scores never stand in memory together, in no direction:
    the backward pass computes them again, a block of queries at a time, and memory grows with the lengths, not with
    their product (docs/attention_memory.md). Keys that causal and window hide from a whole part of the queries are
    left out of that part's products. On a CPU with a C compiler, float32 arrays without mask and softcap go to a
    C file, in the value and the first gradient, with the same promises; on an NVIDIA GPU arrays of 16 bits without
    these, of which JAX accepts the shapes, go to cuDNN's kernel, which rounds the weights to 16 bits.

    Args:
        query: (batch, length, heads, head_dim), a floating dtype.
        key: (batch, key_length, key_heads, head_dim); key_heads divides heads.
        value: (batch, key_length, key_heads, value_dim).
        mask: booleans, True where seen, that broadcast to (batch, heads, length, key_length); None hides nothing.
        causal: query i sees keys j <= i + key_length - length: the last query sees all keys.
        window: query i sees only keys with abs(j - i - key_length + length) < window: a causal query itself and
            window - 1 keys before it, any other as many after it too. None sees any distance.
        scale: what the products are multiplied by; None means 1 / sqrt(head_dim).
        softcap: c, with which a score s becomes c tanh(s / c) before anything is hidden; None leaves it.

    Returns:
        (batch, length, heads, value_dim), in the dtype that query, key and value promote to.

    Raises:
        ValueError: shapes that do not fit, a flag, window, scale or softcap out of range.
        TypeError: query, key or value is not a floating array, mask not a boolean one, or window not an int.

    References:
        Vaswani et al., Attention Is All You Need, arXiv:1706.03762, section 3.2.1; Ainslie et al., GQA,
        arXiv:2305.13245; Dao et al., FlashAttention, arXiv:2205.14135; Gemma 2, arXiv:2408.00118 (soft cap);
        docs/derivations/dot_product.md.

    >>> query, value = jnp.zeros((1, 3, 1, 4)), jnp.array([1.0, 2.0, 6.0]).reshape(1, 3, 1, 1)
    >>> print(attention(query, query, value, causal=True).ravel())
    [1.  1.5 3. ]
    """
    require_floating("attention", query=query, key=key, value=value)
    query, key, value = (jnp.asarray(array) for array in (query, key, value))
    _check_shapes(query.shape, key.shape, value.shape)
    (batch, length, heads, head_dim), key_length = query.shape, key.shape[1]
    seen = _mask(mask, (batch, heads, length, key_length))
    require_flag("attention", "causal", causal)
    sight = Sight(length, key_length, causal, _window(window))
    scale, cap = _scale(scale, head_dim), _cap(softcap)
    return attend(query, key, value, seen, sight=sight, scale=scale, cap=cap)


def _check_shapes(query: tuple[int, ...], key: tuple[int, ...], value: tuple[int, ...]) -> None:
    got = f"query.shape={query}, key.shape={key}, value.shape={value}"
    rule = "query, key and value must have four axes, (batch, length, heads, head_dim)"
    require(len(query) == len(key) == len(value) == 4, "attention", rule, got)
    require(query[0] == key[0] == value[0], "attention", "query, key and value must have the same batch", got)
    require(key[1:3] == value[1:3], "attention", "key and value must have the same length and heads", got)
    require(query[3] == key[3], "attention", "query and key must have the same head_dim", got)
    require(query[3] > 0, "attention", "head_dim must be at least 1", got)
    rule = "the heads of key must be at least one and divide those of query"
    require(key[2] > 0 and query[2] % key[2] == 0, "attention", rule, got)


def _mask(mask: jax.Array | None, scores: tuple[int, ...]) -> jax.Array | None:
    if mask is None:
        return None
    mask = jnp.asarray(as_array("attention", "mask", mask))
    if mask.dtype != jnp.bool_:
        raise TypeError(f"attention: mask must be boolean; got mask.dtype={mask.dtype}")
    ends = zip(reversed(mask.shape), reversed(scores), strict=False)
    rule = f"mask must broadcast to (batch, heads, length, key_length), {scores}"
    fits = mask.ndim <= 4 and all(size in (1, whole) for size, whole in ends)
    require(fits, "attention", rule, f"mask.shape={mask.shape}")
    return mask


def _window(window: int | None) -> int | None:
    if window is not None:
        require_ints("attention", "window must be an int", f"window={window!r}", (window,))
        require(window > 0, "attention", "window must be at least 1", f"window={window!r}")
    return window


def _scale(scale: float | None, head_dim: int) -> float:
    if scale is None:
        return 1 / math.sqrt(head_dim)
    return as_number("attention", "scale", scale, "be a finite number", math.isfinite)


def _cap(softcap: float | None) -> float | None:
    if softcap is None:
        return None
    return as_number("attention", "softcap", softcap, "be a finite number above 0", lambda cap: 0 < cap < math.inf)
