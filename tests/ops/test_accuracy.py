"""Errors of both twins against mpmath, in units in the last place, in float64 and float32, value and gradient.

The unit is that of the true result; where a result is a sum whose terms cancel (the slope of silu has a root), that
of the largest term: no formula in floating point does better next to a root. For the reference it is the largest term
of the book's form, which it uses: 1 in p - t, where p is nearly 1 and t is 1. Results below EDGE times the smallest
normal number are only asked to be that small: an intermediate may be subnormal there, and XLA takes it for 0.
"""

import math
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import jax
import mpmath
import numpy as np
import pytest
from helpers import high_precision
from helpers.compiling import jit_as_users_have_it
from helpers.high_precision_layers import CANCELLING
from mpmath import mpf

from reference.oracle.opspec import Case, OpSpec, Ulp
from reference.oracle.specs import ACTIVATIONS, LOSSES, SPECS

EDGE = 2048
SIDES = ("functional_nn", "reference")
WEIGHTS = np.array([0.3, 1.0, 0.0, 2.7, 1.4])
DTYPES = {"float64": np.float64, "float32": np.float32}
every_side = pytest.mark.parametrize("side", SIDES)
every_dtype = pytest.mark.parametrize("dtype", DTYPES)


def bounds(spec: OpSpec, case: Case, side: str) -> Ulp:
    bound = spec.ulp_of_case.get(case.id, spec.ulp)
    if side == "reference" and spec.ulp_of_reference:
        bound = spec.ulp_of_reference
    assert bound is not None, f"{spec.name}: its row states no bound"
    return bound


def distinct(specs: Iterable[OpSpec], names: Iterable[str]) -> list[Any]:
    """One test parameter for each way that the rows call each op: its statics that make numbers, and its arguments."""
    found = {}
    for spec in specs:
        for case in spec.cases:
            if spec.name in names:
                weighted = [name for name in spec.by_keyword if name in case.arguments]
                words = ", ".join([str(statics_of(case) or ""), *weighted])
                found.setdefault((spec.name, words), pytest.param(spec, case, id=f"{spec.name}-{words}"))
    return list(found.values())


def statics_of(case: Case) -> dict[str, Any]:
    """Those that make numbers, and do not only choose among them."""
    return {name: value for name, value in case.statics.items() if name not in ("axis", "ignore_label")}


def twin(side: str, spec: OpSpec, case: Case, arguments: tuple[np.ndarray, ...], cotangent: np.ndarray):
    """The value, and the cotangent of the first argument."""
    statics = statics_of(case)
    if side == "reference":
        out, residuals = spec.reference("_fwd")(*arguments, **statics)
        return out, spec.reference("_bwd")(residuals, cotangent)[0]
    out, first_ct = compiled(spec.jax(), tuple(statics.items()))(*arguments, cotangent=cotangent)
    return np.asarray(out), np.asarray(first_ct)


@cache
def compiled(op: Callable[..., Any], statics: tuple[tuple[str, Any], ...]) -> Callable[..., tuple[Any, Any]]:
    """One program for both, by the compiler as users have it."""

    @jit_as_users_have_it
    def of_jax(first: Any, *others: Any, cotangent: Any) -> tuple[Any, Any]:
        out, vjp = jax.vjp(lambda first: op(first, *others, **dict(statics)), first)
        return out, vjp(cotangent)[0]

    return of_jax


def unit(size: Any, dtype: str) -> Any:
    _, power = mpmath.frexp(size)  # of a fraction from 1/2 to 1
    return mpmath.ldexp(mpf(float(np.finfo(dtype).eps)), power - 1)


def logarithm(size: Any) -> float:
    """To the precision of a float; the size itself may lie beyond the range of one."""
    fraction, power = mpmath.frexp(size)
    return math.log(fraction) + power * math.log(2)


def excess(got: float, terms: list[Any], dtype: str, exponent: float) -> float:
    """The error in units, less what the rounding of an exponent may add."""
    want = mpmath.fsum(terms)
    size, error = max(abs(want), *(abs(term) for term in terms)), abs(mpf(got) - want)
    edge = EDGE * mpf(float(np.finfo(dtype).tiny))
    if size < edge:
        return 0.0 if error < edge else float("inf")
    return float(error / unit(size, dtype)) - exponent * abs(logarithm(size))


def assert_within(got: np.ndarray, wants: list[list[Any]], where: list[Any], dtype: str, bound: float, exponent: float):
    got = np.asarray(got).ravel()
    assert len(got) == len(wants)
    assert np.isfinite(got).all(), f"not finite at {[where[i] for i in np.flatnonzero(~np.isfinite(got))]}"
    errors = [excess(float(g), terms, dtype, exponent) for g, terms in zip(got, wants, strict=True)]
    worst = int(np.argmax(errors))
    want = mpmath.nstr(mpmath.fsum(wants[worst]), 20)
    message = f"{errors[worst]:.2f} ulp at {where[worst]}: got {got[worst]!r}, want {want}"
    assert errors[worst] <= bound, message


@cache
def points(dtype: str) -> np.ndarray:
    """Both signs: every magnitude, a denser stretch where things happen, and the edge where exp underflows."""
    info, rng = np.finfo(dtype), np.random.default_rng(0)
    low, high, end = np.log10(float(info.tiny)), np.log10(float(info.max)), -np.log(float(info.tiny))
    pieces = (
        np.logspace(low + 1, high - 0.01, 40),
        np.logspace(-8, 1, 70),
        rng.uniform(0, 45, 50),
        rng.uniform(0, end + 8, 50),
        rng.uniform(end - 8, end + 8, 10),
        [0.5, 1.0, 2.0, float(info.max)],
    )
    magnitudes = np.concatenate(pieces).astype(dtype)
    return np.concatenate([magnitudes, -magnitudes, np.zeros(1, dtype)])


@cache
def at_every_point(terms: Callable[..., list[Any]], statics: tuple[Any, ...], dtype: str) -> list[list[Any]]:
    return [terms(mpf(float(x)), **dict(statics)) for x in points(dtype)]


def terms_of(side: str, formulas: dict[str, Any], of_the_book: dict[str, Any], name: str) -> Any:
    """The terms of value and gradient; for the reference those of the book's form, where it uses that."""
    return of_the_book.get(name, formulas[name]) if side == "reference" else formulas[name]


@pytest.mark.slow
@every_side
@every_dtype
@pytest.mark.parametrize(("spec", "case"), distinct(ACTIVATIONS, high_precision.ELEMENTWISE))
def test_an_elementwise_op(spec: OpSpec, case: Case, dtype: str, side: str):
    x, bound = points(dtype), bounds(spec, case, side)
    formulas = terms_of(side, high_precision.ELEMENTWISE, high_precision.BOOK_ELEMENTWISE, spec.name)
    values, slopes = (at_every_point(terms, tuple(case.statics.items()), dtype) for terms in formulas)
    out, x_ct = twin(side, spec, case, (x,), np.ones_like(x))
    assert_within(out, values, x.tolist(), dtype, bound.value, bound.exponent)
    assert_within(x_ct, slopes, x.tolist(), dtype, bound.gradient, bound.exponent)


def scores(dtype: str) -> np.ndarray:
    """Rows of logits: near each other, far apart, huge, tied, and with one winner who is more or less certain."""
    rng, far = np.random.default_rng(1), 650.0 if dtype == "float64" else 75.0
    drawn = [rng.normal(size=5) * size for size in (1e-3, 0.1, 1.0, 5.0, 20.0, far / 8) for _ in range(3)]
    chosen = [
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [1e4, 1e4, -1e4, 1e4 - 1, 9990.0],
        [30.0, 0.0, 1.0, 2.0, 3.0],
        [40.0, 1.0, 0.0, -1.0, -2.0],
        [far, 0.0, 1.0, 2.0, far - 3],
        [-1e4, -1e4, -1e4, -1e4, -1e4],
    ]
    return np.array([*drawn, *chosen], dtype)


def exact(row: np.ndarray) -> list[Any]:
    return [mpf(float(value)) for value in row]


def entries(rows: np.ndarray) -> list[Any]:
    return [f"entry {j} of {row.tolist()}" for row in rows for j in range(len(row))]


@pytest.mark.slow
@every_side
@every_dtype
@pytest.mark.parametrize("cotangents", ["random", "one-hot"])
@pytest.mark.parametrize(("spec", "case"), distinct(ACTIVATIONS, high_precision.ALONG_AN_AXIS))
def test_an_op_along_an_axis(spec: OpSpec, case: Case, cotangents: str, dtype: str, side: str):
    x, bound, rng = scores(dtype), bounds(spec, case, side), np.random.default_rng(2)
    ct = (rng.normal(size=x.shape) if cotangents == "random" else np.eye(5)[rng.integers(0, 5, len(x))]).astype(dtype)
    value, gradient = terms_of(side, high_precision.ALONG_AN_AXIS, high_precision.BOOK_ALONG_AN_AXIS, spec.name)
    out, x_ct = twin(side, spec, case, (x,), ct)
    wants = [terms for row in x for terms in value(exact(row))]
    slopes = [terms for row, c in zip(x, ct, strict=True) for terms in gradient(exact(row), exact(c))]
    assert_within(out, wants, entries(x), dtype, bound.value, bound.exponent)
    assert_within(x_ct, slopes, entries(x), dtype, bound.gradient, bound.exponent)


def examples(name: str, dtype: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs of a loss's two arguments: soft targets, one-hot targets, and the targets that are certainly right."""
    rng, z = np.random.default_rng(3), scores(dtype)
    soft = rng.dirichlet(np.ones(5), len(z))
    hot, right = np.eye(5)[rng.integers(0, 5, len(z))], np.eye(5)[z.argmax(-1)]
    near_0 = np.exp(rng.uniform(-30, 0, size=z.shape)).astype(dtype)
    near_1 = np.clip(1 - near_0, 1e-20, 1 - np.finfo(dtype).epsneg)
    if name.endswith(("_squares_error", "squared_error")) or name == "huber_loss":
        return [(z, rng.normal(size=z.shape).astype(dtype))]
    if name == "kl_divergence":
        return [(np.log(near_0), t.astype(dtype)) for t in (soft, hot)]
    first = {"cross_entropy_error": (near_0, near_1), "binary_cross_entropy": (near_0, near_1)}.get(name, (z,))
    pairs = [(scored, t.astype(dtype)) for scored in first for t in (soft, hot, right)]
    if name == "binary_cross_entropy":
        # Nothing but log(1 - p) of small p, which log1p gets right and a logarithm of the rounded 1 - p does not.
        pairs.append(((near_0 * 1e-5).astype(dtype), np.zeros_like(near_0)))
    return pairs


@pytest.mark.slow
@pytest.mark.one_in(2)
@every_side
@every_dtype
@pytest.mark.parametrize(("spec", "case"), distinct(LOSSES, high_precision.LOSSES))
def test_a_loss(spec: OpSpec, case: Case, dtype: str, side: str):
    bound = bounds(spec, case, side)
    value, gradient = terms_of(side, high_precision.LOSSES, high_precision.BOOK_LOSSES, spec.name)
    for first, targets in examples(spec.name, dtype):
        pairs = [(exact(a), exact(b)) for a, b in zip(first, targets, strict=True)]
        weights = [WEIGHTS.astype(dtype) for name in spec.by_keyword if name in case.arguments]
        called = statics_of(case) | dict(zip(spec.by_keyword, map(exact, weights), strict=False))
        wants = [value(a, b, **called) for a, b in pairs]
        slopes = [terms for a, b in pairs for terms in gradient(a, b, **called)]
        where = [f"{a.tolist()}, targets {b.tolist()}" for a, b in zip(first, targets, strict=True)]
        for given in (targets, *labels(spec.name, targets)):
            out, first_ct = twin(side, spec, case, (first, given, *weights), np.ones(len(first), dtype))
            assert_within(out, wants, where, dtype, bound.value, bound.exponent)
            assert_within(first_ct, slopes, [w for w in where for _ in range(5)], dtype, bound.gradient, bound.exponent)


def labels(name: str, targets: np.ndarray) -> list[np.ndarray]:
    """The same targets as integers, where they can be and the loss takes them."""
    takes_labels = name in ("cross_entropy_error", "softmax_cross_entropy")
    return [targets.argmax(-1)] if takes_labels and (targets.max(-1) == 1).all() else []


def test_every_activation_and_loss_is_measured():
    measured = {*high_precision.ELEMENTWISE, *high_precision.ALONG_AN_AXIS, *high_precision.LOSSES}
    assert measured == {spec.name for spec in (*ACTIVATIONS, *LOSSES)}


def test_the_rows_say_where_the_reference_uses_a_form_that_cancels():
    measured = {*high_precision.BOOK_ELEMENTWISE, *high_precision.BOOK_ALONG_AN_AXIS, *high_precision.BOOK_LOSSES}
    assert measured | set(CANCELLING) == {spec.name for spec in SPECS.values() if spec.reference_cancels}


@pytest.mark.parametrize("units", [3.0, 5.0])
def test_an_error_of_so_many_units_is_seen(units: float):
    x = np.array([0.3, 7.0])
    off = x + units * np.spacing(x)
    truth = [[mpf(float(value))] for value in x]
    if units > 4:
        with pytest.raises(AssertionError, match=r"5.00 ulp at 0.3"):
            assert_within(off, truth, x.tolist(), "float64", 4, 0)
    else:
        assert_within(off, truth, x.tolist(), "float64", 4, 0)
