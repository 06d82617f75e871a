"""Softmax and log-softmax: terms of the Jacobian left out, or taken along another axis."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.diagnosis.known.recognize import Known
from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.view import View

Variant = tuple[str, str, np.ndarray]


def normalized(scores: np.ndarray, axis: int) -> np.ndarray:
    """Softmax."""
    weights = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return weights / weights.sum(axis=axis, keepdims=True)


def mistakes(view: View, known: Known) -> Iterator[Model]:
    """Every variant as a prediction."""
    variants = softmax_variants if known.op == "softmax" else log_softmax_variants
    axis = int(known.statics.get("axis", -1)) % max(view.x.ndim, 1)
    for cause, words, predicted in variants(np.asarray(view.x, np.float64), known.cotangent, axis):
        yield Model(cause, words, predicted, exact=True)


def softmax_variants(x: np.ndarray, c: np.ndarray, axis: int) -> Iterator[Variant]:
    """(cause, words, gradient) for every known mistake in the backward of softmax."""
    p = normalized(x, axis)
    weighted = np.sum(p * c, axis=axis, keepdims=True)
    yield "diagonal_only", "is p * (1 - p) * dy: the diagonal of the Jacobian only", p * (1 - p) * c
    yield "diagonal_only", "is p * dy: the sum over the classes is missing", p * c
    yield "diagonal_only", "is p**2 * dy: the diagonal of p p^T only", p * p * c
    yield "local_factor", "lacks the outer factor p: it is dy - sum(p * dy)", c - weighted
    yield "sign", "has the two terms exchanged", p * (weighted - c)
    yield "sum_term_missing", "is -p * sum(p * dy): the first term is missing", -p * weighted
    yield "sum_term_missing", "subtracts sum(dy) where sum(p * dy) belongs", p * (c - c.sum(axis=axis, keepdims=True))
    yield "sum_term_missing", "subtracts mean(dy) where sum(p * dy) belongs", p * (c - c.mean(axis=axis, keepdims=True))
    mean = np.mean(p * c, axis=axis, keepdims=True)
    yield "sum_term_missing", "subtracts mean(p * dy) where sum(p * dy) belongs", p * (c - mean)
    yield "sum_term_missing", "subtracts sum(p * dy) without the factor p", p * c - weighted
    yield "wrong_derivative", "is the gradient of log-softmax", c - p * c.sum(axis=axis, keepdims=True)
    q = normalized(p, axis)
    twice = q * (c - np.sum(q * c, axis=axis, keepdims=True))
    yield "derivative_at_output", "takes softmax of the saved output again", twice
    for other in (a for a in range(x.ndim) if a != axis):
        q = normalized(x, other)
        total = np.sum(p * c, axis=other, keepdims=True)
        yield "coupled_over_wrong_axis", f"sums over axis {other}, the forward over axis {axis}", p * (c - total)
        total = np.sum(q * c, axis=other, keepdims=True)
        yield "coupled_over_wrong_axis", f"is softmax's gradient over axis {other}", q * (c - total)
    total = np.sum(p * c)
    yield "coupled_over_wrong_axis", "sums over the whole array", p * (c - total)


def log_softmax_variants(x: np.ndarray, c: np.ndarray, axis: int) -> Iterator[Variant]:
    """(cause, words, gradient) for every known mistake in the backward of log-softmax."""
    p = normalized(x, axis)
    total = c.sum(axis=axis, keepdims=True)
    yield "sum_term_missing", "is dy - p: the factor sum(dy) is missing", c - p
    yield "diagonal_only", "is dy - p * dy: the diagonal of the Jacobian only", c - p * c
    yield "sum_term_missing", "is dy alone: p * sum(dy) is missing", c
    yield "sum_term_missing", "is -p * sum(dy): dy is missing", -p * total
    yield "sum_term_missing", "takes the mean of dy for its sum", c - p * c.mean(axis=axis, keepdims=True)
    yield "sum_term_missing", "subtracts sum(dy) without the factor p", c - total
    weighted = np.sum(p * c, axis=axis, keepdims=True)
    yield "wrong_derivative", "is the gradient of softmax", p * (c - weighted)
    yield "sum_term_missing", "sums p * dy where dy alone belongs", c - p * weighted
    yield "wrong_operand", "uses the log-probabilities for the probabilities", c - np.log(p) * total
    for other in (a for a in range(x.ndim) if a != axis):
        words = f"sums over axis {other}, the forward over axis {axis}"
        yield "coupled_over_wrong_axis", words, c - p * c.sum(axis=other, keepdims=True)
        q = normalized(x, other)
        yield "coupled_over_wrong_axis", words, c - q * c.sum(axis=other, keepdims=True)
        yield "coupled_over_wrong_axis", words, c - q * total
    yield "coupled_over_wrong_axis", "sums over the whole array", c - p * c.sum()
