"""The wording of every error: `op: rule; got values`. What is an array, a number and a choice, alike in both twins."""

import math
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np

# An infinity or a NaN stands in the result; NumPy's warning on the way there says no more. For op_fwd and op_bwd.
quiet = np.errstate(all="ignore")

# Beside booleans and integers. complex and integers are refused by what each argument is for.
PLAIN = ("float64", "float32", "float16", "bfloat16", "complex64", "complex128")


def require(condition: bool, op: str, rule: str, got: str) -> None:
    """Raise the ValueError `op: rule; got got` unless the condition holds."""
    if not condition:
        raise ValueError(f"{op}: {rule}; got {got}")


def as_array(op: str, name: str, value: Any) -> np.ndarray:
    """The argument in the machine's byte order, else never a copy of an array, or a TypeError for any other thing."""
    array = _converted(value)
    if array is None or isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{op}: {name} must be an array; got {type(value).__name__}")
    if not _is_plain(array.dtype):
        got = f"{name}.dtype={array.dtype}"
        raise TypeError(f"{op}: {name} must have a dtype of NumPy for numbers up to 64 bits, or bfloat16; got {got}")
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _converted(value: Any) -> np.ndarray | None:
    """What NumPy makes of an array of any library, or of a number; None for what is neither, or would not be read."""
    try:
        return np.asarray(value) if hasattr(value, "dtype") or isinstance(value, int | float | complex) else None
    except Exception:  # whatever its library raises, of keys for random numbers or of tensors with a gradient
        return None


def as_floating(op: str, name: str, value: Any) -> np.ndarray:
    """The argument as `as_array` has it, or a TypeError unless its dtype is a real floating one."""
    array = as_array(op, name, value)
    if not is_floating(array.dtype):
        raise TypeError(f"{op}: {name} must have a floating dtype; got {name}.dtype={array.dtype}")
    return array


def is_floating(dtype: np.dtype) -> bool:
    """Whether a dtype holds real floating-point numbers; NumPy files bfloat16 (from ml_dtypes) under kind 'V'."""
    return dtype.kind == "f" or dtype.name.startswith(("bfloat", "float"))


def as_number(op: str, name: str, value: Any, rule: str, legal: Callable[[float], bool]) -> float:
    """A static that is a real number as a float of Python, which leaves an array its dtype; `name must rule` if not."""
    require_hashable(op, name, value)
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
    require_hashable(op, name, value)
    require(isinstance(value, bool), op, f"{name} must be a boolean", f"{name}={value!r}")


def require_hashable(op: str, name: str, value: Any) -> None:
    """Raise a TypeError for a static that JAX could not compile for, the tuple with a list in it included."""
    try:
        hash(value)
    except TypeError:
        raise TypeError(f"{op}: {name} must be hashable (a tuple, not a list); got {name}={value!r}") from None


def _is_plain(dtype: np.dtype) -> bool:
    """Whether both twins compute in a dtype, or could: not in longdouble, float8, text or objects."""
    return dtype.kind in "biu" or dtype.name in PLAIN
