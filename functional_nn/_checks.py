"""The wording of every error: `op: rule; got values`. Raised at trace time, from static shapes and dtypes alone."""

from typing import Any

import jax.numpy as jnp


def require(condition: bool, op: str, rule: str, got: str) -> None:
    """Raise the ValueError `op: rule; got got` unless the condition holds."""
    if not condition:
        raise ValueError(f"{op}: {rule}; got {got}")


def require_floating(op: str, **arrays: Any) -> None:
    """Raise a TypeError unless every named argument is an array (or scalar) of a real floating dtype."""
    for name, array in arrays.items():
        if not (hasattr(array, "dtype") or isinstance(array, int | float)):
            raise TypeError(f"{op}: {name} must be an array; got {type(array).__name__}")
        dtype = jnp.result_type(array)
        if not jnp.issubdtype(dtype, jnp.floating):
            raise TypeError(f"{op}: {name} must have a floating dtype; got {name}.dtype={dtype}")
