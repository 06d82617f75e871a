"""The wording of every error: `op: rule; got values`."""

from typing import Any

import numpy as np


def require(condition: bool, op: str, rule: str, got: str) -> None:
    """Raise the ValueError `op: rule; got got` unless the condition holds."""
    if not condition:
        raise ValueError(f"{op}: {rule}; got {got}")


def as_floating(op: str, name: str, value: Any) -> np.ndarray:
    """The argument as a NumPy array (never a copy of one), or a TypeError unless its dtype is a real floating one."""
    if not (hasattr(value, "dtype") or isinstance(value, int | float)):
        raise TypeError(f"{op}: {name} must be an array; got {type(value).__name__}")
    array = np.asarray(value)
    if not is_floating(array.dtype):
        raise TypeError(f"{op}: {name} must have a floating dtype; got {name}.dtype={array.dtype}")
    return array


def is_floating(dtype: np.dtype) -> bool:
    """Whether a dtype holds real floating-point numbers; NumPy files bfloat16 (from ml_dtypes) under kind 'V'."""
    return dtype.kind == "f" or dtype.name.startswith(("bfloat", "float"))
