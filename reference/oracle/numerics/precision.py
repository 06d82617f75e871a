"""Units in the last place, and what a dtype's rounding excuses."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from reference._checks import is_floating

# Distance from 1 to the next number; NumPy's finfo does not know bfloat16.
EPSILON = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}
# Below the normal range numbers have no digits left to agree in.
TINY = 4 * float(np.finfo(np.float64).tiny)


def epsilon(dtype: np.dtype) -> float:
    """The distance from 1 to the next number of a floating dtype."""
    return EPSILON.get(dtype.name) or float(np.finfo(dtype).eps)


def last_place(values: np.ndarray) -> np.ndarray:
    """A rounding of every number: its share that is the dtype's epsilon, at least the distance of the smallest ones."""
    coarse = epsilon(values.dtype)
    return coarse * np.maximum(np.abs(values.astype(np.float64)), float(limits(values.dtype).smallest_normal))


def beyond_single(coarse: float) -> float:
    """How much coarser than float32 a rounding is: 0 for float32 itself."""
    return coarse if coarse > EPSILON["float32"] else 0.0


def coarsest(arrays: list[np.ndarray]) -> float:
    """The largest epsilon among the floating arrays; float64's where there is none."""
    return max((epsilon(array.dtype) for array in arrays if is_floating(array.dtype)), default=EPSILON["float64"])


def ulp_error(got: np.ndarray, expected: np.ndarray, noise: float) -> float | None:
    """The largest error of a 16- or 32-bit gradient in ulp; None where the truth is not known so exactly.

    An entry below the gradient's root mean square has the ulp of that: terms that cancel leave no more digits.
    """
    largest = float(np.max(np.abs(expected), initial=0.0))
    if epsilon(got.dtype) <= EPSILON["float64"] or not got.size or noise > epsilon(got.dtype) * largest:
        return None
    with np.errstate(all="ignore"):
        error = np.abs(np.asarray(got, np.float64) - expected)
        least = max(smallest(got.dtype), float(np.sqrt(np.nanmean(np.square(expected, dtype=np.float64)))))
        place = np.exp2(np.floor(np.log2(np.maximum(np.abs(expected), least)))) * epsilon(got.dtype)
        return float(np.nanmax(error / place))


def smallest(dtype: np.dtype) -> float:
    """The smallest normal number of a dtype."""
    return 2.0**-14 if dtype.name == "float16" else 2.0**-126


def long_mantissa(values: np.ndarray, bits: int = 8) -> np.ndarray:
    """Which entries need more than this many bits."""
    mantissa, _ = np.frexp(np.asarray(values, np.float64))
    with np.errstate(all="ignore"):
        return np.isfinite(mantissa) & (mantissa * 2.0**bits != np.rint(mantissa * 2.0**bits))


def rounded_to_float32(values: np.ndarray) -> bool:
    """Whether float64 values all end where float32 ends: somebody rounded them on the way."""
    wide = np.asarray(values, np.float64)
    wide = wide[np.isfinite(wide) & (np.abs(wide) > smallest(np.dtype(np.float32)))]
    long = long_mantissa(wide)
    with np.errstate(over="ignore"):
        return int(long.sum()) >= 2 and bool(np.array_equal(wide, wide.astype(np.float32).astype(np.float64)))


def limits(dtype: np.dtype) -> Any:
    """The limits of a floating dtype; those that NumPy does not know (bfloat16) reach as far as float32's."""
    return np.finfo(dtype if dtype.name in ("float64", "float32", "float16") else np.float32)


def far_from_overflow(arrays: Iterable[np.ndarray]) -> bool:
    """Whether their finite numbers can be enlarged in their own dtypes, and multiplied in float32 at least."""
    for x in arrays:
        largest = float(np.max(np.abs(x[np.isfinite(x)]).astype(np.float64), initial=0.0))
        own, single = (float(limits(dtype).max) for dtype in (x.dtype, np.dtype(np.float32)))
        if 4 * largest > own or largest > max(own, single) ** 0.5:
            return False
    return True
