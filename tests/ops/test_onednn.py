"""Convolutions by oneDNN: against the reference on any geometry, from several threads, and what is said without it."""

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.relations import TAKEN, by_hand, relation
from helpers.rows import assert_close
from helpers.thinning import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from test_convolution import calls
from test_lowerings import ROOT, arrays_of, chosen, gradients

import functional_nn
from functional_nn import _libraries
from functional_nn.cpu import compiler, lowerings, native, onednn, xla

here = pytest.mark.skipif(onednn.unusable() is not None, reason=f"oneDNN is not used here: {onednn.unusable()}")


@pytest.fixture(autouse=True)
def wanted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """It is used where it is, whatever the environment says; nothing that was compiled before or here stays."""
    monkeypatch.setattr(lowerings, "FAST", True)
    monkeypatch.setattr(_libraries, "WANTED", True)
    jax.clear_caches()
    yield
    jax.clear_caches()


def single(array: Any) -> jax.Array:
    return jnp.asarray(array, jnp.float32)


def program(function: Any, *arrays: Any) -> str:
    return jax.jit(function).lower(*arrays).as_text()


@here
@pytest.mark.slow
@settings(max_examples=examples(40))
@given(call=calls("conv"), layout=st.sampled_from(["channels_last", "channels_first"]))
def test_all_three_sums_on_any_geometry(call: tuple, layout: str):
    arrays, spec = relation(call, layout)
    for name, roles in TAKEN.items():
        left, right = (single(arrays[role]) for role in roles)
        form = lowerings._by_onednn(name, left, right, spec)
        if form is None:
            continue
        got = jax.jit(partial(lowerings._channels_last, name, form, spec=spec))(left, right)
        assert_close(got, by_hand(arrays, spec)[name], 3e-6, f"{name} of {spec}: oneDNN against the reference")


GEOMETRIES = {
    "a line": ((3, 20, 8), (3, 8, 16), {"dilation": 2}),
    "a plane": ((4, 9, 9, 6), (3, 3, 6, 5), {"padding": 1}),
    "uneven padding": ((2, 9, 8, 6), (3, 2, 6, 7), {"padding": ((0, 2), (1, 0))}),
    "padding wider than half a window": ((2, 5, 4, 6), (3, 3, 6, 7), {"padding": ((2, 2), (0, 2))}),
    "a volume": ((2, 5, 6, 7, 4), (2, 3, 3, 4, 8), {"strides": (1, 2, 1), "padding": "SAME"}),
    "groups": ((4, 10, 12, 8), (3, 5, 4, 6), {"strides": 2, "groups": 2, "padding": "SAME"}),
    "depthwise": ((2, 9, 9, 8), (3, 3, 1, 8), {"groups": 8}),
    "single elements": ((2, 7, 7, 24), (1, 1, 24, 17), {}),
    "one image": ((1, 6, 6, 5), (3, 3, 5, 16), {}),
}


@here
@pytest.mark.parametrize(("shape", "window", "statics"), GEOMETRIES.values(), ids=GEOMETRIES)
def test_value_and_gradients_are_those_of_float64(shape: tuple, window: tuple, statics: dict[str, Any]):
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=shape).astype(np.float32), rng.normal(size=window).astype(np.float32)

    def all_of(x: Any, kernel: Any) -> Any:
        out, vjp = jax.vjp(partial(functional_nn.conv, **statics), x, kernel)
        return out, *vjp(jnp.cos(out))

    assert program(all_of, x, kernel).count(onednn.TARGET) == 3
    got, exact = jax.jit(all_of)(x, kernel), jax.jit(all_of)(np.float64(x), np.float64(kernel))
    assert_close(got, exact, 3e-6, f"value and gradients with oneDNN, x {shape}, kernel {window}, {statics}")


def computes_bfloat16() -> bool:
    arrays = (jax.ShapeDtypeStruct(shape, jnp.bfloat16) for shape in ((4, 9, 9, 6), (3, 3, 6, 5)))
    function, *_ = arrays_of("conv", {})
    return onednn.TARGET in program(function, *arrays)


@here
@pytest.mark.parametrize(("shape", "window", "statics"), GEOMETRIES.values(), ids=GEOMETRIES)
def test_bfloat16_is_added_up_in_32_bits_and_rounded_once(shape: tuple, window: tuple, statics: dict[str, Any]):
    if not computes_bfloat16():
        pytest.skip("oneDNN has only plain loops for bfloat16 on this processor")
    rng = np.random.default_rng(0)
    x, kernel = (jnp.asarray(rng.normal(size=size), jnp.bfloat16) for size in (shape, window))
    out = functional_nn.conv(x, kernel, **statics)
    cotangent = jnp.asarray(rng.normal(size=out.shape), jnp.bfloat16)

    def all_of(x: Any, kernel: Any, cotangent: Any) -> Any:
        out, vjp = jax.vjp(partial(functional_nn.conv, **statics), x, kernel)
        return out, *vjp(cotangent)

    assert program(all_of, x, kernel, cotangent).count(onednn.TARGET) == 3
    found = jax.jit(all_of)(x, kernel, cotangent)
    for what, got, exact in zip(
        ("value", "x_ct", "kernel_ct"), found, all_of(*map(np.float64, (x, kernel, cotangent))), strict=True
    ):
        assert got.dtype == jnp.bfloat16
        # Half a unit, and what a sum of float32 may be off.
        off = np.abs(np.float64(got) - exact) - float(jnp.finfo(jnp.bfloat16).eps) / 2 * np.abs(exact)
        assert off.max() <= 1e-5 * np.abs(exact).max(), f"{what} is {off.max()} off beyond its rounding"


@here
def test_an_infinity_stays_in_its_windows():
    x, kernel = np.ones((1, 6, 6, 16), np.float32), np.ones((3, 3, 16, 16), np.float32)
    x[0, 1, 1, 5], x[0, 4, 4, 9] = np.inf, np.nan
    out = np.asarray(functional_nn.conv(jnp.asarray(x), jnp.asarray(kernel)))
    assert program(functional_nn.conv, x, kernel).count(onednn.TARGET) == 1
    expected = np.full((4, 4), 144.0)
    expected[:2, :2], expected[2:, 2:] = np.inf, np.nan
    np.testing.assert_array_equal(out, np.broadcast_to(expected[None, :, :, None], out.shape))


@here
@pytest.mark.parametrize("op", ["conv", "conv_transpose"])
@pytest.mark.parametrize("statics", [{"strides": 2, "padding": 1}, {"groups": 2, "layout": "channels_first"}], ids=str)
def test_transformed_as_everywhere(op: str, statics: dict[str, Any]):
    """Second order, forward mode and vmap stay among the three sums, so they are oneDNN's as well."""
    function, *arrays = arrays_of(op, statics)
    x, kernel = map(single, arrays)

    def slope(x: Any, kernel: Any) -> Any:
        return jax.grad(lambda x, kernel: jnp.sum(jnp.sin(function(x, kernel))), (0, 1))(x, kernel)

    tried = {
        "forward over reverse": lambda x, kernel: jax.jvp(slope, (x, kernel), (x, kernel))[1],
        "vmap": lambda x, kernel: jax.vmap(slope, (0, None))(jnp.stack([x, 2 - x]), kernel),
    }
    for name, transformed in tried.items():
        assert onednn.TARGET in program(transformed, x, kernel), name
        exact = jax.jit(transformed)(*map(np.float64, (x, kernel)))
        assert_close(jax.jit(transformed)(x, kernel), exact, 1e-5, f"{name} of {op} with {statics}")


@here
def test_several_threads_at_once():
    rng = np.random.default_rng(1)
    kernels = [single(rng.normal(size=(3, 3, 8, 8 + number))) for number in range(4)]
    x = single(rng.normal(size=(4, 12, 12, 8)))
    step = jax.jit(gradients)
    alone = [jax.tree.map(np.asarray, step(x, kernel)) for kernel in kernels]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda number: jax.block_until_ready(step(x, kernels[number % 4])), range(64)))
    for number, found in enumerate(together):
        jax.tree.map(np.testing.assert_array_equal, tuple(map(np.asarray, found)), tuple(alone[number % 4]))


@here
def test_what_onednn_computes():
    assert chosen("correlate", 32, 32, (64, 64), 3) == "convolution"
    assert chosen("gather", 100, 28, (1, 30), 5, layout="channels_first") == "convolution"
    assert chosen("spread", 100, 28, (8, 16), 3) == "convolution"
    assert chosen("gather", 32, 32, (64, 64), 3, groups=64) == "convolution"
    # Sixteen channels would be computed for one.
    assert chosen("spread", 100, 28, (1, 30), 5) == "spread_by_planes"
    assert chosen("correlate", 32, 32, (64, 64), 3, dtype="f8") == "correlate"
    assert chosen("gather", 0, 32, (64, 64), 3) == "gather"


@here
def test_an_x_that_is_cut_is_left_to_xla():
    out, kernel = single(np.ones((2, 5, 8))), single(np.ones((2, 8, 8)))
    statics = {"strides": 3, "padding": ((1, 0),), "output_padding": 2}
    function = partial(functional_nn.conv_transpose, **statics)
    assert onednn.TARGET not in program(function, out, kernel)
    assert onednn.TARGET in program(partial(function, output_padding=0), out, kernel)


@here
def test_an_exported_program_does_not_call_it():
    x, kernel = (jax.ShapeDtypeStruct(shape, np.float32) for shape in ((2, 6, 6, 4), (3, 3, 4, 4)))
    assert onednn.TARGET in program(gradients, x, kernel)
    assert onednn.TARGET not in jax.export.export(jax.jit(gradients))(x, kernel).mlir_module()


@here
def test_a_barrier_where_xla_drops_its_own(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(xla, "XLA_KEEPS_ITS_OWN", False)
    x = jnp.linspace(-1.0, 1.0, 24, dtype=np.float32).reshape(1, 4, 6, 1)

    def slope(x: jax.Array) -> jax.Array:
        return jax.grad(lambda x: jnp.sum(functional_nn.max_pool(functional_nn.relu(x) ** 2, window=2)))(x)

    assert program(slope, x).count(onednn.KEEP) == 2, "one for relu's result, one for the pooling's"
    largest = jnp.zeros((1, 4, 6, 1)).at[0, 1::2, 1::2].set(1.0)
    assert_close(jax.jit(slope)(x), 2 * jnp.maximum(x, 0) * largest, 1e-7, "gradient past two barriers")
    curved = jax.jit(jax.jvp, static_argnums=0)(slope, (x,), (jnp.ones_like(x),))[1]
    assert_close(curved, 2 * (x > 0) * largest, 1e-7, "second derivative past two barriers")
    rows = jax.jit(jax.vmap(slope))(jnp.stack([x, -x]))
    assert_close(rows[1], 2 * jnp.maximum(-x, 0) * jnp.zeros((1, 4, 6, 1)).at[0, ::2, ::2].set(1.0), 1e-7, "vmap")
    assert onednn.KEEP not in jax.export.export(jax.jit(slope))(x).mlir_module()


@here
def test_a_call_that_it_refuses_is_an_error_of_xla():
    x = single(np.ones((1, 4, 4, 1)))
    call = jax.ffi.ffi_call(onednn.TARGET, jax.ShapeDtypeStruct((1, 9, 9, 1), np.float32))
    geometry = np.array([0, 1, 1, 1, 1, 2, *(4, 2, 1, 1, 0, 0, 9) * 2])
    with pytest.raises(jax.errors.JaxRuntimeError, match="oneDNN refused convolution_forward"):
        jax.block_until_ready(call(x, x, geometry=geometry))


def test_left_out_on_request():
    say = "from functional_nn import _libraries as own; from functional_nn.cpu import lowerings; "
    say += "print(lowerings.FAST, own.WANTED)"
    for value, expected in {"0": "False False", "xla": "True False", "1": "True True"}.items():
        environment = os.environ | {"FUNCTIONAL_NN_FAST": value, "PYTHONPATH": str(ROOT)}
        ended = subprocess.run([sys.executable, "-c", say], env=environment, capture_output=True, text=True, check=True)
        assert ended.stdout.strip() == expected, value


def test_another_word_is_refused():
    environment = os.environ | {"FUNCTIONAL_NN_FAST": "yes", "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", "import functional_nn"], env=environment, capture_output=True, text=True
    )
    assert ended.stderr.splitlines()[-1] == "ValueError: FUNCTIONAL_NN_FAST must be 0, xla or 1; got 'yes'"


def anew(calls: native.Calls, **changes: Any) -> native.Calls:
    """As if nothing had been opened yet."""
    return native.Calls(changes.get("source", calls.source), *calls.functions, prepare=calls.prepare)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """As if oneDNN were installed beside a package without libraries, with a cache that holds nothing yet."""
    monkeypatch.setattr(compiler, "BUILT", tmp_path / "built")
    monkeypatch.setattr(onednn, "_shared_library", lambda: tmp_path / "libdnnl.so.3")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(onednn, "CALLS", anew(onednn.CALLS))
    return tmp_path


def test_without_the_package_xla_computes_and_nothing_is_said(installed: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(onednn, "_shared_library", lambda: None)
    assert onednn.unusable() == "the package onednn-cpu-gomp is not installed"
    assert chosen("gather", 32, 32, (64, 64), 3) == "gather_by_tiles"


def test_without_a_compiler_xla_computes_and_nothing_is_said(installed: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(compiler.shutil, "which", lambda name: None)
    assert onednn.unusable() == "no C compiler is on the PATH (cc, gcc, clang)"
    assert chosen("gather", 32, 32, (64, 64), 3) == "gather_by_tiles"


compiles = pytest.mark.skipif(not any(map(compiler.shutil.which, compiler.COMPILERS)), reason="no C compiler is here")


@compiles
def test_a_source_that_does_not_compile_leaves_nothing_behind(installed: Path, monkeypatch: pytest.MonkeyPatch):
    broken = installed / "onednn.c"
    broken.write_text("int onednn_open(")
    monkeypatch.setattr(onednn, "CALLS", anew(onednn.CALLS, source=replace(onednn.CALLS.source, path=broken)))
    assert "cannot compile onednn.c: " in str(onednn.unusable())
    assert list((installed / "cache" / "functional_nn").iterdir()) == []


@compiles
def test_compiled_once_and_kept(installed: Path):
    kept = native.library(onednn.CALLS.source)
    assert list((installed / "cache" / "functional_nn").iterdir()) == [kept]
    before = kept.stat().st_mtime_ns
    assert native.library(onednn.CALLS.source) == kept
    assert kept.stat().st_mtime_ns == before
    assert hasattr(ctypes.CDLL(str(kept)), "onednn_convolution")


@compiles
def test_a_library_that_does_not_load_is_named(installed: Path):
    (installed / "libdnnl.so.3").write_text("no library")
    assert str(installed / "libdnnl.so.3") in str(onednn.unusable())


@compiles
def test_a_cache_that_cannot_be_written_is_named(installed: Path):
    (installed / "cache").write_text("a file where the folder should be")
    assert str(installed / "cache") in str(onednn.unusable())


TWICE = """
import jax, jax.numpy as jnp
from jax import monitoring
import functional_nn
hits = []
monitoring.register_event_listener(lambda event, **_: hits.append(event) if event.endswith("cache_hits") else None)
x, kernel = jnp.ones((2, 6, 6, 4)), jnp.ones((3, 3, 4, 4))
print(float(jnp.sum(jax.jit(lambda x, k: jnp.sin(functional_nn.conv(x, k)))(x, kernel))), len(hits))
"""


@here
@pytest.mark.slow
def test_a_program_that_calls_it_is_found_in_the_compilation_cache(tmp_path: Path):
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "FUNCTIONAL_NN_FAST": "1",
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    said = [
        subprocess.run(
            [sys.executable, "-c", TWICE], env=environment, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]
    (first, without), (second, with_hits) = (line.split() for line in said)
    assert first == second
    assert int(without) == 0 < int(with_hits)
