"""Attention by the C file: against float64 on any geometry, in every derivative, from many threads; and without it."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.attended import drawn
from helpers.rows import assert_close

import functional_nn
from functional_nn import _libraries
from functional_nn.cpu import attention as library
from functional_nn.cpu import compiler, native

here = pytest.mark.skipif(library.unusable() is not None, reason=f"it is not used here: {library.unusable()}")
# Of query and of key: batch, length, heads, depth; of key's last number the values take another.
GEOMETRIES: dict[str, tuple[str, str, int, dict[str, Any]]] = {
    "all see all": ("2 150 2 32", "2 170 2 32", 32, {}),
    "causal": ("1 200 1 16", "1 200 1 16", 16, {"causal": True}),
    "more keys": ("2 130 2 8", "2 190 2 8", 8, {"causal": True}),
    "blind queries": ("1 190 2 8", "1 130 2 8", 8, {"causal": True}),
    "grouped": ("2 150 6 32", "2 150 2 32", 32, {"causal": True, "scale": 0.3}),
    "window": ("1 300 2 20", "1 300 1 20", 20, {"causal": True, "window": 40}),
    "window both ways": ("1 300 2 20", "1 260 2 20", 20, {"window": 33}),
    "shorter than a block": ("3 37 2 16", "3 41 2 16", 16, {"causal": True}),
    "a window within a block": ("2 60 1 8", "2 60 1 8", 8, {"causal": True, "window": 5}),
    "a window both ways at an edge": ("1 70 1 8", "1 66 1 8", 8, {"window": 3}),
    "one feature": ("3 140 1 1", "3 140 1 1", 1, {}),
    "wide, other values": ("1 140 2 80", "1 150 1 80", 37, {}),
}
# Several parts of the queries and of the keys, as a machine with more cores than heads has them.
ONE_HEAD = "causal"


@pytest.fixture(autouse=True)
def wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is used where it is, whatever the environment says."""
    monkeypatch.setattr(_libraries, "WANTED", True)


@pytest.mark.skipif(not any(map(compiler.shutil.which, compiler.COMPILERS)), reason="no C compiler is here")
def test_it_compiles_where_a_compiler_is():
    assert library.unusable() is None


def arrays_of(name: str) -> tuple[list[np.ndarray], dict[str, Any]]:
    """Query, key, value and a cotangent in float32, and the statics."""
    query, key, value_depth, statics = GEOMETRIES[name]
    query, key, _, _ = drawn(query, key)
    rng = np.random.default_rng(2)
    value, ct = (rng.normal(size=(*one.shape[:3], value_depth)) for one in (key, query))
    return [array.astype(np.float32) for array in (query, key, value, ct)], statics


def three(length: int = 150, heads: int = 1) -> list[np.ndarray]:
    """Query, key and value of one shape, in float32."""
    rng = np.random.default_rng(4)
    return [rng.normal(size=(1, length, heads, 8)).astype(np.float32) for _ in range(3)]


def everything(query: Any, key: Any, value: Any, ct: Any, **statics: Any) -> Any:
    out, pullback = jax.vjp(partial(functional_nn.attention, **statics), query, key, value)
    return out, *pullback(ct)


def calls(function: Any, *arrays: Any) -> tuple[int, int]:
    text = jax.jit(function).lower(*arrays).as_text()
    return text.count(library.FORWARD), text.count(library.BACKWARD)


@here
@pytest.mark.parametrize("name", GEOMETRIES)
def test_value_and_gradients_are_those_of_float64(name: str):
    arrays, statics = arrays_of(name)
    function = partial(everything, **statics)
    assert calls(function, *arrays) == (1, 1)
    exact = jax.jit(function)(*map(np.float64, arrays))
    assert_close(jax.jit(function)(*arrays), exact, 2e-6, f"{name}: the library against float64")


@here
@pytest.mark.parametrize("name", ["all see all", "causal"])
def test_about_as_accurate_as_xla(name: str, monkeypatch: pytest.MonkeyPatch):
    """Of each array, the root mean square of the errors: 0.9 to 1.7 times XLA's, which adds up in another order."""
    arrays, statics = arrays_of(name)
    exact = jax.jit(partial(everything, **statics))(*map(np.float64, arrays))

    def errors() -> list[float]:
        got = jax.jit(partial(everything, **statics))(*arrays)
        return [float(np.sqrt(np.mean((np.float64(a) - b) ** 2))) for a, b in zip(got, exact, strict=True)]

    ours = errors()
    monkeypatch.setattr(_libraries, "WANTED", False)
    jax.clear_caches()
    for which, own, by_xla in zip(("out", "query_ct", "key_ct", "value_ct"), ours, errors(), strict=True):
        assert own < 2 * by_xla, f"{which}: {own:.2g}, by XLA {by_xla:.2g}"


def slope(query: Any, key: Any, value: Any) -> Any:
    def loss(*arrays: Any) -> Any:
        return jnp.sum(jnp.sin(functional_nn.attention(*arrays, causal=True)))

    return jax.grad(loss, (0, 1, 2))(query, key, value)


def curved(*arrays: Any) -> Any:
    return jax.grad(lambda *a: sum(jnp.sum(jnp.cos(one)) for one in slope(*a)), (0, 1, 2))(*arrays)


TRANSFORMED: dict[str, Any] = {
    "forward mode": lambda *a: jax.jvp(partial(functional_nn.attention, causal=True), a, a[::-1])[1],
    "forward over reverse": lambda *a: jax.jvp(slope, a, a[::-1])[1],
    "reverse over reverse": curved,
    "vmap": lambda q, k, v: jax.vmap(slope, (0, None, 2))(jnp.stack([q, 2 - q]), k, jnp.stack([v, v + q], 2)),
    "checkpoint": jax.checkpoint(slope),
    "one argument": lambda q, k, v: jax.grad(lambda k: jnp.sum(jnp.sin(functional_nn.attention(q, k, v))))(k),
}


@here
@pytest.mark.parametrize("name", TRANSFORMED)
def test_transformed_as_everywhere(name: str):
    arrays = three(heads=2)
    transformed = TRANSFORMED[name]
    assert calls(transformed, *arrays) != (0, 0)
    exact = jax.jit(transformed)(*map(np.float64, arrays))
    assert_close(jax.jit(transformed)(*arrays), exact, 1e-5, f"{name} with the library")


@here
def test_what_cancels_does_so_exactly():
    """Where one key has all the weight, no score can move the result."""
    query, key = np.zeros((1, 150, 1, 8), np.float32), np.zeros((1, 150, 1, 8), np.float32)
    query[..., 0], key[:, 7, :, 0] = 300, 300
    value, ct = (np.random.default_rng(1).normal(size=query.shape).astype(np.float32) for _ in range(2))
    out, query_ct, key_ct, _ = jax.jit(partial(everything, scale=1.0))(query, key, value, ct)
    np.testing.assert_array_equal(out, np.broadcast_to(value[:, 7:8], out.shape))
    assert not np.any(query_ct)
    assert not np.any(key_ct)


@here
def test_an_infinity_and_a_nan_stay_in_the_rows_that_see_them():
    (query, key, value, _), _ = arrays_of("causal")
    key[0, 150, 0, 0], query[0, 9, 0, 3] = np.inf, np.nan
    out = np.asarray(functional_nn.attention(*map(jnp.asarray, (query, key, value)), causal=True))[0, :, 0]
    assert np.isnan(out[9]).all()
    assert np.isfinite(np.delete(out[:150], 9, 0)).all()
    seen_as_infinite = query[0, 150:, 0, 0] > 0
    np.testing.assert_array_equal(np.isnan(out[150:]).all(-1), seen_as_infinite)


@here
def test_several_threads_at_once_and_the_same_bits():
    given = [arrays_of(name) for name in ("grouped", ONE_HEAD, "window")]
    steps = [jax.jit(partial(everything, **statics)) for _, statics in given]
    alone = [tuple(map(np.asarray, step(*arrays))) for step, (arrays, _) in zip(steps, given, strict=True)]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda n: jax.block_until_ready(steps[n % 3](*given[n % 3][0])), range(30)))
    for number, found in enumerate(together):
        jax.tree.map(np.testing.assert_array_equal, tuple(map(np.asarray, found)), alone[number % 3])


def test_what_it_takes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(library, "unusable", lambda: None)

    def shape(length: int, dtype: Any = np.float32) -> Any:
        return jax.ShapeDtypeStruct((1, length, 1, 8), dtype)

    assert library.takes(shape(32), shape(32))
    assert not library.takes(shape(32), shape(31)), "XLA is as fast"
    assert not library.takes(shape(129, np.float64), shape(129, np.float64))
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert not library.takes(shape(129), shape(129))


@here
@pytest.mark.parametrize("statics", [{"softcap": 3.0}, {"mask": np.ones((150, 150), bool)}], ids=["softcap", "mask"])
def test_what_it_has_not_is_left_to_xla(statics: dict[str, Any]):
    arrays = three()
    assert calls(partial(functional_nn.attention, **statics), *arrays) == (0, 0)


@here
def test_an_exported_program_does_not_call_it():
    arrays = [jax.ShapeDtypeStruct((1, 150, 1, 8), np.float32)] * 3
    assert calls(slope, *arrays) == (1, 1)
    text = jax.export.export(jax.jit(slope))(*arrays).mlir_module()
    assert library.FORWARD not in text
    assert library.BACKWARD not in text


def test_without_a_compiler_xla_computes_and_nothing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(library, "CALLS", native.Calls(library.CALLS.source, *library.CALLS.functions))
    monkeypatch.setattr(compiler, "BUILT", tmp_path / "built")
    monkeypatch.setattr(compiler.shutil, "which", lambda name: None)
    assert library.unusable() == "no C compiler is on the PATH (cc, gcc, clang)"
    arrays = three(length=151)
    assert calls(slope, *arrays) == (0, 0)
    assert not (tmp_path / "cache").exists()
