"""Activations and gated units by a C file: against float64, in every derivative, and at the ends of the range."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.c_files import calls, derivatives, here, normal, wanted  # noqa: F401 (a fixture)
from helpers.rows import assert_close

import functional_nn
from functional_nn.cpu import activations
from functional_nn.models._gated import glu_of_halves

# Of x and the gate; the halves lie side by side along the last axis.
SHAPES = {
    "tokens": (8, 33, 96),
    "a row": (20_003,),
    "narrower than a vector": (4000, 5),
    "a vector and a bit": (700, 17),
    "a piece and a number": (13, 1025),
}
every_activation = pytest.mark.parametrize("activation", activations.NAMES)


def whole(x: Any, gate: Any, ct: Any, activation: str) -> Any:
    """The unit of two arrays and both gradients."""
    out, pullback = jax.vjp(partial(functional_nn.glu, activation=activation), x, gate)
    return out, *pullback(ct)


def by_halves(x: Any, gate: Any, ct: Any, activation: str) -> Any:
    """The same of one array."""
    out, pullback = jax.vjp(partial(glu_of_halves, activation=activation), jnp.concatenate([x, gate], -1))
    return out, *jnp.split(pullback(ct)[0], 2, -1)


def alone(x: Any, gate: Any, ct: Any, activation: str) -> Any:
    """The activation of the gate and its gradient, with the cotangent that x makes of it."""
    out, pullback = jax.vjp(getattr(functional_nn, activation), gate)
    return out, *pullback(ct * x)


every_form = pytest.mark.parametrize("form", [whole, by_halves, alone])


def drawn(shape: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """x, a gate far and near, and a cotangent."""
    return normal(*shape), normal(*shape, seed=1) * np.exp(2 * normal(*shape, seed=2)), normal(*shape, seed=3)


@here
@every_form
@every_activation
@pytest.mark.parametrize("name", SHAPES)
def test_value_and_gradients_are_those_of_float64(name: str, activation: str, form: Callable[..., Any]):
    arrays, function = drawn(SHAPES[name]), partial(form, activation=activation)
    assert calls(function, *arrays) == 2
    x, _, ct = exact_arrays = [np.float64(array) for array in arrays]
    # The slope of silu is a difference, near its zero too.
    room = 2e-7 * np.abs(x * ct) + 1e-34
    for got, expected in zip(jax.jit(function)(*arrays), jax.jit(function)(*exact_arrays), strict=True):
        excess = np.max(np.abs(got - expected) - 1e-6 * np.abs(expected) - room)
        assert excess <= 0, f"{activation}, {name}: {excess:.2g} more than 1e-6 of the value and {room.max():.2g}"


@here
@every_form
@every_activation
def test_where_the_gate_is_shut_or_open_it_is_what_xla_gives(activation: str, form: Callable[..., Any]):
    """At zeros, where exp underflows, and at what is no number: the same, or as near as two exponentials are."""
    ends = [0.0, -0.0, 1e-30, 20, 88, 1e30, np.inf, -20, -87, -87.3, -88, -104, -1e30, -np.inf, np.nan]
    gate: Any = np.tile(np.array(ends, np.float32), 600)
    x, ct = np.full_like(gate, 2), np.full_like(gate, -3)
    function = partial(form, activation=activation)
    assert calls(function, x, gate, ct) == 2
    few = [array[: len(ends)] for array in (x, gate, ct)]
    assert calls(function, *few) == 0
    for got, expected in zip(function(x, gate, ct), function(*few), strict=True):
        np.testing.assert_allclose(got[: len(ends)], expected, rtol=1e-6, atol=2e-38)
        np.testing.assert_array_equal(got[: len(ends)], got[-len(ends) :])


def slope_of_halves(x: Any) -> Any:
    return jax.grad(lambda x: jnp.sum(jnp.sin(glu_of_halves(x, activation="silu"))))(x)


def slope_of_glu(x: Any, gate: Any) -> Any:
    return jax.grad(lambda *arrays: jnp.sum(jnp.sin(functional_nn.glu(*arrays))), (0, 1))(x, gate)


def slope_of_silu(x: Any) -> Any:
    return jax.grad(lambda x: jnp.sum(jnp.sin(functional_nn.silu(x))))(x)


DERIVED = {"halves": (slope_of_halves, 1), "glu": (slope_of_glu, 2), "silu": (slope_of_silu, 1)}


@here
@pytest.mark.parametrize("name", DERIVED)
def test_every_derivative_is_that_of_float64(name: str):
    slope, count = DERIVED[name]
    arrays = drawn((700, 34))[:count]
    assert calls(slope, *arrays) == 2
    got, exact = derivatives(slope, *arrays), derivatives(slope, *map(np.float64, arrays))
    for kind, outs in got.items():
        assert_close(jax.tree.leaves(outs), jax.tree.leaves(exact[kind]), 2e-5, f"{kind}: float32 against float64")


@here
def test_halves_are_the_halves():
    x, gate, _ = drawn((300, 64))
    apart = functional_nn.glu(x, gate, activation="silu")
    np.testing.assert_array_equal(glu_of_halves(jnp.concatenate([x, gate], -1), activation="silu"), apart)


LEFT = {
    "another activation": lambda: functional_nn.glu(normal(100, 100), normal(100, 100), activation="gelu"),
    "another op": lambda: functional_nn.gelu(normal(100, 100)),
    "few": lambda: functional_nn.glu(normal(8, 8), normal(8, 8)),
    "float64": lambda: functional_nn.silu(jnp.ones(9000)),
    "two dtypes": lambda: functional_nn.glu(normal(9000), jnp.ones(9000)),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_is_left_to_xla(name: str):
    assert calls(LEFT[name]) == 0
