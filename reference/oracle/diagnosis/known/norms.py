"""Batch and layer normalization: the terms through mean and variance, gamma, epsilon, axes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from math import prod

import numpy as np

from reference.oracle.diagnosis.known.recognize import Known
from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.view import View

Variant = tuple[str, str, np.ndarray]


@dataclass(frozen=True)
class Parts:
    """What the formula is made of, the parameters already in a shape that broadcasts."""

    x: np.ndarray
    gamma: np.ndarray
    cotangent: np.ndarray
    axes: tuple[int, ...]
    epsilon: float

    @property
    def centered(self) -> np.ndarray:
        """x less its mean."""
        return self.x - self.x.mean(axis=self.axes, keepdims=True)

    @property
    def variance(self) -> np.ndarray:
        """The biased variance."""
        return np.mean(self.centered**2, axis=self.axes, keepdims=True)

    @property
    def inverse(self) -> np.ndarray:
        """One over the standard deviation, epsilon inside the root."""
        return 1 / np.sqrt(self.variance + self.epsilon)

    def mean(self, array: np.ndarray) -> np.ndarray:
        """The mean over the statistics' axes."""
        return array.mean(axis=self.axes, keepdims=True)

    def gradient(self, first: float = 1.0, second: float = 1.0) -> np.ndarray:
        """The gradient to x with the two terms through the statistics weighted (1 and 1 is right)."""
        xhat, g = self.centered * self.inverse, self.cotangent * self.gamma
        return (g - first * self.mean(g) - second * xhat * self.mean(g * xhat)) * self.inverse


def mistakes(view: View, known: Known) -> Iterator[Model]:
    """Every variant of this argument's gradient."""
    parts = _parts(known)
    if known.op == "batch_norm_inference":
        variants = _inference(parts, known) if view.position == 0 else iter(())
    elif view.position == 0:
        variants = _input(parts)
    else:
        variants = _parameters(parts, view)
    with np.errstate(all="ignore"):
        for cause, words, predicted in variants:
            if predicted.size == view.expected.size:
                yield Model(cause, words, predicted.reshape(view.expected.shape), exact=True)


def _parts(known: Known) -> Parts:
    x, gamma = (np.asarray(primal, np.float64) for primal in known.primals[:2])
    axis = known.statics.get("axis", -1)
    named = tuple(a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,)))
    others = tuple(a for a in range(x.ndim) if a not in named)
    kept = tuple(size if a in named else 1 for a, size in enumerate(x.shape))
    axes = named if known.op == "layer_norm" else others
    return Parts(x, gamma.reshape(kept), known.cotangent, axes, float(known.statics.get("epsilon", 1e-5)))


def _input(p: Parts) -> Iterator[Variant]:
    count = prod(p.x.shape[axis] for axis in p.axes)
    xhat, g = p.centered * p.inverse, p.cotangent * p.gamma
    yield (
        "statistics_as_constants",
        "treats mean and variance as constants: only dy * gamma / std is left",
        p.gradient(0, 0),
    )
    yield "mean_term_missing", "lacks mean(dy * gamma), the path through the mean", p.gradient(0, 1)
    yield "mean_term_missing", "subtracts mean(dy * gamma) twice", p.gradient(2, 1)
    yield "mean_term_missing", "has the mean term with the wrong sign", p.gradient(-1, 1)
    yield "mean_term_missing", "takes the sum for the mean in the mean term", p.gradient(count, 1)
    yield (
        "centered_term_missing",
        "lacks xhat * mean(dy * gamma * xhat), the path through the variance",
        p.gradient(1, 0),
    )
    yield "centered_term_missing", "has the variance term with the wrong sign", p.gradient(1, -1)
    yield "centered_term_missing", "has twice the variance term", p.gradient(1, 2)
    yield "centered_term_missing", "has half the variance term", p.gradient(1, 0.5)
    yield "centered_term_missing", "takes the sum for the mean in the variance term", p.gradient(1, count)
    yield "argument_factor_missing", "lacks the factor gamma", replace(p, gamma=np.ones_like(p.gamma)).gradient()
    yield "argument_factor_missing", "has the factor gamma twice", replace(p, gamma=p.gamma**2).gradient()
    yield "argument_factor_missing", "lacks the factor 1 / std", p.gradient() / p.inverse
    if count > 1:
        yield from _corrections(p, count)
    yield from _epsilons(p)
    x_term = (g - p.mean(g) - p.x * p.mean(g * p.x)) * p.inverse
    yield "not_normalized", "uses x where the normalized x belongs", x_term
    half = (g - p.mean(g) - p.centered * p.mean(g * p.centered)) * p.inverse
    yield "not_normalized", "uses x - mean where the normalized x belongs", half
    yield from _axes(p, xhat)


def _corrections(p: Parts, count: int) -> Iterator[Variant]:
    """N - 1 in the variance of the backward only."""
    words = "divides by N - 1 in the variance, the forward by N"
    yield "variance_correction", words, p.gradient(1, count / (count - 1))
    shrunk = np.sqrt((count - 1) / count)
    g, xhat = p.cotangent * p.gamma, p.centered / np.sqrt(p.variance * count / (count - 1) + p.epsilon)
    inverse = 1 / np.sqrt(p.variance * count / (count - 1) + p.epsilon)
    yield "variance_correction", words, (g - p.mean(g) - xhat * p.mean(g * xhat)) * inverse
    yield (
        "variance_correction",
        words,
        (g - p.mean(g) - xhat * np.sum(g * xhat, p.axes, keepdims=True) / (count - 1)) * inverse,
    )
    yield "variance_correction", words, shrunk * p.gradient()
    yield "variance_correction", words, p.gradient(count / (count - 1), count / (count - 1))


def _epsilons(p: Parts) -> Iterator[Variant]:
    """Epsilon outside the root, or in one of the factors only."""
    g = p.cotangent * p.gamma
    for epsilon in {p.epsilon, 1e-5, 1e-8, 1e-7, 1e-6, 1e-3}:
        outside = 1 / (np.sqrt(p.variance) + epsilon)
        words = f"has epsilon = {epsilon:g} outside the root, the forward inside"
        for xhat in (p.centered * outside, p.centered * p.inverse):
            yield "epsilon_one_side", words, (g - p.mean(g) - xhat * p.mean(g * xhat)) * outside
    bare = 1 / np.sqrt(p.variance)
    for first, second in ((bare, bare), (bare, p.inverse), (p.inverse, bare)):
        xhat = p.centered * second
        yield "epsilon_one_side", "lacks epsilon in a variance", (g - p.mean(g) - xhat * p.mean(g * xhat)) * first


def _axes(p: Parts, xhat: np.ndarray) -> Iterator[Variant]:
    """Means over other axes than the forward's."""
    g = p.cotangent * p.gamma
    for count in range(1, p.x.ndim + 1):
        for axes in combinations(range(p.x.ndim), count):
            if axes != p.axes:
                first, second = g.mean(axis=axes, keepdims=True), np.mean(g * xhat, axis=axes, keepdims=True)
                words = f"takes its means over axes {axes}, the forward over {p.axes}"
                yield "coupled_over_wrong_axis", words, (g - first - xhat * second) * p.inverse
                yield "coupled_over_wrong_axis", words, replace(p, axes=axes).gradient()
    size = p.x.shape[0]
    total = np.sum(g, axis=p.axes, keepdims=True) / size
    projected = np.sum(g * xhat, axis=p.axes, keepdims=True) / size
    yield (
        "mean_term_missing",
        "divides the sums by shape[0] where more is averaged",
        (g - total - xhat * projected) * p.inverse,
    )


def _parameters(p: Parts, view: View) -> Iterator[Variant]:
    """The gradients of gamma and beta."""
    others = tuple(axis for axis, size in enumerate(p.gamma.shape) if size == 1 and p.x.shape[axis] >= 1)
    c = p.cotangent
    if view.position == 1:
        yield "not_normalized", "uses x where the normalized x belongs", np.sum(c * p.x, axis=others)
        yield "not_normalized", "uses x - mean where the normalized x belongs", np.sum(c * p.centered, axis=others)
        yield (
            "not_normalized",
            "divides by the variance where its root belongs",
            np.sum(c * p.centered / (p.variance + p.epsilon), axis=others),
        )
        y = p.centered * p.inverse * p.gamma
        yield "argument_factor_missing", "has the factor gamma once too often", np.sum(c * y, axis=others)
        yield "arguments_swapped", "is the gradient of beta", np.sum(c, axis=others)
        words = "uses the gradient of x, already written over dy, where dy belongs"
        yield "wrong_operand", words, np.sum(p.gradient() * p.centered * p.inverse, axis=others)
        outside = p.centered / (np.sqrt(p.variance) + p.epsilon)
        yield "epsilon_one_side", "has epsilon outside the root, the forward inside", np.sum(c * outside, axis=others)
        bare = p.centered / np.sqrt(p.variance)
        yield "epsilon_one_side", "lacks epsilon in the variance", np.sum(c * bare, axis=others)
    if view.position == 2:
        yield "argument_factor_missing", "has the factor gamma", np.sum(c * p.gamma, axis=others)
        words = "uses the gradient of x, already written over dy, where dy belongs"
        yield "wrong_operand", words, np.sum(p.gradient(), axis=others)
        yield "arguments_swapped", "is the gradient of gamma", np.sum(c * p.centered * p.inverse, axis=others)


def _inference(p: Parts, known: Known) -> Iterator[Variant]:
    mean, variance = (np.asarray(primal, np.float64).reshape(p.gamma.shape) for primal in known.primals[3:5])
    words = "uses the batch-statistics formula where the forward has given statistics"
    yield "statistics_not_constants", words, p.gradient()
    inverse = 1 / np.sqrt(variance + p.epsilon)
    xhat, g = (p.x - mean) * inverse, p.cotangent * p.gamma
    yield "statistics_not_constants", words, (g - p.mean(g) - xhat * p.mean(g * xhat)) * inverse
    yield "statistics_not_constants", "divides by the batch's deviation", g * p.inverse
    yield "argument_factor_missing", "lacks the factor gamma", p.cotangent * inverse
    yield "argument_factor_missing", "lacks the factor 1 / std", g
    yield "epsilon_one_side", "lacks epsilon in the variance", g / np.sqrt(variance)
    yield "wrong_operand", "divides by the variance where its root belongs", g / (variance + p.epsilon)
