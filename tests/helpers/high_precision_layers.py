"""Layers in mpmath, as the textbooks write them: arrays of numbers of 60 digits, beside the size of their terms.

Each function takes exact arguments, the cotangent and the statics, and gives a pair for the value and one for every
argument that has a gradient: what it is, and the measure of rounding, which is the largest term that it is a sum of;
of a sum over examples or places, the root of the sum of its terms' squares.
"""

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
from helpers.high_precision import BOOK_ELEMENTWISE, ELEMENTWISE
from mpmath import mpf, sqrt

Pair = tuple[np.ndarray, np.ndarray]
each_root, each_cos, each_sin = (np.frompyfunc(f, 1, 1) for f in (sqrt, mpmath.cos, mpmath.sin))


def exact(array: Any) -> np.ndarray:
    array = np.asarray(array)
    return array if array.dtype.kind in "iu" else np.frompyfunc(lambda value: mpf(float(value)), 1, 1)(array)


def _plain(value: np.ndarray) -> Pair:
    """Of a product, which is its own only term."""
    return value, abs(value)


def embedding(indices: np.ndarray, table: np.ndarray, *, ct: np.ndarray, book: bool) -> list[Pair]:
    table_ct, squares = (exact(np.zeros(table.shape)) for _ in range(2))
    for place in np.ndindex(indices.shape):
        table_ct[indices[place]] += ct[place]
        squares[indices[place]] += ct[place] ** 2
    return [_plain(table[indices]), (table_ct, each_root(squares))]


def glu(x: np.ndarray, gate: np.ndarray, *, ct: np.ndarray, book: bool, activation: str = "sigmoid") -> list[Pair]:
    formulas = {**ELEMENTWISE, "identity": (lambda g: [g], lambda g: [mpf(1)])} | (BOOK_ELEMENTWISE if book else {})
    value, slope = (_of_terms(formula, gate) for formula in formulas[activation])
    return [(f * of[0], abs(f) * of[1]) for f, of in ((x, value), (ct, value), (ct * x, slope))]


def _of_terms(formula: Callable[..., list[Any]], at: np.ndarray) -> tuple[Any, Any]:
    terms = np.frompyfunc(formula, 1, 1)(at)
    sizes = np.frompyfunc(lambda listed: max(abs(term) for term in listed), 1, 1)
    return np.frompyfunc(mpmath.fsum, 1, 1)(terms), sizes(terms)


def rms_norm(
    x: np.ndarray, scale: np.ndarray, *, ct: np.ndarray, book: bool, axis: Any = -1, epsilon: float = 1e-6
) -> list[Pair]:
    axes = tuple(sorted(a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,))))
    others = tuple(a for a in range(x.ndim) if a not in axes)
    spread = scale.reshape([size if a in axes else 1 for a, size in enumerate(x.shape)])
    r = 1 / each_root(_mean(x * x, axes) + mpf(epsilon))
    g, s = ct * spread, x * r
    x_ct = r * (g - s * _mean(g * s, axes)), r * np.maximum(abs(g), abs(s) * _mean(abs(g * s), axes))
    return [_plain(s * spread), x_ct, _summed(ct * s, others, scale.shape)]


def group_norm(
    x: np.ndarray,
    scale: np.ndarray,
    bias: np.ndarray,
    *,
    ct: np.ndarray,
    book: bool,
    groups: int,
    layout: str = "channels_last",
    epsilon: float = 1e-5,
) -> list[Pair]:
    """One example and one group after the other."""
    x, ct = (np.moveaxis(a, 1, -1) if layout == "channels_first" else a for a in (x, ct))
    y, x_ct, standard = (tuple(exact(np.zeros(x.shape)) for _ in range(2)) for _ in range(3))
    members = x.shape[-1] // groups
    for example in range(len(x)):
        for first in range(0, x.shape[-1], members):
            own = (example, ..., slice(first, first + members))
            gamma, beta, n = scale[own[-1]], bias[own[-1]], x[own].size
            mean = x[own].sum() / n
            r = 1 / sqrt(((x[own] - mean) ** 2).sum() / n + mpf(epsilon))
            s, of_x = (x[own] - mean) * r, np.maximum(abs(x[own]), abs(mean)) * r
            g = ct[own] * gamma
            y[0][own], y[1][own] = s * gamma + beta, np.maximum(of_x * abs(gamma), abs(beta))
            x_ct[0][own] = r * (g - g.sum() / n - s * (g * s).sum() / n)
            x_ct[1][own] = r * np.maximum(abs(g).max(), abs(s) * abs(g * s).sum() / n)
            standard[0][own], standard[1][own] = s, of_x
    others = tuple(range(x.ndim - 1))
    scale_ct = (ct * standard[0]).sum(others), each_root(((ct * standard[1]) ** 2).sum(others))
    pairs = [y, x_ct, scale_ct, _summed(ct, others, bias.shape)]
    back = (lambda a: np.moveaxis(a, -1, 1) if a.ndim > 1 else a) if layout == "channels_first" else np.asarray
    return [(back(value), back(size)) for value, size in pairs]


def _mean(values: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    total = np.sum(values, axes, keepdims=True)
    return total / (values.size // total.size)


def _summed(terms: np.ndarray, axes: tuple[int, ...], shape: tuple[int, ...]) -> Pair:
    return np.asarray(np.sum(terms, axes)).reshape(shape), each_root(np.sum(terms**2, axes)).reshape(shape)


def rotary_embedding(
    x: np.ndarray,
    positions: np.ndarray | None = None,
    *,
    ct: np.ndarray,
    book: bool,
    base: float = 10000.0,
    interleaved: bool = False,
) -> list[Pair]:
    half = x.shape[-1] // 2
    places = exact(np.arange(x.shape[-3]) if positions is None else positions)
    turn = np.array([mpf(base) ** (-mpf(pair) / half) for pair in range(half)], object)
    angle = (places[..., None] * turn)[..., None, :]
    a, b = (slice(0, None, 2), slice(1, None, 2)) if interleaved else (slice(half), slice(half, None))

    def turned(v: np.ndarray, sign: int) -> Pair:
        out, size = exact(np.zeros(v.shape)), exact(np.zeros(v.shape))
        cos, sin = each_cos(angle), sign * each_sin(angle)
        out[..., a], out[..., b] = v[..., a] * cos - v[..., b] * sin, v[..., a] * sin + v[..., b] * cos
        size[..., a] = size[..., b] = np.maximum(abs(v[..., a]), abs(v[..., b]))
        return out, size

    return [turned(x, 1), turned(ct, -1)]


LAYERS: dict[str, Callable[..., list[Pair]]] = {
    "embedding": embedding,
    "glu": glu,
    "rms_norm": rms_norm,
    "group_norm": group_norm,
    "rotary_embedding": rotary_embedding,
}
# Whose gradient is a difference of terms of size 1 in both twins, where x is nearly all of its own mean square.
CANCELLING = ("rms_norm",)
