"""Losses of labels: what they stand for, which are refused, and classes that are absent or masked."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_losses import RIGHT, every_twin, gradients

import functional_nn


@every_twin
@pytest.mark.parametrize("name", ["cross_entropy_error", "softmax_cross_entropy"])
@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8])
def test_labels_mean_their_one_hot_rows(twin: Any, name: str, dtype: Any):
    scores = np.random.default_rng(5).uniform(0.1, 1, size=(3, 2, 5))
    labels = np.array([[0, 4], [2, 2], [3, 1]], dtype)
    loss = getattr(twin, name)
    np.testing.assert_allclose(loss(scores, labels), loss(scores, np.eye(5)[labels]), rtol=1e-15)
    assert np.shape(loss(scores, labels)) == (3, 2)


@pytest.mark.parametrize("name", ["cross_entropy_error", "softmax_cross_entropy"])
def test_a_label_out_of_range_is_nan_where_labels_have_no_values_yet(name: str):
    loss = getattr(functional_nn, name)
    scores, labels = jnp.full((4, 5), 0.2), jnp.array([0, 5, -1, 4])
    with pytest.raises(ValueError, match=f"^{name}: labels must be at least 0 and below .*; got labels from -1 to 5"):
        loss(scores, labels)
    with pytest.raises(ValueError, match=f"^{name}: labels must be"):
        jax.grad(lambda scores: loss(scores, labels).sum())(scores)
    assert np.array_equal(np.isnan(jax.jit(loss)(scores, labels)), [False, True, True, False])
    slope = np.asarray(jax.jit(jax.grad(lambda s, t: loss(s, t).sum()))(scores, labels))
    assert np.array_equal(np.isnan(slope).all(-1), [False, True, True, False])
    assert np.array_equal(np.isnan(slope).any(-1), [False, True, True, False])


@every_twin
def test_an_answer_held_impossible_costs_infinitely_much(twin: Any):
    p = np.array([[0.0, 1.0]])
    assert float(twin.cross_entropy_error(p, np.array([0]))[0]) == np.inf
    assert float(twin.binary_cross_entropy(p, np.array([[1.0, 1.0]]))[0]) == np.inf
    assert float(twin.kl_divergence(np.array([[-np.inf, 0.0]]), np.array([[0.5, 0.5]]))[0]) == np.inf


@every_twin
def test_absent_classes_add_nothing(twin: Any):
    p, t = np.array([[0.0, 0.25, 0.75]]), np.array([[0.0, 0.5, 0.5]])
    for name, first in (("cross_entropy_error", p), ("kl_divergence", np.array([[-np.inf, -1.0, -2.0]]))):
        without = getattr(twin, name)(first[:, 1:], t[:, 1:])
        np.testing.assert_allclose(getattr(twin, name)(first, t), without, rtol=1e-15)
        for ct in gradients(twin, name, first, t):
            assert ct[0, 0] == 0, f"{name}: the gradient of an absent class"
            assert np.isfinite(ct).all()
    certain = np.array([[0.0, 1.0]])
    assert float(twin.binary_cross_entropy(certain, certain)[0]) == 0
    np.testing.assert_allclose(gradients(twin, "binary_cross_entropy", certain, certain)[0], [[0.5, -0.5]])


@every_twin
def test_the_gradient_to_a_target_of_zero_is_the_surprise_of_its_class(twin: Any):
    p, t = np.array([[0.25, 0.75]]), np.array([[0.0, 1.0]])
    np.testing.assert_allclose(gradients(twin, "cross_entropy_error", p, t)[1], -np.log(p), rtol=1e-15)


@every_twin
def test_a_class_masked_by_minus_infinity(twin: Any):
    logits = np.array([[0.0, -np.inf, 0.0]])
    np.testing.assert_allclose(twin.softmax_cross_entropy(logits, np.array([0])), [np.log(2.0)], rtol=1e-15)
    slope = gradients(twin, "softmax_cross_entropy", logits, np.array([0]))[0]
    np.testing.assert_allclose(slope, [[-0.5, 0.0, 0.5]], rtol=1e-15)


def test_a_masked_class_in_forward_mode():
    logits = np.array([[0.0, -np.inf, 0.0]])
    loss = lambda z: functional_nn.softmax_cross_entropy(z, jnp.array([0]))  # noqa: E731 (jax.jvp takes a function)
    _, tangent = jax.jvp(loss, (logits,), (np.array([[1.0, 1.0, 0.0]]),))
    np.testing.assert_allclose(tangent, [-0.5], rtol=1e-15)


@pytest.mark.parametrize("name", ["softmax_cross_entropy", "cross_entropy_error"])
def test_labels_may_be_a_constant_of_a_jitted_function(name: str):
    labels, wrong, loss = jnp.array([2]), jnp.array([10]), getattr(functional_nn, name)
    np.testing.assert_allclose(jax.jit(lambda x: loss(x, labels))(RIGHT), loss(RIGHT, labels))
    with pytest.raises(ValueError, match="labels must be at least 0 and below"):
        jax.jit(lambda x: loss(x, wrong))(RIGHT)
