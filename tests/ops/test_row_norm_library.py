"""Layer and RMS normalization by a C file: against float64, in every derivative; what is left to XLA."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.c_files import calls, derivatives, here, normal, wanted  # noqa: F401 (a fixture)
from helpers.rows import assert_close

import functional_nn

# Of x: the last axis is averaged over.
ROWS = {
    "tokens": (8, 33, 96),
    "a row": (1, 1, 20_003),
    "narrower than a vector": (4000, 5),
    "a vector and a bit": (700, 17),
    "longer than a piece": (13, 2500),
}


def rows_of(name: str) -> tuple[Any, ...]:
    """x with rows of different height and width, scale, bias, and the cotangent of the result."""
    *rows, features = ROWS[name]
    high, wide = normal(*rows, 1, seed=1), 1 + np.abs(normal(*rows, 1, seed=2))
    parameters = normal(features, seed=3), normal(features, seed=4)
    return normal(*rows, features) * wide + 30 * high, *parameters, normal(*rows, features, seed=5)


def norm_of(op: str, *arrays: Any) -> Any:
    """The result and the gradients; rms_norm reads no bias."""
    *taken, ct = arrays if op == "layer_norm" else (*arrays[:2], arrays[3])
    out, pullback = jax.vjp(getattr(functional_nn, op), *taken)
    return out, *pullback(ct)


@here
@pytest.mark.parametrize("op", ["layer_norm", "rms_norm"])
@pytest.mark.parametrize("name", ROWS)
def test_norms_of_rows_and_their_gradients_are_those_of_float64(name: str, op: str):
    arrays, function = rows_of(name), partial(norm_of, op)
    assert calls(function, *arrays) == 2
    exact = jax.jit(function)(*map(np.float64, arrays))
    assert_close(jax.jit(function)(*arrays), exact, 4e-6, f"{op}, {name}: the library against float64")


@here
@pytest.mark.parametrize("op", ["layer_norm", "rms_norm"])
@pytest.mark.parametrize("name", ROWS)
def test_bfloat16_is_read_as_it_is_and_rounded_once(name: str, op: str):
    arrays, function = [jnp.asarray(array, jnp.bfloat16) for array in rows_of(name)], partial(norm_of, op)
    text = jax.jit(function).lower(*arrays).as_text()
    size = "x".join(map(str, (arrays[0].size // arrays[1].size, arrays[1].size)))
    assert [line.count(f"tensor<{size}xf32>") for line in text.splitlines() if f"functional_nn_{op}" in line] == [0, 0]
    exact = jax.jit(function)(*(np.float64(array) for array in arrays))
    for got, expected in zip(jax.jit(function)(*arrays), exact, strict=True):
        assert got.dtype == jnp.bfloat16
        excess = np.abs(np.float64(got) - expected) - 2**-8 * np.abs(expected) - 4e-6 * np.abs(expected).max()
        assert excess.max() <= 0, f"{op}, {name}: {excess.max():.2g} more than a rounding"


@here
def test_layer_norm_over_several_axes_is_that_of_one_long_row():
    x, scale, bias = normal(3, 70, 50), normal(70, 50, seed=1), normal(70, 50, seed=2)
    function = partial(functional_nn.layer_norm, axis=(1, 2))
    assert calls(function, x, scale, bias) == 1
    flat = functional_nn.layer_norm(x.reshape(3, -1), scale.reshape(-1), bias.reshape(-1))
    np.testing.assert_array_equal(function(x, scale, bias), flat.reshape(x.shape))


@here
@pytest.mark.parametrize("offset", [0.1, 1e4, -3e6])
def test_a_constant_row_has_no_variance_and_one_far_off_keeps_its_digits(offset: float):
    x: Any = np.full((600, 37), offset, np.float32)
    x[1] += np.arange(37, dtype=np.float32) % 8
    parameters: Any = (np.ones(37, np.float32), np.full(37, 0.5, np.float32))
    assert calls(functional_nn.layer_norm, x, *parameters) == 1
    y = functional_nn.layer_norm(x, *parameters)
    np.testing.assert_array_equal(y[2:], 0.5)
    exact = np.float64(x[1])
    expected = (exact - exact.mean()) / np.sqrt(exact.var() + 1e-5) + 0.5
    np.testing.assert_allclose(y[1], expected, rtol=1e-5, atol=3e-7)


@here
def test_one_feature_has_no_slope_at_all():
    x, one = normal(9000, 1), np.ones(1, np.float32)
    _, x_ct, *_ = norm_of("layer_norm", x, one, one, normal(9000, 1, seed=5))
    np.testing.assert_array_equal(x_ct, 0)


@here
@pytest.mark.parametrize("op", ["layer_norm", "rms_norm"])
def test_what_is_no_number_stays_in_its_row(op: str):
    x, *others = rows_of("a vector and a bit")
    x[3, 2], x[5, 16], x[7, 4] = np.nan, np.inf, -np.inf
    got, expected = norm_of(op, x, *others), norm_of(op, *map(np.float64, (x, *others)))
    for mine, other in zip(got, expected, strict=True):
        np.testing.assert_array_equal(np.isnan(mine), np.isnan(other))


def slope_of_layer_norm(*arrays: Any) -> Any:
    return jax.grad(lambda *arrays: jnp.sum(jnp.sin(functional_nn.layer_norm(*arrays))), (0, 1, 2))(*arrays)


def slope_of_rms_norm(*arrays: Any) -> Any:
    return jax.grad(lambda *arrays: jnp.sum(jnp.sin(functional_nn.rms_norm(*arrays))), (0, 1))(*arrays)


DERIVED = {"layer_norm": (slope_of_layer_norm, 3), "rms_norm": (slope_of_rms_norm, 2)}


@here
@pytest.mark.parametrize("op", DERIVED)
def test_every_derivative_is_that_of_float64(op: str):
    slope, count = DERIVED[op]
    arrays = rows_of("a vector and a bit")[:count]
    assert calls(slope, *arrays) == 2
    got, exact = derivatives(slope, *arrays), derivatives(slope, *map(np.float64, arrays))
    for name, outs in got.items():
        assert_close(jax.tree.leaves(outs), jax.tree.leaves(exact[name]), 2e-4, f"{name}: float32 against float64")


LEFT = {
    "rows of another axis": lambda: functional_nn.layer_norm(normal(40, 40, 8), normal(40), normal(40), axis=1),
    "few rows": lambda: functional_nn.rms_norm(normal(8, 8), normal(8)),
    "float64": lambda: functional_nn.rms_norm(jnp.ones((900, 16)), jnp.ones(16)),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_is_left_to_xla(name: str):
    assert calls(LEFT[name]) == 0
