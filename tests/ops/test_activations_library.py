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
from functional_nn.gating import ACTIVATIONS
from functional_nn.models._gated import glu_of_halves

# Of x and the gate; the halves lie side by side along the last axis.
SHAPES = {
    "tokens": (8, 33, 96),
    "a row": (20_003,),
    "narrower than a vector": (4000, 5),
    "a vector and a bit": (700, 17),
    "a piece and a number": (13, 1025),
}
GATES = tuple(name for name in ACTIVATIONS if name in activations.NAMES)
# Those that have another name, or depend on a number.
ALONE: dict[str, Callable[[Any], Any]] = {
    "gelu_tanh": partial(functional_nn.gelu, approximate=True),
    "elu": partial(functional_nn.elu, alpha=0.7),
    "leaky_relu": partial(functional_nn.leaky_relu, negative_slope=-0.2),
}


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
    out, pullback = jax.vjp(ALONE.get(activation) or getattr(functional_nn, activation), gate)
    return out, *pullback(ct * x)


every_unit = pytest.mark.parametrize(
    ("form", "activation"),
    [
        pytest.param(form, name, id=f"{form.__name__} {name}")
        for form, names in {whole: GATES, by_halves: GATES, alone: activations.NAMES}.items()
        for name in names
    ],
)


def drawn(shape: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """x, a gate far and near, and a cotangent."""
    return normal(*shape), normal(*shape, seed=1) * np.exp(2 * normal(*shape, seed=2)), normal(*shape, seed=3)


@here
@every_unit
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", SHAPES)
def test_value_and_gradients_are_those_of_float64(name: str, dtype: str, form: Callable[..., Any], activation: str):
    arrays, function = (
        [jnp.asarray(array, dtype) for array in drawn(SHAPES[name])],
        partial(form, activation=activation),
    )
    assert calls(function, *arrays) == 2
    x, _, ct = exact_arrays = [np.float64(array) for array in arrays]
    # The slopes of silu and gelu are differences, near their zeros too.
    room, share = 2e-7 * np.abs(x * ct) + 1e-34, {"float32": 1e-6, "bfloat16": 2**-8 + 1e-6}[dtype]
    if form is alone and dtype == "bfloat16":
        exact_arrays[2] = np.float64(arrays[0] * arrays[2]) / x  # the cotangent's product is rounded before the call
    for got, expected in zip(jax.jit(function)(*arrays), jax.jit(function)(*exact_arrays), strict=True):
        assert got.dtype == dtype
        excess = np.max(np.abs(np.float64(got) - expected) - share * np.abs(expected) - room)
        assert excess <= 0, (
            f"{activation}, {name}: {excess:.2g} more than {share:.2g} of the value and {room.max():.2g}"
        )


@here
@every_unit
def test_where_the_gate_is_shut_or_open_it_is_what_xla_gives(form: Callable[..., Any], activation: str):
    """At zeros, where exp underflows, and at what is no number: the same, or as near as two exponentials are.

    What is below the smallest normal number, 1.2e-38, may be 0 before it is multiplied by the cotangent, 6.
    """
    ends = [0.0, -0.0, 1e-30, 20, 88, 1e30, np.inf, -20, -87, -87.3, -88, -104, -1e30, -np.inf, np.nan]
    gate: Any = np.tile(np.array(ends, np.float32), 600)
    x, ct = np.full_like(gate, 2), np.full_like(gate, -3)
    function = partial(form, activation=activation)
    assert calls(function, x, gate, ct) == 2
    few = [array[: len(ends)] for array in (x, gate, ct)]
    assert calls(function, *few) == 0
    for got, expected in zip(function(x, gate, ct), function(*few), strict=True):
        np.testing.assert_allclose(got[: len(ends)], expected, rtol=1e-6, atol=8e-38)
        np.testing.assert_array_equal(got[: len(ends)], got[-len(ends) :])


# Where what is left is small beside what it is computed from.
TAILS = {
    "sigmoid": (-80, -5),
    "silu": (-80, -5),
    "gelu": (-12, -1.5),
    "tanh": (1e-6, 0.1),
    "softplus": (-80, -5),
    "log_sigmoid": (5, 80),
    "elu": (-0.1, -1e-6),
}


@here
@pytest.mark.parametrize("name", TAILS)
def test_tails_keep_their_digits(name: str):
    function = ALONE.get(name) or getattr(functional_nn, name)
    low, high = TAILS[name]
    z = np.linspace(low, high, 10_000, dtype=np.float32)

    def value_and_slope(z: Any) -> Any:
        out, pullback = jax.vjp(function, z)
        return out, *pullback(jnp.ones_like(z))

    assert calls(value_and_slope, z) == 2
    for got, expected in zip(value_and_slope(z), value_and_slope(np.float64(z)), strict=True):
        worst = np.max(np.abs(np.float64(got) / expected - 1))
        assert worst < 1e-6, f"{name} from {z[0]} to {z[-1]} is {worst:.2g} of its value off"


def slope_of_halves(x: Any) -> Any:
    return jax.grad(lambda x: jnp.sum(jnp.sin(glu_of_halves(x, activation="silu"))))(x)


def slope_of_glu(x: Any, gate: Any) -> Any:
    return jax.grad(lambda *arrays: jnp.sum(jnp.sin(functional_nn.glu(*arrays))), (0, 1))(x, gate)


def slope_of_alone(function: Callable[[Any], Any], x: Any) -> Any:
    return jax.grad(lambda x: jnp.sum(jnp.sin(function(x))))(x)


DERIVED = {
    "halves": (slope_of_halves, 1),
    "glu": (slope_of_glu, 2),
    **{
        name: (partial(slope_of_alone, ALONE.get(name) or getattr(functional_nn, name)), 1)
        for name in activations.NAMES
    },
}


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


@here
def test_each_parameter_has_a_formula_of_its_own():
    x = normal(9000)
    units = [partial(functional_nn.elu, alpha=alpha) for alpha in (0.25, 3.0, 1e300)]
    few = [unit(x[:9]) for unit in units]
    for got, expected in zip(jax.jit(lambda x: [unit(x) for unit in units])(x), few, strict=True):
        np.testing.assert_allclose(got[:9], expected, rtol=1e-6)


LEFT = {
    "another activation": lambda: functional_nn.glu(normal(100, 100), normal(100, 100), activation="relu"),
    "another op": lambda: functional_nn.relu(normal(100, 100)),
    "few": lambda: functional_nn.glu(normal(8, 8), normal(8, 8)),
    "float64": lambda: functional_nn.silu(jnp.ones(9000)),
    "two dtypes": lambda: functional_nn.glu(normal(9000), jnp.ones(9000)),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_is_left_to_xla(name: str):
    assert calls(LEFT[name]) == 0
