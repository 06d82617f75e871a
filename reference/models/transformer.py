"""A transformer that predicts the next token: blocks of causal attention and of a gated network, each added to x."""

import math
from dataclasses import dataclass
from functools import partial

import numpy as np

from reference._checks import as_array, require, require_flag
from reference.dot_product import attention_bwd, attention_fwd
from reference.gating import glu_bwd, glu_fwd
from reference.linear import dense_bwd, dense_fwd, embedding_bwd, embedding_fwd
from reference.models._network import (
    Branch,
    Layer,
    check_sizes,
    forward,
    loss_and_backward,
    without_bias,
)
from reference.models.initializers import normal
from reference.normalization import rms_norm_bwd, rms_norm_fwd
from reference.positional import rotary_embedding_bwd, rotary_embedding_fwd


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


def init(key, config):
    """Random parameters, as those of GPT-2, and the state, which only holds the configuration.

    All are Gaussian with deviation 0.02, divided by the root of 2 layers where a block's result is added to x: of so
    many terms x is the sum. The scales of norms are 1.

    Args:
        key: an integer seed or a NumPy Generator.
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
    rng = np.random.default_rng(key)
    kernels = {name: normal(rng, shape, std=deviation(name, config)) for name, shape in kernel_shapes(config).items()}
    params = {name: {"kernel": kernel} for name, kernel in kernels.items()}
    params["embedding"] = {"table": kernels["embedding"]}
    return params | {name: {"scale": np.ones(config.width)} for name in norms(config)}, {"config": config}


def apply(params, state, x, *, train=False, key=None):
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
    logits, _ = forward(layers(config), with_head(params, config), check_tokens(x, config))
    return logits, state


def value_and_grad(params, state, x, targets, *, masks=None):
    """The mean loss of a batch and its gradient to every parameter, by hand.

    Args:
        params: from `init`, or learned.
        state: from `init`.
        x: (batch, length) integers, the tokens.
        targets: (batch, length) integers, the token that follows each of them.
        masks: not used: this network has no dropout.

    Returns:
        loss, the mean of softmax_cross_entropy over all tokens; and grads, nested as params.

    Raises:
        ValueError: x has not two axes, is longer than context, or holds what is no token; targets do not fit, or there
            are none.
        TypeError: x is not an array of integers.
    """
    config = state["config"]
    x = check_tokens(x, config)
    loss, grads, _ = loss_and_backward(layers(config), with_head(params, config), x, targets)
    return loss, without_head(grads, config)


def layer_cotangents(params, state, x, targets, *, masks=None):
    """The gradient of the mean loss to the output of every layer, by name, inside of the blocks too.

    Arguments and errors are those of `value_and_grad`.
    """
    config = state["config"]
    x = check_tokens(x, config)
    _, _, cotangents = loss_and_backward(layers(config), with_head(params, config), x, targets)
    del cotangents["x"]  # tokens have none
    return cotangents


def dropout_masks(key, config, batch, length):
    """No masks: this network has no dropout."""
    return {}


def layers(config, masks=None):
    """The network, layer by layer, for the parameters of `with_head`."""
    network = [Layer("embedding", embedding_fwd, embedding_bwd)]
    for i in range(1, config.layers + 1):
        heads = Layer(f"attention{i}_heads", partial(_attend_fwd, config=config), _attend_bwd)
        gated = Layer(f"feedforward{i}_glu", _gated_fwd, _gated_bwd)
        network += [_block(f"attention{i}", heads), _block(f"feedforward{i}", gated)]
    return [*network, Layer("norm", rms_norm_fwd, rms_norm_bwd), _linear("head")]


def _block(name, inside):
    """What is added to x: a norm, and a function between two linear maps."""
    norm = Layer(f"{name}_norm", rms_norm_fwd, rms_norm_bwd)
    return Branch(name, [norm, _linear(f"{name}_in"), inside, _linear(f"{name}_out")])


def _linear(name):
    return Layer(name, dense_fwd, without_bias(dense_bwd))


def _attend_fwd(x, *, config):
    """Queries, keys and values stand side by side in x, head by head; the first two are turned by their positions."""
    batch, length, _ = x.shape
    turned = config.heads + config.heads_of_keys
    heads = x.reshape(batch, length, turned + config.heads_of_keys, config.head_dim)
    turned_heads, of_rotation = rotary_embedding_fwd(heads[:, :, :turned])
    query, key = np.split(turned_heads, [config.heads], axis=2)
    out, of_attention = attention_fwd(query, key, heads[:, :, turned:], causal=True)
    return out.reshape(batch, length, config.width), (of_rotation, of_attention)


def _attend_bwd(residuals, cotangent):
    of_rotation, of_attention = residuals
    query, *_ = of_attention
    batch, length, *_ = query.shape
    query_ct, key_ct, value_ct, _ = attention_bwd(of_attention, cotangent.reshape(query.shape))
    turned_ct, _ = rotary_embedding_bwd(of_rotation, np.concatenate([query_ct, key_ct], axis=2))
    heads_ct = np.concatenate([turned_ct, value_ct], axis=2)
    return (heads_ct.reshape(batch, length, math.prod(heads_ct.shape[2:])),)


def _gated_fwd(x):
    """Values and gates stand side by side in x."""
    values, gates = np.split(x, 2, axis=-1)
    return glu_fwd(values, gates, activation="silu")


def _gated_bwd(residuals, cotangent):
    return (np.concatenate(glu_bwd(residuals, cotangent), axis=-1),)


def with_head(params, config):
    """The parameters with a head: if tied, the embedding's table, transposed."""
    return {**params, "head": {"kernel": params["embedding"]["table"].T}} if config.tied else params


def without_head(grads, config):
    """The gradients to the parameters as they are: if tied, the table's is the sum over both places that it serves."""
    if not config.tied:
        return grads
    kept = {name: grad for name, grad in grads.items() if name != "head"}
    table_ct = grads["embedding"]["table"] + grads["head"]["kernel"].T
    return {**kept, "embedding": {"table": table_ct}}


def kernel_shapes(config):
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


def norms(config):
    """The names of the norms."""
    return [f"{block}{i}_norm" for i in range(1, config.layers + 1) for block in ("attention", "feedforward")] + [
        "norm"
    ]


def deviation(name, config):
    """The standard deviation from which a kernel starts."""
    return 0.02 / math.sqrt(2 * config.layers) if name.endswith("_out") else 0.02


def check_tokens(x, config):
    """x as an array, or an error unless it is a batch of sequences of integers, no longer than the context."""
    x = as_array("transformer", "x", x)
    if x.dtype.kind not in "iu":
        raise TypeError(f"transformer: x must have an integer dtype; got x.dtype={x.dtype}")
    require(x.ndim == 2, "transformer", "x must be (batch, length)", f"x.shape={x.shape}")
    got = f"x.shape={x.shape}, context={config.context}"
    require(x.shape[1] <= config.context, "transformer", "the length of x must be at most context", got)
    return x
