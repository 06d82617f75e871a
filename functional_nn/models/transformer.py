"""A transformer that predicts the next token: blocks of causal attention and of a gated network, each added to x."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from functional_nn._checks import as_array, known_range, require, require_flag
from functional_nn.dot_product import attention
from functional_nn.linear import dense, embedding
from functional_nn.models._gated import glu_of_halves
from functional_nn.models._network import Branch, Cached, Layer, Masks, Params, State, check_sizes, forward
from functional_nn.models.initializers import normal
from functional_nn.normalization import rms_norm
from functional_nn.positional import rotary_embedding

# Keys and values (batch, context, key_heads, head_dim) of the tokens so far, by the name of their layer.
Cache = Mapping[str, Mapping[str, jax.Array]]


@jax.tree_util.register_static
@dataclass(frozen=True, kw_only=True)
class Config:
    """What a transformer is made of: so many layers, each a block of attention and a gated network of hidden units.

    key_heads, fewer than heads, are shared by neighbouring heads; None means as many. context is the longest sequence
    that it reads. With tied the head has no kernel of its own: the embedding's table, transposed, serves as one.
    """

    vocabulary: int
    width: int
    heads: int
    key_heads: int | None = None
    layers: int
    hidden: int
    context: int
    tied: bool = False

    def __post_init__(self) -> None:
        sizes = {"vocabulary": self.vocabulary, "width": self.width, "heads": self.heads, "layers": self.layers}
        sizes |= {} if self.key_heads is None else {"key_heads": self.key_heads}
        check_sizes("transformer", **sizes, hidden=self.hidden, context=self.context)
        require_flag("transformer", "tied", self.tied)
        require(self.vocabulary > 1, "transformer", "vocabulary must be at least 2", f"vocabulary={self.vocabulary}")
        got = f"heads={self.heads}, width={self.width}"
        require(self.width % self.heads == 0, "transformer", "heads must divide width", got)
        rule = "width / heads must be even, for the rotary embedding"
        require(self.head_dim % 2 == 0, "transformer", rule, got)
        got = f"key_heads={self.key_heads}, heads={self.heads}"
        require(self.heads % self.heads_of_keys == 0, "transformer", "key_heads must divide heads", got)

    @property
    def head_dim(self) -> int:
        """The features of one head."""
        return self.width // self.heads

    @property
    def heads_of_keys(self) -> int:
        """How many heads keys and values have."""
        return self.heads if self.key_heads is None else self.key_heads


def init(key: jax.Array, config: Config) -> tuple[Params, State]:
    """Random parameters, as those of GPT-2, and the state, which only holds the configuration.

    All are Gaussian with deviation 0.02, divided by the root of 2 layers where a block's result is added to x: of so
    many terms x is the sum. The scales of norms are 1.

    Args:
        key: a JAX random key.
        config: the sizes.

    Returns:
        params, {"embedding": {"table": (vocabulary, width)}, ..., "norm": {"scale": (width,)}, "head": {"kernel":
        (width, vocabulary)}}, no "head" if tied; and state. Of layer 1 there are "attention1_norm" and
        "feedforward1_norm", {"scale": (width,)}, and the kernels "attention1_in" (width, width + 2 key_heads
        head_dim), for queries, keys and values side by side, "attention1_out" (width, width), "feedforward1_in"
        (width, 2 hidden), for the values and then the gates, and "feedforward1_out" (hidden, width).

    References:
        Radford et al., Language Models are Unsupervised Multitask Learners (2019), section 2.3, and the code there;
        docs/derivations/models.md.
    """
    shapes = kernel_shapes(config)
    keys = dict(zip(shapes, jax.random.split(key, len(shapes)), strict=True))
    kernels = {name: normal(keys[name], shape, std=deviation(name, config)) for name, shape in shapes.items()}
    params = {name: {"kernel": kernel} for name, kernel in kernels.items()}
    params["embedding"] = {"table": kernels["embedding"]}
    return params | {name: {"scale": jnp.ones(config.width, float)} for name in norms(config)}, {"config": config}


def apply(
    params: Params, state: State, x: jax.Array, *, train: bool = False, key: jax.Array | None = None
) -> tuple[jax.Array, State]:
    """The logits of the token after each token of a batch of sequences.

    Args:
        params: from `init`, or learned.
        state: from `init`.
        x: (batch, length) integers, tokens at least 0 and below vocabulary; length at most context.
        train: makes no difference: this network has no dropout.
        key: not used.

    Returns:
        logits (batch, length, vocabulary), each of the tokens up to its own, and the state, unchanged.

    Raises:
        ValueError: x has not two axes, is longer than context, or holds what is no token.
        TypeError: x is not an array of integers.

    References:
        Vaswani et al., Attention Is All You Need, arXiv:1706.03762; Touvron et al., LLaMA, arXiv:2302.13971, section
        2.2, for the norms, the gated network and the rotary embedding; docs/derivations/models.md.
    """
    config = state["config"]
    x = check_tokens(x, config)
    logits, _ = forward(layers(config), with_head(params, config), x)
    return logits, state


def decode(
    params: Params, state: State, cache: Cache, x: jax.Array, position: jax.Array | int
) -> tuple[jax.Array, Cache]:
    """The logits of the next tokens of a batch of sequences, whose earlier keys and values are in the cache.

    Token after token, or a prompt at once and then token after token, it gives the logits of `apply`.

    Args:
        params: from `init`, or learned.
        state: from `init`.
        cache: from `empty_cache`, or from the tokens before.
        x: (batch, length) integers, the tokens from position on.
        position: an integer, how many tokens there were before; position + length is at most context. Where it is
            traced, so that no error can be raised, tokens beyond the context give NaN.

    Returns:
        logits (batch, length, vocabulary), and the cache with the keys and values of these tokens.

    Raises:
        ValueError: the tokens are none, are of another batch than the cache, or reach beyond context.
        TypeError: x or position is not made of integers.
    """
    config = state["config"]
    x, position = check_tokens(x, config), _check_position(x, position, cache, config)
    network = _layers(config, lambda name: partial(_attend_cached, config=config, position=position, **cache[name]))
    return forward(network, with_head(params, config), x)


def empty_cache(config: Config, batch: int, dtype: jax.typing.DTypeLike = float) -> Cache:
    """The cache before the first token, for so many sequences and parameters of a dtype."""
    shape = (batch, config.context, config.heads_of_keys, config.head_dim)
    return {
        f"attention{i}_heads": {name: jnp.zeros(shape, dtype) for name in ("key", "value")}
        for i in range(1, config.layers + 1)
    }


def dropout_masks(key: jax.Array | None, config: Config, batch: int, length: int) -> Masks:
    """No masks: this network has no dropout."""
    return {}


def layers(config: Config, masks: Masks | None = None) -> list[Layer]:
    """The network, layer by layer, for the parameters of `with_head`."""
    return _layers(config, lambda name: partial(_attend, config=config))


def _layers(config: Config, attend: Callable[[str], Callable[..., Any]]) -> list[Layer]:
    """The network, with attention as the function of each layer's name says."""
    gated = partial(glu_of_halves, activation="silu")
    network: list[Layer] = [("embedding", embedding)]
    for i in range(1, config.layers + 1):
        heads = f"attention{i}_heads"
        network += [
            (f"attention{i}", _block(f"attention{i}", (heads, attend(heads)))),
            (f"feedforward{i}", _block(f"feedforward{i}", (f"feedforward{i}_glu", gated))),
        ]
    return [*network, ("norm", rms_norm), ("head", dense)]


def _block(name: str, inside: Layer) -> Branch:
    """What is added to x: a norm, and a function between two linear maps."""
    return Branch([(f"{name}_norm", rms_norm), (f"{name}_in", dense), inside, (f"{name}_out", dense)])


def _attend(x: jax.Array, *, config: Config) -> jax.Array:
    query, key, value = _heads(x, config, None)
    return attention(query, key, value, causal=True).reshape(*x.shape[:2], config.width)


def _attend_cached(
    x: jax.Array, *, config: Config, position: jax.Array | int, key: jax.Array, value: jax.Array
) -> Cached:
    places = position + jnp.arange(x.shape[1])
    # The rotary embedding makes NaN of a negative position.
    query, *new = _heads(x, config, jnp.where(places < config.context, places, -1))
    key, value = (
        jax.lax.dynamic_update_slice_in_dim(old, here.astype(old.dtype), position, 1)
        for old, here in zip((key, value), new, strict=True)
    )
    out = attention(query, key, value, jnp.arange(config.context) <= places[:, None])
    return Cached(out.reshape(*x.shape[:2], config.width), {"key": key, "value": value})


def _heads(x: jax.Array, config: Config, positions: jax.Array | None) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Queries, keys and values (batch, length, heads, head_dim), the first two turned by their positions."""
    turned = config.heads + config.heads_of_keys
    heads = x.reshape(*x.shape[:2], turned + config.heads_of_keys, config.head_dim)
    # Split, since the gradients of slices are added up, each filled with zeros.
    turned_heads, value = jnp.split(heads, [turned], 2)
    query, key = jnp.split(rotary_embedding(turned_heads, positions), [config.heads], 2)
    return query, key, value


def with_head(params: Params, config: Config) -> Params:
    """The parameters with a head: if tied, the embedding's table, transposed."""
    return {**params, "head": {"kernel": params["embedding"]["table"].T}} if config.tied else params


def kernel_shapes(config: Config) -> dict[str, tuple[int, ...]]:
    """The shape of each layer's kernel, by the layer's name, and of the embedding's table."""
    width, hidden = config.width, config.hidden
    shapes = {"embedding": (config.vocabulary, width)}
    for i in range(1, config.layers + 1):
        shapes |= {
            f"attention{i}_in": (width, width + 2 * config.heads_of_keys * config.head_dim),
            f"attention{i}_out": (width, width),
            f"feedforward{i}_in": (width, 2 * hidden),
            f"feedforward{i}_out": (hidden, width),
        }
    return shapes if config.tied else {**shapes, "head": (width, config.vocabulary)}


def norms(config: Config) -> list[str]:
    """The names of the norms."""
    return [f"{block}{i}_norm" for i in range(1, config.layers + 1) for block in ("attention", "feedforward")] + [
        "norm"
    ]


def deviation(name: str, config: Config) -> float:
    """The standard deviation from which a kernel starts."""
    return 0.02 / math.sqrt(2 * config.layers) if name.endswith("_out") else 0.02


def check_tokens(x: jax.Array, config: Config) -> jax.Array:
    """x as an array, or an error unless it is a batch of sequences of integers, no longer than the context."""
    x = as_array("transformer", "x", x)
    if not jnp.issubdtype(x.dtype, jnp.integer):
        raise TypeError(f"transformer: x must have an integer dtype; got x.dtype={x.dtype}")
    require(x.ndim == 2, "transformer", "x must be (batch, length)", f"x.shape={x.shape}")
    got = f"x.shape={x.shape}, context={config.context}"
    require(x.shape[1] <= config.context, "transformer", "the length of x must be at most context", got)
    return x


def _check_position(x: jax.Array, position: jax.Array | int, cache: Cache, config: Config) -> jax.Array:
    known, position = known_range(as_array("transformer", "position", position)), jnp.asarray(position)
    if not jnp.issubdtype(position.dtype, jnp.integer):
        raise TypeError(f"transformer: position must have an integer dtype; got position.dtype={position.dtype}")
    require(position.ndim == 0, "transformer", "position must be one number", f"position.shape={position.shape}")
    low, high = known or (0, 0)
    rule = "position must be at least 0, and position + the length of x at most context"
    fits = low >= 0 and high + x.shape[1] <= config.context
    require(fits, "transformer", rule, f"position={position}, x.shape={x.shape}, context={config.context}")
    batch = cache["attention1_heads"]["key"].shape[0]
    require(batch == x.shape[0], "transformer", "x must have the batch of the cache", f"{x.shape=}, a cache of {batch}")
    return position
