"""Kernels in low precision against a reference in float64: right ones pass, wrong and inaccurate ones are named."""

import numpy as np
import pytest

from reference import oracle


def drawn(*shapes, seed=0):
    rng = np.random.default_rng(seed)
    return tuple(rng.normal(size=shape) for shape in shapes)


def single(array):
    return array.astype(np.float32) if array.dtype != np.float64 else array


def to_tf32(array):
    """The nearest number with 11 binary digits, as the units for products of an accelerator take it."""
    bits = np.asarray(array, np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0xFFF + ((bits >> 13) & 1)) & 0xFFFFE000).astype(np.uint32).view(np.float32)


def rms_norm(backward):
    """Computes in float32 and stores in the dtype of x."""

    def fwd(x, scale):
        inverse = 1 / np.sqrt(np.mean(single(x) ** 2, axis=-1, keepdims=True) + 1e-6)
        return (single(x) * inverse * single(scale)).astype(x.dtype), (x, scale, inverse)

    def bwd(residuals, cotangent):
        x, scale, inverse = residuals
        dx, dscale = backward(single(x) * inverse, single(scale), inverse, single(cotangent))
        return dx.astype(x.dtype), dscale.astype(scale.dtype)

    return oracle.from_rule(fwd, bwd)


def right_rms(y, scale, inverse, d):
    own = d * scale
    return inverse * (own - y * np.mean(own * y, axis=-1, keepdims=True)), np.sum(d * y, axis=0)


def without_mean(y, scale, inverse, d):
    return inverse * d * scale, np.sum(d * y, axis=0)


def without_scale(y, scale, inverse, d):
    return inverse * (d - y * np.mean(d * y, axis=-1, keepdims=True)), np.sum(d * y, axis=0)


def summed_mean(y, scale, inverse, d):
    own = d * scale
    return inverse * (own - y * np.mean(own * y, axis=-1, keepdims=True)), np.mean(d * y, axis=0)


NORMS = [(right_rms, ""), (without_mean, "statistics_as_constants"), (without_scale, "wrong_factor"),
         (summed_mean, "scaled_by_count")]  # fmt: skip


def dense(
    multiply, add=lambda rows: np.sum(single(rows), axis=0), dx=lambda multiply, d, kernel: multiply(d, kernel.T)
):
    def fwd(x, kernel, bias):
        return (multiply(x, kernel) + single(bias)).astype(x.dtype), (x, kernel)

    def bwd(residuals, cotangent):
        x, kernel = residuals
        found = dx(multiply, cotangent, kernel), multiply(x.T, cotangent), add(cotangent)
        return tuple(one.astype(x.dtype) for one in found)

    return oracle.from_rule(fwd, bwd)


def plainly(a, b):
    return single(a) @ single(b)


def in_tf32(a, b):
    return to_tf32(single(a)) @ to_tf32(single(b))


def terms_rounded(a, b):
    return np.sum(single((single(a)[:, :, None] * single(b)[None]).astype(a.dtype)), axis=1)


def low_sums(a, b):
    terms = (single(a)[:, :, None] * single(b)[None]).swapaxes(0, 1)
    return single(added_low(terms.astype(a.dtype)))


def added_low(rows):
    total = rows[0]
    for row in rows[1:]:
        total = (single(total) + single(row)).astype(rows.dtype)
    return total


def causes(report, argument=None):
    return {found.cause for found in report.findings if argument in (None, found.argument)}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize(("backward", "cause"), NORMS, ids=[backward.__name__ for backward, _ in NORMS])
def test_a_mistake_is_named_in_low_precision_as_in_float64(backward, cause, dtype):
    x, scale = drawn((7, 11), 11)
    report = oracle.check(rms_norm(backward), x, scale + 2, reference="rms_norm", dtype=dtype)
    assert report.verdict == ("fail" if cause else "pass"), report
    assert not cause or cause in causes(report), report
    assert report.status in (("wrong",) if cause else ("right", "as accurate as can be"))


def test_a_mistake_is_named_at_the_cotangent_that_is_given():
    x, scale, cotangent = drawn((7, 11), 11, (7, 11))
    given = {"reference": "rms_norm", "dtype": "bfloat16", "cotangent": cotangent / 77}
    report = oracle.check(rms_norm(without_mean), x, scale + 2, **given)
    assert report.findings[0].cause == "statistics_as_constants", report
    assert "on the same values in float64" in report.findings[0].evidence


@pytest.mark.parametrize("backward", [right_rms, without_mean], ids=["right", "without the mean"])
def test_code_that_takes_bfloat16_only_is_named_by_what_persists(backward):
    subject = rms_norm(backward)

    def strict(forward_or_vjp):
        def call(*primals):
            if any(primal.dtype.name != "bfloat16" for primal in primals):
                raise TypeError("this kernel takes bfloat16")
            return forward_or_vjp(*primals)

        return call

    pytest.importorskip("ml_dtypes")
    subject = oracle.from_vjp(strict(subject.vjp))
    x, scale = drawn((7, 11), 11)
    report = oracle.check(subject, x, scale + 2, reference="rms_norm", dtype="bfloat16")
    assert report.verdict == ("pass" if backward is right_rms else "fail"), report
    assert backward is right_rms or "statistics_as_constants" in causes(report), report


@pytest.mark.parametrize(
    ("multiply", "dtype", "verdict", "cause"),
    [
        (plainly, "bfloat16", "pass", ""),
        (plainly, "float32", "pass", ""),
        (in_tf32, "tf32", "pass", ""),
        (in_tf32, "float32", "pass", "computed_in_tf32"),
        (terms_rounded, "float16", "fail", "rounded_before_sum"),
        (low_sums, "bfloat16", "fail", "accumulated_in_low_precision"),
    ],
    ids=["bfloat16", "float32", "tf32", "tf32 for float32", "terms", "sums"],
)
def test_how_a_product_is_inaccurate(multiply, dtype, verdict, cause):
    x, kernel, bias = drawn((40, 13), (13, 9), 9)
    report = oracle.check(dense(multiply), x, kernel, bias, reference="dense", dtype=dtype)
    assert report.verdict == verdict, report
    assert causes(report) == ({cause} if cause else set()), report
    assert report.status.startswith("less accurate than plain (" if cause else ("right", "as accurate")), report.status


def test_an_imprecision_fails_a_strict_check():
    x, kernel, bias = drawn((7, 13), (13, 9), 9)
    report = oracle.check(dense(in_tf32), x, kernel, bias, reference="dense", dtype="float32", strict=True)
    assert report.verdict == "fail"


def test_a_mistake_is_seen_beside_tf32():
    x, kernel, bias = drawn((7, 9), (9, 9), 9)
    subject = dense(in_tf32, dx=lambda multiply, d, kernel: multiply(d, kernel))
    report = oracle.check(subject, x, kernel, bias, reference="dense", dtype="tf32")
    assert report.verdict == "fail"
    assert causes(report) == {"transposed"}


@pytest.mark.parametrize("op", [None, "dense"])
def test_tf32_is_not_accused_without_a_reference(op):
    given = [one.astype(np.float32) for one in drawn((7, 13), (13, 9), 9)]
    report = oracle.check(dense(in_tf32), *given, op=op)
    assert report.verdict == "pass", report


@pytest.mark.parametrize(("backward", "cause"), NORMS[:2], ids=["right", "without the mean"])
def test_float16_is_judged_without_a_reference(backward, cause):
    x, scale = (one.astype(np.float16) for one in drawn((7, 11), 11))
    report = oracle.check(rms_norm(backward), x, scale + np.float16(2))
    assert report.verdict == ("fail" if cause else "pass"), report
    assert not cause or cause in causes(report)


def test_a_sum_that_stops_growing_is_named():
    (rows,) = drawn((1500, 3))
    subject = dense(plainly, add=added_low)
    x, kernel, bias = rows, *drawn((3, 2), 2)
    report = oracle.check(subject, x, kernel, bias, reference="dense", dtype="bfloat16")
    assert report.verdict == "fail"
    assert causes(report) == {"accumulated_in_low_precision"}
    assert {found.argument for found in report.findings} == {"bias"}


def test_what_the_report_says_of_accuracy():
    x, scale = drawn((7, 11), 11)
    report = oracle.check(rms_norm(right_rms), x, scale, reference="rms_norm", dtype="float16")
    assert [one.name for one in report.accuracy] == ["the output", "x_ct", "scale_ct"]
    assert all(0 < one.ulp < one.plain_ulp < 8 and one.factor < 2 for one in report.accuracy)
    assert "x_ct: as accurate as can be (" in str(report)
    assert '"plain_ulp"' in report.to_json()


def softmax_in_float16(read=lambda x: x):
    """Takes and gives float32, and computes the backward in float16."""

    def forward(x):
        powers = np.exp(x - x.max(-1, keepdims=True))
        return powers / powers.sum(-1, keepdims=True)

    def backward(cotangent, x):
        d, y = cotangent.astype(np.float16), forward(read(x).astype(np.float16))
        return (y * (d - (d * y).sum(-1, keepdims=True))).astype(np.float32)

    return oracle.from_forward_backward(forward, backward)


@pytest.mark.parametrize("shape", [(1, 2), (3, 5), (7, 64)], ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_float16_inside_of_float32_is_named_as_that(shape, seed):
    (x,) = drawn(shape, seed=seed)
    report = oracle.check(softmax_in_float16(), x, reference="softmax", dtype="float32", seed=seed)
    assert report.verdict == "fail"
    assert causes(report) <= {"downcast", "accumulated_in_low_precision", "rounded_before_sum"}, report


def test_memory_that_is_misread_is_seen_behind_float16():
    subject = softmax_in_float16(lambda x: np.ravel(x, order="K").reshape(x.shape))
    report = oracle.check(subject, *drawn((3, 5)), reference="softmax", dtype="float32")
    assert "wrong_strides" in causes(report), report
