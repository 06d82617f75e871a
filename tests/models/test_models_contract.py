"""Models: what init and apply promise, in both twins."""

import dataclasses
import importlib
import inspect
from functools import partial
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.networks import EXAMPLES, Example, arrange, every_example, example_of, one_of_each, relative_error

from functional_nn.models import deep_convnet, mlp, resnet, simple_convnet, transformer, vgg
from reference.models import _network as reference_network


@every_example
def test_configs_and_parameters_have_the_same_form_in_both_twins(example: Example):
    config, twin_config = example.config, example.twin.Config(**example.settings)
    assert dataclasses.asdict(config) == dataclasses.asdict(twin_config)
    assert dataclasses.asdict(example.model.Config()) == dataclasses.asdict(example.twin.Config())
    params, state = jax.eval_shape(lambda key: example.model.init(key, config), jax.random.key(0))
    twin_params, twin_state = example.twin.init(0, twin_config)
    assert jax.tree.map(lambda leaf: leaf.shape, params) == jax.tree.map(np.shape, twin_params)
    assert (state.pop("config"), twin_state.pop("config")) == (config, twin_config)
    assert jax.tree.map(lambda leaf: leaf.shape, state) == jax.tree.map(np.shape, twin_state)


@pytest.mark.slow
@one_of_each
def test_init_is_repeatable_and_depends_on_the_key(example: Example):
    init = jax.jit(lambda key: example.model.init(key, example.config))
    first, state = init(jax.random.key(1))
    again, _ = init(jax.random.key(1))
    other, _ = init(jax.random.key(2))
    assert state["config"] == example.config
    for layer in first:
        assert not np.any(first[layer].get("bias", 0))
        # The last norm of a block is silent at first.
        assert np.all(first[layer].get("scale", 1) == (0 if layer.endswith("_norm2") else 1))
    for statistics in (state, example.twin.init(1, example.twin.Config(**example.settings))[1]):
        for layer, running in statistics.get("statistics", {}).items():
            assert not np.any(running["mean"]), f"{layer} is centered before it has seen anything"
            assert np.all(running["variance"] == 1), f"{layer} is scaled before it has seen anything"
    for layer in example.model.kernel_shapes(example.config):
        np.testing.assert_array_equal(first[layer]["kernel"], again[layer]["kernel"])
        assert not np.array_equal(first[layer]["kernel"], other[layer]["kernel"]), f"{layer} ignores the key"


@pytest.mark.parametrize("side", ["functional_nn", "reference"])
def test_layers_of_one_shape_start_from_different_kernels(side: str):
    module = importlib.import_module(f"{side}.models.mlp")
    config = module.Config(input_shape=(5,), classes=5, hidden=(5,))
    params, _ = module.init(jax.random.key(0) if side == "functional_nn" else 0, config)
    assert not np.array_equal(params["dense1"]["kernel"], params["dense2"]["kernel"])


@every_example
def test_reference_init_takes_a_seed_or_a_generator(example: Example):
    config = example.twin.Config(**example.settings)
    seeded, _ = example.twin.init(5, config)
    rng = np.random.default_rng(5)
    generated, _ = example.twin.init(rng, config)
    moved_on, _ = example.twin.init(rng, config)
    name = next(iter(seeded))
    np.testing.assert_array_equal(seeded[name]["kernel"], generated[name]["kernel"])
    assert not np.array_equal(generated[name]["kernel"], moved_on[name]["kernel"])


@one_of_each
def test_vmap_over_networks_equals_a_loop(example: Example):
    params, state, x, _ = arrange(example)
    networks = [params, jax.tree.map(lambda leaf: -leaf, params)]
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *networks)
    logits = jax.jit(jax.vmap(lambda params: example.model.apply(params, state, x)[0]))(stacked)
    for i, alone in enumerate(networks):
        assert relative_error(logits[i], example.twin.apply(alone, state, x)[0]) <= 1e-12


@one_of_each
def test_an_empty_batch_has_logits_but_no_loss(example: Example):
    params, state, x, labels = arrange(example)
    assert jax.jit(example.model.apply)(params, state, x[:0])[0].shape == (0, example.config.classes)
    assert example.twin.apply(params, state, x[:0])[0].shape == (0, example.config.classes)
    with pytest.raises(ValueError, match="mean_cross_entropy: the batch must not be empty"):
        example.twin.value_and_grad(params, state, x[:0], labels[:0])


WITH_DROPOUT = [example for example in EXAMPLES if getattr(example.config, "dropout_rate", 0) > 0]
every_dropout = pytest.mark.parametrize("example", WITH_DROPOUT, ids=lambda example: example.id)


@every_dropout
@pytest.mark.parametrize("side", ["functional_nn", "reference"])
def test_dropout_needs_a_key_in_training(example: Example, side: str):
    params, state, x, _ = arrange(example)
    apply = (example.model if side == "functional_nn" else example.twin).apply
    name = example.model.__name__.rpartition(".")[2]
    with pytest.raises(ValueError, match=rf"^{name}: key must be given in train mode, for dropout; got key=None$"):
        apply(params, state, x, train=True)


@pytest.mark.slow
@every_dropout
def test_a_key_gives_the_same_dropout_again_and_another_key_another(example: Example):
    params, state, x, _ = arrange(example, batch=16)
    train = jax.jit(partial(example.model.apply, train=True))
    first, again, other = (train(params, state, x, key=jax.random.key(seed))[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    seeds = [example.twin.apply(params, state, x, train=True, key=seed)[0] for seed in (0, 0, 1)]
    np.testing.assert_array_equal(seeds[0], seeds[1])
    assert not np.array_equal(seeds[0], seeds[2])


@pytest.mark.slow
def test_the_masks_of_different_layers_are_independent():
    config = deep_convnet.Config(hidden=10, classes=10)
    masks = deep_convnet.dropout_masks(jax.random.key(0), config, 20)
    assert not np.array_equal(masks["dropout1"], masks["dropout2"])


@pytest.mark.parametrize("model", [mlp, simple_convnet, deep_convnet, vgg, resnet], ids=lambda model: model.__name__)
def test_without_dropout_training_needs_no_key(model: ModuleType):
    without = {} if model in (simple_convnet, resnet) else {"dropout_rate": 0.0}
    config = model.Config(input_shape=(8, 8, 1), **without)
    assert model.dropout_masks(None, config, 2) == {}
    params, state = jax.eval_shape(lambda key: model.init(key, config), jax.random.key(0))
    logits, _ = jax.eval_shape(partial(model.apply, train=True), params, state, jnp.ones((2, 8, 8, 1)))
    assert logits.shape == (2, 10)


def test_shapes_of_the_textbook():
    """Chapter 7: conv 30@5x5 on 28x28 leaves 24x24, pooled 12x12; chapter 8: 28, 14, 16, 8, 4 and so 64 * 4 * 4."""
    assert simple_convnet.kernel_shapes(simple_convnet.Config()) == {
        "conv1": (5, 5, 1, 30),
        "dense1": (12 * 12 * 30, 100),
        "dense2": (100, 10),
    }
    deep = deep_convnet.kernel_shapes(deep_convnet.Config())
    assert deep["conv4"] == (3, 3, 32, 32)
    assert deep["dense1"] == (64 * 4 * 4, 50)
    masks = {"dropout1": jnp.ones((3, 50), bool), "dropout2": jnp.ones((3, 10), bool)}
    names = " ".join(name for name, _ in deep_convnet.layers(deep_convnet.Config(), masks))
    assert names == (
        "conv1 relu1 conv2 relu2 pool1 conv3 relu3 conv4 relu4 pool2 conv5 relu5 conv6 relu6 pool3 "
        "flatten dense1 relu7 dropout1 dense2 dropout2"
    )


@pytest.mark.parametrize("model", [simple_convnet, deep_convnet, vgg, resnet], ids=lambda model: model.__name__)
def test_the_full_networks_lower_at_28_by_28(model: ModuleType):
    config = model.Config()
    params, state = jax.eval_shape(lambda key: model.init(key, config), jax.random.key(0))
    x = jax.ShapeDtypeStruct((2, 28, 28, 1), np.float32)
    logits, _ = jax.eval_shape(model.apply, params, state, x)
    assert logits.shape == (2, 10)


BAD_CONFIGS = [
    ("unknown initializer", mlp, {"initializer": "xavier"}, ValueError, "glorot_normal"),
    ("no classes", mlp, {"classes": 0}, ValueError, "classes must be above 0"),
    ("list of sizes", mlp, {"hidden": [3]}, TypeError, "tuple of integers"),
    ("fractional size", mlp, {"hidden": (3.5,)}, TypeError, "tuple of integers"),
    ("unknown activation", mlp, {"activation": "rely"}, ValueError, "activation must be one of"),
    ("rate 1", mlp, {"dropout_rate": 1.0}, ValueError, "dropout_rate"),
    ("image no larger than the window", simple_convnet, {"input_shape": (5, 8, 1)}, ValueError, "at least 6 high"),
    ("image without channels", simple_convnet, {"input_shape": (8, 8)}, ValueError, "(height, width, channels)"),
    ("image of 3 by 3", deep_convnet, {"input_shape": (3, 3, 1)}, ValueError, "at least 4 high"),
    ("two blocks", deep_convnet, {"filters": (16, 32)}, ValueError, "filters must be three"),
    ("filters without stages", vgg, {"filters": (16, 32)}, ValueError, "filters must be a tuple of stages"),
    ("no stage", vgg, {"filters": ()}, ValueError, "filters must be a tuple of stages"),
    ("an empty stage", vgg, {"filters": ((16,), ())}, ValueError, "filters must be a tuple of stages"),
    ("stages in a list", vgg, {"filters": [(16,)]}, ValueError, "filters must be a tuple of stages"),
    ("fractional filters", vgg, {"filters": ((1.5,),)}, TypeError, "filters must be an integer, or a tuple of"),
    ("image that the pools use up", vgg, {"input_shape": (4, 3, 1)}, ValueError, "at least 4 high"),
    ("momentum 1", vgg, {"momentum": 1.0}, ValueError, "momentum must be at least 0 and below 1"),
    ("epsilon 0", vgg, {"epsilon": 0.0}, ValueError, "epsilon must be a finite number above 0"),
    (
        "stages without filters",
        resnet,
        {"blocks": (1, 1)},
        ValueError,
        "tuples of one number a stage; got blocks=(1, 1)",
    ),
    (
        "a number of blocks",
        resnet,
        {"blocks": 2},
        ValueError,
        "blocks and filters must be tuples of one number a stage",
    ),
    ("blocks in a list", resnet, {"blocks": [2, 2, 2]}, ValueError, "blocks and filters must be tuples of one number"),
    ("neither", resnet, {"blocks": (), "filters": ()}, ValueError, "blocks and filters must be tuples of one number"),
    (
        "a stage without blocks",
        resnet,
        {"blocks": (2, 0, 2)},
        ValueError,
        "blocks must be above 0; got blocks=(2, 0, 2)",
    ),
    ("half a block", resnet, {"blocks": (2, 0.5, 2)}, TypeError, "blocks must be an integer, or a tuple of integers"),
    ("filters by block", resnet, {"filters": ((8, 8), 8, 8)}, TypeError, "filters must be an integer, or a tuple of"),
    ("picture without channels", resnet, {"input_shape": (8, 8)}, ValueError, "must be (height, width, channels)"),
    ("epsilon below 0", resnet, {"epsilon": -1e-5}, ValueError, "epsilon must be a finite number above 0"),
]


@pytest.mark.parametrize("side", ["functional_nn", "reference"])
@pytest.mark.parametrize(
    ("model", "settings", "error", "says"), [row[1:] for row in BAD_CONFIGS], ids=[row[0] for row in BAD_CONFIGS]
)
def test_a_bad_config_is_refused_when_made(side: str, model: ModuleType, settings: dict, error: type, says: str):
    module = importlib.import_module(model.__name__.replace("functional_nn", side))
    with pytest.raises(error) as raised:
        module.Config(**settings)
    assert says in str(raised.value)
    assert "; got " in str(raised.value)


@pytest.mark.parametrize("side", ["functional_nn", "reference"])
@every_example
def test_input_of_another_shape_or_dtype_is_refused(example: Example, side: str):
    params, state, x, _ = arrange(example)
    module = example.model if side == "functional_nn" else example.twin
    name = module.__name__.rpartition(".")[2]
    with pytest.raises(ValueError, match=rf"^{name}: x must be \(batch, .*\); got x.shape="):
        module.apply(params, state, x[..., :-1])
    with pytest.raises(TypeError, match=rf"^{name}: x must have a floating dtype; got x.dtype="):
        module.apply(params, state, x.astype(np.int32))


def test_layers_by_name_hold_forward_and_backward():
    example = example_of(deep_convnet)
    twin_config = example.twin.Config(**example.settings)
    names = [layer.name for layer in example.twin.layers(twin_config)]
    assert names == [name for name, _ in example.model.layers(example.config)]
    assert all(isinstance(layer, reference_network.Layer) for layer in example.twin.layers(twin_config))


@pytest.mark.parametrize(
    "model", [mlp, simple_convnet, deep_convnet, vgg, resnet, transformer], ids=lambda model: model.__name__
)
def test_twins_declare_the_same_functions(model: ModuleType):
    twin = importlib.import_module(model.__name__.replace("functional_nn", "reference"))
    assert (model.__doc__ or "") == (twin.__doc__ or ""), f"{model.__name__}: the files say different things"
    for name in ("init", "apply", "dropout_masks", "layers", "kernel_shapes"):
        left, right = getattr(model, name), getattr(twin, name)
        declared = [
            [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]
            for function in (left, right)
        ]
        assert declared[0] == declared[1], f"{name}: {declared[0]} against {declared[1]}"
        assert left.__doc__.partition("\n")[0] == right.__doc__.partition("\n")[0], name
