"""The transformer: by hand and by JAX, by differences and by PyTorch; what it sees, how it starts, and with a cache."""

from functools import partial
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.networks import mean_loss, met_backwards, relative_error, with_noise

import functional_nn.models.transformer as transformer
import reference.models.transformer as by_hand
from functional_nn.models._network import forward

SIZES = {"vocabulary": 7, "width": 8, "layers": 2, "hidden": 5, "context": 6}
SETTINGS = {
    "a key head for every head": {**SIZES, "heads": 2},
    "shared key heads, tied": {**SIZES, "heads": 4, "key_heads": 2, "tied": True},
}
both_sides = pytest.mark.parametrize("side", [transformer, by_hand], ids=["functional_nn", "reference"])
every_setting = pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)


def arrange(settings: dict[str, Any], length: int = 5) -> tuple[Any, Any, Any, Any]:
    """float64 parameters large enough that every part matters, the state, a batch of tokens and what follows them."""
    rng = np.random.default_rng(0)
    params, _ = by_hand.init(0, by_hand.Config(**settings))
    params = jax.tree.map(lambda leaf: leaf + rng.normal(scale=0.4, size=leaf.shape), params)
    x, targets = rng.integers(0, settings["vocabulary"], (2, 3, length))
    return params, {"config": transformer.Config(**settings)}, x, targets


@every_setting
def test_loss_and_every_gradient_by_hand_are_those_of_jax(settings: dict[str, Any]):
    params, state, x, targets = arrange(settings)
    loss, grads = jax.jit(jax.value_and_grad(lambda p: mean_loss(transformer.apply(p, state, x)[0], targets)))(params)
    loss_by_hand, grads_by_hand = by_hand.value_and_grad(params, state, x, targets)
    assert abs(loss_by_hand - loss) <= 1e-12 * abs(loss)
    assert jax.tree.structure(grads_by_hand) == jax.tree.structure(params)
    for path, expected in jax.tree_util.tree_leaves_with_path(grads):
        layer, name = (entry.key for entry in path)
        error = relative_error(grads_by_hand[layer][name], expected)
        assert error <= 1e-12, f"gradient of {layer}/{name} differs by {error:.1e}"


def test_the_error_that_reaches_every_layer_is_that_of_jax():
    settings = SETTINGS["shared key heads, tied"]
    params, state, x, targets = arrange(settings)
    cotangents = by_hand.layer_cotangents(params, state, x, targets)
    layers, params = transformer.layers(state["config"]), transformer.with_head(params, state["config"])
    assert list(cotangents) == met_backwards(layers)

    @jax.jit
    @jax.grad
    def slopes(noise):
        return mean_loss(forward(with_noise(layers, noise), params, x)[0], targets)

    expected = slopes({name: np.zeros(cotangent.shape) for name, cotangent in cotangents.items()})
    for name, cotangent in cotangents.items():
        error = relative_error(cotangent, expected[name])
        assert error <= 1e-12, f"the error that reaches {name} differs by {error:.1e}"


@every_setting
def test_gradient_by_hand_is_the_numerical_one(settings: dict[str, Any]):
    params, state, x, targets = arrange(settings)
    _, grads = by_hand.value_and_grad(params, state, x, targets)
    rng = np.random.default_rng(1)
    for layer, own in params.items():
        for name, leaf in own.items():
            direction = rng.normal(size=leaf.shape)

            def loss_at(t, layer=layer, name=name, moved=leaf, direction=direction):
                there = {**params, layer: {name: moved + t * direction}}
                return by_hand.value_and_grad(there, state, x, targets)[0]

            measured, claimed = (loss_at(1e-5) - loss_at(-1e-5)) / 2e-5, np.sum(grads[layer][name] * direction)
            assert abs(measured - claimed) <= 1e-8 * max(abs(claimed), 1), f"{layer}: {claimed} is {measured}"


def in_torch(params: dict[str, dict[str, Any]], config: Any, x: Any) -> Any:
    """The logits as PyTorch's own functions compute them, from the papers alone."""
    torch = pytest.importorskip("torch")
    F = torch.nn.functional

    turned = torch.arange(x.shape[1])[:, None] * 10000.0 ** (-torch.arange(0, config.head_dim, 2) / config.head_dim)
    turn = torch.polar(torch.ones_like(turned, dtype=torch.float64), turned.double())

    def rotate(heads):
        pairs = torch.complex(*heads.chunk(2, -1)) * turn
        return torch.cat([pairs.real, pairs.imag], -1)

    def norm(h, name):
        return F.rms_norm(h, h.shape[-1:], params[name]["scale"], 1e-6)

    h = params["embedding"]["table"][x]
    for i in range(1, config.layers + 1):
        sizes = [config.width] + 2 * [config.heads_of_keys * config.head_dim]
        parts = (norm(h, f"attention{i}_norm") @ params[f"attention{i}_in"]["kernel"]).split(sizes, -1)
        query, key, value = (part.unflatten(-1, (-1, config.head_dim)).transpose(1, 2) for part in parts)
        seen = F.scaled_dot_product_attention(rotate(query), rotate(key), value, is_causal=True, enable_gqa=True)
        h = h + seen.transpose(1, 2).flatten(2) @ params[f"attention{i}_out"]["kernel"]
        up, gate = (norm(h, f"feedforward{i}_norm") @ params[f"feedforward{i}_in"]["kernel"]).chunk(2, -1)
        h = h + (up * F.silu(gate)) @ params[f"feedforward{i}_out"]["kernel"]
    return norm(h, "norm") @ (params["embedding"]["table"].T if config.tied else params["head"]["kernel"])


def test_loss_and_every_gradient_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    params, state, x, targets = arrange(SETTINGS["shared key heads, tied"])
    loss, grads = by_hand.value_and_grad(params, state, x, targets)
    leaves = jax.tree.map(lambda leaf: torch.tensor(leaf, requires_grad=True), params)
    logits = in_torch(leaves, state["config"], torch.tensor(x))
    torch_loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.tensor(targets).flatten())
    torch_loss.backward()
    assert loss == pytest.approx(torch_loss.item(), rel=1e-12)
    for layer, own in leaves.items():
        for name, leaf in own.items():
            error = relative_error(grads[layer][name], leaf.grad.numpy())
            assert error <= 1e-11, f"gradient of {layer}/{name} differs by {error:.1e}"


@every_setting
def test_logits_are_the_same_in_both_twins(settings: dict[str, Any]):
    params, state, x, _ = arrange(settings)
    logits, after = jax.jit(transformer.apply)(params, state, x)
    assert after["config"] == state["config"]
    assert logits.shape == (3, 5, 7)
    assert relative_error(by_hand.apply(params, state, x)[0], logits) <= 1e-13


@both_sides
def test_no_logit_depends_on_a_later_token(side: ModuleType):
    params, state, x, _ = arrange(SETTINGS["a key head for every head"])
    logits, _ = side.apply(params, state, x)
    changed = x.copy()
    changed[:, 3] = (x[:, 3] + 1) % 7
    moved = np.abs(np.asarray(side.apply(params, state, changed)[0] - logits)).max((0, 2))
    assert np.all(moved[:3] == 0)
    assert np.all(moved[3:] > 1e-3)


@both_sides
def test_a_fresh_network_finds_all_tokens_about_equally_likely(side: ModuleType):
    """At the width of a small real network. Tied, a token's own logit starts at width * 0.02 and the loss higher."""
    sizes = {"vocabulary": 96, "width": 128, "heads": 4, "layers": 1, "hidden": 16, "context": 8}
    tokens = np.random.default_rng(0).integers(0, 96, (4, 8))
    for tied, above in ((False, 0.1), (True, 0.2)):
        config = side.Config(**sizes, tied=tied)
        params, state = side.init(jax.random.key(0) if side is transformer else 0, config)
        logits = np.asarray(side.apply(params, state, tokens[:, :-1])[0])
        loss = np.mean(np.log(np.sum(np.exp(logits), -1)) - np.take_along_axis(logits, tokens[:, 1:, None], -1)[..., 0])
        assert abs(loss - np.log(96)) < above


@both_sides
@every_setting
def test_init_is_as_it_says(side: ModuleType, settings: dict[str, Any]):
    config = side.Config(**{**settings, "width": 32, "vocabulary": 99, "hidden": 40, "heads": 4, "layers": 8})
    params, state = side.init(jax.random.key(0) if side is transformer else 0, config)
    assert state == {"config": config}
    assert ("head" in params) is not config.tied
    assert params["attention8_in"]["kernel"].shape == (32, 32 + 2 * config.heads_of_keys * 8)
    for name, own in params.items():
        ((kind, leaf),) = own.items()
        if name.endswith("norm"):
            assert kind == "scale"
            assert np.all(leaf == 1)
        else:
            assert kind == ("table" if name == "embedding" else "kernel")
            assert leaf.shape == side.kernel_shapes(config)[name]
            assert np.std(leaf) == pytest.approx(0.02 / 4 if name.endswith("_out") else 0.02, rel=0.1)
    again, other = (side.init(jax.random.key(k) if side is transformer else k, config)[0] for k in (0, 1))
    jax.tree.map(np.testing.assert_array_equal, params, again)
    assert not np.array_equal(params["embedding"]["table"], other["embedding"]["table"])
    assert not np.array_equal(params["attention1_out"]["kernel"], params["attention2_out"]["kernel"])


@every_setting
@pytest.mark.parametrize("prompt", [1, 3], ids=["token by token", "after a prompt"])
def test_with_a_cache_the_logits_are_those_of_the_whole_pass(settings: dict[str, Any], prompt: int):
    params, state, x, _ = arrange(settings, length=settings["context"])
    whole, _ = jax.jit(transformer.apply)(params, state, x)
    decode, cache = jax.jit(transformer.decode), transformer.empty_cache(state["config"], 3)
    logits, cache = decode(params, state, cache, x[:, :prompt], 0)
    steps = [logits]
    for place in range(prompt, settings["context"]):
        logits, cache = decode(params, state, cache, x[:, place : place + 1], place)
        steps.append(logits)
    assert relative_error(jnp.concatenate(steps, 1), whole) <= 1e-13
    beyond, _ = decode(params, state, cache, x[:, :1], settings["context"])
    assert np.all(np.isnan(beyond)), "a token beyond the context overwrote another one's key and nobody was told"


@pytest.mark.parametrize(
    ("position", "tokens", "error", "says"),
    [
        (5, 2, ValueError, "position + the length of x at most context; got position=5, x.shape=(3, 2), context=6"),
        (-1, 2, ValueError, "position must be at least 0"),
        (0.0, 2, TypeError, "position must have an integer dtype"),
        (np.zeros(3, int), 2, ValueError, "position must be one number; got position.shape=(3,)"),
    ],
)
def test_a_bad_position_is_refused(position: Any, tokens: int, error: type, says: str):
    params, state, x, _ = arrange(SETTINGS["a key head for every head"])
    cache = transformer.empty_cache(state["config"], 3)
    with pytest.raises(error) as raised:
        transformer.decode(params, state, cache, x[:, :tokens], position)
    assert str(raised.value).startswith("transformer: ")
    assert says in str(raised.value)


def test_another_batch_than_the_cache_has_is_refused():
    params, state, x, _ = arrange(SETTINGS["a key head for every head"])
    with pytest.raises(ValueError, match=r"^transformer: x must have the batch of the cache; got "):
        transformer.decode(params, state, transformer.empty_cache(state["config"], 2), x, 0)


BAD_CONFIGS = [
    ({"heads": 3}, ValueError, "heads must divide width; got heads=3, width=8"),
    ({"heads": 4, "key_heads": 3}, ValueError, "key_heads must divide heads; got key_heads=3, heads=4"),
    ({"heads": 8}, ValueError, "width / heads must be even, for the rotary embedding; got heads=8, width=8"),
    ({"vocabulary": 1}, ValueError, "vocabulary must be at least 2; got vocabulary=1"),
    ({"layers": 0}, ValueError, "layers must be above 0; got layers=0"),
    ({"context": 2.5}, TypeError, "context must be an integer; got context=2.5"),
    ({"width": (8,)}, TypeError, "width must be an integer; got width=(8,)"),
    ({"tied": 1}, ValueError, "tied must be a boolean; got tied=1"),
]


@both_sides
@pytest.mark.parametrize(("settings", "error", "says"), BAD_CONFIGS)
def test_a_bad_config_is_refused_when_made(side: ModuleType, settings: dict[str, Any], error: type, says: str):
    with pytest.raises(error) as raised:
        side.Config(**{**SIZES, "heads": 2, **settings})
    assert str(raised.value) == f"transformer: {says}"


@both_sides
def test_bad_tokens_are_refused(side: ModuleType):
    params, state, x, targets = arrange(SETTINGS["a key head for every head"])
    for bad, error, says in (
        (np.zeros((2, 7), int), ValueError, "transformer: the length of x must be at most context; got x.shape=(2, 7)"),
        (x[0], ValueError, "transformer: x must be (batch, length); got x.shape=(5,)"),
        (x * 1.0, TypeError, "transformer: x must have an integer dtype; got x.dtype=float64"),
        (x - x.max(), ValueError, "embedding: indices must be at least 0 and below table.shape[0]; got indices from"),
        (x + 7, ValueError, "embedding: indices must be at least 0 and below table.shape[0]; got indices from"),
    ):
        with pytest.raises(error) as raised:
            side.apply(params, state, bad)
        assert str(raised.value).startswith(says)
    with pytest.raises(ValueError, match="softmax_cross_entropy: integer labels must have the shape of logits but"):
        by_hand.value_and_grad(params, state, x, targets[:, :-1])


@both_sides
def test_an_empty_batch_and_an_empty_sequence_have_logits_but_no_loss(side: ModuleType):
    params, state, x, targets = arrange(SETTINGS["a key head for every head"])
    for part in (np.s_[:0], np.s_[:, :0]):
        assert side.apply(params, state, x[part])[0].shape == (*x[part].shape, 7)
        with pytest.raises(ValueError, match="mean_cross_entropy: the batch must not be empty"):
            by_hand.value_and_grad(params, state, x[part], targets[part])


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16], ids=lambda dtype: dtype.__name__)
def test_the_dtype_of_the_parameters_is_kept(dtype: Any):
    params, state, x, _ = arrange(SETTINGS["a key head for every head"])
    narrow = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, dtype), params)
    assert jax.eval_shape(partial(transformer.apply, train=True), narrow, state, x)[0].dtype == dtype
    cache = jax.eval_shape(partial(transformer.empty_cache, state["config"], 3, dtype))
    logits, after = jax.eval_shape(transformer.decode, narrow, state, cache, x, 0)
    assert {leaf.dtype for leaf in jax.tree.leaves((logits, after))} == {jnp.dtype(dtype)}
