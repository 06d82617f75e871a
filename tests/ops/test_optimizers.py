"""Optimizers by hand: step for step what optax does, and what the formulas say with small numbers."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
import pytest

from reference import optimizers
from reference.optimizers import Optimizer


class Pair(NamedTuple):
    """An optimizer by hand, and the optax call that its docstring names."""

    id: str
    by_hand: Optimizer
    twin: optax.GradientTransformation


def matrices(params: Any) -> Any:
    """How optax is told which axes of each kernel are inputs and which are outputs."""
    numbers = optax.contrib.MuonDimensionNumbers
    return jax.tree.map(lambda p: numbers(tuple(range(p.ndim - 1)), p.ndim - 1) if p.ndim > 1 else None, params)


def optax_muon(learning_rate: float, **choices: Any) -> optax.GradientTransformation:
    return optax.contrib.muon(learning_rate, muon_weight_dimension_numbers=matrices, **choices)


PAIRS = (
    Pair("sgd", optimizers.sgd(0.1), optax.sgd(0.1)),
    Pair("momentum", optimizers.momentum(0.1, 0.8), optax.sgd(0.1, 0.8)),
    Pair("momentum 0", optimizers.momentum(0.1, 0.0), optax.sgd(0.1, 0.0)),
    Pair("nesterov", optimizers.nesterov(0.1, 0.8), optax.sgd(0.1, 0.8, nesterov=True)),
    Pair("adagrad", optimizers.adagrad(0.1), optax.adagrad(0.1, initial_accumulator_value=0.0, eps=1e-7)),
    Pair("adagrad from 0.1", optimizers.adagrad(0.1, 0.1, 1e-3), optax.adagrad(0.1, 0.1, 1e-3)),
    Pair("rmsprop", optimizers.rmsprop(0.01), optax.rmsprop(0.01, decay=0.99, eps=1e-7)),
    Pair("rmsprop of a short memory", optimizers.rmsprop(0.01, 0.5, 1e-2), optax.rmsprop(0.01, 0.5, 1e-2)),
    Pair("adam", optimizers.adam(0.01), optax.adam(0.01)),
    Pair("adam of other betas", optimizers.adam(0.01, 0.5, 0.8, 1e-3), optax.adam(0.01, 0.5, 0.8, 1e-3)),
    Pair("adamw", optimizers.adamw(0.01), optax.adamw(0.01)),
    Pair("adamw of much decay", optimizers.adamw(0.01, weight_decay=0.3), optax.adamw(0.01, weight_decay=0.3)),
    Pair("muon", optimizers.muon(0.1), optax_muon(0.1, adam_learning_rate=0.005)),
    Pair(
        "muon of much decay",
        optimizers.muon(0.1, 0.5, 1e-3, 0.3, 0.01),
        optax_muon(0.1, beta=0.5, eps=1e-3, weight_decay=0.3, adam_learning_rate=0.01),
    ),
    Pair("the defaults of adam", optimizers.adam(), optax.adam(0.001)),
)
every_pair = pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.id)


def start() -> dict[str, dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    return {
        "conv1": {"kernel": rng.normal(size=(2, 1, 3, 2))},
        "dense1": {"kernel": rng.normal(size=(3, 2)), "bias": np.zeros(2)},
        "dense2": {"kernel": rng.normal(size=(2, 5)), "bias": rng.normal(size=5)},
    }


def gradient(params, step: int):
    """Of a bowl with curvatures from 0.1 to 10, with noise; 0 at first in one bias, and tiny in another."""
    rng = np.random.default_rng([1, step])
    grads = jax.tree.map(lambda p: np.geomspace(0.1, 10, p.size).reshape(p.shape) * p, params)
    grads = jax.tree.map(lambda g: g + rng.normal(scale=0.1, size=g.shape), grads)
    grads["dense1"]["bias"] = grads["dense1"]["bias"] * (step >= 10)
    grads["dense2"]["bias"] = grads["dense2"]["bias"] * 1e-6
    return grads


@pytest.mark.slow
@every_pair
def test_a_hundred_steps_are_those_of_optax(pair: Pair):
    """Both see the gradients at the parameters of the hand-written one, so that one step's slip is seen as such."""
    params = by_optax = start()
    state, optax_state = pair.by_hand.init(params), pair.twin.init(params)
    twin_update = jax.jit(pair.twin.update)
    for step in range(100):
        grads = gradient(params, step)
        params, state = pair.by_hand.update(grads, state, params)
        updates, optax_state = twin_update(grads, optax_state, by_optax)
        by_optax = jax.tree.map(lambda p, u: p + np.asarray(u), by_optax, updates)
        for path, expected in jax.tree_util.tree_leaves_with_path(by_optax):
            got = params[path[0].key][path[1].key]
            error = float(np.abs(got - expected).max() / max(np.abs(expected).max(), 1e-300))
            assert error <= 1e-12, f"{pair.id}, step {step + 1}: {jax.tree_util.keystr(path)} differs by {error:.1e}"


@every_pair
def test_nothing_is_changed_in_place(pair: Pair):
    params = start()
    grads, state = gradient(params, 20), pair.by_hand.init(params)
    params_after, state_after = pair.by_hand.update(grads, state, params)
    kept = jax.tree.map(np.copy, (params, grads, state_after, params_after))
    for leaf in jax.tree.leaves((params, grads, state_after, params_after)):
        if isinstance(leaf, np.ndarray):
            leaf.setflags(write=False)
    first = pair.by_hand.update(grads, state_after, params_after)
    second = pair.by_hand.update(grads, state_after, params_after)
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(jax.tree.leaves((params, grads, state_after, params_after)), jax.tree.leaves(kept), strict=True):
        np.testing.assert_array_equal(a, b)


@every_pair
def test_float32_parameters_stay_float32(pair: Pair):
    params = jax.tree.map(np.float32, start())
    grads = jax.tree.map(np.float32, gradient(params, 20))
    after, _ = pair.by_hand.update(grads, pair.by_hand.init(params), params)
    assert {leaf.dtype for leaf in jax.tree.leaves(after)} == {np.dtype(np.float32)}


@every_pair
def test_a_valley_is_descended(pair: Pair):
    params = {"x": np.array([-7.0, 2.0])}
    state = pair.by_hand.init(params)

    def loss(x):
        return x[0] ** 2 / 20 + x[1] ** 2

    losses = [loss(params["x"])]
    for _ in range(100):
        params, state = pair.by_hand.update({"x": params["x"] * np.array([0.1, 2.0])}, state, params)
        losses.append(loss(params["x"]))
    assert losses[-1] < losses[0], f"{pair.id}: from {losses[0]} to {losses[-1]}"


def two_steps(optimizer: Optimizer, p: float, g1: float, g2: float) -> tuple[float, float]:
    params, state = optimizer.update(np.array(g1), optimizer.init(np.array(p)), np.array(p))
    first = float(params)
    params, _ = optimizer.update(np.array(g2), state, params)
    return first, float(params)


WORKED = [
    # 1 - 0.1 * 2 = 0.8;  0.8 - 0.1 * 4 = 0.4.
    ("sgd", optimizers.sgd(0.1), (0.8, 0.4)),
    # v = 2, 1 - 0.2 = 0.8;  v = 0.5 * 2 + 4 = 5, 0.8 - 0.5 = 0.3.
    ("momentum", optimizers.momentum(0.1, 0.5), (0.8, 0.3)),
    # v = 2, 1 - 0.1 (2 + 0.5 * 2) = 0.7;  v = 5, 0.7 - 0.1 (4 + 0.5 * 5) = 0.05.
    ("nesterov", optimizers.nesterov(0.1, 0.5), (0.7, 0.05)),
    # s = 4, 1 - 0.1 * 2 / 2 = 0.9;  s = 4 + 16 = 20, 0.9 - 0.1 * 4 / sqrt(20) = 0.9 - 0.08944271909999 = 0.81055728.
    ("adagrad", optimizers.adagrad(0.1, 0.0, 1e-20), (0.9, 0.8105572809)),
    # s = 2, 1 - 0.2 / sqrt 2 = 0.8585786438;  s = 1 + 8 = 9, 0.8585786438 - 0.4 / 3 = 0.7252453104.
    ("rmsprop", optimizers.rmsprop(0.1, 0.5, 1e-20), (0.8585786438, 0.7252453104)),
    # t = 1: m = 1, v = 2, unbiased 2 and 4, so 1 - 0.1 * 2 / 2 = 0.9.
    # t = 2: m = 0.5 + 2 = 2.5, / 0.75 = 10/3; v = 1 + 8 = 9, / 0.75 = 12; 0.9 - 0.1 * (10/3) / sqrt 12 = 0.8037749551.
    ("adam", optimizers.adam(0.1, 0.5, 0.5, 1e-20), (0.9, 0.8037749551)),
    # Adam's step and 0.1 * 0.2 p: 0.9 - 0.02 = 0.88; 0.88 - 0.0962250449 - 0.02 * 0.88 = 0.7661749551.
    ("adamw", optimizers.adamw(0.1, 0.5, 0.5, 1e-20, 0.2), (0.88, 0.7661749551)),
]


@pytest.mark.parametrize(("optimizer", "expected"), [row[1:] for row in WORKED], ids=[row[0] for row in WORKED])
def test_two_steps_by_hand(optimizer: Optimizer, expected: tuple[float, float]):
    """From p = 1 with gradients 2, then 4."""
    assert two_steps(optimizer, 1.0, 2.0, 4.0) == pytest.approx(expected, abs=1e-9)


def test_the_first_step_of_adam_has_the_length_of_the_learning_rate():
    """m and v unbiased are g and g^2, so the step is the sign of g, however large or small g is."""
    for g in (1e-3, 5.0, -1e5):
        first, _ = two_steps(optimizers.adam(0.1, epsilon=1e-30), 0.0, g, g)
        assert first == pytest.approx(-0.1 * np.sign(g), rel=1e-12)


# Typed as anything, because the point is what happens to a caller without a type checker.
TEXT: Any = "0.1"
BAD: list[tuple[str, Callable[[], Any], str]] = [
    ("rate 0", lambda: optimizers.sgd(0.0), "sgd: learning_rate must be a finite number above 0; got"),
    ("negative rate", lambda: optimizers.adam(-0.1), "adam: learning_rate must be"),
    ("rate nan", lambda: optimizers.momentum(float("nan")), "momentum: learning_rate must be"),
    ("rate as text", lambda: optimizers.sgd(TEXT), "sgd: learning_rate must be"),
    (
        "momentum 1",
        lambda: optimizers.momentum(0.1, 1.0),
        "momentum: momentum must be a number, at least 0 and below 1",
    ),
    ("negative momentum", lambda: optimizers.nesterov(0.1, -0.1), "nesterov: momentum must be"),
    ("negative start", lambda: optimizers.adagrad(0.1, -1.0), "adagrad: initial_accumulator must be"),
    ("decay 1", lambda: optimizers.rmsprop(0.1, 1.0), "rmsprop: decay must be"),
    ("epsilon 0", lambda: optimizers.rmsprop(0.1, epsilon=0.0), "rmsprop: epsilon must be"),
    ("beta 1", lambda: optimizers.adam(0.1, beta2=1.0), "adam: beta2 must be"),
    ("negative decay", lambda: optimizers.adamw(0.1, weight_decay=-1e-4), "adamw: weight_decay must be"),
    ("beta of muon 1", lambda: optimizers.muon(beta=1.0), "muon: beta must be"),
    ("rate of the rest 0", lambda: optimizers.muon(adam_learning_rate=0.0), "muon: adam_learning_rate must be"),
    ("negative decay of muon", lambda: optimizers.muon(weight_decay=-1.0), "muon: weight_decay must be"),
]


@pytest.mark.parametrize(("make", "says"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_a_hyperparameter_out_of_range_is_refused(make: Callable[[], Any], says: str):
    with pytest.raises(ValueError, match=f"^{re.escape(says)}"):
        make()


@every_pair
def test_gradients_that_do_not_fit_are_refused(pair: Pair):
    params = start()
    state = pair.by_hand.init(params)
    missing = {"dense1": params["dense1"]}
    with pytest.raises(ValueError, match="grads must have the keys of params; got"):
        pair.by_hand.update(missing, state, params)
    bent = {**params, "dense1": {**params["dense1"], "kernel": np.ones((2, 3))}}
    with pytest.raises(ValueError, match=r"shapes of params; got \(2, 3\) against \(3, 2\) in dense1/kernel"):
        pair.by_hand.update(bent, state, params)


def test_every_optimizer_names_its_twin():
    for name in ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "muon"):
        assert "Twin: optax." in getattr(optimizers, name).__doc__, name


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (7, 3), (5, 5)], ids=str)
def test_orthogonal_brings_the_singular_values_near_1_and_keeps_the_directions(shape: tuple[int, int]):
    u, _, vt = np.linalg.svd(np.random.default_rng(0).normal(size=shape), full_matrices=False)
    for smallest in (1.0, 0.1, 0.02):
        values = np.geomspace(1.0, smallest, len(u.T))
        after = u.T @ optimizers.orthogonal(1e3 * (u * values) @ vt) @ vt.T
        off_diagonal = after - np.diag(np.diag(after))
        assert np.abs(off_diagonal).max() < 1e-12, f"singular vectors of {shape} are turned by {off_diagonal}"
        assert np.diag(after).min() > 0.65, f"from {values} to {np.diag(after)}"
        assert np.diag(after).max() < 1.25, f"from {values} to {np.diag(after)}"


def test_a_step_of_muon_by_hand():
    """Of a kernel of one number, from 1 with gradient 2: the norm makes it 1, of which five steps make f^5(1)."""
    s = 1.0
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    optimizer = optimizers.muon(0.1, weight_decay=0.5)
    params, _ = optimizer.update(np.array([[2.0]]), optimizer.init(np.ones((1, 1))), np.ones((1, 1)))
    assert params == pytest.approx(np.array([[1 - 0.1 * (s + 0.5)]]), abs=1e-8)
