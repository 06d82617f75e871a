"""A language model of recurrent layers: embedding, lstm layers with dropout between them, a dense layer."""

from dataclasses import dataclass

import numpy as np

from reference._checks import require, require_flag
from reference.linear import dense_bwd, dense_fwd, embedding_bwd, embedding_fwd
from reference.models._network import (
    Layer,
    check_config,
    check_tokens,
    check_vocabulary,
    draw_masks,
    dropout_layer,
    forward,
    init_params,
    loss_and_backward,
)
from reference.models._recurrent import init_lstms, init_tables, lstm_layer, memory_of


@dataclass(frozen=True)
class Config:
    """What an lstm_lm is made of: embeddings of a width, and as many lstm layers of hidden units as layers says.

    With tied the kernel of the last layer is the transposed table of the embedding, so width must equal hidden.
    """

    vocabulary: int
    width: int
    hidden: int
    layers: int = 1
    tied: bool = False
    dropout_rate: float = 0.0
    initializer: str = "lecun_normal"

    def __post_init__(self) -> None:
        sizes = {"vocabulary": self.vocabulary, "width": self.width, "hidden": self.hidden, "layers": self.layers}
        check_config("lstm_lm", self.initializer, self.dropout_rate, **sizes)
        check_vocabulary("lstm_lm", self.vocabulary)
        require_flag("lstm_lm", "tied", self.tied)
        got = f"width={self.width}, hidden={self.hidden}"
        require(not self.tied or self.width == self.hidden, "lstm_lm", "with tied width must equal hidden", got)


def init(key, config):
    """Random parameters, and the state, which only holds the configuration.

    The table is small and so are the first logits: a fresh model finds all tokens about equally likely.

    Args:
        key: an integer seed or a NumPy Generator.
        config: the sizes.

    Returns:
        params, {"embedding": {"table": (vocabulary, width)}, "lstm1": {"kernel": (width, 4 * hidden),
        "recurrent_kernel": (hidden, 4 * hidden), "bias": (4 * hidden,)}, ..., "dense1": {"kernel": (hidden,
        vocabulary), "bias": (vocabulary,)}}, with tied without the last kernel; and state.

    References:
        Saito, Deep Learning from Scratch 2, chapter 6 (the scales); Jozefowicz et al., An Empirical Exploration of
        Recurrent Network Architectures, ICML 2015 (the bias of 1); docs/derivations/models.md.
    """
    rng = np.random.default_rng(key)
    shapes = kernel_shapes(config)
    head = init_params(rng, {"dense1": shapes.pop("dense1")}, config.initializer)
    if config.tied:
        head = {"dense1": {"bias": head["dense1"]["bias"]}}
    table = init_tables(rng, {"embedding": (config.vocabulary, config.width)})
    return {**table, **init_lstms(rng, shapes, config.initializer), **head}, {"config": config}


def stateful(state, batch, dtype=float):
    """A state with a memory of zeros: from it on, every batch starts where the one before ended.

    Row i of a batch must go on with the text of row i of the batch before. No gradient passes from one batch to
    another: backpropagation through time is truncated there. The state of `init` has no memory: with it each batch
    starts from zeros.

    Args:
        state: from `init`.
        batch: how many rows every batch has.
        dtype: that of the memory.

    Returns:
        {"config": config, "memory": {"lstm1": {"h": (batch, hidden), "c": (batch, hidden)}, ...}}.

    Raises:
        ValueError: batch is below 1.
        TypeError: batch is no integer.

    References:
        Saito, Deep Learning from Scratch 2, sections 5.2 and 5.3; docs/derivations/models.md.
    """
    config = state["config"]
    check_config("lstm_lm", config.initializer, batch=batch)
    shape = (batch, config.hidden)
    memory = {f"lstm{i}": {"h": np.zeros(shape, dtype), "c": np.zeros(shape, dtype)} for i in _numbers(config)}
    return {"config": config, "memory": memory}


def apply(params, state, x, *, train=False, key=None):
    """The logits of a batch: at every place those of the token that comes next.

    Args:
        params: from `init`, or learned.
        state: from `init`, where each batch starts from zeros; or from `stateful` or the batch before.
        x: (batch, length), tokens of an integer dtype, each at least 0 and below vocabulary.
        train: whether dropout is at work.
        key: the seed or Generator of the dropout masks, needed where train is True and dropout_rate is not 0.

    Returns:
        logits (batch, length, vocabulary), and the state: a memory in it is that after the last token, with or
        without train; else it is unchanged.

    Raises:
        ValueError: x has not two axes, or not the rows of the memory; a token is not below vocabulary; or the key is
            missing.
        TypeError: x is not an integer array.
    """
    config, memory = state["config"], state.get("memory")
    x = check_tokens("lstm_lm", x)
    _check_rows(x.shape, memory)
    network = layers(config, dropout_masks(key, config, *x.shape) if train else None, memory)
    logits, residuals = forward(network, with_head(params, config), x)
    if memory is None:
        return logits, state
    after = memory_of(network, residuals)
    kept = {name: {h: new.astype(memory[name][h].dtype) for h, new in each.items()} for name, each in after.items()}
    return logits, {"config": config, "memory": kept}


def value_and_grad(params, state, x, targets, *, masks=None):
    """The mean loss of a batch and its gradient to every parameter, by hand.

    Args:
        params: from `init`, or learned.
        state: from `init`; or from `stateful` or the batch before, to which no gradient is handed back.
        x: (batch, length), tokens of an integer dtype, each at least 0 and below vocabulary.
        targets: (batch, length), the tokens that come next; or soft targets (batch, length, vocabulary), floating.
        masks: the masks of dropout, from `dropout_masks` of either twin; None for a pass without dropout.

    Returns:
        loss, the mean of softmax_cross_entropy over all places; and grads, nested as params.

    Raises:
        ValueError: x has not two axes, or not the rows of the memory; a token or target is not below vocabulary,
            targets do not fit, or the batch is empty.
        TypeError: x is not an integer array.
    """
    loss, grads, _ = _loss_and_backward(params, state, x, targets, masks)
    if state["config"].tied:
        # One array in two places: it has the gradients of both.
        grads["embedding"]["table"] = grads["embedding"]["table"] + grads["dense1"].pop("kernel").T
    return loss, grads


def layer_cotangents(params, state, x, targets, *, masks=None):
    """The gradient of the mean loss to the output of every layer, by name; None to the input "x", which is integers.

    Arguments and errors are those of `value_and_grad`.
    """
    return _loss_and_backward(params, state, x, targets, masks)[2]


def _loss_and_backward(params, state, x, targets, masks):
    config, memory = state["config"], state.get("memory")
    x = check_tokens("lstm_lm", x)
    _check_rows(x.shape, memory)
    return loss_and_backward(layers(config, masks, memory), with_head(params, config), x, targets)


def _check_rows(shape, memory):
    if memory is not None:
        of_memory = memory["lstm1"]["h"].shape
        rule = "x must have as many rows as the memory in state"
        require(shape[0] == of_memory[0], "lstm_lm", rule, f"x.shape={shape}, a memory of the shape {of_memory}")


def with_head(params, config):
    """The parameters with a kernel of the last layer, which is the transposed table where they are tied."""
    if not config.tied:
        return params
    return {**params, "dense1": {"kernel": params["embedding"]["table"].T, **params["dense1"]}}


def dropout_masks(key, config, batch, length):
    """The masks that `apply` draws from a key for a batch of this size, by the name of their layer."""
    shapes = {"dropout1": (batch, length, config.width)}
    shapes |= {f"dropout{i + 1}": (batch, length, config.hidden) for i in _numbers(config)}
    return draw_masks("lstm_lm", key, shapes, config.dropout_rate)


def layers(config, masks=None, memory=None):
    """The network, layer by layer; without masks there is no dropout, without a memory each lstm starts from zeros."""
    network = [
        Layer("embedding", embedding_fwd, embedding_bwd),
        *dropout_layer("dropout1", masks, config.dropout_rate),
    ]
    for i in _numbers(config):
        network.append(lstm_layer(f"lstm{i}", memory))
        network += dropout_layer(f"dropout{i + 1}", masks, config.dropout_rate)
    return [*network, Layer("dense1", dense_fwd, dense_bwd)]


def kernel_shapes(config):
    """The shape of each layer's kernel, by the layer's name; recurrent kernels are (hidden, 4 * hidden)."""
    inputs = [config.width] + [config.hidden] * (config.layers - 1)
    lstms = {f"lstm{i}": (inputs[i - 1], 4 * config.hidden) for i in _numbers(config)}
    return {**lstms, "dense1": (config.hidden, config.vocabulary)}


def _numbers(config):
    return range(1, config.layers + 1)
