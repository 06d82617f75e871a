"""The operations entry by entry that both frameworks call by the same name, in NumPy's functions."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from reference.oracle.recording.frameworks.parts import erf, sigmoid
from reference.oracle.recording.recorded import plain


def arcsin(x: Any) -> Any:
    """By the arc tangent, whose slope is known."""
    return np.arctan(x / np.sqrt(1 - x * x))


def arctan2(a: Any, b: Any) -> Any:
    """The angle of the point (b, a)."""
    behind = np.where(plain(a) < 0, -np.pi, np.pi)
    return np.arctan(a / b) + np.where(plain(b) < 0, behind, 0.0)


def remainder(rounded: Callable[..., Any]) -> Callable[..., Any]:
    """What a division leaves, with the quotient rounded so."""
    return lambda a, b: a - b * rounded(plain(a) / plain(b)).astype(plain(a).dtype)


def cast(x: Any, dtype: np.dtype) -> Any:
    """Another type; a floating one that is no narrower leaves the values as they are."""
    own = plain(x).dtype
    if dtype.kind == own.kind == "f" and dtype.itemsize >= own.itemsize:
        return x
    return x.astype(dtype) if isinstance(x, np.ndarray) else np.asarray(x).astype(dtype)[()]


COMMON: Mapping[str, Callable[..., Any]] = {
    "mul": np.multiply, "neg": np.negative, "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log,
    "log1p": np.log1p, "tanh": np.tanh, "sin": np.sin, "cos": np.cos, "sinh": np.sinh, "cosh": np.cosh,
    "atan": np.arctan, "atanh": np.arctanh, "atan2": arctan2, "sqrt": np.sqrt, "abs": np.absolute, "sign": np.sign,
    "floor": np.floor, "ceil": np.ceil, "pow": np.power, "square": np.square, "eq": np.equal, "ne": np.not_equal,
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "erf": erf,
    "erfc": lambda x: 1 - erf(x), "sigmoid": sigmoid, "rsqrt": lambda x: 1 / np.sqrt(x),
    "tan": lambda x: np.sin(x) / np.cos(x), "asin": arcsin, "acos": lambda x: np.pi / 2 - arcsin(x),
    "asinh": lambda x: np.log(x + np.sqrt(x * x + 1)), "acosh": lambda x: np.log(x + np.sqrt(x * x - 1)),
}  # fmt: skip
