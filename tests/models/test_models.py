"""Models: loss, every parameter's gradient and every layer's cotangent, by hand and by JAX."""

import importlib
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.networks import (
    BATCH,
    Example,
    arrange,
    every_example,
    example_of,
    mean_loss,
    met_backwards,
    relative_error,
    with_noise,
)

from functional_nn.models import mlp, simple_convnet
from functional_nn.models._network import forward


@pytest.mark.slow
@every_example
@pytest.mark.parametrize("train", [False, True], ids=["evaluation", "training"])
def test_loss_and_every_gradient_by_hand_are_those_of_jax(example: Example, train: bool):
    params, state, x, labels = arrange(example)
    key = jax.random.key(7)

    @jax.jit
    def by_jax(params):
        return jax.value_and_grad(
            lambda p: mean_loss(example.model.apply(p, state, x, train=train, key=key)[0], labels)
        )(params)

    loss, grads = by_jax(params)
    masks = jax.device_get(example.model.dropout_masks(key, example.config, BATCH)) if train else None
    loss_by_hand, grads_by_hand = example.twin.value_and_grad(params, state, x, labels, masks=masks)
    assert abs(loss_by_hand - loss) <= 1e-12 * abs(loss), f"{example.id}: loss {loss_by_hand!r} against {loss!r}"
    assert jax.tree.structure(grads_by_hand) == jax.tree.structure(params)
    for path, expected in jax.tree_util.tree_leaves_with_path(grads):
        layer, name = (entry.key for entry in path)
        error = relative_error(grads_by_hand[layer][name], expected)
        assert error <= 1e-12, f"{example.id}: gradient of {layer}/{name} differs by {error:.1e}"


@pytest.mark.slow
@every_example
def test_the_error_handed_back_is_that_of_jax_layer_by_layer(example: Example):
    """Seed row 17: from the loss to the input, every layer's cotangent, not only the parameters'."""
    params, state, x, labels = arrange(example)
    masks = example.model.dropout_masks(jax.random.key(3), example.config, BATCH)
    layers = example.model.layers(example.config, masks)
    by_hand = example.twin.layer_cotangents(params, state, x, labels, masks=jax.device_get(masks))
    assert list(by_hand) == [*met_backwards(layers), "x"]

    @jax.jit
    @jax.grad
    def slopes(noise):
        """The slopes of the loss, by what (zero) is added to the input and to the output of every layer."""
        return mean_loss(forward(with_noise(layers, noise), params, x + noise["x"])[0], labels)

    expected = slopes(jax.tree.map(jnp.zeros_like, by_hand))
    for name, cotangent in by_hand.items():
        error = relative_error(cotangent, expected[name])
        assert error <= 1e-12, f"{example.id}: the error that reaches {name} differs by {error:.1e}"


@pytest.mark.slow
@every_example
def test_gradient_by_hand_is_the_numerical_one(example: Example):
    """The third leg: along random directions, by central differences of the reference's own loss."""
    params, state, x, labels = arrange(example)
    masks = jax.device_get(example.model.dropout_masks(jax.random.key(3), example.config, BATCH))
    _, grads = example.twin.value_and_grad(params, state, x, labels, masks=masks)
    rng = np.random.default_rng(1)
    for layer in params:
        direction = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape), params[layer])

        def loss_at(t, layer=layer, direction=direction):
            moved = {**params, layer: jax.tree.map(lambda p, d: p + t * d, params[layer], direction)}
            return example.twin.value_and_grad(moved, state, x, labels, masks=masks)[0]

        measured = (loss_at(1e-6) - loss_at(-1e-6)) / 2e-6
        claimed = sum(float(np.sum(grads[layer][name] * direction[name])) for name in direction)
        assert abs(measured - claimed) <= 1e-7 * max(abs(claimed), 1), f"{example.id}: {layer}: {claimed} is {measured}"


@every_example
def test_logits_are_the_same_in_both_twins_and_the_state_is_unchanged(example: Example):
    params, state, x, _ = arrange(example)
    logits, after = jax.jit(example.model.apply)(params, state, x)
    by_hand, state_by_hand = example.twin.apply(params, state, x)
    assert logits.shape == by_hand.shape == (BATCH, example.config.classes)
    assert relative_error(by_hand, logits) <= 1e-13
    assert after["config"] == state["config"]
    jax.tree.map(np.testing.assert_array_equal, after, state)
    assert state_by_hand is state


def test_a_convolutional_network_sees_a_shifted_image_shifted():
    """Seed row 18: what makes it a CNN is that conv1 answers a moved input with the same answer, moved."""
    example = example_of(simple_convnet)
    params, _, x, _ = arrange(example)
    wide = np.zeros((1, 12, 12, 1))
    wide[0, 2:10, 2:10, 0] = x[0, :, :, 0]
    convolve = partial(forward, simple_convnet.layers(example.config)[:1], params)
    answer, moved = (convolve(jnp.asarray(image))[0] for image in (wide, np.roll(wide, (1, 2), (1, 2))))
    np.testing.assert_allclose(moved[:, 1:, 2:], answer[:, :-1, :-2], rtol=1e-12, atol=1e-12)
    assert not np.allclose(moved, answer)


def test_the_error_is_handed_back_in_proportion_to_the_weights():
    """Seed row 17, by hand: logits_ct = (0.3, -0.3), hidden to logits weights ((1, 2), (0, 5)).

    hidden_ct[0] = 0.3 * 1 + -0.3 * 2 = -0.3;  hidden_ct[1] = 0.3 * 0 + -0.3 * 5 = -1.5.
    """
    from reference.linear import dense_bwd, dense_fwd

    _, residuals = dense_fwd(np.array([[1.0, 1.0]]), np.array([[1.0, 2.0], [0.0, 5.0]]))
    hidden_ct, _, _ = dense_bwd(residuals, np.array([[0.3, -0.3]]))
    np.testing.assert_allclose(hidden_ct, [[-0.3, -1.5]], rtol=1e-15)


def test_loss_of_a_fresh_softmax_regression_is_log_of_the_classes():
    """All parameters 0: every probability is 1/4, the loss log 4, and the gradient (1/4 - target) / N times x."""
    config = mlp.Config(input_shape=(2,), classes=4, hidden=())
    params = {"dense1": {"kernel": np.zeros((2, 4)), "bias": np.zeros(4)}}
    twin = importlib.import_module("reference.models.mlp")
    loss, grads = twin.value_and_grad(params, {"config": config}, np.array([[1.0, 3.0], [2.0, 0.0]]), np.array([0, 2]))
    assert loss == pytest.approx(np.log(4), rel=1e-15)
    # (1/4 - 1, 1/4, 1/4, 1/4) / 2 + (1/4, 1/4, 1/4 - 1, 1/4) / 2 = (-1/4, 1/4, -1/4, 1/4)
    np.testing.assert_allclose(grads["dense1"]["bias"], [-0.25, 0.25, -0.25, 0.25], rtol=1e-14)
    # Row 0: 1 * (-3/8, 1/8, 1/8, 1/8) + 2 * (1/8, 1/8, -3/8, 1/8); row 1: 3 * (-3/8, 1/8, 1/8, 1/8).
    np.testing.assert_allclose(
        grads["dense1"]["kernel"], [[-0.125, 0.375, -0.625, 0.375], [-1.125, 0.375, 0.375, 0.375]], rtol=1e-14
    )


@every_example
def test_backward_changes_neither_parameters_nor_input(example: Example):
    params, state, x, labels = arrange(example)
    for leaf in [*jax.tree.leaves(params), x, labels]:
        leaf.setflags(write=False)
    first = example.twin.value_and_grad(params, state, x, labels)
    second = example.twin.value_and_grad(params, state, x, labels)
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_gradient_step_lowers_the_loss():
    """Seed row 1: forward, loss, backward, update."""
    example = example_of(simple_convnet)
    params, state, x, labels = arrange(example)
    losses = []
    for _ in range(5):
        loss, grads = example.twin.value_and_grad(params, state, x, labels)
        losses.append(loss)
        params = jax.tree.map(lambda p, g: p - 0.01 * g, params, grads)
    assert losses == sorted(losses, reverse=True), losses
