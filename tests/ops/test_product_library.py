"""Products of rows with a matrix in 16 bits by oneDNN: against float64, in every derivative; what is left to XLA."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.c_files import normal, wanted  # noqa: F401 (a fixture)

import functional_nn
from functional_nn import _libraries
from functional_nn.cpu import onednn, products

bfloat16: Any = jnp.bfloat16
here = pytest.mark.skipif(bool(products.unusable()), reason=f"it is not used here: {products.unusable()}")

ONE_ROW = (1, 30), (30, 20), (20,), (1, 20)
# Of x, and how many outputs there are.
SHAPES = {
    "a layer": ((128, 784), 50),
    "tokens": ((4, 33, 96), 130),
    "one of each": ((8, 1), 1),
    "few and odd": ((9, 3), 7),
    "a wide kernel": ((16, 700), 900),
    "many rows": ((4100, 5), 3),
}


def arguments(name: str) -> tuple[Any, ...]:
    """x, kernel, bias, and the cotangent of the result."""
    (*rows, inputs), outputs = SHAPES[name]
    shapes = (*rows, inputs), (inputs, outputs), (outputs,), (*rows, outputs)
    return tuple(jnp.asarray(normal(*shape, seed=seed), bfloat16) for seed, shape in enumerate(shapes))


def all_of(*arrays: Any) -> Any:
    """The result of dense and its gradients; the last array is the result's cotangent."""
    *taken, ct = arrays
    out, pullback = jax.vjp(functional_nn.dense, *taken)
    return out, *pullback(ct)


def calls(function: Any, *arrays: Any) -> int:
    return jax.jit(function).lower(*arrays).as_text().count(f"@{onednn.TARGET}(")


def assert_rounded_once(got: Any, exact: Any, what: str) -> None:
    """Within half a unit of bfloat16, and what a sum of float32 may be off."""
    assert got.dtype == bfloat16
    assert got.shape == exact.shape
    off = np.abs(np.float64(got) - exact) - float(jnp.finfo(bfloat16).eps) / 2 * np.abs(exact)
    assert off.max() <= 2e-6 * np.abs(exact).max(), f"{what} is {off.max():.2e} off beyond its rounding"


@here
@pytest.mark.parametrize("biased", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("name", SHAPES)
def test_value_and_gradients_are_added_up_in_32_bits_and_rounded_once(name: str, biased: bool):
    x, kernel, bias, ct = arguments(name)
    arrays = (x, kernel, bias, ct) if biased else (x, kernel, ct)
    assert calls(all_of, *arrays) == 3
    names = ("out", "x_ct", "kernel_ct", "bias_ct")
    for what, got, exact in zip(names, jax.jit(all_of)(*arrays), all_of(*map(np.float64, arrays)), strict=False):
        assert_rounded_once(got, exact, f"{what} of {name}")


@here
def test_what_nobody_asks_for_is_not_computed():
    x, kernel, bias, ct = arguments("a layer")
    of_kernel = jax.jit(lambda *arrays: all_of(*arrays)[2:])
    compiled = of_kernel.lower(x, kernel, bias, ct).compile().as_text()
    assert compiled is not None
    assert compiled.count(f'custom_call_target="{onednn.TARGET}"') == 1


def slope(*arrays: Any) -> Any:
    square = lambda *taken: jnp.sum(jnp.square(functional_nn.dense(*taken).astype(jnp.float32)))  # noqa: E731
    return jax.grad(square, tuple(range(len(arrays))))(*arrays)


@here
def test_every_derivative_is_that_of_float64():
    arrays = arguments("few and odd")[:3]
    ways = {
        "gradient": slope,
        "forward over reverse": lambda *a: jax.jvp(slope, a, a)[1],
        "reverse over reverse": jax.grad(lambda *a: sum(jnp.sum(each.astype(jnp.float32)) for each in slope(*a))),
        "checkpoint": jax.checkpoint(slope),
        "vmap": lambda *a: jax.vmap(slope)(*(jnp.stack([each, 2 * each]) for each in a)),
    }
    assert calls(slope, *arrays) == 3
    for name, way in ways.items():
        for got, exact in zip(*(jax.tree.leaves(way(*a)) for a in (arrays, map(np.float64, arrays))), strict=True):
            assert np.abs(np.float64(got) - exact).max() <= 0.02 * np.abs(exact).max(), name


@here
def test_a_kernel_is_brought_into_order_anew_at_every_call():
    """All calls share the memory for that, large ones and small ones."""
    small, large = arguments("few and odd"), arguments("a wide kernel")
    first = [jax.jit(all_of)(*arrays) for arrays in (small, large)]
    again = [jax.jit(all_of)(*arrays) for arrays in (large, small)]
    jax.tree.map(np.testing.assert_array_equal, first, again[::-1])


@here
def test_what_is_no_number_stays_in_its_row():
    x, kernel, bias, _ = arguments("a layer")
    x = x.at[3, 2].set(jnp.nan).at[5, 16].set(jnp.inf)
    out = jax.jit(functional_nn.dense)(x, kernel, bias)
    assert not np.isfinite(np.float64(out[jnp.array([3, 5])])).any()
    assert np.isfinite(np.float64(jnp.delete(out, jnp.array([3, 5]), axis=0))).all()


@here
def test_a_bias_of_another_length_is_refused_before():
    x, kernel, bias, _ = arguments("a layer")
    with pytest.raises(ValueError, match=r"dense: bias\.shape must equal kernel\.shape\[1:\]"):
        functional_nn.dense(x, kernel, bias[1:])


LEFT = {
    "few rows": (7, 16, "bfloat16"),
    "no rows": (0, 16, "bfloat16"),
    "no inputs": (16, 0, "bfloat16"),
    "float32": (64, 64, "float32"),
    "float64": (64, 64, "float64"),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_is_left_to_xla(name: str):
    rows, inputs, dtype = LEFT[name]
    assert calls(functional_nn.dense, jnp.ones((rows, inputs), dtype), jnp.ones((inputs, 5), dtype)) == 0


@pytest.mark.parametrize("by_library", [True, False], ids=["by a library", "by XLA"])
def test_the_gradient_of_a_bias_is_added_up_in_32_bits(by_library: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_libraries, "WANTED", by_library)
    x, kernel, bias, ct = arguments("many rows")
    _, pullback = jax.vjp(partial(functional_nn.dense, x, kernel), bias)
    (bias_ct,) = jax.jit(pullback)(ct)
    assert_rounded_once(bias_ct, np.float64(ct).sum(0), "bias_ct")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("biased", [True, False], ids=["bias", "no bias"])
def test_the_gradients_of_one_row_are_those_of_a_product(biased: bool, dtype: Any):
    x, kernel, bias, ct = (np.random.default_rng(seed).normal(size=s) for seed, s in enumerate(ONE_ROW))
    taken = (x, kernel, bias) if biased else (x, kernel)
    arrays = [jnp.asarray(array, dtype) for array in (*taken, ct)]
    expected = (x @ kernel + (bias if biased else 0), ct @ kernel.T, x.T @ ct, ct.sum(0))
    for got, exact in zip(jax.jit(all_of)(*arrays), expected, strict=False):
        np.testing.assert_allclose(got, exact, rtol=1e-5, atol=1e-5)
    twice = [jnp.stack([array, 2 * array]) for array in arrays]
    for got, exact in zip(jax.vmap(all_of)(*twice), expected, strict=False):
        np.testing.assert_allclose(got[0], exact, rtol=1e-5, atol=1e-5)


def test_examples_side_by_side_are_one_product():
    """A network of one example under vmap, as many write it, must not become as many products of one row."""
    x, kernel = jnp.ones((32, 6)), jnp.ones((6, 4))
    text = jax.jit(jax.vmap(functional_nn.dense, (0, None))).lower(x, kernel).as_text()
    (line,) = (line for line in text.splitlines() if "dot_general" in line)
    assert "tensor<32x" in line
    assert "tensor<6x4x" in line
