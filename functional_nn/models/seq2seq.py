"""Sequence to sequence with attention: an lstm reads, another writes, and looks back at all that was read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from functional_nn._checks import require, require_ints
from functional_nn.dot_product import attention
from functional_nn.linear import dense, embedding
from functional_nn.models._network import (
    Masks,
    Params,
    State,
    check_config,
    check_tokens,
    check_vocabulary,
    init_params,
)
from functional_nn.models._recurrent import init_lstms, init_tables, unroll


@jax.tree_util.register_static
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


# Those whose outputs are shown.
LAYERS = ("encoder_lstm", "decoder_lstm", "attention", "dense1")


class Source(NamedTuple):
    """What was read: the state after each token, which of them are looked at, and what the decoder starts from."""

    states: jax.Array
    seen: jax.Array | None
    memory: Mapping[str, jax.Array]


def init(key: jax.Array, config: Config) -> tuple[Params, State]:
    """Random parameters, and the state, which only holds the configuration.

    The tables are small and so are the first logits: a fresh model finds all tokens about equally likely.

    Args:
        key: a JAX random key.
        config: the sizes.

    Returns:
        params, {"encoder_embedding": {"table": (vocabulary, width)}, "encoder_lstm": {"kernel": (width, 4 * hidden),
        "recurrent_kernel": (hidden, 4 * hidden), "bias": (4 * hidden,)}, the same two of "decoder_", and "dense1":
        {"kernel": (2 * hidden, vocabulary), "bias": (vocabulary,)}}; and state.

    References:
        Saito, Deep Learning from Scratch 2, sections 7.3 and 8.2 (the scales); Jozefowicz et al., An Empirical
        Exploration of Recurrent Network Architectures, ICML 2015 (the bias of 1); docs/derivations/models.md.
    """
    of_tables, of_lstms, of_head = jax.random.split(key, 3)
    shapes = kernel_shapes(config)
    head = init_params(of_head, {"dense1": shapes.pop("dense1")}, config.initializer)
    table = (config.vocabulary, config.width)
    tables = init_tables(of_tables, {"encoder_embedding": table, "decoder_embedding": table})
    return {**tables, **init_lstms(of_lstms, shapes, config.initializer), **head}, {"config": config}


def apply(
    params: Params, state: State, x: jax.Array, *, train: bool = False, key: jax.Array | None = None
) -> tuple[jax.Array, State]:
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
        ValueError: x is not (batch, source_length + length); a token is not below vocabulary (where x is traced, what
            depends on it is NaN).
        TypeError: x is not an integer array.

    References:
        Sutskever, Vinyals and Le, arXiv:1409.3215; Luong, Pham and Manning, arXiv:1508.04025 (attention by dot
        products); Saito, Deep Learning from Scratch 2, chapters 7 and 8; docs/derivations/models.md.
    """
    tokens, written = _halves(state["config"], x)
    source = _encode(params, state["config"], tokens)
    logits, _ = _write(params, source, written, source.memory)
    return logits, state


def attention_weights(params: Params, state: State, x: jax.Array) -> jax.Array:
    """How much each place of the target looks at each token of the source.

    Args:
        params: from `init`, or learned.
        state: from `init`.
        x: as in `apply`.

    Returns:
        (batch, length, source_length); of each place they sum to 1, or are 0 where all of the source is padding.

    Raises:
        ValueError: as in `apply`.
        TypeError: as in `apply`.
    """
    tokens, written = _halves(state["config"], x)
    source = _encode(params, state["config"], tokens)
    states, _ = _remember(params, written, source.memory)
    # What attention makes of the unit vectors is its weights.
    places = jnp.broadcast_to(jnp.eye(tokens.shape[1], dtype=states.dtype), (len(x), *2 * tokens.shape[1:]))
    return _looked_up(states, source, places)


def outputs(params: Params, config: Config, x: jax.Array) -> dict[str, jax.Array]:
    """The output of every layer but the embeddings, by its name; x as in `apply`."""
    tokens, written = _halves(config, x)
    source = _encode(params, config, tokens)
    states, _ = _remember(params, written, source.memory)
    context = _looked_up(states, source, source.states)
    return dict(zip(LAYERS, (source.states, states, context, _tell(params, context, states)), strict=True))


def decode(params: Params, state: State, source: jax.Array, start: int, length: int) -> jax.Array:
    """What the model writes, greedily: the likeliest token, which it then reads to write the next.

    Args:
        params: from `init`, or learned.
        state: from `init`.
        source: (batch, source_length), tokens as in `apply`.
        start: the token that starts a target.
        length: how many tokens to write; static under jit. A token that ends a target is written like any other.

    Returns:
        (batch, length), tokens.

    Raises:
        ValueError: source is not (batch, source_length), start is not below vocabulary, or length is below 1.
        TypeError: source is not an integer array, start or length no int.
    """
    tokens = _check_source(state["config"], source)
    _check_token("start", start, state["config"].vocabulary)
    require_ints("seq2seq", "length must be an int", f"length={length!r}", (length,))
    require(length >= 1, "seq2seq", "length must be at least 1", f"length={length!r}")
    read = _encode(params, state["config"], tokens)

    def step(before, _):
        token, memory = before
        logits, memory = _write(params, read, token[:, None], memory)
        token = jnp.argmax(logits[:, 0], axis=-1)
        return (token, memory), token

    first = jnp.full(len(tokens), start, int)
    _, written = lax.scan(step, (first, read.memory), length=length)
    return written.T


def _encode(params: Params, config: Config, tokens: jax.Array) -> Source:
    lengths, seen = _counted(tokens, config.padding)
    embedded = embedding(tokens, **params["encoder_embedding"])
    states, memory = unroll(embedded, **params["encoder_lstm"], lengths=lengths)
    return Source(states, seen, {"h": memory["h"], "c": jnp.zeros_like(memory["c"])})


def _write(
    params: Params, source: Source, tokens: jax.Array, memory: Mapping[str, jax.Array]
) -> tuple[jax.Array, Mapping[str, jax.Array]]:
    """The logits after each token, and what the decoder remembers after the last."""
    states, memory = _remember(params, tokens, memory)
    return _tell(params, _looked_up(states, source, source.states), states), memory


def _remember(
    params: Params, tokens: jax.Array, memory: Mapping[str, jax.Array]
) -> tuple[jax.Array, Mapping[str, jax.Array]]:
    """The state of the decoder after each token, and its memory after the last."""
    return unroll(embedding(tokens, **params["decoder_embedding"]), **params["decoder_lstm"], **memory)


def _tell(params: Params, context: jax.Array, states: jax.Array) -> jax.Array:
    return dense(jnp.concatenate([context, states], axis=-1), **params["dense1"])


def _looked_up(states: jax.Array, source: Source, values: jax.Array) -> jax.Array:
    """The mean of values (batch, source_length, dim): those of the states that each state of the decoder fits best."""
    query, key = states[:, :, None], source.states[:, :, None]
    return attention(query, key, values[:, :, None], source.seen, scale=1.0)[:, :, 0]


def _counted(source: jax.Array, padding: int | None) -> tuple[jax.Array | None, jax.Array | None]:
    """How many tokens of each row are read, up to the last that is no padding; and which of them are looked at."""
    if padding is None:
        return None, None
    tokens = jnp.asarray(source) != padding
    places = jnp.arange(1, tokens.shape[1] + 1)
    return jnp.max(places * tokens, axis=1), tokens[:, None, None]


def _halves(config: Config, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    x = check_tokens("seq2seq", x)
    rule = "x must be longer than source_length, by what the decoder reads"
    got = f"x.shape={x.shape}, source_length={config.source_length}"
    require(x.shape[1] > config.source_length, "seq2seq", rule, got)
    return x[:, : config.source_length], x[:, config.source_length :]


def _check_source(config: Config, source: jax.Array) -> jax.Array:
    source = check_tokens("seq2seq", source)
    got = f"source.shape={source.shape}, source_length={config.source_length}"
    require(source.shape[1] == config.source_length, "seq2seq", "source must be (batch, source_length)", got)
    return source


def _check_token(name: str, token: int, vocabulary: int) -> None:
    require_ints("seq2seq", f"{name} must be an int", f"{name}={token!r}", (token,))
    rule = f"{name} must be at least 0 and below vocabulary"
    require(0 <= token < vocabulary, "seq2seq", rule, f"{name}={token!r}, vocabulary={vocabulary}")


def dropout_masks(key: jax.Array | None, config: Config, batch: int, length: int) -> Masks:
    """No masks: this network has no dropout."""
    return {}


def kernel_shapes(config: Config) -> dict[str, tuple[int, int]]:
    """The shape of each layer's kernel, by the layer's name; recurrent kernels are (hidden, 4 * hidden)."""
    of_lstm = (config.width, 4 * config.hidden)
    return {"encoder_lstm": of_lstm, "decoder_lstm": of_lstm, "dense1": (2 * config.hidden, config.vocabulary)}
