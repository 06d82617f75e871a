"""The wording of every error: `op: rule; got values`. What is an array, a number and a choice, alike in both twins.

Raised at trace time, from static shapes and dtypes alone; what JAX would not take as an argument, before that.
"""

import math
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

# Beside booleans and integers. complex and integers are refused by what each argument is for.
PLAIN = ("float64", "float32", "float16", "bfloat16", "complex64", "complex128")


def require(condition: bool, op: str, rule: str, got: str) -> None:
    """Raise the ValueError `op: rule; got got` unless the condition holds."""
    if not condition:
        raise ValueError(f"{op}: {rule}; got {got}")


def as_array(op: str, name: str, value: Any) -> Any:
    """The argument as jit takes it, in the machine's byte order; a TypeError for what is no array and no number."""
    array = _converted(value)
    if array is None or isinstance(value, np.ma.MaskedArray) or jnp.issubdtype(array.dtype, jax.dtypes.extended):
        raise TypeError(f"{op}: {name} must be an array; got {type(value).__name__}")
    if not _is_plain(array.dtype):
        got = f"{name}.dtype={array.dtype}"
        raise TypeError(f"{op}: {name} must have a dtype of NumPy for numbers up to 64 bits, or bfloat16; got {got}")
    if isinstance(array, np.ndarray) and not array.dtype.isnative:
        # jit would take the bytes as they lie, or refuse them, by what it has met before.
        return array.astype(array.dtype.newbyteorder("="))
    return value if type(value) is float else array


def _converted(value: Any) -> Any:
    """What NumPy makes of an array of any library, or of a number; None for what is neither, or would not be read."""
    if isinstance(value, jax.Array) or hasattr(value, "__jax_array__"):
        return value
    try:
        return np.asarray(value) if hasattr(value, "dtype") or isinstance(value, int | float | complex) else None
    except Exception:  # whatever its library raises, of tensors with a gradient for example
        return None


def require_floating(op: str, **arrays: Any) -> None:
    """Raise a TypeError unless every named argument is an array (or scalar) of a real floating dtype."""
    for name, array in arrays.items():
        dtype = jnp.result_type(as_array(op, name, array))
        if not jnp.issubdtype(dtype, jnp.floating):
            raise TypeError(f"{op}: {name} must have a floating dtype; got {name}.dtype={dtype}")


def known_ints(array: Any) -> np.ndarray | None:
    """The values of an array of integers, where it is one and not traced."""
    known = isinstance(array, np.ndarray | jax.Array) and not isinstance(array, Tracer)
    return np.asarray(array) if known and jnp.issubdtype(array.dtype, jnp.integer) else None


def known_range(integers: Any) -> tuple[int, int] | None:
    """The least and the largest of an array of integers; None where there is none, or where they are traced."""
    values = known_ints(integers)
    return None if values is None or not values.size else (int(values.min()), int(values.max()))


def as_number(op: str, name: str, value: Any, rule: str, legal: Callable[[float], bool]) -> float:
    """A static that is a real number as a float of Python, which leaves an array its dtype; `name must rule` if not."""
    try:
        number = float(value) if isinstance(value, Real) else math.nan
    except OverflowError:
        number = math.inf
    require(legal(number), op, f"{name} must {rule}", f"{name}={value!r}")
    return number


def require_ints(op: str, rule: str, got: str, entries: Any) -> None:
    """Raise a TypeError unless all entries are ints, and a ValueError for one that no array could have as its size."""
    if not all(isinstance(entry, Integral) and not isinstance(entry, bool) for entry in entries):
        raise TypeError(f"{op}: {rule}; got {got}")
    require(all(abs(int(entry)) < 2**31 for entry in entries), op, f"{rule}, below 2**31", got)


def require_flag(op: str, name: str, value: Any) -> None:
    """Raise a ValueError unless a static is True or False."""
    require(isinstance(value, bool), op, f"{name} must be a boolean", f"{name}={value!r}")


def require_hashable(op: str, name: str, value: Any) -> None:
    """Raise a TypeError for a static that cannot be compiled for, the tuple with a list in it included."""
    try:
        hash(value)
    except TypeError:
        raise TypeError(f"{op}: {name} must be hashable (a tuple, not a list); got {name}={value!r}") from None


def _is_plain(dtype: Any) -> bool:
    """Whether both twins compute in a dtype, or could: not in longdouble, float8, text or objects."""
    return dtype.kind in "biu" or dtype.name in PLAIN
