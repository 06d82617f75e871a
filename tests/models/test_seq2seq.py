"""seq2seq: its padding, its greedy decoding, and PyTorch as a witness."""

from functools import partial
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.networks import relative_error
from helpers.sequences import BATCH, EXAMPLES, LENGTH, Arranged, arrange, mean_loss

import functional_nn.models.seq2seq as seq2seq
import reference.models.seq2seq as by_hand
from functional_nn.models._network import Recurrent

PLAIN, PADDED = EXAMPLES[2:]
SOURCE, START = 4, 1
# The layers as apply goes through them.
IN_ORDER = ("encoder_embedding", "encoder_lstm", "decoder_embedding", "decoder_lstm", "attention", "dense1")
both_sides = pytest.mark.parametrize("side", [seq2seq, by_hand], ids=["functional_nn", "reference"])


@pytest.fixture
def padded() -> Arranged:
    """Row 0 has padding at the end of its source, row 1 at the end of its target."""
    return arrange(PADDED)


@pytest.mark.slow
def test_the_error_handed_back_is_that_of_jax_layer_by_layer(padded: Arranged, monkeypatch: pytest.MonkeyPatch):
    cotangents = by_hand.layer_cotangents(*padded)
    originals = {op: getattr(seq2seq, op) for op in ("embedding", "unroll", "attention", "dense")}

    def add(op, added, names, *inputs, **keywords):
        """What an op gives, with something (zero) added to it."""
        out, name = originals[op](*inputs, **keywords), next(names)
        if name == "encoder_lstm":
            return Recurrent(out.out + added[name], {**out.memory, "h": out.memory["h"] + added["last"]})
        if name == "decoder_lstm":
            return Recurrent(out.out + added[name], out.memory)
        return out + (added[name][:, :, None] if name == "attention" else added[name])

    @jax.jit
    @jax.grad
    def by_jax(added):
        names = iter(IN_ORDER)
        for op in originals:
            monkeypatch.setattr(seq2seq, op, partial(add, op, added, names))
        return mean_loss(seq2seq.apply(*padded[:3])[0], padded.targets, ignore_label=0)

    for name, expected in by_jax(jax.tree.map(jnp.zeros_like, cotangents)).items():
        error = relative_error(cotangents[name], expected)
        assert error <= 1e-12, f"the error that reaches {name} differs by {error:.1e}"


@both_sides
def test_padding_at_the_end_of_a_source_is_as_if_it_were_not_there(padded: Arranged, side: ModuleType):
    params, state, x, _ = padded
    short = side.Config(**{**PADDED.settings, "source_length": 2})
    alone, _ = side.apply(params, {"config": short}, np.delete(x[:1], [2, 3], axis=1))
    np.testing.assert_allclose(side.apply(params, state, x)[0][:1], alone, rtol=1e-12)
    unpadded, _ = side.apply(params, {"config": side.Config(**PLAIN.settings)}, x)
    assert relative_error(unpadded[0], alone[0]) > 1e-3
    np.testing.assert_allclose(unpadded[2], side.apply(params, state, x)[0][2], rtol=1e-12)


@both_sides
def test_a_source_of_nothing_but_padding_still_has_logits(padded: Arranged, side: ModuleType):
    padded.x[:, :SOURCE] = 0
    assert np.all(np.isfinite(side.apply(*padded[:3])[0]))


def test_the_table_learns_nothing_about_padding_that_is_read_or_expected(padded: Arranged):
    params, state, x, targets = padded
    _, grads = by_hand.value_and_grad(params, state, x, targets)
    assert not np.any(grads["encoder_embedding"]["table"][0])
    loss, _ = by_hand.value_and_grad(params, state, x[:2], targets[:2])
    losses = [by_hand.value_and_grad(params, state, x[i : i + 1], targets[i : i + 1])[0] for i in range(2)]
    assert loss == pytest.approx((5 * losses[0] + 3 * losses[1]) / 8, rel=1e-13), "the mean is over eight tokens"
    x[1, -2:] = 5
    assert by_hand.value_and_grad(params, state, x[:2], targets[:2])[0] == loss, "nothing is read behind the target"


def test_targets_of_nothing_but_padding_have_no_mean(padded: Arranged):
    rule = r"^mean_cross_entropy: a target must not be ignore_label; got only ignore_label=0$"
    with pytest.raises(ValueError, match=rule):
        by_hand.value_and_grad(padded.params, padded.state, padded.x, np.zeros_like(padded.targets))


def test_attention_weights_are_those_with_which_apply_looks_back(padded: Arranged, monkeypatch: pytest.MonkeyPatch):
    weights = seq2seq.attention_weights(*padded[:3])
    looked, attention = [], seq2seq.attention
    monkeypatch.setattr(seq2seq, "attention", lambda *args, **kw: looked.append(args) or attention(*args, **kw))
    seq2seq.apply(*padded[:3])
    ((query, key, _, seen),) = looked
    scores = np.where(seen[:, 0], np.einsum("bthd,bshd->bts", query, key), -np.inf)
    shares = np.exp(scores - scores.max(-1, keepdims=True))
    np.testing.assert_allclose(weights, shares / shares.sum(-1, keepdims=True), rtol=1e-12)
    assert not np.any(weights[0, :, 2:])


def stepwise(side: ModuleType, params: Any, state: Any, source: np.ndarray, length: int) -> np.ndarray:
    """Greedy decoding by calling apply anew for every token, with all that was written before."""
    x = np.concatenate([source, np.full((len(source), 1), START)], axis=1)
    for _ in range(length):
        likeliest = np.argmax(side.apply(params, state, x)[0][:, -1:], axis=-1)
        x = np.concatenate([x, likeliest], axis=1)
    return x[:, source.shape[1] + 1 :]


@both_sides
def test_decoding_writes_what_apply_finds_likeliest_step_by_step(padded: Arranged, side: ModuleType):
    rng = np.random.default_rng(1)
    params = jax.tree.map(lambda leaf: rng.normal(scale=2, size=leaf.shape), padded.params)
    params["dense1"]["bias"][:] = 0
    source = padded.x[:, :SOURCE]
    written = jax.jit(partial(seq2seq.decode, start=START, length=6))(params, padded.state, source)
    assert written.shape == (BATCH, 6)
    assert len({tuple(row) for row in np.asarray(written)}) == BATCH, "each source has an answer of its own"
    assert max(len(set(row)) for row in np.asarray(written).tolist()) > 2, "which is not one token again and again"
    np.testing.assert_array_equal(written, stepwise(side, params, padded.state, source, 6))


BAD_CALLS = [
    ({"start": 7}, ValueError, "start must be at least 0 and below vocabulary; got start=7, vocabulary=7"),
    ({"start": 1.0}, TypeError, "start must be an int; got start=1.0"),
    ({"length": 0}, ValueError, "length must be at least 1; got length=0"),
    ({"source": np.ones((2, 3), int)}, ValueError, r"must be \(batch, source_length\); got source.shape=\(2, 3\), sou"),
]


@pytest.mark.parametrize(("arguments", "error", "says"), BAD_CALLS, ids=[str(list(row[0])) for row in BAD_CALLS])
def test_what_cannot_be_decoded_is_refused(padded: Arranged, arguments: dict, error: type, says: str):
    given = {"source": padded.x[:, :SOURCE], "start": START, "length": 2}
    with pytest.raises(error, match=rf"^seq2seq: .*{says}"):
        seq2seq.decode(padded.params, padded.state, **(given | arguments))


@both_sides
def test_a_row_without_a_target_is_refused(padded: Arranged, side: ModuleType):
    rule = r"^seq2seq: x must be longer than source_length, by what the decoder reads; got x.shape=\(3, 4\), source_le"
    with pytest.raises(ValueError, match=rule):
        side.apply(padded.params, padded.state, padded.x[:, :SOURCE])


@both_sides
def test_no_logits_see_a_later_token_of_the_target_and_all_see_all_of_the_source(side: ModuleType):
    params, state, x, _ = arrange(PLAIN)
    for place, unchanged in ((SOURCE - 1, 0), (SOURCE + 2, 2)):
        moved = np.where(np.arange(x.shape[1]) == place, 1 + x % 6, x)
        before, after = (np.asarray(side.apply(params, state, tokens)[0]) for tokens in (x, moved))
        np.testing.assert_array_equal(before[:, :unchanged], after[:, :unchanged])
        assert np.all(np.any(before[:, unchanged:] != after[:, unchanged:], axis=-1))


def test_there_is_no_dropout():
    assert seq2seq.dropout_masks(None, PLAIN.config, BATCH, LENGTH) == {}
    assert by_hand.dropout_masks(None, PLAIN.config, BATCH, LENGTH) == {}


@pytest.mark.slow
def test_pytorch_has_the_same_loss_and_gradients():
    torch = pytest.importorskip("torch")
    params, state, x, targets = arrange(PLAIN)
    loss, grads = by_hand.value_and_grad(params, state, x, targets)
    tensors = jax.tree.map(lambda leaf: torch.tensor(leaf, requires_grad=True), params)
    source, target = torch.tensor(x[:, :SOURCE]), torch.tensor(x[:, SOURCE:])
    read, (last, _) = torch_lstm(torch, tensors, "encoder", source)
    states, _ = torch_lstm(torch, tensors, "decoder", target, (last, torch.zeros_like(last)))
    context = torch.softmax(states @ read.transpose(1, 2), dim=-1) @ read
    logits = torch.cat([context, states], dim=-1) @ tensors["dense1"]["kernel"] + tensors["dense1"]["bias"]
    witness = torch.nn.functional.cross_entropy(logits.reshape(-1, 7), torch.tensor(targets).reshape(-1))
    witness.backward()
    assert abs(witness.item() - loss) <= 1e-12 * loss
    for layer, arrays in grads.items():
        for name, grad in arrays.items():
            error = relative_error(grad, tensors[layer][name].grad.numpy())
            assert error <= 1e-12, f"gradient of {layer}/{name} differs by {error:.1e}"


def torch_lstm(torch: Any, tensors: Any, side: str, tokens: Any, memory: Any = None) -> Any:
    network = torch.nn.LSTM(3, 4, batch_first=True, dtype=torch.float64)
    layer = tensors[f"{side}_lstm"]
    weights = {"weight_ih_l0": layer["kernel"].T, "weight_hh_l0": layer["recurrent_kernel"].T}
    weights |= {"bias_ih_l0": layer["bias"], "bias_hh_l0": torch.zeros(16, dtype=torch.float64)}
    embedded = torch.nn.functional.embedding(tokens, tensors[f"{side}_embedding"]["table"])
    return torch.func.functional_call(network, weights, (embedded, memory))
