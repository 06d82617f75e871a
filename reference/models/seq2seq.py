"""Sequence to sequence with attention: an lstm reads, another writes, and looks back at all that was read."""

from dataclasses import dataclass

import numpy as np

from reference._checks import require, require_ints
from reference.dot_product import attention_bwd, attention_fwd
from reference.linear import dense_bwd, dense_fwd, embedding_bwd, embedding_fwd
from reference.models._network import (
    by_name,
    check_config,
    check_tokens,
    check_vocabulary,
    init_params,
    mean_cross_entropy,
)
from reference.models._recurrent import init_lstms, init_tables, zeros_of
from reference.recurrent import lstm_bwd, lstm_fwd


@dataclass(frozen=True)
class Config:
    """What a seq2seq is made of; the first source_length tokens of a row are read, those after them written.

    Both sides have one vocabulary, and tables of embeddings of their own. padding is the token that fills up the end
    of a source or a target, or None: it is not read, not looked at, and counts for nothing in the loss.
    """

    vocabulary: int
    source_length: int
    width: int
    hidden: int
    padding: int | None = None
    initializer: str = "lecun_normal"

    def __post_init__(self) -> None:
        sizes = {"vocabulary": self.vocabulary, "source_length": self.source_length}
        check_config("seq2seq", self.initializer, **sizes, width=self.width, hidden=self.hidden)
        check_vocabulary("seq2seq", self.vocabulary)
        if self.padding is not None:
            _check_token("padding", self.padding, self.vocabulary)


def init(key, config):
    """Random parameters, and the state, which only holds the configuration.

    The tables are small and so are the first logits: a fresh model finds all tokens about equally likely.

    Args:
        key: an integer seed or a NumPy Generator.
        config: the sizes.

    Returns:
        params, {"encoder_embedding": {"table": (vocabulary, width)}, "encoder_lstm": {"kernel": (width, 4 * hidden),
        "recurrent_kernel": (hidden, 4 * hidden), "bias": (4 * hidden,)}, the same two of "decoder_", and "dense1":
        {"kernel": (2 * hidden, vocabulary), "bias": (vocabulary,)}}; and state.

    References:
        Saito, Deep Learning from Scratch 2, sections 7.3 and 8.2 (the scales); Jozefowicz et al., An Empirical
        Exploration of Recurrent Network Architectures, ICML 2015 (the bias of 1); docs/derivations/models.md.
    """
    rng = np.random.default_rng(key)
    shapes = kernel_shapes(config)
    head = init_params(rng, {"dense1": shapes.pop("dense1")}, config.initializer)
    table = (config.vocabulary, config.width)
    tables = init_tables(rng, {"encoder_embedding": table, "decoder_embedding": table})
    return {**tables, **init_lstms(rng, shapes, config.initializer), **head}, {"config": config}


def apply(params, state, x, *, train=False, key=None):
    """The logits of a batch: at every place of the target those of the token that comes next.

    The decoder is told what it should have written so far, not what it would have (teacher forcing).

    Args:
        params: from `init`, or learned.
        state: from `init`.
        x: (batch, source_length + length), tokens of an integer dtype, each at least 0 and below vocabulary: the
            source, and then what the decoder reads, which is the target moved on by one, behind a token that starts.
        train: makes no difference: this network has no dropout.
        key: not used.

    Returns:
        logits (batch, length, vocabulary), and the state, unchanged.

    Raises:
        ValueError: x is not (batch, source_length + length), or a token is not below vocabulary.
        TypeError: x is not an integer array.

    References:
        Sutskever, Vinyals and Le, arXiv:1409.3215; Luong, Pham and Manning, arXiv:1508.04025 (attention by dot
        products); Saito, Deep Learning from Scratch 2, chapters 7 and 8; docs/derivations/models.md.
    """
    logits, _ = _forward(params, state["config"], x)
    return logits, state


def value_and_grad(params, state, x, targets, *, masks=None):
    """The mean loss of a batch and its gradient to every parameter, by hand.

    Args:
        params: from `init`, or learned.
        state: from `init`.
        x: (batch, source_length + length), tokens as in `apply`.
        targets: (batch, length), the tokens to write, as integers; those that are padding do not count.
        masks: not used: this network has no dropout.

    Returns:
        loss, the mean of softmax_cross_entropy over all places whose target is no padding; and grads, nested as
        params.

    Raises:
        ValueError: x is not (batch, source_length + length), a token or target is not below vocabulary, targets do
            not fit, or nothing counts.
        TypeError: x is not an integer array.
    """
    loss, grads, _ = _loss_and_backward(params, state["config"], x, targets)
    return loss, grads


def layer_cotangents(params, state, x, targets, *, masks=None):
    """The gradient of the mean loss to the output of every layer, by name; "last" is the state that is handed over.

    Arguments and errors are those of `value_and_grad`.
    """
    return _loss_and_backward(params, state["config"], x, targets)[2]


def _loss_and_backward(params, config, x, targets):
    logits, residuals = _forward(params, config, x)
    loss, logits_ct = mean_cross_entropy(logits, targets, config.padding)
    grads, cotangents = _backward(residuals, logits_ct)
    return loss, {layer: by_name(params[layer], weight_cts) for layer, weight_cts in grads.items()}, cotangents


def _forward(params, config, x):
    """The logits, and the residuals of every layer by its name."""
    source, written = _halves(config, x)
    lengths, seen = _counted(source, config.padding)
    saved, reading = {}, {**params["encoder_lstm"], "lengths": lengths}
    embedded, saved["encoder_embedding"] = embedding_fwd(source, **params["encoder_embedding"])
    nothing = zeros_of(embedded, params["encoder_lstm"]["recurrent_kernel"])
    (read, last, _), saved["encoder_lstm"] = lstm_fwd(embedded, nothing, nothing, **reading)
    embedded, saved["decoder_embedding"] = embedding_fwd(written, **params["decoder_embedding"])
    (states, _, _), saved["decoder_lstm"] = lstm_fwd(embedded, last, nothing, **params["decoder_lstm"])
    query, looked_at = states[:, :, np.newaxis], read[:, :, np.newaxis]
    context, saved["attention"] = attention_fwd(query, looked_at, looked_at, seen, scale=1.0)
    joined = np.concatenate([context[:, :, 0], states], axis=-1)
    logits, saved["dense1"] = dense_fwd(joined, **params["dense1"])
    return logits, saved


def _backward(saved, logits_ct):
    """The gradients of every layer, and the cotangent of its output: `_forward`, line by line, backwards.

    The states of the decoder are used twice, by attention and beside its context, and so are those of the encoder, as
    keys and as values: what comes back from both uses is added up. The last state of the encoder is used once more,
    as the first of the decoder.
    """
    grads = {}
    joined_ct, *grads["dense1"] = dense_bwd(saved["dense1"], logits_ct)
    context_ct, states_ct = np.split(joined_ct, 2, axis=-1)
    query_ct, key_ct, value_ct, _ = attention_bwd(saved["attention"], context_ct[:, :, np.newaxis])
    states_ct = states_ct + query_ct[:, :, 0]
    read_ct = (key_ct + value_ct)[:, :, 0]
    unused = np.zeros_like(states_ct[:, 0])
    written_ct, last_ct, _, *grads["decoder_lstm"] = lstm_bwd(saved["decoder_lstm"], (states_ct, unused, unused))
    _, *grads["decoder_embedding"] = embedding_bwd(saved["decoder_embedding"], written_ct)
    source_ct, _, _, *grads["encoder_lstm"] = lstm_bwd(saved["encoder_lstm"], (read_ct, last_ct, unused))
    _, *grads["encoder_embedding"] = embedding_bwd(saved["encoder_embedding"], source_ct)
    cotangents = {"dense1": logits_ct, "attention": context_ct, "decoder_lstm": states_ct}
    cotangents |= {"decoder_embedding": written_ct, "encoder_lstm": read_ct, "last": last_ct}
    return grads, cotangents | {"encoder_embedding": source_ct}


def _counted(source, padding):
    """How many tokens of each row are read, up to the last that is no padding; and which of them are looked at."""
    if padding is None:
        return None, None
    tokens = source != padding
    places = np.arange(1, tokens.shape[1] + 1)
    return np.max(places * tokens, axis=1), tokens[:, np.newaxis, np.newaxis]


def _halves(config, x):
    x = check_tokens("seq2seq", x)
    rule = "x must be longer than source_length, by what the decoder reads"
    got = f"x.shape={x.shape}, source_length={config.source_length}"
    require(x.shape[1] > config.source_length, "seq2seq", rule, got)
    return x[:, : config.source_length], x[:, config.source_length :]


def _check_token(name, token, vocabulary):
    require_ints("seq2seq", f"{name} must be an int", f"{name}={token!r}", (token,))
    rule = f"{name} must be at least 0 and below vocabulary"
    require(0 <= token < vocabulary, "seq2seq", rule, f"{name}={token!r}, vocabulary={vocabulary}")


def dropout_masks(key, config, batch, length):
    """No masks: this network has no dropout."""
    return {}


def kernel_shapes(config):
    """The shape of each layer's kernel, by the layer's name; recurrent kernels are (hidden, 4 * hidden)."""
    of_lstm = (config.width, 4 * config.hidden)
    return {"encoder_lstm": of_lstm, "decoder_lstm": of_lstm, "dense1": (2 * config.hidden, config.vocabulary)}
