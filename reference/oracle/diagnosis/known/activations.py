"""Elementwise activations: a term of the product rule left out, the mask of another tensor."""

from collections.abc import Iterator
from math import erf

import numpy as np

from reference.oracle.diagnosis.known.recognize import Known
from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.view import View

Variant = tuple[str, str, np.ndarray]


def mistakes(view: View, known: Known) -> Iterator[Model]:
    """Every variant of the derivative, times the cotangent."""
    x, y = np.asarray(view.x, np.float64), np.asarray(known.out, np.float64)
    with np.errstate(all="ignore"):
        for cause, words, slope in _variants(known, x, y, known.cotangent):
            yield Model(cause, words, known.cotangent * slope, exact=True)


def _variants(known: Known, x: np.ndarray, y: np.ndarray, c: np.ndarray) -> Iterator[Variant]:
    match known.op:
        case "silu":
            gate = 1 / (1 + np.exp(-x))
            yield "sum_term_missing", "is sigmoid(x): x * sigmoid'(x) is missing", gate
            yield "sum_term_missing", "is x * sigmoid'(x): sigmoid(x) is missing", x * gate * (1 - gate)
        case "gelu":
            yield from _gelu(x)
        case "relu":
            yield "mask_missing", "is the cotangent itself: the mask is missing", np.ones_like(x)
            yield from _masks(x, y, c, 0.0)
        case "leaky_relu":
            yield from _masks(x, y, c, float(known.statics.get("negative_slope", 0.01)))
        case "elu":
            yield from _elu(float(known.statics.get("alpha", 1.0)), x, y)


def _gelu(x: np.ndarray) -> Iterator[Variant]:
    cdf = np.vectorize(lambda value: (1 + erf(value / np.sqrt(2))) / 2, otypes=[float])(x)
    density = np.exp(-x * x / 2) / np.sqrt(2 * np.pi)
    yield "sum_term_missing", "is the distribution function: x times the density is missing", cdf
    yield "sum_term_missing", "is x times the density: the distribution function is missing", x * density
    root = np.sqrt(2 / np.pi)
    inner = np.tanh(root * (x + 0.044715 * x**3))
    yield "sum_term_missing", "lacks the second term of the tanh form's product rule", (1 + inner) / 2
    short = (1 + inner) / 2 + x / 2 * (1 - inner**2) * root
    yield "sum_term_missing", "lacks the derivative of the cube in the tanh form", short


def _masks(x: np.ndarray, y: np.ndarray, c: np.ndarray, slope: float) -> Iterator[Variant]:
    tensors = {"the cotangent > 0": c > 0, "y >= 0": y >= 0, "y > 0": y > 0, "x >= 0": x >= 0, "x < 0": x < 0}
    for words, mask in tensors.items():
        cause = "not_linear" if words.startswith("the cotangent") else "mask_wrong"
        yield cause, f"takes its mask from {words}", np.where(mask, 1.0, slope)


def _elu(alpha: float, x: np.ndarray, y: np.ndarray) -> Iterator[Variant]:
    low = x < 0
    yield "static_ignored", "lacks alpha: exp(x) on the negative side", np.where(low, np.exp(x), 1)
    yield "sum_term_missing", "is y on the negative side where y + alpha belongs", np.where(low, y, 1)
    yield "static_ignored", "is y + 1 on the negative side where y + alpha belongs", np.where(low, y + 1, 1)
    yield "derivative_at_output", "is alpha * exp(y) on the negative side", np.where(low, alpha * np.exp(y), 1)
