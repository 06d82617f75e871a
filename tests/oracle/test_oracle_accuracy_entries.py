"""What single entries and approximated functions show: small entries that cancel, entries that lack, fast functions."""

import math
from typing import Any

import numpy as np
import pytest

from reference import oracle, softmax_cross_entropy

ERF = np.vectorize(math.erf)
SILU = {"activation": "silu"}


def single(array):
    return array.astype(np.float32) if array.dtype != np.float64 else array


def gelu(change=lambda gradient: gradient):
    """As frameworks have it: 1 + erf, of which in float32 nothing is left far below 0."""

    def below(x):
        return (0.5 * (1 + ERF(single(x) * math.sqrt(0.5)).astype(single(x).dtype))).astype(single(x).dtype)

    def fwd(x):
        return (single(x) * below(x)).astype(x.dtype), x

    def bwd(x, cotangent):
        wide = single(x)
        slope = below(x) + wide * np.exp(-wide * wide / 2) / np.float32(math.sqrt(2 * math.pi))
        return (change((single(cotangent) * slope).astype(x.dtype)),)

    return oracle.from_rule(fwd, bwd)


def tails():
    x = 2 * np.random.default_rng(0).normal(size=(9, 11))
    x[-1, -3:] = -4.5, -3.0, -5.9
    return x


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_entries_that_cancel_accuse_nobody(dtype):
    assert oracle.check(gelu(), tails(), reference="gelu", dtype=dtype).verdict == "pass"


@pytest.mark.parametrize("place", [(-1, -2), (-1, -3), (0, 0)], ids=["a hundredth", "a ten thousandth", "ordinary"])
def test_an_entry_that_is_not_written_is_no_approximation(place):
    def without(gradient):
        gradient[place] = 0
        return gradient

    report = oracle.check(gelu(without), tails(), reference="gelu", dtype="float32")
    assert report.verdict == "fail"
    assert all(found.cause != "approximate_function" for found in report.findings), report


def cut(array, bits):
    """The leading bits of numbers, as a unit for estimates gives them."""
    mask = np.uint32((0xFFFFFFFF << (23 - bits)) & 0xFFFFFFFF)
    return (np.asarray(array, np.float32).view(np.uint32) & mask).view(np.float32)


def by_polynomial(x):
    """An exponential as 2 to a whole number times a polynomial of the rest."""
    scaled = np.asarray(x, np.float32) * np.float32(1 / math.log(2))
    whole = np.floor(scaled)
    places = np.linspace(0, 1, 101)
    terms = np.polyfit(places, 2.0**places, 3).astype(np.float32)
    return np.ldexp(np.polyval(terms, scaled - whole), whole.astype(int)).astype(np.float32)


def by_rounded_power(x):
    scaled = np.asarray(x, np.float64) / math.log(2)
    return np.exp2(np.rint(scaled * 2**14) / 2**14).astype(np.float32)


FAST = {
    "a polynomial": (by_polynomial, lambda x: 1 / x),
    "a power that is rounded": (by_rounded_power, lambda x: 1 / x),
    "a reciprocal to 3 digits": (np.exp, lambda x: cut(1 / x, 10)),
    "a reciprocal to 5 digits": (np.exp, lambda x: cut(1 / x, 16)),
    "a reciprocal that is too large": (np.exp, lambda x: 1 / x * x.dtype.type(1.00001)),
}


def softmax(exp, inverse):
    def fwd(x):
        powers = exp(single(x) - single(x).max(-1, keepdims=True))
        y = powers * inverse(powers.sum(-1, keepdims=True))
        return y.astype(x.dtype), y

    def bwd(y, cotangent):
        d = single(cotangent)
        return ((y * (d - (d * y).sum(-1, keepdims=True))).astype(cotangent.dtype),)

    return oracle.from_rule(fwd, bwd)


def swiglu(exp, inverse):
    def fwd(x, gate):
        s = inverse(1 + exp(-single(gate)))
        return (single(x) * single(gate) * s).astype(x.dtype), (x, gate, s)

    def bwd(residuals, cotangent):
        x, gate, s = residuals
        d, wide = single(cotangent), single(gate)
        found = d * wide * s, d * single(x) * s * (1 + wide * (1 - s))
        return tuple(one.astype(x.dtype) for one in found)

    return oracle.from_rule(fwd, bwd)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("exp", "inverse"), FAST.values(), ids=FAST)
def test_fast_functions_are_named_where_they_show(exp, inverse, dtype):
    rng = np.random.default_rng(7)
    reports = (
        oracle.check(softmax(exp, inverse), 2 * rng.normal(size=(6, 37)), reference="softmax", dtype=dtype),
        oracle.check(swiglu(exp, inverse), *rng.normal(size=(2, 5, 23)), reference="glu", statics=SILU, dtype=dtype),
    )
    for report in reports:
        assert report.verdict == "pass", report
        wanted = {"approximate_function"} if dtype == "float32" else set()
        assert {found.cause for found in report.findings} == wanted, report


@pytest.mark.parametrize(("op", "name"), [(softmax, "softmax"), (swiglu, "glu")], ids=["softmax", "swiglu"])
def test_exact_functions_are_not_taken_for_fast_ones(op, name):
    primals, statics = np.random.default_rng(3).normal(size=(2, 5, 64)), SILU if name == "glu" else {}
    given = primals if name == "glu" else primals[:1]
    subject = op(np.exp, lambda x: 1 / x)
    report = oracle.check(subject, *given, reference=name, statics=statics, dtype="float32", strict=True)
    assert report.verdict == "pass", report


def test_a_factor_that_is_hardly_off_is_no_rounding():
    """Three rows, of which each is off by as much everywhere: three numbers point anywhere by chance."""
    x = np.random.default_rng(7).normal(size=(3, 200))
    report = oracle.check(softmax(np.exp, lambda x: x.dtype.type(1.001) / x), x, reference="softmax", dtype="float32")
    assert "rounded_before_sum" not in {found.cause for found in report.findings}, report


def to_tf32(array):
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0xFFF + ((bits >> 13) & 1)) & 0xFFFFE000).astype(np.uint32).view(np.float32).reshape(array.shape)


def in_tf32(a, b):
    return to_tf32(a) @ to_tf32(b) if a.dtype == np.float32 else a @ b


def flash_attention():
    """The sum in the softmax's slope as output times cotangent: in TF32 it no longer cancels where one key is seen."""

    def heads(array):
        return array.swapaxes(1, 2)

    def fwd(q, k, v):
        root = np.sqrt(q.shape[-1]).astype(q.dtype)
        scores = np.where(np.tri(q.shape[1], dtype=bool), in_tf32(heads(q), heads(k).swapaxes(-1, -2)) / root, -1e30)
        powers = np.exp(scores - scores.max(-1, keepdims=True))
        p = (powers / powers.sum(-1, keepdims=True)).astype(q.dtype)
        out = heads(in_tf32(p, heads(v)))
        return out, (q, k, v, p, out, root)

    def bwd(residuals, d):
        q, k, v, p, out, root = residuals
        inner = heads((d * out).sum(-1, keepdims=True))
        slope = p * (in_tf32(heads(d), heads(v).swapaxes(-1, -2)) - inner) / root
        across = slope.swapaxes(-1, -2), p.swapaxes(-1, -2)
        return tuple(map(heads, (in_tf32(slope, heads(k)), in_tf32(across[0], heads(q)), in_tf32(across[1], heads(d)))))

    return oracle.from_rule(fwd, bwd)


@pytest.mark.parametrize(("dtype", "cause"), [("tf32", set()), ("float32", {"computed_in_tf32"})])
@pytest.mark.parametrize("shape", [(1, 6, 2, 8), (3, 2, 4, 5)], ids=str)
def test_tf32_that_no_longer_cancels_is_tf32(shape, dtype, cause):
    primals = np.random.default_rng(5).normal(size=(3, *shape))
    causal = {"reference": "attention", "statics": {"causal": True}}
    report = oracle.check(flash_attention(), *primals, **causal, dtype=dtype)
    assert {found.cause for found in report.findings} == cause, report
    assert report.status.startswith("less accurate" if cause else "right"), report


def unsmoothed(logits, labels):
    """A cross-entropy of smoothed labels, in float16 whatever comes in, whose backward does not smooth them."""

    def fwd(logits, labels):
        wide = logits.astype(np.float16).astype(np.float32)
        return softmax_cross_entropy(wide, labels, label_smoothing=0.125).astype(logits.dtype), (logits, labels)

    def bwd(residuals, cotangent):
        half, upstream = residuals[0].astype(np.float16), cotangent.astype(np.float16)
        raised = np.exp(half - half.max(-1, keepdims=True))
        p = raised / raised.sum(-1, keepdims=True)
        hit = labels[:, None] == np.arange(half.shape[-1])
        return ((p - hit) * upstream[:, None]).astype(cotangent.dtype), None

    return oracle.from_rule(fwd, bwd)


@pytest.mark.parametrize("seed", range(3))
def test_large_entries_may_be_rounded_more_coarsely_than_others_where_a_mistake_is_named(seed):
    rng = np.random.default_rng(seed)
    given = 1.5 * rng.normal(size=(11, 9)), rng.integers(0, 9, size=11)
    smoothed: dict[str, Any] = {"reference": "softmax_cross_entropy", "statics": {"label_smoothing": 0.125}}
    report = oracle.check(
        unsmoothed(*given), *given, cotangent=np.exp(rng.normal(size=11)), dtype="float16", **smoothed
    )
    assert [found.cause for found in report.findings] == ["static_ignored"], str(report)
