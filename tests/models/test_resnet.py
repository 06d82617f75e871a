"""The residual network: its depth, its shortcuts, what a fresh block does, running statistics; by PyTorch too."""

from functools import partial
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.networks import arrange, example_of, mean_loss, relative_error

import functional_nn.models.resnet as resnet
import reference.models.resnet as by_hand
from functional_nn.models._network import Branch, outputs

SMALL = {"input_shape": (6, 5, 2), "classes": 3, "blocks": (1, 2), "filters": (2, 3)}
both_sides = pytest.mark.parametrize("side", [resnet, by_hand], ids=["functional_nn", "reference"])


def arrange_small(batch: int = 5) -> tuple[Any, Any, Any, Any]:
    return arrange(example_of(resnet)._replace(settings=SMALL), batch)


def fresh(side: ModuleType, **settings: Any) -> tuple[Any, Any]:
    return side.init(jax.random.key(0) if side is resnet else 0, side.Config(**settings))


def test_names_and_shapes_of_the_default():
    layers = resnet.layers(resnet.Config())
    names = " ".join(name for name, _ in layers)
    assert names == (
        "conv1 norm1 relu1 block1 relu2 block2 relu3 block3 relu4 block4 relu5 block5 relu6 block6 relu7 "
        "average flatten dense1"
    )
    ways = dict(layers)["block3"]
    assert isinstance(ways, Branch)
    assert " ".join(name for name, _ in ways.layers) == (
        "block3_conv1 block3_norm1 block3_relu block3_conv2 block3_norm2"
    )
    assert [name for name, _ in ways.shortcut] == ["block3_shortcut_conv", "block3_shortcut_norm"]
    shapes = resnet.kernel_shapes(resnet.Config())
    assert shapes["conv1"] == (3, 3, 1, 32)
    assert (shapes["block3_conv1"], shapes["block3_conv2"]) == ((3, 3, 32, 64), (3, 3, 64, 64))
    assert shapes["block3_shortcut_conv"] == (1, 1, 32, 64)
    assert shapes["dense1"] == (128, 10)


def test_a_convolution_stands_in_a_shortcut_only_where_the_shape_changes():
    config = resnet.Config(blocks=(2, 1, 1, 2), filters=(4, 8, 8, 6))
    strides = {block.name: block.strides for block in resnet.blocks(config)}
    assert strides == {"block1": 1, "block2": 1, "block3": 2, "block4": 2, "block5": 2, "block6": 1}
    shortcuts = {name: shape for name, shape in resnet.kernel_shapes(config).items() if "shortcut" in name}
    assert shortcuts == {
        "block3_shortcut_conv": (1, 1, 4, 8),
        "block4_shortcut_conv": (1, 1, 8, 8),
        "block5_shortcut_conv": (1, 1, 8, 6),
    }


@pytest.mark.parametrize(
    ("blocks", "depth", "millions"), [(3, 20, 0.27), (5, 32, 0.46), (7, 44, 0.66), (9, 56, 0.85), (18, 110, 1.7)]
)
def test_depth_and_parameters_are_those_of_the_paper(blocks: int, depth: int, millions: float):
    """He et al., table 6. Their shortcuts on small images have no parameters; those here are left out."""
    config = resnet.Config(input_shape=(32, 32, 3), blocks=3 * (blocks,), filters=(16, 32, 64))
    params, _ = jax.eval_shape(lambda key: resnet.init(key, config), jax.random.key(0))
    own = {name: arrays for name, arrays in params.items() if "shortcut" not in name}
    assert sum("kernel" in arrays for arrays in own.values()) == depth
    assert sum(leaf.size for leaf in jax.tree.leaves(own)) / 1e6 == pytest.approx(millions, abs=0.05 * millions)


def test_no_bias_stands_before_a_normalization():
    params, state = fresh(by_hand, **SMALL)
    for name, arrays in params.items():
        kernel = {"kernel", "bias"} if name == "dense1" else {"kernel"}
        assert set(arrays) == ({"scale", "bias"} if "norm" in name else kernel)
    assert set(state["statistics"]) == {name for name in params if "norm" in name}


@both_sides
def test_a_fresh_block_hands_on_what_it_is_given(side: ModuleType):
    params, state = fresh(side, **SMALL)
    x = np.random.default_rng(0).normal(size=(4, *SMALL["input_shape"]))
    logits, _ = side.apply(params, state, x, train=True)
    for name in ("block1_conv1", "block2_conv2", "block3_norm1"):
        other = {**params, name: jax.tree.map(lambda leaf: leaf + 1, params[name])}
        np.testing.assert_array_equal(side.apply(other, state, x, train=True)[0], logits)
    learned = {**params, "block1_norm2": jax.tree.map(lambda leaf: leaf + 1, params["block1_norm2"])}
    assert relative_error(side.apply(learned, state, x, train=True)[0], logits) > 1e-3


@pytest.mark.parametrize("height", [4, 5], ids=["even", "odd"])
def test_both_ways_of_a_block_look_at_the_same_places(height: int):
    """A 3x3 kernel of nothing but its center is the 1x1 kernel: then the first convolution is that of the shortcut."""
    config = resnet.Config(input_shape=(height, 7, 2), blocks=(1, 1), filters=(2, 3))
    ways: Any = dict(resnet.layers(config))["block2"]
    (_, first), (_, beside) = ways.layers[0], ways.shortcut[0]
    x, kernel = np.random.default_rng(0).normal(size=(1, height, 7, 2)), np.ones((1, 1, 2, 3))
    at_places = beside(x, kernel=kernel)
    assert at_places.shape == (1, (height + 1) // 2, 4, 3)
    np.testing.assert_allclose(first(x, kernel=np.pad(kernel, ((1, 1), (1, 1), (0, 0), (0, 0)))), at_places, rtol=1e-15)
    np.testing.assert_allclose(at_places[..., 0], x[:, ::2, ::2].sum(-1), rtol=1e-15)


def in_torch(params: Any, running: Any, x: Any, config: Any, train: bool) -> Any:
    """The logits as PyTorch's own functions compute them, from the paper alone; in training running moves, in place."""
    torch = pytest.importorskip("torch")
    F = torch.nn.functional

    def convolve(h, conv, norm, stride=1):
        kernel = params[conv]["kernel"].permute(3, 2, 0, 1)
        h = F.conv2d(h, kernel, stride=stride, padding=kernel.shape[-1] // 2)
        moments, own = running[norm], params[norm]
        return F.batch_norm(
            h, moments["mean"], moments["variance"], own["scale"], own["bias"], train, 0.1, config.epsilon
        )

    h, number = F.relu(convolve(x.permute(0, 3, 1, 2), "conv1", "norm1")), 0
    for stage, count in enumerate(config.blocks):
        for place in range(count):
            number += 1
            name, stride = f"block{number}", 2 if stage and not place else 1
            out = F.relu(convolve(h, f"{name}_conv1", f"{name}_norm1", stride))
            out = convolve(out, f"{name}_conv2", f"{name}_norm2")
            if stride != 1 or out.shape != h.shape:
                h = convolve(h, f"{name}_shortcut_conv", f"{name}_shortcut_norm", stride)
            h = F.relu(out + h)
    return h.mean((2, 3)) @ params["dense1"]["kernel"] + params["dense1"]["bias"]


@pytest.mark.parametrize("train", [False, True], ids=["evaluation", "training"])
def test_loss_and_every_gradient_are_those_of_pytorch(train: bool):
    torch = pytest.importorskip("torch")
    params, state, x, labels = arrange_small()
    loss, grads = by_hand.value_and_grad(params, state, x, labels, masks={} if train else None)
    leaves = jax.tree.map(lambda leaf: torch.tensor(leaf, requires_grad=True), params)
    running = jax.tree.map(torch.tensor, state["statistics"])
    logits = in_torch(leaves, running, torch.tensor(x), state["config"], train)
    torch_loss = torch.nn.functional.cross_entropy(logits, torch.tensor(labels))
    torch_loss.backward()
    assert loss == pytest.approx(torch_loss.item(), rel=1e-12)
    for layer, own in leaves.items():
        for name, leaf in own.items():
            error = relative_error(grads[layer][name], leaf.grad.numpy())
            assert error <= 1e-11, f"gradient of {layer}/{name} differs by {error:.1e}"


def test_running_statistics_are_those_of_pytorch_after_several_steps():
    torch = pytest.importorskip("torch")
    params, state, x, _ = arrange_small()
    running, after = jax.tree.map(torch.tensor, state["statistics"]), state
    for batch in (x, x**2, 2 - x):
        logits, after = by_hand.apply(params, after, batch, train=True)
        in_torch_too = in_torch(jax.tree.map(torch.tensor, params), running, torch.tensor(batch), state["config"], True)
        assert relative_error(logits, in_torch_too.numpy()) <= 1e-12
    for name, moments in running.items():
        for which, value in moments.items():
            error = relative_error(after["statistics"][name][which], value.numpy())
            assert error <= 1e-12, f"running {which} of {name} differs by {error:.1e}"


def test_running_statistics_are_the_same_in_both_twins_after_several_steps():
    params, state, x, _ = arrange_small()
    train, after, after_by_hand = jax.jit(partial(resnet.apply, train=True)), state, state
    for factor in (1.0, 2.0, 0.5):
        logits, after = train(params, after, factor * x)
        logits_by_hand, after_by_hand = by_hand.apply(params, after_by_hand, factor * x, train=True)
        assert relative_error(logits_by_hand, logits) <= 1e-13
    assert (
        after["statistics"].keys() == after_by_hand["statistics"].keys() == resnet.norm_channels(after["config"]).keys()
    )
    for path, value in jax.tree_util.tree_leaves_with_path(after["statistics"]):
        name, which = (entry.key for entry in path)
        assert np.all(value != state["statistics"][name][which]), f"running {which} of {name} has not moved"
        error = relative_error(after_by_hand["statistics"][name][which], value)
        assert error <= 1e-13, f"running {which} of {name} differs by {error:.1e}"


def test_the_statistics_of_a_norm_are_those_of_what_reaches_it():
    """Nine parts old, one part of the unbiased moments; inside of a shortcut too."""
    params, state, x, _ = arrange_small()
    _, after = resnet.apply(params, state, x, train=True)
    layers = resnet.layers(state["config"])
    ways: Any = dict(layers)["block2"]
    given = outputs(layers, params, jnp.asarray(x))["relu2"]
    convolved = np.asarray(ways.shortcut[0][1](given, **params["block2_shortcut_conv"]))
    old, new = (each["statistics"]["block2_shortcut_norm"] for each in (state, after))
    np.testing.assert_allclose(new["mean"], 0.9 * old["mean"] + 0.1 * convolved.mean((0, 1, 2)), rtol=1e-12)
    unbiased = convolved.var((0, 1, 2), ddof=1)
    np.testing.assert_allclose(new["variance"], 0.9 * old["variance"] + 0.1 * unbiased, rtol=1e-12)


@both_sides
@pytest.mark.parametrize("batch", [0, 1])
def test_a_single_value_a_channel_cannot_be_normalized_in_training(side: ModuleType, batch: int):
    params, state = fresh(side, input_shape=(2, 2, 1), classes=3, blocks=(1, 1), filters=(2, 4))
    x = np.ones((batch, 2, 2, 1))
    assert side.apply(params, state, x)[0].shape == (batch, 3)
    rule = r"^batch_norm: in training there must be at least two values a channel; got x.shape=\("
    with pytest.raises(ValueError, match=rule):
        side.apply(params, state, x, train=True)


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 3, 1), (13, 9, 2), (28, 28, 1), (32, 32, 3), (33, 64, 1)], ids=str)
def test_images_of_any_size_have_logits(shape: tuple[int, int, int]):
    config = resnet.Config(input_shape=shape, classes=7)
    params, state = jax.eval_shape(lambda key: resnet.init(key, config), jax.random.key(0))
    x = jax.ShapeDtypeStruct((4, *shape), np.float32)
    assert jax.eval_shape(partial(resnet.apply, train=True), params, state, x)[0].shape == (4, 7)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16], ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("train", [False, True], ids=["evaluation", "training"])
def test_statistics_keep_their_dtype_and_do_not_widen_the_network(dtype: Any, train: bool):
    params, state, x, _ = arrange_small()
    narrow = partial(jax.tree.map, lambda leaf: jax.ShapeDtypeStruct(leaf.shape, dtype))
    statistics = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, np.float32), state["statistics"])
    state = {"config": state["config"], "statistics": statistics}
    logits, after = jax.eval_shape(partial(resnet.apply, train=train), narrow(params), state, narrow(x))
    assert logits.dtype == dtype
    assert {leaf.dtype for leaf in jax.tree.leaves(after)} == {np.dtype(np.float32)}


@pytest.mark.parametrize(("dtype", "share"), [(jnp.float32, 1e-5), (jnp.bfloat16, 0.05)], ids=["float32", "bfloat16"])
def test_loss_and_gradients_in_fewer_bits_are_near_those_in_float64(dtype: Any, share: float):
    params, state, x, labels = arrange_small(batch=20)
    loss_by_hand, by_name = by_hand.value_and_grad(params, state, x, labels, masks={})

    @jax.jit
    @jax.value_and_grad
    def value_and_grad(params):
        return mean_loss(resnet.apply(params, state, jnp.asarray(x, dtype), train=True)[0].astype(float), labels)

    loss, grads = value_and_grad(jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), params))
    assert {leaf.dtype for leaf in jax.tree.leaves(grads)} == {jnp.dtype(dtype)}
    assert float(loss) == pytest.approx(loss_by_hand, rel=share)
    wrong = jax.tree.map(lambda got, exact: np.asarray(got, float) - exact, grads, by_name)
    assert norm_of_all(wrong) <= 4 * share * norm_of_all(by_name)


def norm_of_all(arrays: Any) -> float:
    return float(np.linalg.norm([np.linalg.norm(leaf) for leaf in jax.tree.leaves(arrays)]))
