"""A language model of recurrent layers: embedding, lstm layers with dropout between them, a dense layer."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from functional_nn._checks import require, require_flag
from functional_nn.linear import dense, embedding
from functional_nn.models._network import (
    Layer,
    Masks,
    Params,
    State,
    check_config,
    check_tokens,
    check_vocabulary,
    draw_masks,
    dropout_layer,
    forward,
    init_params,
)
from functional_nn.models._recurrent import Memory, init_lstms, init_tables, lstm_layer


@jax.tree_util.register_static
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


def init(key: jax.Array, config: Config) -> tuple[Params, State]:
    """Random parameters, and the state, which only holds the configuration.

    The table is small and so are the first logits: a fresh model finds all tokens about equally likely.

    Args:
        key: a JAX random key.
        config: the sizes.

    Returns:
        params, {"embedding": {"table": (vocabulary, width)}, "lstm1": {"kernel": (width, 4 * hidden),
        "recurrent_kernel": (hidden, 4 * hidden), "bias": (4 * hidden,)}, ..., "dense1": {"kernel": (hidden,
        vocabulary), "bias": (vocabulary,)}}, with tied without the last kernel; and state.

    References:
        Saito, Deep Learning from Scratch 2, chapter 6 (the scales); Jozefowicz et al., An Empirical Exploration of
        Recurrent Network Architectures, ICML 2015 (the bias of 1); docs/derivations/models.md.
    """
    of_table, of_lstms, of_head = jax.random.split(key, 3)
    shapes = kernel_shapes(config)
    head = init_params(of_head, {"dense1": shapes.pop("dense1")}, config.initializer)
    if config.tied:
        head = {"dense1": {"bias": head["dense1"]["bias"]}}
    table = init_tables(of_table, {"embedding": (config.vocabulary, config.width)})
    return {**table, **init_lstms(of_lstms, shapes, config.initializer), **head}, {"config": config}


def stateful(state: State, batch: int, dtype: Any = float) -> State:
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
    # Arrays of their own: a training step consumes the state, and one buffer cannot be given away twice.
    memory = {f"lstm{i}": {"h": jnp.zeros(shape, dtype), "c": jnp.zeros(shape, dtype)} for i in _numbers(config)}
    return {"config": config, "memory": memory}


def apply(
    params: Params, state: State, x: jax.Array, *, train: bool = False, key: jax.Array | None = None
) -> tuple[jax.Array, State]:
    """The logits of a batch: at every place those of the token that comes next.

    Args:
        params: from `init`, or learned.
        state: from `init`, where each batch starts from zeros; or from `stateful` or the batch before.
        x: (batch, length), tokens of an integer dtype, each at least 0 and below vocabulary.
        train: whether dropout is at work; a Python bool, static under jit.
        key: the random key of the dropout masks, needed where train is True and dropout_rate is not 0.

    Returns:
        logits (batch, length, vocabulary), and the state: a memory in it is that after the last token, with or
        without train; else it is unchanged.

    Raises:
        ValueError: x has not two axes, or not the rows of the memory; a token is not below vocabulary (where x is
            traced, its logits and those after it are NaN); or the key is missing.
        TypeError: x is not an integer array.
    """
    config, memory = state["config"], state.get("memory")
    x = check_tokens("lstm_lm", x)
    _check_rows(x.shape, memory)
    masks = dropout_masks(key, config, *x.shape) if train else None
    logits, after = forward(layers(config, masks, memory), with_head(params, config), x)
    if memory is None:
        return logits, state
    return logits, {"config": config, "memory": jax.tree.map(lambda new, old: new.astype(old.dtype), after, memory)}


def _check_rows(shape: tuple[int, ...], memory: Memory | None) -> None:
    if memory is not None:
        of_memory = memory["lstm1"]["h"].shape
        rule = "x must have as many rows as the memory in state"
        require(shape[0] == of_memory[0], "lstm_lm", rule, f"x.shape={shape}, a memory of the shape {of_memory}")


def with_head(params: Params, config: Config) -> Params:
    """The parameters with a kernel of the last layer, which is the transposed table where they are tied."""
    if not config.tied:
        return params
    return {**params, "dense1": {"kernel": params["embedding"]["table"].T, **params["dense1"]}}


def dropout_masks(key: jax.Array | None, config: Config, batch: int, length: int) -> Masks:
    """The masks that `apply` draws from a key for a batch of this size, by the name of their layer."""
    shapes = {"dropout1": (batch, length, config.width)}
    shapes |= {f"dropout{i + 1}": (batch, length, config.hidden) for i in _numbers(config)}
    return draw_masks("lstm_lm", key, shapes, config.dropout_rate)


def layers(config: Config, masks: Masks | None = None, memory: Memory | None = None) -> list[Layer]:
    """The network, layer by layer; without masks there is no dropout, without a memory each lstm starts from zeros."""
    network: list[Layer] = [("embedding", embedding), *dropout_layer("dropout1", masks, config.dropout_rate)]
    for i in _numbers(config):
        network.append(lstm_layer(f"lstm{i}", memory))
        network += dropout_layer(f"dropout{i + 1}", masks, config.dropout_rate)
    return [*network, ("dense1", dense)]


def kernel_shapes(config: Config) -> dict[str, tuple[int, int]]:
    """The shape of each layer's kernel, by the layer's name; recurrent kernels are (hidden, 4 * hidden)."""
    inputs = [config.width] + [config.hidden] * (config.layers - 1)
    lstms = {f"lstm{i}": (inputs[i - 1], 4 * config.hidden) for i in _numbers(config)}
    return {**lstms, "dense1": (config.hidden, config.vocabulary)}


def _numbers(config: Config) -> range:
    return range(1, config.layers + 1)
