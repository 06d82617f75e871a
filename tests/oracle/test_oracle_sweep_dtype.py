"""A sweep in a dtype, against a reference: unusual values are those of the dtype, and right kernels pass at each."""

from typing import Any

import numpy as np
import pytest

from reference import oracle, softmax

X = np.random.default_rng(0).normal(size=(3, 5))
# What a right kernel in bfloat16 is asked at; 12 reach values, axes and the first sizes.
FEW: dict[str, Any] = {"largest": 2, "checks": 12}


def forward(x):
    wide = x.astype(np.promote_types(x.dtype, np.float32))
    e = np.exp(wide - wide.max(-1, keepdims=True))
    return (e / e.sum(-1, keepdims=True)).astype(x.dtype)


def backward(cotangent, x):
    wide = np.promote_types(x.dtype, np.float32)
    y, g = forward(x.astype(wide)), cotangent.astype(wide)
    return (y * (g - (g * y).sum(-1, keepdims=True))).astype(x.dtype)


def without_a_row(cotangent, x):
    found = backward(cotangent, x)
    return found if len(x) > 1 else (found * 1.5).astype(x.dtype)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "tf32"])
@pytest.mark.parametrize("asked", [{"reference": "softmax"}, {"op": "softmax"}], ids=["reference", "op"])
def test_a_right_kernel_passes_at_every_value_of_its_dtype(dtype, asked):
    pytest.importorskip("ml_dtypes")
    swept = oracle.sweep(oracle.from_forward_backward(forward, backward), **asked, dtype=dtype, **FEW)
    assert swept.verdict == "pass", str(swept)
    seen = {visit.regime: visit.seen for visit in swept.visited}
    assert seen["the largest finite values"] == seen["subnormal values"] == "right"


@pytest.mark.parametrize("reference", ["softmax", softmax], ids=["name", "function"])
def test_a_mistake_at_one_size_is_found_in_bfloat16(reference):
    pytest.importorskip("ml_dtypes")
    subject = oracle.from_forward_backward(forward, without_a_row)
    swept = oracle.sweep(subject, (X,), reference=reference, dtype="bfloat16", largest=2)
    assert swept.verdict == "fail"
    assert swept.smallest is not None
    assert swept.smallest.shapes["x"][0] == 1
    assert swept.report.findings[0].cause.startswith("scaled_by_")


def test_a_dtype_that_is_none_is_refused():
    with pytest.raises(ValueError, match="dtype must be one of"):
        oracle.sweep(oracle.from_forward_backward(forward, backward), op="softmax", dtype="bfloat61")
