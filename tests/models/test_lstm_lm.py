"""lstm_lm: its memory over batches, its dropout, its tied kernel, and PyTorch as a witness."""

import re
from functools import partial
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.networks import relative_error
from helpers.sequences import BATCH, EXAMPLES, LENGTH, Arranged, arrange, masks_of, mean_loss

import functional_nn.models.lstm_lm as lstm_lm
import reference.models.lstm_lm as by_hand
from functional_nn.models._network import Recurrent

PLAIN, DEEP = EXAMPLES[:2]
both_sides = pytest.mark.parametrize("side", [lstm_lm, by_hand], ids=["functional_nn", "reference"])


@pytest.fixture
def deep() -> Arranged:
    """Two layers, tied, with a memory."""
    return arrange(DEEP)


@pytest.mark.slow
def test_the_error_handed_back_is_that_of_jax_layer_by_layer(deep: Arranged, monkeypatch: pytest.MonkeyPatch):
    key, original = jax.random.key(7), lstm_lm.layers
    cotangents = by_hand.layer_cotangents(*deep, masks=masks_of(DEEP, key))
    names = "dense1 dropout3 lstm2 dropout2 lstm1 dropout1 embedding x"
    assert " ".join(cotangents) == names
    assert cotangents.pop("x") is None, "tokens have no gradient"

    def with_added(added, *arguments):
        """The layers, each with something (zero) added to its output."""

        def layer(name, function, *inputs, **weights):
            out = function(*inputs, **weights)
            return out._replace(out=out.out + added[name]) if isinstance(out, Recurrent) else out + added[name]

        return [(name, partial(layer, name, function)) for name, function in original(*arguments)]

    @jax.jit
    @jax.grad
    def by_jax(added):
        monkeypatch.setattr(lstm_lm, "layers", partial(with_added, added))
        return mean_loss(lstm_lm.apply(deep.params, deep.state, deep.x, train=True, key=key)[0], deep.targets)

    for name, expected in by_jax(jax.tree.map(jnp.zeros_like, cotangents)).items():
        error = relative_error(cotangents[name], expected)
        assert error <= 1e-12, f"the error that reaches {name} differs by {error:.1e}"


@both_sides
def test_with_a_memory_two_halves_of_a_text_are_one_whole(side: ModuleType):
    params, state, x, _ = arrange(PLAIN)
    whole, same = side.apply(params, state, x)
    assert same is state
    first, middle = side.apply(params, side.stateful(state, BATCH), x[:, :2])
    second, end = side.apply(params, middle, x[:, 2:])
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, rtol=1e-12)
    _, at_once = side.apply(params, side.stateful(state, BATCH), x)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-12), end["memory"], at_once["memory"])
    alone, _ = side.apply(params, state, x[:, 2:])
    assert relative_error(alone, second) > 1e-3, "without a memory the second half starts anew"


def test_the_memory_is_handed_on_within_a_compiled_loop(deep: Arranged):
    """The state has one form before and after, in training too: so it can be carried by lax.scan and be donated."""
    texts = np.stack([deep.x, deep.x[:, ::-1]])

    def step(state, x):
        logits, state = lstm_lm.apply(deep.params, state, x, train=True, key=jax.random.key(0))
        return state, logits

    _, scanned = jax.jit(partial(jax.lax.scan, step))(deep.state, texts)
    _, middle = lstm_lm.apply(deep.params, deep.state, texts[0], train=True, key=jax.random.key(0))
    second, _ = lstm_lm.apply(deep.params, middle, texts[1], train=True, key=jax.random.key(0))
    assert relative_error(scanned[1], second) <= 1e-12


@both_sides
def test_a_memory_of_other_rows_is_refused(deep: Arranged, side: ModuleType):
    rule = "lstm_lm: x must have as many rows as the memory in state; got x.shape=(2, 5), a memory of the shape (3, 4)"
    with pytest.raises(ValueError, match=f"^{re.escape(rule)}$"):
        side.apply(deep.params, deep.state, deep.x[:2])


@both_sides
def test_a_memory_of_no_rows_is_not_made(side: ModuleType):
    state = {"config": side.Config(**PLAIN.settings)}
    with pytest.raises(ValueError, match=r"^lstm_lm: batch must be above 0; got batch=0$"):
        side.stateful(state, 0)
    with pytest.raises(TypeError, match=r"^lstm_lm: batch must be an integer, or a tuple of integers; got batch=2.0$"):
        side.stateful(state, 2.0)


def test_where_tokens_are_traced_one_outside_the_vocabulary_spoils_what_comes_from_it():
    params, state, x, _ = arrange(PLAIN)
    x[0, 2] = 7
    logits, _ = jax.jit(lstm_lm.apply)(params, state, x)
    spoiled = np.zeros((BATCH, LENGTH), bool)
    spoiled[0, 2:] = True
    np.testing.assert_array_equal(np.all(np.isnan(logits), axis=-1), spoiled)
    assert np.all(np.isfinite(logits[~spoiled]))


@both_sides
def test_a_memory_takes_the_dtype_it_is_made_with(side: ModuleType):
    _, state, x, _ = arrange(PLAIN)
    params = jax.tree.map(np.float32, arrange(PLAIN).params)
    logits, after = side.apply(params, side.stateful(state, BATCH, np.float16), x)
    assert logits.dtype == np.float32
    assert {leaf.dtype for leaf in jax.tree.leaves(after["memory"])} == {np.dtype(np.float16)}


def test_no_logits_see_a_later_token():
    params, state, x, _ = arrange(PLAIN)
    moved = np.where(np.arange(LENGTH) == 3, (x + 1) % 7, x)
    before, after = (by_hand.apply(params, state, tokens)[0] for tokens in (x, moved))
    np.testing.assert_array_equal(before[:, :3], after[:, :3])
    assert np.all(np.any(before[:, 3:] != after[:, 3:], axis=-1))


def test_a_tied_table_has_the_gradients_of_both_its_uses(deep: Arranged):
    _, tied = by_hand.value_and_grad(*deep)
    assert tied["dense1"].keys() == {"bias"}
    kernel = deep.params["embedding"]["table"].T
    untied = {**deep.params, "dense1": {"kernel": kernel, **deep.params["dense1"]}}
    config = by_hand.Config(**{**DEEP.settings, "tied": False})
    _, grads = by_hand.value_and_grad(untied, {**deep.state, "config": config}, deep.x, deep.targets)
    both = grads["embedding"]["table"] + grads["dense1"]["kernel"].T
    np.testing.assert_allclose(tied["embedding"]["table"], both, rtol=1e-13)


@both_sides
def test_dropout_needs_a_key_in_training_and_each_layer_has_a_mask_of_its_own(deep: Arranged, side: ModuleType):
    with pytest.raises(ValueError, match=r"^lstm_lm: key must be given in train mode, for dropout; got key=None$"):
        side.apply(*deep[:3], train=True)
    key = jax.random.key(0) if side is lstm_lm else 0
    masks = side.dropout_masks(key, deep.state["config"], BATCH, LENGTH)
    assert {name: mask.shape for name, mask in masks.items()} == dict.fromkeys(
        ("dropout1", "dropout2", "dropout3"), (BATCH, LENGTH, 4)
    )
    assert len({np.asarray(mask).tobytes() for mask in masks.values()}) == 3
    first, again = (side.apply(*deep[:3], train=True, key=key)[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, side.apply(*deep[:3])[0])


@pytest.mark.slow
def test_pytorch_has_the_same_loss_and_gradients():
    """Two layers untied, so that torch.nn.LSTM is the whole middle; its bias is in two parts with one gradient."""
    torch = pytest.importorskip("torch")
    config = by_hand.Config(vocabulary=7, width=3, hidden=4, layers=2)
    example = PLAIN._replace(settings={"vocabulary": 7, "width": 3, "hidden": 4, "layers": 2})
    params, state, x, targets = arrange(example)
    loss, grads = by_hand.value_and_grad(params, {**state, "config": config}, x, targets)
    tensors = jax.tree.map(lambda leaf: torch.tensor(leaf, requires_grad=True), params)
    network = torch.nn.LSTM(3, 4, num_layers=2, batch_first=True, dtype=torch.float64)
    weights = {}
    for i in (1, 2):
        layer = tensors[f"lstm{i}"]
        weights |= {f"weight_ih_l{i - 1}": layer["kernel"].T, f"weight_hh_l{i - 1}": layer["recurrent_kernel"].T}
        weights |= {f"bias_ih_l{i - 1}": layer["bias"], f"bias_hh_l{i - 1}": torch.zeros(16, dtype=torch.float64)}
    embedded = torch.nn.functional.embedding(torch.tensor(x), tensors["embedding"]["table"])
    memory = (
        torch.tensor(np.stack([state["memory"][name][which] for name in ("lstm1", "lstm2")])) for which in ("h", "c")
    )
    states, _ = torch.func.functional_call(network, weights, (embedded, tuple(memory)))
    logits = states @ tensors["dense1"]["kernel"] + tensors["dense1"]["bias"]
    witness = torch.nn.functional.cross_entropy(logits.reshape(-1, 7), torch.tensor(targets).reshape(-1))
    witness.backward()
    assert abs(witness.item() - loss) <= 1e-12 * loss
    for layer, arrays in grads.items():
        for name, grad in arrays.items():
            error = relative_error(grad, tensors[layer][name].grad.numpy())
            assert error <= 1e-12, f"gradient of {layer}/{name} differs by {error:.1e}"


def test_one_cell_worked_by_hand():
    """All weights 0 but the head's bias: h = sigmoid(0) tanh(0) = 0, so the logits are the bias everywhere."""
    config = by_hand.Config(vocabulary=2, width=1, hidden=1)
    params = jax.tree.map(np.zeros_like, by_hand.init(0, config)[0])
    params["dense1"]["bias"] = np.array([0.0, np.log(3.0)])
    loss, grads = by_hand.value_and_grad(params, {"config": config}, np.array([[0, 1]]), np.array([[1, 1]]))
    assert loss == pytest.approx(-np.log(3 / 4), rel=1e-15)
    np.testing.assert_allclose(grads["dense1"]["bias"], [0.25, -0.25], rtol=1e-15)
    assert not any(np.any(grad) for name, layer in grads.items() if name != "dense1" for grad in layer.values())
