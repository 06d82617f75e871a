"""Where a token stands, told to attention by rotating its queries and keys."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functional_nn._checks import as_array, as_number, known_range, require, require_flag, require_floating
from functional_nn._jit import jit_op

# Of cosines, and of sines, in a program: 1 MB each in float32.
MOST_CONSTANTS = 2**18


def _check_arrays(op: str, x: Any = None, positions: Any = None) -> None:
    """Refuse arrays that do not fit. Only here, before jit, do positions have values."""
    require_floating(op, x=x)
    shape = jnp.shape(x)
    rule = "x must have three axes or more, (..., length, heads, head_dim)"
    require(len(shape) >= 3, op, rule, f"x.shape={shape}")
    require(shape[-1] % 2 == 0, op, "head_dim, x.shape[-1], must be even", f"x.shape={shape}")
    if positions is None:
        return
    dtype = jnp.result_type(as_array(op, "positions", positions))
    if not jnp.issubdtype(dtype, jnp.integer):
        raise TypeError(f"{op}: positions must have an integer dtype; got positions.dtype={dtype}")
    places, wanted = jnp.shape(positions), shape[:-2]
    fits = len(wanted) >= len(places) > 0 and places[-1] == wanted[-1]
    fits = fits and all(size in (1, whole) for size, whole in zip(places[::-1], wanted[::-1], strict=False))
    rule = "positions must have an axis of length, x.shape[-3], and broadcast to x.shape[:-2]"
    require(fits, op, rule, f"positions.shape={places}, x.shape={shape}")
    low, high = known_range(positions) or (0, 0)
    rule = "positions must be at least 0 and below 2**31"
    require(low >= 0 and high < 2**31, op, rule, f"positions from {low} to {high}")


@jit_op("base", "interleaved", check=_check_arrays)
def rotary_embedding(
    x: jax.Array, positions: jax.Array | None = None, *, base: float = 10000.0, interleaved: bool = False
) -> jax.Array:
    """Rotary position embedding: pairs of features turned by angles that grow with the position, each at its pace.

    With f_i = base^(-2i / head_dim), pair i of a head at position p becomes (a cos - b sin, a sin + b cos) of the
    angle p f_i, so that the inner product of a query and a key depends on the distance of their positions alone.

    Lengths are kept, whatever the position: the backward is the rotation by the opposite angle. In float64 the angle
    is p f_i as it stands. Elsewhere whole turns are taken off in integers first, so that in float32 the angle is right
    to 4e-7 up to position 1,000,000 (measured), where a product in float32 would be off by 6e-2; 16 bits are turned in
    float32. Where positions are traced, so that no error can be raised, one out of range gives NaN.

    Args:
        x: (..., length, heads, head_dim), a floating dtype, head_dim even: queries or keys.
        positions: (length,) or what broadcasts to (..., length), integers of at least 0; None for 0 to length - 1.
        base: a finite number of at least 1: the slowest pair turns about base times as slowly as the fastest.
        interleaved: whether a pair is two neighbours, as in the paper, or an entry of the first half of the head and
            that of the second half (False), as in GPT-NeoX and LLaMA.

    Returns:
        The shape and dtype of x.

    Raises:
        ValueError: an odd head_dim, shapes that do not fit, a position below 0 or not below 2**31, base below 1,
            interleaved not a boolean.
        TypeError: x is not a floating array, or positions are not integers.

    References:
        Su et al., RoFormer: Enhanced Transformer with Rotary Position Embedding, arXiv:2104.09864, section 3.2.2;
        docs/derivations/positional.md.

    >>> turned = rotary_embedding(jnp.array([3.0, 4.0]) * jnp.ones((3, 1, 2)))
    >>> print(jnp.linalg.norm(turned, axis=-1).ravel())
    [5. 5. 5.]
    """
    base = as_number("rotary_embedding", "base", base, "be a finite number, at least 1", lambda b: 1 <= b < math.inf)
    require_flag("rotary_embedding", "interleaved", interleaved)
    x = jnp.asarray(x)
    half = x.shape[-1] // 2
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    cos, sin = _cos_and_sin(positions, x.shape[-3], base ** (-np.arange(half) / max(half, 1)), wide.dtype)
    if interleaved:
        first, second = jnp.unstack(wide.reshape(*x.shape[:-1], half, 2), axis=-1)
    else:
        first, second = jnp.split(wide, 2, -1)
    turned = first * cos - second * sin, first * sin + second * cos
    out = jnp.stack(turned, -1).reshape(x.shape) if interleaved else jnp.concatenate(turned, -1)
    return out.astype(x.dtype)


def _cos_and_sin(
    positions: jax.Array | None, length: int, frequencies: np.ndarray, dtype: Any
) -> tuple[jax.Array, jax.Array]:
    """Of the angles at each position, beside an axis for the heads.

    Where the positions are the usual ones, these are constants, unless they would make the program large: XLA for the
    CPU would compute them again for every head of every example.
    """
    if positions is None and isinstance(length, int) and length * len(frequencies) <= MOST_CONSTANTS:
        known = np.arange(length)[:, None, None] * frequencies
        return jnp.asarray(np.cos(known), dtype), jnp.asarray(np.sin(known), dtype)
    places = jnp.arange(length) if positions is None else jnp.asarray(positions).astype(int)
    angle = _angles(places, frequencies, dtype)[..., None, :]
    return jnp.cos(angle), jnp.sin(angle)


def _angles(positions: jax.Array, frequencies: np.ndarray, dtype: Any) -> jax.Array:
    """positions times frequencies, NaN for a position out of range; in float32 less whole turns, of which 2**32 parts
    wrap around in integers of 32 bits as angles do.
    """
    places = positions[..., None]
    if dtype == jnp.float64:
        angle = places * frequencies
    else:
        parts = np.floor(frequencies / (2 * math.pi) * 2**48).astype(np.uint64)
        high, low = (parts >> 16).astype(np.uint32), (parts & 0xFFFF).astype(np.uint32)
        p = places.astype(jnp.uint32)
        turned = p * high + (p >> 16) * low + ((p & 0xFFFF) * low >> 16)
        angle = jax.lax.bitcast_convert_type(turned, jnp.int32).astype(dtype) * (2 * math.pi / 2**32)
    return jnp.where(places >> 31 == 0, angle, jnp.nan)
