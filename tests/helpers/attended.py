"""Arrays for attention, and what the reference makes of them."""

from typing import Any

import numpy as np

from reference.dot_product import attention_bwd, attention_fwd


def drawn(query: str, key: str, value_dim: int = 5, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Query, key, value, and a cotangent of the result."""
    rng = np.random.default_rng(seed)
    wide, narrow = (tuple(map(int, shape.split())) for shape in (query, key))
    shapes = (wide, narrow, (*narrow[:3], value_dim), (*wide[:3], value_dim))
    return tuple(rng.normal(size=shape) for shape in shapes)


def by_hand(arrays: tuple[np.ndarray, ...], mask: Any = None, **statics: Any) -> tuple[np.ndarray, ...]:
    """The value and the three cotangents of the reference."""
    query, key, value, cotangent = arrays
    out, residuals = attention_fwd(query, key, value, mask, **statics)
    return out, *attention_bwd(residuals, cotangent)[:3]
