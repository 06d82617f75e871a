"""A residual network: blocks of two batch-normalized 3x3 convolutions, each block added to what it starts from."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from functional_nn._checks import require
from functional_nn.activations import relu
from functional_nn.convolution import conv
from functional_nn.linear import dense
from functional_nn.models._network import (
    Branch,
    Layer,
    Masks,
    Params,
    State,
    Statistics,
    apply_normalized,
    check_config,
    check_input,
    check_normalization,
    flatten,
    init_normalized,
    norm_layer,
)
from functional_nn.pooling import avg_pool


@jax.tree_util.register_static
@dataclass(frozen=True)
class Config:
    """What a resnet is made of: so many blocks in each stage, and so many filters in each convolution of the stage.

    The first block of every stage but the first halves height and width. Depth is one convolution, two a block, and
    one dense layer. The running statistics keep the share `momentum` of themselves in every step of training; epsilon
    is what normalization adds to the variance.
    """

    input_shape: tuple[int, int, int] = (28, 28, 1)
    classes: int = 10
    blocks: tuple[int, ...] = (2, 2, 2)
    filters: tuple[int, ...] = (32, 64, 128)
    momentum: float = 0.9
    epsilon: float = 1e-5
    initializer: str = "he_normal"

    def __post_init__(self) -> None:
        rule = "blocks and filters must be tuples of one number a stage"
        staged = isinstance(self.blocks, tuple) and isinstance(self.filters, tuple) and self.blocks != ()
        got = f"blocks={self.blocks!r}, filters={self.filters!r}"
        require(staged and len(self.blocks) == len(self.filters), "resnet", rule, got)
        sizes = {"classes": self.classes, "blocks": self.blocks, "filters": self.filters}
        check_config("resnet", self.initializer, input_shape=self.input_shape, **sizes)
        rule = "input_shape must be (height, width, channels)"
        require(len(self.input_shape) == 3, "resnet", rule, f"input_shape={self.input_shape}")
        check_normalization("resnet", self.momentum, self.epsilon)


class Block(NamedTuple):
    """Where a block stands: its name, the channels that it is given, those that it makes, and its stride."""

    name: str
    inputs: int
    outputs: int
    strides: int

    @property
    def changes_shape(self) -> bool:
        """Whether x cannot be added as it is."""
        return self.strides > 1 or self.inputs != self.outputs


def init(key: jax.Array, config: Config) -> tuple[Params, State]:
    """Random parameters, and the state: the configuration, and running statistics of mean 0 and variance 1.

    The scale of the last norm of each block starts at 0, all others at 1: a fresh block hands on what it is given,
    and a deep network learns at first as a shallow one does.

    Args:
        key: a JAX random key.
        config: the sizes.

    Returns:
        params, {"conv1": {"kernel": (3, 3, channels, filters)}, "norm1": {"scale": (filters,), "bias": (filters,)},
        ..., "dense1": {"kernel": (filters, classes), "bias": (classes,)}}; and state, {"config": config,
        "statistics": {"norm1": {"mean": (filters,), "variance": (filters,)}, ...}}. Of block 3 there are
        "block3_conv1" and "block3_conv2" with "block3_norm1" and "block3_norm2"; and where its shape changes
        "block3_shortcut_conv", a kernel (1, 1, inputs, outputs), with "block3_shortcut_norm".

    References:
        Goyal et al., Accurate, Large Minibatch SGD, arXiv:1706.02677, section 5.1, for the scales of 0;
        docs/derivations/models.md.
    """
    params, statistics = init_normalized(key, kernel_shapes(config), norm_channels(config), config.initializer)
    last = [f"{block.name}_norm2" for block in blocks(config)]
    silent = {name: {**params[name], "scale": jnp.zeros_like(params[name]["scale"])} for name in last}
    return {**params, **silent}, {"config": config, "statistics": statistics}


def apply(
    params: Params, state: State, x: jax.Array, *, train: bool = False, key: jax.Array | None = None
) -> tuple[jax.Array, State]:
    """The logits of a batch.

    Args:
        params: from `init`, or learned.
        state: from `init`, or from the step before.
        x: (batch, *input_shape), a floating dtype.
        train: whether the batch is normalized by its own moments; a Python bool, static under jit.
        key: not used: this network has no dropout.

    Returns:
        logits (batch, classes), and the state: with train its running statistics have moved towards the moments of
        the batch, else it is unchanged.

    Raises:
        ValueError: x is not of input_shape, or in training a channel has a single value.
        TypeError: x is not a floating array.

    References:
        He, Zhang, Ren and Sun, Deep Residual Learning for Image Recognition, arXiv:1512.03385, section 3.3 (option B:
        a 1x1 convolution where the shape changes) and 4.2 (the 3x3 stem, for small images);
        docs/derivations/models.md.
    """
    config = state["config"]
    x = check_input("resnet", x, config.input_shape)
    masks = dropout_masks(key, config, x.shape[0]) if train else None
    return apply_normalized(layers, params, state, x, masks)


def dropout_masks(key: jax.Array | None, config: Config, batch: int) -> Masks:
    """No masks: this network has no dropout."""
    return {}


def layers(config: Config, masks: Masks | None = None, statistics: Statistics | None = None) -> list[Layer]:
    """The network, layer by layer; with running statistics as in evaluation, without them as in training."""
    convolve = partial(_conv_norm, epsilon=config.epsilon, statistics=statistics)
    network = [*convolve("conv1", padding=1), ("relu1", relu)]
    for number, block in enumerate(blocks(config), start=2):
        network += [(block.name, _branch(block, convolve)), (f"relu{number}", relu)]
    return [*network, ("average", partial(avg_pool, window="all")), ("flatten", flatten), ("dense1", dense)]


def _branch(block: Block, convolve: Callable[..., list[Layer]]) -> Branch:
    inside = [
        *convolve(f"{block.name}_conv1", strides=block.strides, padding=1),
        (f"{block.name}_relu", relu),
        *convolve(f"{block.name}_conv2", padding=1),
    ]
    # Both paths look at the same places: with a padding of 1 the windows of 3x3 are centered where those of 1x1 stand.
    beside = convolve(f"{block.name}_shortcut_conv", strides=block.strides, padding=0) if block.changes_shape else []
    return Branch(inside, beside)


def _conv_norm(
    name: str, *, strides: int = 1, padding: int, epsilon: float, statistics: Statistics | None
) -> list[Layer]:
    return [
        (name, partial(conv, strides=strides, padding=padding)),
        norm_layer(norm_of(name), statistics, epsilon),
    ]


def kernel_shapes(config: Config) -> dict[str, tuple[int, ...]]:
    """The shape of each layer's kernel, by the layer's name."""
    shapes = {"conv1": (3, 3, config.input_shape[-1], config.filters[0])}
    for block in blocks(config):
        shapes[f"{block.name}_conv1"] = (3, 3, block.inputs, block.outputs)
        shapes[f"{block.name}_conv2"] = (3, 3, block.outputs, block.outputs)
        if block.changes_shape:
            shapes[f"{block.name}_shortcut_conv"] = (1, 1, block.inputs, block.outputs)
    return {**shapes, "dense1": (config.filters[-1], config.classes)}


def norm_channels(config: Config) -> dict[str, int]:
    """How many channels each normalization has, by its name: one follows each convolution."""
    return {norm_of(name): shape[-1] for name, shape in kernel_shapes(config).items() if len(shape) == 4}


def norm_of(convolution: str) -> str:
    """The name of the normalization that follows a convolution."""
    return convolution.replace("conv", "norm")


def blocks(config: Config) -> list[Block]:
    """The blocks, from the first to the last."""
    found: list[Block] = []
    inputs = config.filters[0]
    for stage, (count, outputs) in enumerate(zip(config.blocks, config.filters, strict=True)):
        for place in range(count):
            strides = 2 if stage > 0 and place == 0 else 1
            found.append(Block(f"block{len(found) + 1}", inputs, outputs, strides))
            inputs = outputs
    return found
