"""The simple convolutional network of the textbook: conv, relu, max pool, dense, relu, dense."""

from dataclasses import dataclass
from functools import partial

from reference._checks import require
from reference.activations import relu_bwd, relu_fwd
from reference.convolution import conv_bwd, conv_fwd
from reference.linear import dense_bwd, dense_fwd
from reference.models._network import (
    Layer,
    check_config,
    check_input,
    flatten_bwd,
    flatten_fwd,
    forward,
    init_params,
    loss_and_backward,
)
from reference.pooling import max_pool_bwd, max_pool_fwd


@dataclass(frozen=True)
class Config:
    """What a simple_convnet is made of: 30 filters of 5x5 and 100 hidden units, unless told otherwise."""

    input_shape: tuple[int, int, int] = (28, 28, 1)
    classes: int = 10
    filters: int = 30
    window: int = 5
    hidden: int = 100
    initializer: str = "he_normal"

    def __post_init__(self) -> None:
        sizes = {"classes": self.classes, "filters": self.filters, "window": self.window, "hidden": self.hidden}
        check_config("simple_convnet", self.initializer, input_shape=self.input_shape, **sizes)
        rule = f"input_shape must be (height, width, channels), at least {self.window + 1} high and wide"
        fits = len(self.input_shape) == 3 and min(self.input_shape[:2]) > self.window
        require(fits, "simple_convnet", rule, f"input_shape={self.input_shape}")


def init(key, config):
    """Random parameters, and the state, which only holds the configuration.

    Args:
        key: an integer seed or a NumPy Generator.
        config: the sizes.

    Returns:
        params, {"conv1": {"kernel": (window, window, channels, filters), "bias": (filters,)}, ...}, and state.
    """
    return init_params(key, kernel_shapes(config), config.initializer), {"config": config}


def apply(params, state, x, *, train=False, key=None):
    """The logits of a batch.

    Args:
        params: from `init`, or learned.
        state: from `init`.
        x: (batch, *input_shape), a floating dtype.
        train: makes no difference: this network has no dropout.
        key: not used.

    Returns:
        logits (batch, classes), and the state, unchanged.

    Raises:
        ValueError: x is not of input_shape.
        TypeError: x is not a floating array.
    """
    config = state["config"]
    x = check_input("simple_convnet", x, config.input_shape)
    logits, _ = forward(layers(config), params, x)
    return logits, state


def value_and_grad(params, state, x, targets, *, masks=None):
    """The mean loss of a batch and its gradient to every parameter, by hand.

    Args:
        params: from `init`, or learned.
        state: from `init`.
        x: (batch, *input_shape), a floating dtype.
        targets: labels (batch,) of an integer dtype, or soft targets (batch, classes) of a floating one.
        masks: the masks of dropout, from `dropout_masks` of either twin; None for a pass without dropout.

    Returns:
        loss, the mean of softmax_cross_entropy; and grads, nested as params.

    Raises:
        ValueError: x is not of input_shape, targets do not fit, or the batch is empty.
        TypeError: x is not a floating array.
    """
    config = state["config"]
    x = check_input("simple_convnet", x, config.input_shape)
    loss, grads, _ = loss_and_backward(layers(config, masks), params, x, targets)
    return loss, grads


def layer_cotangents(params, state, x, targets, *, masks=None):
    """The gradient of the mean loss to the output of every layer, by name, and to the input "x".

    Arguments and errors are those of `value_and_grad`.
    """
    config = state["config"]
    x = check_input("simple_convnet", x, config.input_shape)
    _, _, cotangents = loss_and_backward(layers(config, masks), params, x, targets)
    return cotangents


def dropout_masks(key, config, batch):
    """No masks: this network has no dropout."""
    return {}


def layers(config, masks=None):
    """The network, layer by layer."""
    return [
        Layer("conv1", conv_fwd, conv_bwd),
        Layer("relu1", relu_fwd, relu_bwd),
        Layer("pool1", partial(max_pool_fwd, window=2), max_pool_bwd),
        Layer("flatten", flatten_fwd, flatten_bwd),
        Layer("dense1", dense_fwd, dense_bwd),
        Layer("relu2", relu_fwd, relu_bwd),
        Layer("dense2", dense_fwd, dense_bwd),
    ]


def kernel_shapes(config):
    """The shape of each layer's kernel, by the layer's name."""
    height, width, channels = config.input_shape
    pooled = ((height - config.window + 1) // 2) * ((width - config.window + 1) // 2)
    return {
        "conv1": (config.window, config.window, channels, config.filters),
        "dense1": (pooled * config.filters, config.hidden),
        "dense2": (config.hidden, config.classes),
    }
