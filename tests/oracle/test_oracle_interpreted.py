"""Triton's interpreter under the oracle computes in bfloat16 with numbers, as a GPU does, and is left as it was."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

# Before any test imports Triton, which reads it once.
os.environ.setdefault("TRITON_INTERPRET", "1")
torch, triton, ml_dtypes = (pytest.importorskip(name) for name in ("torch", "triton", "ml_dtypes"))

import triton.language as tl  # noqa: E402 (behind the skip)
from triton.runtime import interpreter  # noqa: E402

from reference import oracle  # noqa: E402
from reference.oracle.subjects.interpreted import OF_NUMBERS, mended  # noqa: E402

ROWS, COLUMNS = 4, 8


@triton.jit
def arithmetic(x, y, out, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    at = tl.arange(0, ROWS)[:, None] * COLUMNS + tl.arange(0, COLUMNS)[None, :]
    a, b = tl.load(x + at), tl.load(y + at)
    tl.store(out + at, tl.where(a < b, a * b - a, 0.75 * a + (-b)))


@triton.jit
def of_other_dtypes(x, y, out, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    at = tl.arange(0, ROWS)[:, None] * COLUMNS + tl.arange(0, COLUMNS)[None, :]
    whole, wide = at.to(tl.bfloat16), tl.load(x + at).to(tl.float32) * tl.load(y + at).to(tl.float32)
    tl.store(out + at, whole * wide.to(tl.bfloat16))


@triton.jit
def sums_of_rows(x, y, out, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    row, column = tl.arange(0, ROWS)[:, None], tl.arange(0, COLUMNS)[None, :]
    total = tl.sum(tl.load(x + row * COLUMNS + column), axis=1, keep_dims=True)
    tl.store(out + row * COLUMNS + column, tl.broadcast_to(total, (ROWS, COLUMNS)))


@triton.jit
def sum_of_all(x, y, out, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    at = tl.arange(0, ROWS)[:, None] * COLUMNS + tl.arange(0, COLUMNS)[None, :]
    tl.store(out + at, tl.broadcast_to(tl.sum(tl.load(x + at)), (ROWS, COLUMNS)))


@triton.jit
def running_sums(x, y, out, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    at = tl.arange(0, ROWS)[:, None] * COLUMNS + tl.arange(0, COLUMNS)[None, :]
    tl.store(out + at, tl.cumsum(tl.load(x + at), axis=1))


@triton.jit
def product(x, y, out, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    row, column = tl.arange(0, ROWS)[:, None], tl.arange(0, COLUMNS)[None, :]
    inner = tl.arange(0, COLUMNS)
    a = tl.load(x + row * COLUMNS + inner[None, :])
    b = tl.load(y + (inner[:, None] % ROWS) * COLUMNS + column)
    tl.store(out + row * COLUMNS + column, tl.dot(a, b, input_precision="ieee").to(tl.bfloat16))


def halves(values: np.ndarray) -> np.ndarray:
    """Sums along the last axis, rounded at every step."""
    while values.shape[-1] > 1:
        middle = values.shape[-1] // 2
        values = values[..., :middle] + values[..., middle:]
    return values


def stepwise(values: np.ndarray) -> np.ndarray:
    sums = [values[:, 0]]
    for column in values.T[1:]:
        sums.append(sums[-1] + column)
    return np.stack(sums, 1)


WHOLE = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)
# Each kernel beside the same in NumPy's bfloat16 of the package ml_dtypes, which rounds every operation once.
KERNELS: dict[Any, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    arithmetic: lambda x, y: np.where(x < y, x * y - x, x.dtype.type(0.75) * x + -y),
    of_other_dtypes: lambda x, y: WHOLE.astype(x.dtype) * (x.astype(np.float32) * y.astype(np.float32)).astype(x.dtype),
    sums_of_rows: lambda x, y: np.repeat(halves(x), COLUMNS, 1),
    sum_of_all: lambda x, y: np.broadcast_to(halves(x.reshape(1, -1)), x.shape),
    running_sums: lambda x, y: stepwise(x),
    product: lambda x, y: (x.astype(np.float32) @ np.concatenate([y, y]).astype(np.float32)).astype(x.dtype),
}


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.__name__)
def test_bfloat16_is_computed_with_numbers(kernel: Any):
    def computed(x: Any, y: Any) -> Any:
        out = torch.empty_like(x)
        kernel[(1,)](x, y, out, ROWS=ROWS, COLUMNS=COLUMNS)
        return out

    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(ROWS, COLUMNS)).astype(ml_dtypes.bfloat16) for _ in range(2))
    found = oracle.from_torch(computed).forward(x, y)
    np.testing.assert_array_equal(found.view(np.uint16), KERNELS[kernel](x, y).view(np.uint16), kernel.__name__)


def methods() -> list[Any]:
    builder, names = interpreter.interpreter_builder, (*OF_NUMBERS, "cast_impl")
    owners = ((interpreter.ReduceOps, "sum"), (interpreter.ScanOps, "cumsum"), (interpreter, "_patch_lang"))
    others = [builder.options, interpreter.GridExecutor.__call__, *(getattr(owner, name) for owner, name in owners)]
    return [sorted(vars(builder)), *(getattr(type(builder), name) for name in names), *others]


def test_within_another_nothing_is_replaced():
    with mended():
        once = methods()
        with mended():
            assert methods() == once
        assert methods() == once


def test_the_interpreter_is_left_as_it_was():
    def stopped() -> None:
        with mended():
            assert "cast_impl" in vars(interpreter.interpreter_builder)
            raise ValueError("in the middle")

    before = methods()
    with pytest.raises(ValueError, match="in the middle"):
        stopped()
    assert methods() == before
