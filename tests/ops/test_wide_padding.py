"""Padding wider than the window: where XLA for the CPU, before 0.12, reads memory that is not its own.

The witness is the reference, as XLA's own convolution is wrong there (docs/xla_cpu_convolution.md); between the calls
freed memory is filled with NaN, so that whatever is read of it shows.
"""

from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from helpers.relations import channels_first
from helpers.rows import assert_close
from helpers.thinning import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from test_convolution import BY_HAND, calls

import functional_nn
from functional_nn import _lax, _libraries
from functional_nn._geometry import Line, Spec
from functional_nn.cpu import lowerings

# The largest error, over the largest value, of sums of up to 100 products.
DTYPES = {"float64": 1e-12, "float32": 3e-6, "bfloat16": 2e-2, "float16": 3e-3}
# FUNCTIONAL_NN_FAST=0, =xla, the same as if every array were large, and the default; each with the dtypes that it may
# treat in a way of its own.
FORMS = [("lax", dtype) for dtype in DTYPES] + [("xla", "float64"), ("xla", "float32"), ("all cores", "float32")]
FORMS += [("onednn", "float32"), ("onednn", "bfloat16")]
every_form = pytest.mark.parametrize(
    ("forms", "dtype"), FORMS, indirect=["forms"], ids=["-".join(form) for form in FORMS]
)
every_op = pytest.mark.parametrize("op", sorted(BY_HAND))


@pytest.fixture(scope="module")
def forms(request: pytest.FixtureRequest) -> Iterator[None]:
    """For all the tests of these forms one after the other: what was compiled with others is forgotten between."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lowerings, "FAST", request.param != "lax")
        patch.setattr(_libraries, "WANTED", request.param == "onednn")
        if request.param == "all cores":
            patch.setattr(lowerings, "LIBRARY_USES_ALL_CORES", False)
            for threshold in ("LEAST_MULTIPLICATIONS_FOR_ALL", "LEAST_CHANNELS_FOR_ALL", "LEAST_MULTIPLICATIONS"):
                patch.setattr(lowerings, threshold, 0)
        jax.clear_caches()
        yield
    jax.clear_caches()


@cache
def filling() -> Any:
    """The program that fills arrays of many sizes with a value; compiled ahead, it is never forgotten."""
    sizes = (16, 32, 48, 64, 96, 128, 256, 512, 1024, 4096) * 4
    filled = jax.jit(lambda value: [jnp.full(size, value, jnp.float32) for size in sizes])
    return filled.lower(np.float32(0)).compile()


def poison_freed_memory() -> None:
    jax.block_until_ready(filling()(np.float32(np.nan)))


def judge(op: str, arguments: tuple[np.ndarray, ...], statics: dict[str, Any], dtype: str, calls: int = 1) -> None:
    """The value and all gradients of an op against the reference's, after each of several calls."""
    narrow = tuple(
        np.asarray(argument).astype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype) for argument in arguments
    )
    forward, backward = BY_HAND[op]
    value, residuals = forward(*(np.asarray(argument, np.float64) for argument in narrow), **statics)
    cotangent = np.round(4 * np.random.default_rng(3).normal(size=value.shape)) / 4
    expected = value, backward(residuals, cotangent)

    @jax.jit
    def of_jax(arguments: tuple, cotangent: jax.Array) -> Any:
        out, vjp = jax.vjp(partial(getattr(functional_nn, op), **statics), *arguments)
        return out, vjp(cotangent)

    for _ in range(calls):
        poison_freed_memory()
        found = of_jax(narrow, cotangent.astype(narrow[0].dtype))
        assert_close(found, expected, DTYPES[dtype], f"{op} in {dtype}, {statics}: value and cotangents")


def arrays(op: str, x: tuple[int, ...], kernel: tuple[int, ...], groups: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    bias = kernel[-1] if op == "conv" else kernel[-2] * groups
    return tuple(rng.normal(size=shape) for shape in (x, kernel, (bias,)))


GEOMETRIES = {
    "a shifted causal convolution": ((1, 3), (2, 16, 16), {"padding": ((2, 0),)}),
    "the last window alone meets x": ((2, 1), (2, 8, 8), {"padding": ((5, 0),)}),
    "wide at the high end": ((2, 3), (2, 8, 8), {"padding": ((0, 4),)}),
    "single elements": ((2, 4), (1, 16, 8), {"padding": ((3, 1),)}),
    "strides": ((2, 5), (2, 8, 8), {"padding": ((4, 1),), "strides": 2}),
    "dilation": ((2, 4), (2, 8, 8), {"padding": ((5, 1),), "dilation": 3}),
    "groups": ((2, 4), (2, 4, 8), {"padding": ((3, 0),), "groups": 2}),
    "depthwise": ((2, 4), (3, 1, 8), {"padding": ((4, 0),), "groups": 8}),
    "one channel": ((2, 6), (3, 1, 4), {"padding": ((4, 1),)}),
    "a plane": ((2, 3, 5), (2, 3, 8, 8), {"padding": ((2, 0), (0, 3))}),
    "a plane with strides": ((2, 6, 5), (2, 3, 4, 8), {"padding": ((3, 0), (1, 4)), "strides": (2, 1)}),
    "a volume": ((1, 3, 4, 3), (2, 1, 3, 4, 4), {"padding": ((2, 0), (1, 0), (0, 4))}),
}


@pytest.mark.one_in(3)
@pytest.mark.usefixtures("forms")
@every_form
@pytest.mark.parametrize(("sizes", "kernel", "statics"), GEOMETRIES.values(), ids=GEOMETRIES)
def test_value_and_gradients_are_the_references(sizes: tuple, kernel: tuple, statics: dict[str, Any], dtype: str):
    groups = statics.get("groups", 1)
    judge("conv", arrays("conv", (*sizes, kernel[-2] * groups), kernel, groups), statics, dtype, calls=3)


TRANSPOSED = {
    "a line": ((1, 6), (2, 16, 16), {"padding": ((2, 0),)}),
    "strides": ((2, 6), (2, 8, 8), {"padding": ((3, 1),), "strides": 2, "output_padding": 1}),
    "dilation beyond the stride": ((2, 6), (2, 8, 8), {"padding": ((4, 0),), "dilation": 3, "output_padding": 2}),
    "x is cut to nothing": ((1, 1), (1, 8, 8), {"padding": ((1, 0),), "strides": 2, "output_padding": 1}),
    "a plane": ((2, 6, 5), (2, 3, 8, 8), {"padding": ((2, 0), (0, 3))}),
    "groups": ((2, 6, 5), (2, 1, 4, 8), {"padding": ((3, 0), (1, 0)), "groups": 2}),
}


@pytest.mark.one_in(3)
@pytest.mark.usefixtures("forms")
@every_form
@pytest.mark.parametrize(("sizes", "kernel", "statics"), TRANSPOSED.values(), ids=TRANSPOSED)
def test_transposed_too(sizes: tuple, kernel: tuple, statics: dict[str, Any], dtype: str):
    groups = statics.get("groups", 1)
    judge("conv_transpose", arrays("conv_transpose", (*sizes, kernel[-1]), kernel, groups), statics, dtype, calls=3)


@pytest.mark.slow
@pytest.mark.one_in(3)
@pytest.mark.usefixtures("forms")
@every_form
@every_op
@settings(max_examples=examples(10))
@given(data=st.data())
def test_any_geometry(op: str, dtype: str, data: st.DataObject):
    arguments, statics = data.draw(calls(op, widest=7))
    if data.draw(st.booleans()):
        arguments, statics = channels_first(*arguments), statics | {"layout": "channels_first"}
    judge(op, arguments, statics, dtype)


@settings(max_examples=200)
@given(values=st.tuples(*(st.integers(1, 4),) * 4, st.integers(0, 9), st.integers(0, 9)))
def test_no_window_that_meets_x_is_left_out(values: tuple[int, ...]):
    size, window, stride, dilation, low, high = values
    reach = (window - 1) * dilation
    line = Line(size, window, stride, dilation, low, high + reach, (size + low + high - 1) // stride + 1)
    first, last = line.span()
    met = np.flatnonzero(line.inside().any(0))
    assert set(met) <= set(range(first, last)), f"{line}: windows {met} meet x, {first} to {last} are kept"
    if first < last:
        part = line.part(first, last)
        assert part.low <= reach, f"{line}: the first window of {part} ends before x"
        np.testing.assert_array_equal(part.inside(), line.inside()[:, first:last], f"{line}: {part}")


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_padding_of_xlas_is_below_0(dtype: str):
    line = Line(size=3, window=2, stride=1, dilation=1, low=4, high=0, count=6)
    spec = Spec((line,), 1, "channels_last", None)
    out, kernel = jnp.ones((1, 6, 8), dtype), jnp.ones((2, 8, 8), dtype)
    program = jax.jit(partial(_lax.spread, spec=spec)).lower(out, kernel).as_text()
    assert "stablehlo.convolution" in program
    assert "pad = [[-" not in program
