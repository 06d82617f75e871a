"""What batch normalization adds to a model: running statistics, two modes, moments in float32 at least."""

from functools import partial
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.networks import arrange, example_of, mean_loss, relative_error

import functional_nn.models.vgg as vgg
import reference.models.vgg as by_hand

PLAIN = {"input_shape": (4, 3, 2), "classes": 3, "filters": ((2,), (3,))}
both_sides = pytest.mark.parametrize("side", [vgg, by_hand], ids=["functional_nn", "reference"])


def arrange_plain(batch: int = 5) -> tuple[Any, Any, Any, Any]:
    return arrange(example_of(vgg)._replace(settings=PLAIN), batch)


@pytest.fixture(scope="module")
def trained() -> tuple[Any, Any]:
    """What jitted training of a batch leaves: logits and the new state."""
    params, state, x, _ = arrange_plain()
    return jax.jit(partial(vgg.apply, train=True))(params, state, x)


def test_names_and_shapes_of_the_default():
    shapes = vgg.kernel_shapes(vgg.Config())
    assert [shapes[f"conv{i}"][2:] for i in range(1, 6)] == [(1, 32), (32, 32), (32, 64), (64, 64), (64, 128)]
    assert shapes["dense1"] == (128, 10)
    names = " ".join(name for name, _ in vgg.layers(vgg.Config(dropout_rate=0.5), {"dropout1": jnp.ones((2, 128))}))
    assert names == (
        "conv1 norm1 relu1 conv2 norm2 relu2 pool1 conv3 norm3 relu3 conv4 norm4 relu4 pool2 conv5 norm5 relu5 "
        "average flatten dropout1 dense1"
    )


def test_no_bias_stands_before_a_normalization():
    """It would be taken off with the mean: its gradient is 0 and it could learn nothing."""
    params, _ = by_hand.init(0, by_hand.Config(**PLAIN))
    assert {name: set(arrays) for name, arrays in params.items()} == {
        "conv1": {"kernel"},
        "norm1": {"scale", "bias"},
        "conv2": {"kernel"},
        "norm2": {"scale", "bias"},
        "dense1": {"kernel", "bias"},
    }


def test_training_gives_the_same_logits_and_statistics_in_both_twins(trained: tuple[Any, Any]):
    params, state, x, _ = arrange_plain()
    logits, after = trained
    logits_by_hand, after_by_hand = by_hand.apply(params, state, x, train=True)
    assert relative_error(logits_by_hand, logits) <= 1e-13
    assert after["config"] == after_by_hand["config"] == state["config"]
    assert after["statistics"].keys() == {"norm1", "norm2"}
    for name, running in after["statistics"].items():
        assert running.keys() == {"mean", "variance"}
        for which, value in running.items():
            error = relative_error(after_by_hand["statistics"][name][which], value)
            assert error <= 1e-13, f"running {which} of {name} differs by {error:.1e}"


def test_running_statistics_are_nine_parts_old_and_one_part_of_the_unbiased_moments(trained: tuple[Any, Any]):
    params, state, x, _ = arrange_plain()
    old, new = (each["statistics"]["norm1"] for each in (state, trained[1]))
    convolution: Any = vgg.layers(state["config"])[0][1]
    convolved = np.asarray(convolution(x, **params["conv1"]))
    np.testing.assert_allclose(new["mean"], 0.9 * old["mean"] + 0.1 * convolved.mean((0, 1, 2)), rtol=1e-12)
    unbiased = convolved.var((0, 1, 2), ddof=1)
    np.testing.assert_allclose(new["variance"], 0.9 * old["variance"] + 0.1 * unbiased, rtol=1e-12)


@both_sides
def test_training_moves_the_statistics_and_leaves_what_it_was_given(side: ModuleType):
    params, state, x, _ = arrange_plain()
    before = jax.tree.map(np.copy, state["statistics"])
    _, after = side.apply(params, state, x, train=True)
    jax.tree.map(np.testing.assert_array_equal, state["statistics"], before)
    moved = jax.tree.leaves(jax.tree.map(lambda new, old: np.all(new != old), after["statistics"], before))
    assert all(moved)


@pytest.mark.slow
@both_sides
def test_in_training_an_example_depends_on_its_batch_and_in_evaluation_not(side: ModuleType):
    params, state, x, _ = arrange_plain()
    alone, beside = (side.apply(params, state, batch)[0][:2] for batch in (x[:2], x))
    np.testing.assert_allclose(alone, beside, rtol=1e-12)
    alone, beside = (side.apply(params, state, batch, train=True)[0][:2] for batch in (x[:2], x))
    assert relative_error(alone, beside) > 1e-3


def test_statistics_gathered_on_one_batch_evaluate_it_as_training_does():
    """With momentum 0 the running statistics are the batch's moments; for 240 values N / (N - 1) is near 1."""
    params, state, x, _ = arrange_plain(batch=20)
    config = by_hand.Config(**PLAIN, momentum=0.0)
    logits, after = by_hand.apply(params, state | {"config": config}, x, train=True)
    assert relative_error(by_hand.apply(params, after, x)[0], logits) < 0.05
    assert relative_error(by_hand.apply(params, state, x)[0], logits) > 0.05


def test_the_gradient_in_training_needs_no_running_statistics():
    params, state, x, labels = arrange_plain()
    loss, grads = by_hand.value_and_grad(params, {"config": state["config"]}, x, labels, masks={})
    again, same = by_hand.value_and_grad(params, state, x, labels, masks={})
    assert loss == again
    jax.tree.map(np.testing.assert_array_equal, grads, same)


def test_the_gradient_of_a_kernel_before_a_normalization_is_orthogonal_to_it():
    """norm(c K x) = norm(K x) but for epsilon, so no step along K itself lowers the loss."""
    params, _, x, labels = arrange_plain()
    config = by_hand.Config(**PLAIN, epsilon=1e-12)
    _, grads = by_hand.value_and_grad(params, {"config": config}, x, labels, masks={})
    kernel, slope = params["conv1"]["kernel"], grads["conv1"]["kernel"]
    along = abs(np.sum(kernel * slope)) / (np.linalg.norm(kernel) * np.linalg.norm(slope))
    assert along < 1e-9


@pytest.mark.slow
@both_sides
@pytest.mark.parametrize("batch", [0, 1])
def test_a_single_value_a_channel_cannot_be_normalized_in_training(side: ModuleType, batch: int):
    config = side.Config(input_shape=(1, 1, 2), classes=3, filters=((4,),))
    params, state = side.init(jax.random.key(0) if side is vgg else 0, config)
    x = np.ones((batch, 1, 1, 2))
    assert side.apply(params, state, x)[0].shape == (batch, 3)
    rule = r"^batch_norm: in training there must be at least two values a channel; got x.shape=\(\d, 1, 1, 4\)$"
    with pytest.raises(ValueError, match=rule):
        side.apply(params, state, x, train=True)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16], ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("train", [False, True], ids=["evaluation", "training"])
def test_statistics_keep_their_dtype_and_do_not_widen_the_network(dtype: Any, train: bool):
    params, state, x, _ = arrange_plain()
    narrow = partial(jax.tree.map, lambda leaf: jax.ShapeDtypeStruct(leaf.shape, dtype))
    statistics = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, np.float32), state["statistics"])
    state = {"config": state["config"], "statistics": statistics}
    logits, after = jax.eval_shape(partial(vgg.apply, train=train), narrow(params), state, narrow(x))
    assert logits.dtype == dtype
    assert {leaf.dtype for leaf in jax.tree.leaves(after)} == {np.dtype(np.float32)}


def test_float32_stays_float32_in_the_reference_and_agrees_with_float64():
    params, state, x, labels = arrange_plain()
    narrow = partial(jax.tree.map, np.float32)
    assert by_hand.apply(narrow(params), state, narrow(x))[0].dtype == np.float32
    _, grads = by_hand.value_and_grad(narrow(params), state, narrow(x), labels, masks={})
    _, exact = by_hand.value_and_grad(params, state, x, labels, masks={})
    for narrow_leaf, leaf in zip(jax.tree.leaves(grads), jax.tree.leaves(exact), strict=True):
        assert narrow_leaf.dtype == np.float32
        assert relative_error(narrow_leaf, leaf) < 1e-4


def test_sixteen_bits_gather_the_moments_in_float32():
    """Around 300 the neighbours of bfloat16 are 2 apart, so a mean would be off by up to 1."""
    x = jnp.asarray(300 + np.random.default_rng(0).integers(-1, 2, (64, 4, 4, 1)) * 2, jnp.bfloat16)
    normalize: Any = vgg.layers(vgg.Config(**PLAIN))[1][1]
    one = jnp.ones(1, jnp.bfloat16)
    normalized = normalize(x, scale=one, bias=0 * one)
    exact = np.asarray(x, np.float64)
    np.testing.assert_allclose(normalized.moments["mean"], exact.mean((0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(normalized.moments["variance"], exact.var((0, 1, 2), ddof=1), rtol=1e-5)
    assert normalized.out.dtype == jnp.bfloat16


@pytest.mark.slow
@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_a_step_lowers_for_accelerators(platform: str):
    params, state, x, labels = arrange_plain()

    def gradients(params, x):
        def loss(params):
            logits, after = vgg.apply(params, state, x, train=True)
            return mean_loss(logits, labels), after["statistics"]

        return jax.grad(loss, has_aux=True)(params)

    narrow = partial(jax.tree.map, lambda leaf: jax.ShapeDtypeStruct(leaf.shape, np.float32))
    exported = jax.export.export(jax.jit(gradients), platforms=[platform])(narrow(params), narrow(x))
    assert exported.mlir_module().count("stablehlo.convolution") >= 5
