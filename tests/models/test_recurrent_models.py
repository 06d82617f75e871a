"""lstm_lm and seq2seq: what both promise, and loss, gradients and cotangents by hand, by JAX and by differences."""

import dataclasses
import importlib
import inspect
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.networks import Example, relative_error
from helpers.sequences import (
    BATCH,
    EXAMPLES,
    LENGTH,
    arrange,
    every_example,
    masks_of,
    mean_loss,
    one_of_each,
    padding_of,
)

from functional_nn.models import lstm_lm, seq2seq

both_models = pytest.mark.parametrize("model", [lstm_lm, seq2seq], ids=["lstm_lm", "seq2seq"])
both_sides = pytest.mark.parametrize("side", ["functional_nn", "reference"])


def name_of(example: Example) -> str:
    return example.model.__name__.rpartition(".")[2]


@pytest.mark.slow
@every_example
def test_loss_and_every_gradient_by_hand_are_those_of_jax(example: Example):
    params, state, x, targets = arrange(example)
    key = jax.random.key(7)

    @jax.jit
    @jax.value_and_grad
    def by_jax(params):
        return mean_loss(example.model.apply(params, state, x, train=True, key=key)[0], targets, padding_of(example))

    loss, grads = by_jax(params)
    masks = masks_of(example, key)
    loss_by_hand, grads_by_hand = example.twin.value_and_grad(params, state, x, targets, masks=masks)
    assert abs(loss_by_hand - loss) <= 1e-12 * abs(loss), f"{example.id}: loss {loss_by_hand!r} against {loss!r}"
    assert jax.tree.structure(grads_by_hand) == jax.tree.structure(params)
    for path, expected in jax.tree_util.tree_leaves_with_path(grads):
        layer, name = (entry.key for entry in path)
        error = relative_error(grads_by_hand[layer][name], expected)
        assert error <= 1e-12, f"{example.id}: gradient of {layer}/{name} differs by {error:.1e}"


@pytest.mark.slow
@every_example
def test_gradient_by_hand_is_the_numerical_one(example: Example):
    """The third leg: along random directions, by central differences of the reference's own loss."""
    params, state, x, targets = arrange(example)
    masks = masks_of(example, jax.random.key(3))
    _, grads = example.twin.value_and_grad(params, state, x, targets, masks=masks)
    rng = np.random.default_rng(1)
    for layer in params:
        direction = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape), params[layer])

        def loss_at(t, layer=layer, direction=direction):
            moved = {**params, layer: jax.tree.map(lambda p, d: p + t * d, params[layer], direction)}
            return example.twin.value_and_grad(moved, state, x, targets, masks=masks)[0]

        measured = (loss_at(1e-6) - loss_at(-1e-6)) / 2e-6
        claimed = sum(float(np.sum(grads[layer][name] * direction[name])) for name in direction)
        assert abs(measured - claimed) <= 1e-7 * max(abs(claimed), 1), f"{example.id}: {layer}: {claimed} is {measured}"


@every_example
def test_logits_and_state_are_the_same_in_both_twins(example: Example):
    params, state, x, _ = arrange(example)
    logits, after = jax.jit(example.model.apply)(params, state, x)
    by_hand, after_by_hand = example.twin.apply(params, state, x)
    assert logits.shape == by_hand.shape == (BATCH, LENGTH, example.config.vocabulary)
    assert relative_error(by_hand, logits) <= 1e-13
    assert jax.tree.structure(after) == jax.tree.structure(state)
    assert after_by_hand.keys() == state.keys()
    for name in after_by_hand.get("memory", {}):
        for h in ("h", "c"):
            assert relative_error(after_by_hand["memory"][name][h], after["memory"][name][h]) <= 1e-13, f"{name} {h}"


@one_of_each
def test_backward_changes_nothing_that_it_was_given(example: Example):
    params, state, x, targets = arrange(example)
    for leaf in [*jax.tree.leaves(params), *jax.tree.leaves(state), x, targets]:
        leaf.setflags(write=False)
    first = example.twin.value_and_grad(params, state, x, targets)
    second = example.twin.value_and_grad(params, state, x, targets)
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        np.testing.assert_array_equal(a, b)


@one_of_each
def test_gradient_steps_lower_the_loss(example: Example):
    params, state, x, targets = arrange(example)
    losses = []
    for _ in range(4):
        loss, grads = example.twin.value_and_grad(params, state, x, targets)
        losses.append(loss)
        params = jax.tree.map(lambda p, g: p - 0.1 * g, params, grads)
    assert losses == sorted(losses, reverse=True), losses


@every_example
def test_configs_and_parameters_have_the_same_form_in_both_twins(example: Example):
    config, twin_config = example.config, example.twin.Config(**example.settings)
    assert dataclasses.asdict(config) == dataclasses.asdict(twin_config)
    assert config.initializer == "lecun_normal"
    params, state = jax.eval_shape(lambda key: example.model.init(key, config), jax.random.key(0))
    twin_params, twin_state = example.twin.init(0, twin_config)
    assert jax.tree.map(lambda leaf: leaf.shape, params) == jax.tree.map(np.shape, twin_params)
    assert state == {"config": config}
    assert twin_state == {"config": twin_config}
    for name, shape in example.model.kernel_shapes(config).items():
        tied = name == "dense1" and "kernel" not in params[name]
        assert tied or params[name]["kernel"].shape == shape, name


@both_sides
@one_of_each
def test_a_fresh_model_finds_all_tokens_about_equally_likely(example: Example, side: str):
    """With 50 tokens of a width of 32; every lstm starts by keeping its cell, and no two kernels are the same."""
    module = importlib.import_module(f"{side}.models.{name_of(example)}")
    settings = {**example.settings, "vocabulary": 50, "width": 32, "hidden": 32, "initializer": "he_normal"}
    params, state = module.init(jax.random.key(0) if side == "functional_nn" else 0, module.Config(**settings))
    x = np.arange(9)[None] + 1
    logits, _ = module.apply(params, state, x)
    assert 0 < np.abs(logits).max() < 0.1
    for name in params:
        if "lstm" in name:
            np.testing.assert_array_equal(params[name]["bias"].reshape(4, -1)[:, 0], [0, 1, 0, 0])
            assert not np.any(np.ptp(params[name]["bias"].reshape(4, -1), axis=1))
            assert np.std(params[name]["recurrent_kernel"]) == pytest.approx((2 / 32) ** 0.5, rel=0.1)
            assert np.std(params[name]["kernel"]) == pytest.approx((2 / 32) ** 0.5, rel=0.1)
        if "table" in params[name]:
            assert np.std(params[name]["table"]) == pytest.approx(0.01, rel=0.1)
    kernels = [layer[name].ravel()[:9] for layer in params.values() for name in layer if "bias" not in name]
    assert len(np.unique(np.concatenate(kernels))) == 9 * len(kernels), "two kernels are drawn from one key"


@one_of_each
def test_an_empty_batch_has_logits_but_no_loss(example: Example):
    params, state, x, targets = arrange(example)
    state = {"config": state["config"]}
    for module in (example.model, example.twin):
        assert module.apply(params, state, x[:0])[0].shape == (0, LENGTH, example.config.vocabulary)
    with pytest.raises(ValueError, match="mean_cross_entropy: the batch must not be empty"):
        example.twin.value_and_grad(params, state, x[:0], targets[:0])


@one_of_each
def test_vmap_over_networks_equals_a_loop(example: Example):
    params, state, x, _ = arrange(example)
    networks = [params, jax.tree.map(lambda leaf: -leaf, params)]
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *networks)
    logits = jax.jit(jax.vmap(lambda params: example.model.apply(params, state, x)[0]))(stacked)
    for i, alone in enumerate(networks):
        assert relative_error(logits[i], example.twin.apply(alone, state, x)[0]) <= 1e-12


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16], ids=lambda dtype: dtype.__name__)
@one_of_each
def test_the_network_keeps_the_dtype_of_its_parameters_and_the_memory_its_own(example: Example, dtype: type):
    params, state, x, _ = arrange(example)
    narrow = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, dtype), params)
    logits, after = jax.eval_shape(example.model.apply, narrow, state, x)
    assert logits.dtype == dtype
    assert {leaf.dtype for leaf in jax.tree.leaves(after)} <= {np.dtype(np.float64)}
    if dtype is jnp.float32:
        params = jax.tree.map(np.float32, params)
        assert example.twin.apply(params, state, x)[0].dtype == np.float32


@pytest.mark.slow
@pytest.mark.parametrize("platform", ["cuda", "tpu"])
@one_of_each
def test_a_step_lowers_for_accelerators(example: Example, platform: str):
    params, state, x, targets = arrange(example)

    def gradients(params, x):
        return jax.grad(lambda p: mean_loss(example.model.apply(p, state, x)[0], targets, padding_of(example)))(params)

    narrow = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, np.float32), params)
    exported = jax.export.export(jax.jit(gradients), platforms=[platform])(narrow, jax.ShapeDtypeStruct(x.shape, int))
    assert "while" in exported.mlir_module()


SIZES = {lstm_lm: {"vocabulary": 7, "width": 3, "hidden": 4}, seq2seq: EXAMPLES[2].settings}
BAD_CONFIGS = [
    (lstm_lm, {"vocabulary": 1}, ValueError, "lstm_lm: vocabulary must be at least 2; got vocabulary=1"),
    (lstm_lm, {"layers": 0}, ValueError, "lstm_lm: layers must be above 0"),
    (lstm_lm, {"hidden": 2.5}, TypeError, "lstm_lm: hidden must be an integer"),
    (lstm_lm, {"tied": True}, ValueError, "lstm_lm: with tied width must equal hidden; got width=3, hidden=4"),
    (lstm_lm, {"tied": 1}, ValueError, "lstm_lm: tied must be a boolean; got tied=1"),
    (lstm_lm, {"dropout_rate": 1.0}, ValueError, "lstm_lm: dropout_rate"),
    (lstm_lm, {"initializer": "xavier"}, ValueError, "glorot_normal"),
    (seq2seq, {"vocabulary": 1}, ValueError, "seq2seq: vocabulary must be at least 2; got vocabulary=1"),
    (seq2seq, {"source_length": 0}, ValueError, "seq2seq: source_length must be above 0"),
    (seq2seq, {"padding": 7}, ValueError, "padding must be at least 0 and below vocabulary; got padding=7, vocab"),
    (seq2seq, {"padding": -1}, ValueError, "seq2seq: padding must be at least 0"),
    (seq2seq, {"padding": 0.0}, TypeError, "seq2seq: padding must be an int; got padding=0.0"),
]


@both_sides
@pytest.mark.parametrize(("model", "settings", "error", "says"), BAD_CONFIGS, ids=[str(row[1]) for row in BAD_CONFIGS])
def test_a_bad_config_is_refused_when_made(side: str, model: ModuleType, settings: dict, error: type, says: str):
    module = importlib.import_module(model.__name__.replace("functional_nn", side))
    with pytest.raises(error) as raised:
        module.Config(**(SIZES[model] | settings))
    assert says in str(raised.value)
    assert "; got " in str(raised.value)


@both_sides
@one_of_each
def test_bad_tokens_are_refused(example: Example, side: str):
    params, state, x, _ = arrange(example)
    module = importlib.import_module(f"{side}.models.{name_of(example)}")
    with pytest.raises(ValueError, match=rf"^{name_of(example)}: x must be \(batch, length\); got x.shape=\(9?5?,\)$"):
        module.apply(params, state, x[0])
    with pytest.raises(TypeError, match=rf"^{name_of(example)}: x must have an integer dtype; got x.dtype=float64$"):
        module.apply(params, state, x.astype(float))
    for outside in (-1, 7):
        x[0, 0] = outside
        rule = r"^embedding: indices must be at least 0 and below table.shape\[0\]; got indices from"
        with pytest.raises(ValueError, match=rule):
            module.apply(params, state, x)


@both_models
def test_twins_declare_the_same_functions(model: ModuleType):
    twin = importlib.import_module(model.__name__.replace("functional_nn", "reference"))
    assert (model.__doc__ or "") == (twin.__doc__ or ""), f"{model.__name__}: the files say different things"
    ours_alone = {"decode", "attention_weights", "outputs"} & vars(model).keys()
    only = {"value_and_grad", "layer_cotangents"} | ours_alone
    left, right = (
        [name for name, value in vars(module).items() if is_own(value, module) and name not in only]
        for module in (model, twin)
    )
    assert left == right
    for name in left:
        declared = [
            [(p.name, p.kind, p.default) for p in inspect.signature(getattr(module, name)).parameters.values()]
            for module in (model, twin)
        ]
        assert declared[0] == declared[1], f"{name}: {declared[0]} against {declared[1]}"
        first_lines = [getattr(module, name).__doc__.partition("\n")[0] for module in (model, twin)]
        assert first_lines[0] == first_lines[1], name


def is_own(value: object, module: ModuleType) -> bool:
    is_function = inspect.isfunction(value) and not value.__name__.startswith("_")
    return is_function and value.__module__ == module.__name__
