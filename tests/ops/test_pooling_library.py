"""Pooling of images by a C file: the bits of XLA's form, every entry written, every derivative; what is left to XLA."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.c_files import calls, derivatives, here, normal, targets, wanted  # noqa: F401 (a fixture)
from helpers.rows import assert_close

import functional_nn
from functional_nn.cpu import pooling

EDGES = ((1, 0), (0, 1))
# The shape of x, and the statics of both ops.
WINDOWS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "overlap": ((3, 13, 12, 32), {"window": 3, "strides": 2, "padding": 1}),
    "steps of one": ((1, 9, 8, 17), {"window": 3, "strides": 1, "padding": "SAME"}),
    "an odd element low": ((2, 7, 9, 16), {"window": (4, 3), "strides": (2, 1), "padding": "SAME_LOWER"}),
    "edges of one channel": ((5, 6, 7, 1), {"window": (3, 2), "strides": (2, 1), "padding": EDGES}),
    "gaps of three channels": ((3, 11, 14, 3), {"window": 2, "strides": (3, 4)}),
    "gaps and a row left over": ((2, 12, 12, 40), {"window": (2, 3), "strides": (5, 3), "padding": ((1, 0), (1, 0))}),
    "left over": ((2, 8, 12, 5), {"window": 3, "strides": 2, "padding": 1, "ceil_mode": True}),
    "left over in part": ((1, 7, 12, 20), {"window": (4, 3), "strides": (3, 2), "padding": (2, 1), "ceil_mode": True}),
    "one row": ((4, 1, 15, 16), {"window": (1, 5), "strides": 1}),
}
DILATED: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "all": ((3, 9, 10, 33), {"window": "all"}),
    "dilated": ((2, 9, 10, 17), {"window": (3, 2), "strides": (1, 2), "padding": (3, 0), "dilation": (2, 5)}),
    "first far off": ((2, 9, 9, 16), {"window": 3, "strides": 1, "padding": 4, "dilation": 3}),
    "dilated and left over": (
        (3, 8, 7, 7),
        {"window": (2, 3), "strides": (3, 2), "padding": EDGES, "dilation": (2, 1), "ceil_mode": True},
    ),
}
CASES = [("max_pool", name, {}) for name in WINDOWS | DILATED]
CASES += [("avg_pool", name, {"count_include_pad": counted}) for name in WINDOWS for counted in (True, False)]
every_case = pytest.mark.parametrize(("op", "name", "more"), CASES, ids=lambda each: str(each).strip("{}"))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small arrays of few channels as well."""
    monkeypatch.setattr(pooling, "FEWEST", 0)
    monkeypatch.setattr(pooling, "FEWEST_CHANNELS", 1)


def few_values(*shape: int) -> Any:
    """What ties, overflows, has a sign alone, or is no number: in many windows."""
    values = np.array([-2, -1, -0.0, 0.0, 1, 2, np.inf, -np.inf, np.nan], np.float32)
    return np.random.default_rng(3).choice(values, shape, p=[0.3, 0.2, 0.1, 0.1, 0.1, 0.05, 0.02, 0.1, 0.03])


def whole(*shape: int) -> Any:
    """Numbers that add up to the same in any order."""
    return np.random.default_rng(4).integers(1, 9, shape).astype(np.float32)


def pooled(op: str, statics: dict[str, Any], x: Any, ct: Any) -> Any:
    """The result and the gradient of x."""
    out, pullback = jax.vjp(partial(getattr(functional_nn, op), **statics), x)
    return out, *pullback(ct)


def case_of(op: str, name: str, more: dict[str, Any]) -> tuple[Any, tuple[int, ...], tuple[int, ...]]:
    """Function of x and a cotangent, and their shapes."""
    shape, statics = (WINDOWS | DILATED)[name]
    statics = statics | more
    out = jax.eval_shape(partial(getattr(functional_nn, op), **statics), jax.ShapeDtypeStruct(shape, np.float64))
    return partial(pooled, op, statics), shape, out.shape


def bits(array: Any) -> Any:
    return np.asarray(array, np.float32).view(np.uint32)


@here
@pytest.mark.usefixtures("small")
@every_case
def test_value_and_gradient_are_those_of_float64(op: str, name: str, more: dict[str, Any]):
    function, *shapes = case_of(op, name, more)
    arrays = [normal(*shape, seed=seed) for seed, shape in enumerate(shapes)]
    assert calls(function, *arrays) == 2
    exact = jax.jit(function)(*map(np.float64, arrays))
    assert_close(jax.jit(function)(*arrays), exact, 1e-6, f"{op}, {name}: the library against float64")


@here
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", WINDOWS | DILATED)
def test_ties_and_what_is_no_number_are_decided_as_by_xla(name: str):
    function, shape, out_shape = case_of("max_pool", name, {})
    x, ct = few_values(*shape), whole(*out_shape)
    assert calls(function, x, ct) == 2
    for mine, exact in zip(jax.jit(function)(x, ct), jax.jit(function)(np.float64(x), np.float64(ct)), strict=True):
        np.testing.assert_array_equal(bits(mine), bits(exact))


@here
@pytest.mark.usefixtures("small")
@every_case
def test_every_entry_is_written(op: str, name: str, more: dict[str, Any]):
    """Where the results shall lie, NaN lies before."""
    function, *shapes = case_of(op, name, more)
    x, ct = (whole(*shape) for shape in shapes)
    there = [jnp.full(shape, np.nan, np.float32) for shape in shapes[::-1]]
    in_place = jax.jit(lambda there, x, ct: function(x, ct), donate_argnums=0, keep_unused=True)
    assert in_place.lower(there, x, ct).as_text().count("tf.aliasing_output") == 2
    exact = jax.jit(function)(np.float64(x), np.float64(ct))
    assert_close(in_place(there, x, ct), exact, 1e-6, f"{op}, {name}: in place of NaN")


@here
@pytest.mark.parametrize("op", ["max_pool", "avg_pool"])
def test_how_images_are_divided_among_threads_does_not_matter(op: str):
    """An image beside others is divided elsewhere than alone."""
    x, ct = normal(5, 40, 41, 24), normal(5, 20, 21, 24, seed=1)
    function = jax.jit(partial(pooled, op, {"window": 5, "strides": 2, "padding": 2}))
    assert calls(function, x, ct) == calls(function, x[:1], ct[:1]) == 2
    alone = [function(x[i : i + 1], ct[i : i + 1]) for i in range(len(x))]
    for together, apart in zip(function(x, ct), zip(*alone, strict=True), strict=True):
        np.testing.assert_array_equal(bits(together), bits(np.concatenate(apart)))


LARGE = {"rows in several rooms": ((2, 61, 41, 70), {"window": 5, "strides": 2, "padding": 2})}


@here
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize("name", WINDOWS | LARGE)
@pytest.mark.parametrize("op", ["max_pool", "avg_pool"])
def test_16_bits_are_widened_and_rounded_once(op: str, name: str, dtype: Any):
    """The gradient lies where NaN lay before."""
    shape, statics = (WINDOWS | LARGE)[name]
    function = partial(pooled, op, statics)
    x = jnp.asarray(normal(*shape), dtype)
    ct = jnp.asarray(normal(*jax.eval_shape(partial(getattr(functional_nn, op), **statics), x).shape, seed=1), dtype)
    there = [jnp.full(each.shape, np.nan, dtype) for each in (ct, x)]
    in_place = jax.jit(lambda there, x, ct: function(x, ct), donate_argnums=0, keep_unused=True)
    assert calls(function, x, ct) == 2
    wide = jax.jit(function)(np.asarray(x, np.float32), np.asarray(ct, np.float32))
    for mine, other in zip(in_place(there, x, ct), wide, strict=True):
        np.testing.assert_array_equal(bits(mine), bits(other.astype(dtype)))


@here
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", WINDOWS | DILATED)
def test_ties_in_bfloat16_are_decided_as_in_float32(name: str):
    function, shape, out_shape = case_of("max_pool", name, {})
    arrays = [jnp.asarray(each, jnp.bfloat16) for each in (few_values(*shape), whole(*out_shape))]
    for mine, other in zip(jax.jit(function)(*arrays), jax.jit(function)(*map(np.float32, arrays)), strict=True):
        np.testing.assert_array_equal(bits(mine), bits(other.astype(jnp.bfloat16)))


def slope_of(op: str, x: Any) -> Any:
    def loss(x: Any) -> Any:
        return jnp.sum(jnp.sin(getattr(functional_nn, op)(x, window=3, strides=2, padding=1)))

    return jax.grad(loss)(x)


@here
@pytest.mark.parametrize("op", ["max_pool", "avg_pool"])
def test_every_derivative_is_that_of_float64(op: str):
    slope, x = partial(slope_of, op), normal(3, 11, 13, 17)
    assert calls(slope, x) == 2
    got, exact = derivatives(slope, x), derivatives(slope, np.float64(x))
    for name, outs in got.items():
        assert_close(outs, exact[name], 1e-5, f"{name}: float32 against float64")


@here
def test_no_image_at_all():
    """Of no example of vmap's; a batch of none is left to XLA."""
    pool = partial(functional_nn.max_pool, window=3, strides=2)
    assert calls(jax.vmap(pool), normal(2, 3, 11, 13, 17)) == 1
    assert jax.vmap(pool)(normal(0, 3, 11, 13, 17)).shape == (0, 3, 5, 6, 17)


LEFT: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "tiles": ((3, 30, 30, 16), {"window": 2}),
    "channels first": ((2, 16, 30, 30), {"window": 3, "strides": 2, "layout": "channels_first"}),
    "one axis": ((16, 30, 16), {"window": 3, "strides": 2}),
    "three axes": ((2, 9, 10, 11, 16), {"window": 3, "strides": 2}),
    "few channels": ((9, 30, 30, 8), {"window": 3, "strides": 2}),
    "few numbers": ((1, 7, 8, 16), {"window": 3, "strides": 2}),
    "no image": ((0, 30, 30, 16), {"window": 3, "strides": 2}),
    "long windows, steps of one": ((3, 30, 30, 16), {"window": 15, "strides": 1, "padding": "SAME"}),
    "more places than 16 bits tell apart": ((1, 258, 257, 16), {"window": (258, 256)}),
}


@pytest.mark.parametrize("op", ["max_pool", "avg_pool"])
@pytest.mark.parametrize("name", LEFT)
def test_what_is_left_to_xla(name: str, op: str):
    shape, statics = LEFT[name]
    assert calls(partial(getattr(functional_nn, op), **statics), np.zeros(shape, np.float32)) == 0


@here
def test_a_mean_of_all_and_wider_floats_are_left_to_xla():
    x = normal(3, 30, 31, 16)
    assert calls(partial(functional_nn.avg_pool, window="all"), x) == 0
    assert calls(partial(functional_nn.max_pool, window="all"), x) == 1
    assert calls(partial(functional_nn.max_pool, window="all"), np.float64(x)) == 0


@here
@pytest.mark.parametrize("op", ["max_pool", "avg_pool"])
def test_an_exported_program_calls_none(op: str):
    slope, x = partial(slope_of, op), normal(3, 11, 13, 17)
    assert calls(slope, x) == 2
    exported = jax.export.export(jax.jit(slope))(x)
    assert not any(target in exported.mlir_module() for target in targets(pooling))
