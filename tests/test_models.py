"""Models: loss, every parameter's gradient and every layer's cotangent agree; and the init/apply contract."""

import dataclasses
import importlib
import inspect
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn
from functional_nn.models import deep_convnet, mlp, simple_convnet
from functional_nn.models._network import forward
from reference.models import _network as reference_network


class Example(NamedTuple):
    """A small network, the settings that make it, and whether it has dropout."""

    id: str
    model: ModuleType
    settings: dict[str, Any]

    @property
    def twin(self) -> ModuleType:
        return importlib.import_module(self.model.__name__.replace("functional_nn", "reference"))

    @property
    def config(self) -> Any:
        return self.model.Config(**self.settings)


EXAMPLES = (
    Example("mlp of relu", mlp, {"input_shape": (7,), "classes": 3, "hidden": (5, 4)}),
    Example("mlp of sigmoid", mlp, {"input_shape": (2, 3), "classes": 3, "hidden": (5,), "activation": "sigmoid"}),
    Example(
        "mlp of tanh with dropout",
        mlp,
        {"input_shape": (7,), "hidden": (11, 5), "activation": "tanh", "dropout_rate": 0.3},
    ),
    Example("mlp without hidden layers", mlp, {"input_shape": (4, 4, 1), "classes": 5, "hidden": ()}),
    Example("simple_convnet on digits", simple_convnet, {"input_shape": (8, 8, 1), "filters": 3, "hidden": 7}),
    Example(
        "simple_convnet on odd colour",
        simple_convnet,
        {"input_shape": (9, 7, 3), "filters": 2, "window": 3, "hidden": 5},
    ),
    Example("deep_convnet on digits", deep_convnet, {"input_shape": (8, 8, 1), "filters": (2, 3, 4), "hidden": 7}),
    Example(
        "deep_convnet at its smallest",
        deep_convnet,
        {"input_shape": (4, 5, 2), "filters": (2, 3, 2), "hidden": 5, "dropout_rate": 0.0},
    ),
)
every_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.id)
# One of each model, where the architecture adds nothing.
one_of_each = pytest.mark.parametrize("example", [EXAMPLES[i] for i in (2, 5, 7)], ids=lambda example: example.id)
BATCH = 3


def arrange(example: Example, batch: int = BATCH):
    """float64 parameters with biases that are not zero, the state, a batch and labels."""
    params, _ = example.twin.init(0, example.twin.Config(**example.settings))
    rng = np.random.default_rng(0)
    params = jax.tree.map(lambda leaf: leaf + rng.normal(scale=0.1, size=leaf.shape), params)
    x = rng.normal(size=(batch, *example.config.input_shape))
    return params, {"config": example.config}, x, rng.integers(0, example.config.classes, size=batch)


def mean_loss(logits: jax.Array, targets: Any) -> jax.Array:
    return jnp.mean(functional_nn.softmax_cross_entropy(logits, targets))


def relative_error(got: Any, expected: Any) -> float:
    return float(np.abs(np.asarray(got) - expected).max() / max(np.abs(expected).max(), 1e-300))


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


@every_example
def test_the_error_handed_back_is_that_of_jax_layer_by_layer(example: Example):
    """Seed row 17: from the loss to the input, every layer's cotangent, not only the parameters'."""
    params, state, x, labels = arrange(example)
    masks = example.model.dropout_masks(jax.random.key(3), example.config, BATCH)
    layers = example.model.layers(example.config, masks)
    by_hand = example.twin.layer_cotangents(params, state, x, labels, masks=jax.device_get(masks))
    assert list(by_hand) == [name for name, _ in reversed(layers)] + ["x"]
    out = jnp.asarray(x)
    outputs = {"x": out}
    for layer in layers:
        out = forward([layer], params, out)
        outputs[layer[0]] = out

    def loss_from(outputs_added):
        """The loss, with something (zero) added to the output of every layer."""
        h = outputs["x"] + outputs_added["x"]
        for layer in layers:
            h = forward([layer], params, h) + outputs_added[layer[0]]
        return mean_loss(h, labels)

    expected = jax.jit(jax.grad(loss_from))(jax.tree.map(jnp.zeros_like, outputs))
    for name, cotangent in by_hand.items():
        error = relative_error(cotangent, expected[name])
        assert error <= 1e-12, f"{example.id}: the error that reaches {name} differs by {error:.1e}"


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
        claimed = sum(float(np.sum(grads[layer][name] * direction[name])) for name in ("kernel", "bias"))
        assert abs(measured - claimed) <= 1e-7 * max(abs(claimed), 1), f"{example.id}: {layer}: {claimed} is {measured}"


@every_example
def test_logits_are_the_same_in_both_twins_and_the_state_is_unchanged(example: Example):
    params, state, x, _ = arrange(example)
    logits, after = jax.jit(example.model.apply)(params, state, x)
    by_hand, state_by_hand = example.twin.apply(params, state, x)
    assert logits.shape == by_hand.shape == (BATCH, example.config.classes)
    assert relative_error(by_hand, logits) <= 1e-13
    assert after == state == state_by_hand


@every_example
def test_configs_and_parameters_have_the_same_form_in_both_twins(example: Example):
    config, twin_config = example.config, example.twin.Config(**example.settings)
    assert dataclasses.asdict(config) == dataclasses.asdict(twin_config)
    assert dataclasses.asdict(example.model.Config()) == dataclasses.asdict(example.twin.Config())
    params, _ = jax.eval_shape(lambda key: example.model.init(key, config), jax.random.key(0))
    twin_params, twin_state = example.twin.init(0, twin_config)
    assert jax.tree.map(lambda leaf: leaf.shape, params) == jax.tree.map(np.shape, twin_params)
    assert twin_state == {"config": twin_config}


@one_of_each
def test_init_is_repeatable_and_depends_on_the_key(example: Example):
    init = jax.jit(example.model.init, static_argnums=1)
    first, state = init(jax.random.key(1), example.config)
    again, _ = init(jax.random.key(1), example.config)
    other, _ = init(jax.random.key(2), example.config)
    assert state == {"config": example.config}
    for layer in first:
        np.testing.assert_array_equal(first[layer]["kernel"], again[layer]["kernel"])
        assert not np.array_equal(first[layer]["kernel"], other[layer]["kernel"]), f"{layer} ignores the key"
        assert not np.any(first[layer]["bias"])


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


def test_the_masks_of_different_layers_are_independent():
    config = deep_convnet.Config(hidden=10, classes=10)
    masks = deep_convnet.dropout_masks(jax.random.key(0), config, 20)
    assert not np.array_equal(masks["dropout1"], masks["dropout2"])


@pytest.mark.parametrize("model", [mlp, simple_convnet, deep_convnet], ids=lambda model: model.__name__)
def test_without_dropout_training_needs_no_key(model: ModuleType):
    config = model.Config(input_shape=(8, 8, 1), **({} if model is simple_convnet else {"dropout_rate": 0.0}))
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


@pytest.mark.parametrize("model", [simple_convnet, deep_convnet], ids=lambda model: model.__name__)
def test_the_full_networks_lower_at_28_by_28(model: ModuleType):
    config = model.Config()
    shapes = jax.eval_shape(lambda key: model.init(key, config)[0], jax.random.key(0))
    x = jax.ShapeDtypeStruct((2, 28, 28, 1), np.float32)
    logits = jax.eval_shape(lambda params, x: model.apply(params, {"config": config}, x)[0], shapes, x)
    assert logits.shape == (2, 10)


def test_a_convolutional_network_sees_a_shifted_image_shifted():
    """Seed row 18: what makes it a CNN is that conv1 answers a moved input with the same answer, moved."""
    example = EXAMPLES[4]
    params, _, x, _ = arrange(example)
    wide = np.zeros((1, 12, 12, 1))
    wide[0, 2:10, 2:10, 0] = x[0, :, :, 0]
    convolve = partial(forward, simple_convnet.layers(example.config)[:1], params)
    answer, moved = convolve(jnp.asarray(wide)), convolve(jnp.asarray(np.roll(wide, (1, 2), (1, 2))))
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
    example = EXAMPLES[4]
    params, state, x, labels = arrange(example)
    losses = []
    for _ in range(5):
        loss, grads = example.twin.value_and_grad(params, state, x, labels)
        losses.append(loss)
        params = jax.tree.map(lambda p, g: p - 0.01 * g, params, grads)
    assert losses == sorted(losses, reverse=True), losses


def test_layers_by_name_hold_forward_and_backward():
    example = EXAMPLES[6]
    twin_config = example.twin.Config(**example.settings)
    names = [layer.name for layer in example.twin.layers(twin_config)]
    assert names == [name for name, _ in example.model.layers(example.config)]
    assert all(isinstance(layer, reference_network.Layer) for layer in example.twin.layers(twin_config))


@pytest.mark.parametrize("model", [mlp, simple_convnet, deep_convnet], ids=lambda model: model.__name__)
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
