"""The deep convolutional network of the textbook: six 3x3 convolutions in three blocks, then two dense layers."""

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
    draw_masks,
    dropout_layer,
    flatten_bwd,
    flatten_fwd,
    forward,
    init_params,
    loss_and_backward,
)
from reference.pooling import max_pool_bwd, max_pool_fwd


@dataclass(frozen=True)
class Config:
    """What a deep_convnet is made of; filters holds the number of filters of each of the three blocks."""

    input_shape: tuple[int, int, int] = (28, 28, 1)
    classes: int = 10
    filters: tuple[int, int, int] = (16, 32, 64)
    hidden: int = 50
    dropout_rate: float = 0.5
    initializer: str = "he_normal"

    def __post_init__(self) -> None:
        sizes = {"classes": self.classes, "filters": self.filters, "hidden": self.hidden}
        check_config("deep_convnet", self.initializer, self.dropout_rate, input_shape=self.input_shape, **sizes)
        rule = "input_shape must be (height, width, channels), at least 4 high and wide"
        fits = len(self.input_shape) == 3 and min(self.input_shape[:2]) >= 4
        require(fits, "deep_convnet", rule, f"input_shape={self.input_shape}")
        require(len(self.filters) == 3, "deep_convnet", "filters must be three numbers", f"filters={self.filters}")


def init(key, config):
    """Random parameters, and the state, which only holds the configuration.

    Args:
        key: an integer seed or a NumPy Generator.
        config: the sizes.

    Returns:
        params, {"conv1": {"kernel": (3, 3, channels, filters), "bias": (filters,)}, ...}, and state.
    """
    return init_params(key, kernel_shapes(config), config.initializer), {"config": config}


def apply(params, state, x, *, train=False, key=None):
    """The logits of a batch.

    Args:
        params: from `init`, or learned.
        state: from `init`.
        x: (batch, *input_shape), a floating dtype.
        train: whether dropout is at work.
        key: the seed or Generator of the dropout masks, needed where train is True and dropout_rate is not 0.

    Returns:
        logits (batch, classes), and the state, unchanged.

    Raises:
        ValueError: x is not of input_shape, or the key is missing.
        TypeError: x is not a floating array.
    """
    config = state["config"]
    x = check_input("deep_convnet", x, config.input_shape)
    masks = dropout_masks(key, config, x.shape[0]) if train else None
    logits, _ = forward(layers(config, masks), params, x)
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
    x = check_input("deep_convnet", x, config.input_shape)
    loss, grads, _ = loss_and_backward(layers(config, masks), params, x, targets)
    return loss, grads


def layer_cotangents(params, state, x, targets, *, masks=None):
    """The gradient of the mean loss to the output of every layer, by name, and to the input "x".

    Arguments and errors are those of `value_and_grad`.
    """
    config = state["config"]
    x = check_input("deep_convnet", x, config.input_shape)
    _, _, cotangents = loss_and_backward(layers(config, masks), params, x, targets)
    return cotangents


def dropout_masks(key, config, batch):
    """The masks that `apply` draws from a key for a batch of this size, by the name of their layer."""
    shapes = {"dropout1": (batch, config.hidden), "dropout2": (batch, config.classes)}
    return draw_masks("deep_convnet", key, shapes, config.dropout_rate)


def layers(config, masks=None):
    """The network, layer by layer; without masks there is no dropout, as in evaluation."""
    return [
        *_conv_relu(1, padding=1),
        *_conv_relu(2, padding=1),
        Layer("pool1", partial(max_pool_fwd, window=2), max_pool_bwd),
        *_conv_relu(3, padding=1),
        *_conv_relu(4, padding=2),
        Layer("pool2", partial(max_pool_fwd, window=2), max_pool_bwd),
        *_conv_relu(5, padding=1),
        *_conv_relu(6, padding=1),
        Layer("pool3", partial(max_pool_fwd, window=2), max_pool_bwd),
        Layer("flatten", flatten_fwd, flatten_bwd),
        Layer("dense1", dense_fwd, dense_bwd),
        Layer("relu7", relu_fwd, relu_bwd),
        *dropout_layer("dropout1", masks, config.dropout_rate),
        Layer("dense2", dense_fwd, dense_bwd),
        *dropout_layer("dropout2", masks, config.dropout_rate),
    ]


def _conv_relu(i, padding):
    return [Layer(f"conv{i}", partial(conv_fwd, padding=padding), conv_bwd), Layer(f"relu{i}", relu_fwd, relu_bwd)]


def kernel_shapes(config):
    """The shape of each layer's kernel, by the layer's name."""
    height, width, channels = config.input_shape
    first, second, third = config.filters
    pairs = [(channels, first), (first, first), (first, second), (second, second), (second, third), (third, third)]
    convs = {f"conv{i}": (3, 3, inputs, outputs) for i, (inputs, outputs) in enumerate(pairs, start=1)}
    features = _pooled(height) * _pooled(width) * third
    return {**convs, "dense1": (features, config.hidden), "dense2": (config.hidden, config.classes)}


def _pooled(size):
    # A pool halves, and the convolution that is padded by 2 adds 2: 28 -> 14 -> 16 -> 8 -> 4.
    return (size // 2 + 2) // 2 // 2
