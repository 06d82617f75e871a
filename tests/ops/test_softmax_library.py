"""Softmax of rows, its logarithm and its cross-entropy by a C file: against float64, in 32 and in 16 bits."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.c_files import calls, derivatives, here, normal, wanted  # noqa: F401 (a fixture)
from helpers.rows import assert_close

import functional_nn
from functional_nn.cpu.softmax import FEWEST, FEWEST_CLASSES

NAMES = ("softmax", "log_softmax")
SHAPES = {
    "a long row": (20_003,),
    "vectors": (300, 64),
    "a vector and a bit": (8, 40, 17),
    "just enough": (FEWEST // FEWEST_CLASSES, FEWEST_CLASSES),
    "longer than a piece": (3, 5000),
}


def scores_of(name: str) -> tuple[Any, ...]:
    """Rows of different height and width, and the cotangent of a result of their shape."""
    *rows, classes = SHAPES[name]
    wide = 1 + 9 * np.abs(normal(*rows, 1, seed=1))
    return normal(*rows, classes) * wide + 30 * normal(*rows, 1, seed=2), normal(*rows, classes, seed=3)


def judged(op: str, scores: Any, ct: Any) -> Any:
    out, pullback = jax.vjp(getattr(functional_nn, op), scores)
    return out, *pullback(ct)


@here
@pytest.mark.parametrize("op", NAMES)
@pytest.mark.parametrize("name", SHAPES)
def test_value_and_gradient_are_those_of_float64(name: str, op: str):
    arrays, function = scores_of(name), partial(judged, op)
    assert calls(function, *arrays) == 2
    assert_close(jax.jit(function)(*arrays), jax.jit(function)(*map(np.float64, arrays)), 2e-6, f"{op}, {name}")


@here
@pytest.mark.parametrize("op", [*NAMES, "softmax_cross_entropy"])
@pytest.mark.parametrize("name", ["vectors", "a vector and a bit"])
def test_bfloat16_is_read_as_it_is_and_rounded_once(name: str, op: str):
    scores, ct = (jnp.asarray(array, jnp.bfloat16) for array in scores_of(name))
    scores, ct = scores.reshape(-1, scores.shape[-1]), ct.reshape(-1, ct.shape[-1])
    labels = jnp.arange(len(scores)) % scores.shape[1]
    if op == "softmax_cross_entropy":
        ct = ct[:, 0]

    def function(scores: Any, ct: Any) -> Any:
        labelled = partial(functional_nn.softmax_cross_entropy, targets=labels)
        out, pullback = jax.vjp(getattr(functional_nn, op) if op in NAMES else labelled, scores)
        return out, *pullback(ct)

    text = jax.jit(function).lower(scores, ct).as_text()
    shape = "x".join(map(str, scores.shape))
    assert calls(function, scores, ct) == 2
    assert f"tensor<{shape}xf32>" not in text
    exact = jax.jit(function)(np.float64(scores), np.float64(ct))
    for got, other in zip(jax.jit(function)(scores, ct), exact, strict=True):
        assert got.dtype == jnp.bfloat16
        # Half a unit of bfloat16, and what float32 is off.
        off = np.abs(np.float64(got) - other) - np.abs(other) * 2**-8
        assert off.max() <= 2e-6 * np.abs(other).max()


@here
def test_a_certain_answer_keeps_its_digits_and_ties_count():
    scores: Any = np.zeros((300, 20), np.float32)
    scores[0, 3], scores[1, 3], scores[2, :2] = 20, 80, 5
    exact = functional_nn.log_softmax(jnp.asarray(scores, jnp.float64))
    got = functional_nn.log_softmax(jnp.asarray(scores))
    np.testing.assert_allclose(got, exact, rtol=5e-7)


@here
@pytest.mark.parametrize("op", NAMES)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_what_is_no_number_stays_in_its_row(op: str, dtype: Any):
    scores, ct = (np.array(array) for array in scores_of("vectors"))
    scores[1, 2], scores[2, 3], scores[3], scores[5, 4], ct[7, 1] = np.nan, np.inf, -np.inf, -np.inf, np.nan
    given = [jnp.asarray(array, dtype) for array in (scores, ct)]
    got, exact = (jax.jit(partial(judged, op))(*a) for a in (given, map(np.float64, given)))
    for mine, other in zip(got, exact, strict=True):
        np.testing.assert_array_equal(np.isnan(mine), np.isnan(other))


def slope_of(op: str, scores: Any) -> Any:
    return jax.grad(lambda scores: jnp.sum(jnp.sin(getattr(functional_nn, op)(scores))))(scores)


@here
@pytest.mark.parametrize("op", NAMES)
def test_every_derivative_is_that_of_float64(op: str):
    slope, scores = partial(slope_of, op), scores_of("vectors")[0] / 30
    assert calls(slope, scores) == 2
    got, exact = derivatives(slope, scores), derivatives(slope, np.float64(scores))
    for name, outs in got.items():
        assert_close(jax.tree.leaves(outs), jax.tree.leaves(exact[name]), 2e-4, f"{name}: float32 against float64")


LEFT = {
    "few scores": lambda: functional_nn.softmax(normal(10, 100)),
    "few classes": lambda: functional_nn.softmax(normal(1000, FEWEST_CLASSES - 1)),
    "another axis": lambda: functional_nn.log_softmax(normal(100, 100), axis=0),
    "float64": lambda: functional_nn.softmax(jnp.ones((100, 100))),
    "float16": lambda: functional_nn.log_softmax(jnp.ones((100, 100), jnp.float16)),
    "nothing": lambda: functional_nn.softmax(jnp.ones((0, 100), jnp.float32)),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_is_left_to_xla(name: str):
    assert calls(LEFT[name]) == 0
