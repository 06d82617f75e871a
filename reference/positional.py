"""Where a token stands, told to attention by rotating its queries and keys.

What each takes, returns and refuses stands with its twin in functional_nn/positional.py.
"""

import math

import numpy as np

from reference._checks import as_array, as_floating, as_number, quiet, require, require_flag


def rotary_embedding(x, positions=None, *, base=10000.0, interleaved=False):
    """Rotary position embedding: pairs of features turned by angles that grow with the position, each at its pace.

    A rotation is linear, and its transpose is its inverse: x_ct is y_ct turned back, by the opposite angles.
    Residuals: the positions, base, interleaved. Derivation: docs/derivations/positional.md.
    """
    return rotary_embedding_fwd(x, positions, base=base, interleaved=interleaved)[0]


@quiet
def rotary_embedding_fwd(x, positions=None, *, base=10000.0, interleaved=False):
    x = as_floating("rotary_embedding", "x", x)
    rule = "x must have three axes or more, (..., length, heads, head_dim)"
    require(x.ndim >= 3, "rotary_embedding", rule, f"x.shape={x.shape}")
    require(x.shape[-1] % 2 == 0, "rotary_embedding", "head_dim, x.shape[-1], must be even", f"x.shape={x.shape}")
    positions = np.arange(x.shape[-3]) if positions is None else _as_positions(positions, x)
    rule = "be a finite number, at least 1"
    base = as_number("rotary_embedding", "base", base, rule, lambda number: 1 <= number < math.inf)
    require_flag("rotary_embedding", "interleaved", interleaved)
    return _turned(x, positions, base, interleaved), (positions, base, interleaved)


@quiet
def rotary_embedding_bwd(residuals, cotangent):
    positions, base, interleaved = residuals
    return _turned(cotangent, -positions, base, interleaved), None


def _turned(x, positions, base, interleaved):
    """Every pair of features of every head, turned by its angle; angles in float64, whatever the dtype of x."""
    head_dim = x.shape[-1]
    half = head_dim // 2
    out = np.empty_like(x)
    for pair in range(half):
        a, b = (2 * pair, 2 * pair + 1) if interleaved else (pair, pair + half)
        angle = positions[..., np.newaxis] * base ** (-2 * pair / head_dim)
        out[..., a] = x[..., a] * np.cos(angle) - x[..., b] * np.sin(angle)
        out[..., b] = x[..., a] * np.sin(angle) + x[..., b] * np.cos(angle)
    return out


def _as_positions(value, x):
    positions = as_array("rotary_embedding", "positions", value)
    if positions.dtype.kind not in "iu":
        got = f"positions.dtype={positions.dtype}"
        raise TypeError(f"rotary_embedding: positions must have an integer dtype; got {got}")
    leading = x.shape[:-2]
    fits = len(leading) >= positions.ndim > 0 and positions.shape[-1] == leading[-1]
    fits = fits and all(size in (1, whole) for size, whole in zip(positions.shape[::-1], leading[::-1], strict=False))
    rule = "positions must have an axis of length, x.shape[-3], and broadcast to x.shape[:-2]"
    require(fits, "rotary_embedding", rule, f"positions.shape={positions.shape}, x.shape={x.shape}")
    low, high = positions.min(initial=0), positions.max(initial=0)
    rule = "positions must be at least 0 and below 2**31"
    require(low >= 0 and high < 2**31, "rotary_embedding", rule, f"positions from {low} to {high}")
    return positions.astype(np.int64)
