"""How a kernel computes, in NumPy: in which dtype its steps and sums are, what its products' factors are rounded to.

Every rounding is a cast of NumPy's or ml_dtypes', or a change of bits: nothing here is the oracle's own arithmetic.
"""

from collections.abc import Callable
from dataclasses import dataclass

import ml_dtypes
import numpy as np

BFLOAT16, FLOAT16 = np.dtype(ml_dtypes.bfloat16), np.dtype(np.float16)
FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
HALVES = (BFLOAT16, FLOAT16)
# The precisions by the name that `oracle.check` has for them, with the dtype of their arrays.
PRECISIONS = {"float32": FLOAT32, "tf32": FLOAT32, "bfloat16": BFLOAT16, "float16": FLOAT16}

Rounding = Callable[[np.ndarray], np.ndarray]


def nearest_tf32(values: np.ndarray) -> np.ndarray:
    """Float32 with the last 13 of its 23 stored digits rounded away, ties to even."""
    bits = values.view(np.uint32).astype(np.uint64)
    bits += 0x0FFF + ((bits >> 13) & 1)
    return (bits & 0xFFFFE000).astype(np.uint32).view(np.float32)


def cut_tf32(values: np.ndarray) -> np.ndarray:
    """Float32 with these digits cut off, as a tensor core does with float32 that nobody rounded before."""
    return (values.view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32)


def through(dtype: np.dtype) -> Rounding:
    """Rounding to a dtype and back."""
    return lambda values: values.astype(dtype).astype(values.dtype)


@dataclass(frozen=True)
class Way:
    """One way to compute for arguments of a dtype.

    inside: the dtype of every step, None for that of the arguments. factors: what is done to the factors of a matrix
    product. accumulator: the dtype of sums, each term added to a number of this dtype; None for float32 or wider.
    takes_float64: whether arguments of float64 are computed with as they are, or first cast to the kernel's own dtype.
    """

    name: str
    dtype: np.dtype
    inside: np.dtype | None = None
    factors: Rounding | None = None
    accumulator: np.dtype | None = None
    takes_float64: bool = True

    def lifted(self, values: np.ndarray) -> np.ndarray:
        """An argument as the kernel computes with it; whole numbers stay what they are."""
        if values.dtype.kind in "iub" or (values.dtype == FLOAT64 and self.takes_float64):
            return values
        return values.astype(self.dtype).astype(self.inside or self.dtype)

    def stored(self, values: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """A result as the kernel hands it on to a caller whose arrays have this dtype."""
        narrow = values if values.dtype == FLOAT64 and dtype == FLOAT64 else values.astype(self.dtype)
        return narrow.astype(dtype)

    def sum(self, terms: np.ndarray, axis: int = -1, keepdims: bool = False) -> np.ndarray:
        """The sum over one axis."""
        if self.accumulator is None or terms.dtype == FLOAT64:
            wide = terms.astype(FLOAT32) if terms.dtype in HALVES else terms
            return wide.sum(axis, keepdims=keepdims).astype(terms.dtype)
        total = np.zeros(terms.take(0, axis).shape, self.accumulator)
        for term in np.moveaxis(terms.astype(self.accumulator), axis, 0):
            total = total + term
        return (np.expand_dims(total, axis) if keepdims else total).astype(terms.dtype)

    def mean(self, terms: np.ndarray, axis: int = -1) -> np.ndarray:
        """The mean over one axis, which stays with size 1."""
        return self.sum(terms, axis, keepdims=True) / like(terms, terms.shape[axis])

    def rows(self, terms: np.ndarray) -> np.ndarray:
        """The sum over all axes but the last."""
        return self.sum(terms.reshape(-1, terms.shape[-1]), 0)

    def dot(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """The matrix product."""
        if self.factors is not None and left.dtype == FLOAT32:
            left, right = self.factors(np.ascontiguousarray(left)), self.factors(np.ascontiguousarray(right))
        if self.accumulator is not None and left.dtype != FLOAT64:
            return self.sum(left[..., :, :, None] * right[..., None, :, :], -2)
        if left.dtype in HALVES:
            return (left.astype(FLOAT32) @ right.astype(FLOAT32)).astype(left.dtype)
        return left @ right


def like(values: np.ndarray, number: float) -> np.ndarray:
    """A constant in the dtype of an array, so that what is made of both keeps it."""
    return np.asarray(number, values.dtype)


def plain(precision: str) -> Way:
    """Plain code: every step in the dtype, sums in float32; of TF32, float32 with rounded factors."""
    return Way("plain", PRECISIONS[precision], factors=nearest_tf32 if precision == "tf32" else None)


def right(precision: str) -> tuple[Way, ...]:
    """The honest ways."""
    dtype = PRECISIONS[precision]
    if precision == "tf32":
        return plain(precision), Way("factors cut", dtype, factors=cut_tf32)
    if dtype == FLOAT32:
        return plain(precision), Way("float64 inside", dtype, FLOAT64)
    narrow = Way("float32 inside, factors rounded", dtype, FLOAT32, through(dtype))
    return plain(precision), Way("float32 inside", dtype, FLOAT32), narrow


def inaccurate(precision: str) -> tuple[tuple[Way, frozenset[str]], ...]:
    """What computes in less than it should, and what that is called."""
    dtype = PRECISIONS[precision]
    low = frozenset(("accumulated_in_low_precision", "rounded_before_sum"))
    if precision == "tf32":
        return ()
    if dtype == FLOAT32:
        inside = ((Way(f"{half.name} inside", dtype, half), frozenset(("downcast",))) for half in HALVES)
        return (*inside, (Way("sums in float16", dtype, accumulator=FLOAT16), low))
    return ((Way(f"sums in {dtype.name}", dtype, FLOAT32, accumulator=dtype), low),)
