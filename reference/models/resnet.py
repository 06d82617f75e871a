"""A residual network: blocks of two batch-normalized 3x3 convolutions, each block added to what it starts from."""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from reference._checks import require
from reference.activations import relu_bwd, relu_fwd
from reference.convolution import conv_bwd, conv_fwd
from reference.linear import dense_bwd, dense_fwd
from reference.models._network import (
    Branch,
    Layer,
    check_config,
    check_input,
    check_normalization,
    flatten_bwd,
    flatten_fwd,
    forward,
    init_normalized,
    loss_and_backward,
    moments_of,
    moving_average,
    norm_layer,
    without_bias,
)
from reference.pooling import avg_pool_bwd, avg_pool_fwd


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
    def changes_shape(self):
        """Whether x cannot be added as it is."""
        return self.strides > 1 or self.inputs != self.outputs


def init(key, config):
    """Random parameters, and the state: the configuration, and running statistics of mean 0 and variance 1.

    The scale of the last norm of each block starts at 0, all others at 1: a fresh block hands on what it is given,
    and a deep network learns at first as a shallow one does.

    Args:
        key: an integer seed or a NumPy Generator.
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
    silent = {name: {**params[name], "scale": np.zeros_like(params[name]["scale"])} for name in last}
    return {**params, **silent}, {"config": config, "statistics": statistics}


def apply(params, state, x, *, train=False, key=None):
    """The logits of a batch.

    Args:
        params: from `init`, or learned.
        state: from `init`, or from the step before.
        x: (batch, *input_shape), a floating dtype.
        train: whether the batch is normalized by its own moments.
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
    config, statistics = state["config"], state["statistics"]
    x = check_input("resnet", x, config.input_shape)
    if not train:
        logits, _ = forward(layers(config, statistics=statistics), params, x)
        return logits, state
    network = layers(config)
    logits, residuals = forward(network, params, x)
    moments = moments_of(network, residuals)
    return logits, {"config": config, "statistics": moving_average(statistics, moments, config.momentum)}


def value_and_grad(params, state, x, targets, *, masks=None):
    """The mean loss of a batch and its gradient to every parameter, by hand.

    Args:
        params: from `init`, or learned.
        state: from `init`, or from the step before; its running statistics are needed for evaluation only.
        x: (batch, *input_shape), a floating dtype.
        targets: labels (batch,) of an integer dtype, or soft targets (batch, classes) of a floating one.
        masks: {}, from `dropout_masks` of either twin, for a pass as in training; None for a pass as in evaluation,
            normalized by the running statistics.

    Returns:
        loss, the mean of softmax_cross_entropy; and grads, nested as params.

    Raises:
        ValueError: x is not of input_shape, targets do not fit, the batch is empty, or in training a channel has a
            single value.
        TypeError: x is not a floating array.
    """
    x = check_input("resnet", x, state["config"].input_shape)
    loss, grads, _ = loss_and_backward(_layers_of(state, masks), params, x, targets)
    return loss, grads


def layer_cotangents(params, state, x, targets, *, masks=None):
    """The gradient of the mean loss to the output of every layer, inside of the blocks too, and to the input "x".

    Arguments and errors are those of `value_and_grad`.
    """
    x = check_input("resnet", x, state["config"].input_shape)
    _, _, cotangents = loss_and_backward(_layers_of(state, masks), params, x, targets)
    return cotangents


def _layers_of(state, masks):
    return layers(state["config"], masks, state["statistics"] if masks is None else None)


def dropout_masks(key, config, batch):
    """No masks: this network has no dropout."""
    return {}


def layers(config, masks=None, statistics=None):
    """The network, layer by layer; with running statistics as in evaluation, without them as in training."""
    convolve = partial(_conv_norm, epsilon=config.epsilon, statistics=statistics)
    network = [*convolve("conv1", padding=1), Layer("relu1", relu_fwd, relu_bwd)]
    for number, block in enumerate(blocks(config), start=2):
        network += [_branch(block, convolve), Layer(f"relu{number}", relu_fwd, relu_bwd)]
    return [
        *network,
        Layer("average", partial(avg_pool_fwd, window="all"), avg_pool_bwd),
        Layer("flatten", flatten_fwd, flatten_bwd),
        Layer("dense1", dense_fwd, dense_bwd),
    ]


def _branch(block, convolve):
    inside = [
        *convolve(f"{block.name}_conv1", strides=block.strides, padding=1),
        Layer(f"{block.name}_relu", relu_fwd, relu_bwd),
        *convolve(f"{block.name}_conv2", padding=1),
    ]
    # Both paths look at the same places: with a padding of 1 the windows of 3x3 are centered where those of 1x1 stand.
    beside = convolve(f"{block.name}_shortcut_conv", strides=block.strides, padding=0) if block.changes_shape else []
    return Branch(block.name, inside, beside)


def _conv_norm(name, *, strides=1, padding, epsilon, statistics):
    return [
        Layer(name, partial(conv_fwd, strides=strides, padding=padding), without_bias(conv_bwd)),
        norm_layer(norm_of(name), statistics, epsilon),
    ]


def kernel_shapes(config):
    """The shape of each layer's kernel, by the layer's name."""
    shapes = {"conv1": (3, 3, config.input_shape[-1], config.filters[0])}
    for block in blocks(config):
        shapes[f"{block.name}_conv1"] = (3, 3, block.inputs, block.outputs)
        shapes[f"{block.name}_conv2"] = (3, 3, block.outputs, block.outputs)
        if block.changes_shape:
            shapes[f"{block.name}_shortcut_conv"] = (1, 1, block.inputs, block.outputs)
    return {**shapes, "dense1": (config.filters[-1], config.classes)}


def norm_channels(config):
    """How many channels each normalization has, by its name: one follows each convolution."""
    return {norm_of(name): shape[-1] for name, shape in kernel_shapes(config).items() if len(shape) == 4}


def norm_of(convolution):
    """The name of the normalization that follows a convolution."""
    return convolution.replace("conv", "norm")


def blocks(config):
    """The blocks, from the first to the last."""
    found = []
    inputs = config.filters[0]
    for stage, (count, outputs) in enumerate(zip(config.blocks, config.filters, strict=True)):
        for place in range(count):
            strides = 2 if stage > 0 and place == 0 else 1
            found.append(Block(f"block{len(found) + 1}", inputs, outputs, strides))
            inputs = outputs
    return found
