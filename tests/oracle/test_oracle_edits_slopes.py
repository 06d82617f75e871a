"""Slopes, numbers, penalties and settings that are wrong in one place, and what the engine of edits calls them."""

import numpy as np
import pytest
from test_oracle_edits import evidence_of

from reference.oracle.diagnosis.diagnose import diagnose


def leaky(x):
    return np.where(x > 0, x, 0.3 * x)


def mirrored(x):
    return np.log1p(np.exp(-x))


def steep(x, w):
    return np.tanh(1.7 * (x @ w)) * 2.0


def ridge(w, b, x):
    return ((x @ w + b) ** 2).mean() + 0.4 * (w**2).sum()


def strided(x, k):
    out = np.zeros((len(x), 3))
    for i in range(3):
        out[:, i] += x[:, 2 * i : 2 * i + 3] @ k
    return out


def scaled(x):
    return x / np.sqrt((x * x).mean(axis=1, keepdims=True) + 0.2)


def tails(x):
    size = np.abs(x)
    return np.where(size < 1, 0.5 * size**2, size - 0.5)


def standardized(x, mean, spread):
    return (x - mean) / spread


def of_ridge(rate_w=0.8, rate_b=0.0, kind=lambda w: w):
    def backward(ct, w, b, x):
        delta = 2 * ct * (x @ w + b) / (len(x) * len(b))
        return x.T @ delta + ct * rate_w * kind(w), delta.sum(axis=0) + ct * rate_b * b, delta @ w.T

    return backward


def of_steep(inside):
    def backward(ct, x, w):
        delta = ct * 2.0 * 1.7 * (1 - np.tanh(inside * (x @ w)) ** 2)
        return delta @ w.T, x.T @ delta

    return backward


def of_strided(step):
    def backward(ct, x, k):
        dx, dk = np.zeros_like(x), np.zeros_like(k)
        for i in range(3):
            dx[:, step * i : step * i + 3] += np.outer(ct[:, i], k)
            dk += x[:, 2 * i : 2 * i + 3].T @ ct[:, i]
        return dx, dk

    return backward


def of_scaled(epsilon):
    def backward(ct, x):
        y = x / np.sqrt((x * x).mean(axis=1, keepdims=True) + 0.2)
        spread = np.sqrt((x * x).mean(axis=1, keepdims=True) + epsilon)
        return ((ct - y * (ct * y).mean(axis=1, keepdims=True)) / spread,)

    return backward


def of_standardized(ct, x, mean, spread):
    y = (x - mean) / spread
    dx = (ct - ct.mean(axis=0) - y * (ct * y).mean(axis=0)) / spread
    return dx, -(ct / spread).sum(axis=0), -(ct * y / spread).sum(axis=0)


ROWS, RIDGE = [(5, 7)], [(5, 4), (4,), (7, 5)]
PLANTED = {
    "one slope on both sides": (leaky, lambda ct, x: (ct,), ROWS, "scaled_by_constant", "x"),
    "another slope": (leaky, lambda ct, x: (ct * np.where(x > 0, 1, 0.07),), ROWS, "scaled_by_constant", "x"),
    "slope at minus the input": (mirrored, lambda ct, x: (-ct / (1 + np.exp(-x)),), ROWS, "sign", "x"),
    "number lost in a slope": (steep, of_steep(1.0), [(5, 4), (4, 3)], "static_ignored", "w"),
    "penalty of the sign": (ridge, of_ridge(kind=np.sign), RIDGE, "regularization", "w"),
    "penalty of the bias": (ridge, of_ridge(rate_b=0.8), RIDGE, "regularization", "b"),
    "windows side by side": (strided, of_strided(1), [(4, 7), (3,)], "static_ignored", "x"),
    "another epsilon": (scaled, of_scaled(0.15), ROWS, "epsilon_one_side", "x"),
    "no sign in the tails": (
        tails, lambda ct, x: (ct * np.where(np.abs(x) < 1, x, 1.0),), ROWS, "derivative_missing", "x",
    ),
    "terms of given statistics": (standardized, of_standardized, [(7, 5), (5,), (5,)], "term_extra", "x"),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_mistake_is_named(name):
    forward, backward, shapes, cause, argument = PLANTED[name]
    evidence = evidence_of(forward, backward, shapes)
    assert any(evidence.wrong), "the mistake shows"
    first = next((found for found in diagnose(evidence) if found.argument == argument), None)
    assert first is not None, f"{argument} is explained"
    assert first.cause == cause, first.message
