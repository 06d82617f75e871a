"""The multilayer perceptron: dense layers with an activation between them."""

import math
from dataclasses import dataclass

from reference._checks import require
from reference.activations import relu_bwd, relu_fwd, sigmoid_bwd, sigmoid_fwd, tanh_bwd, tanh_fwd
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

ACTIVATIONS = {"relu": (relu_fwd, relu_bwd), "sigmoid": (sigmoid_fwd, sigmoid_bwd), "tanh": (tanh_fwd, tanh_bwd)}


@dataclass(frozen=True)
class Config:
    """What an mlp is made of; hidden holds the size of each hidden layer, () none, which is softmax regression."""

    input_shape: tuple[int, ...] = (28, 28, 1)
    classes: int = 10
    hidden: tuple[int, ...] = (100, 50)
    activation: str = "relu"
    dropout_rate: float = 0.0
    initializer: str = "he_normal"

    def __post_init__(self) -> None:
        sizes = {"input_shape": self.input_shape, "classes": self.classes, "hidden": self.hidden}
        check_config("mlp", self.initializer, self.dropout_rate, **sizes)
        rule = f"activation must be one of {', '.join(ACTIVATIONS)}"
        require(self.activation in ACTIVATIONS, "mlp", rule, f"activation={self.activation!r}")


def init(key, config):
    """Random parameters, and the state, which only holds the configuration.

    Args:
        key: an integer seed or a NumPy Generator.
        config: the sizes.

    Returns:
        params, {"dense1": {"kernel": (in_dim, out_dim), "bias": (out_dim,)}, ...}, and state.
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
    x = check_input("mlp", x, config.input_shape)
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
    x = check_input("mlp", x, config.input_shape)
    loss, grads, _ = loss_and_backward(layers(config, masks), params, x, targets)
    return loss, grads


def layer_cotangents(params, state, x, targets, *, masks=None):
    """The gradient of the mean loss to the output of every layer, by name, and to the input "x".

    Arguments and errors are those of `value_and_grad`.
    """
    config = state["config"]
    x = check_input("mlp", x, config.input_shape)
    _, _, cotangents = loss_and_backward(layers(config, masks), params, x, targets)
    return cotangents


def dropout_masks(key, config, batch):
    """The masks that `apply` draws from a key for a batch of this size, by the name of their layer."""
    shapes = {f"dropout{i}": (batch, size) for i, size in enumerate(config.hidden, start=1)}
    return draw_masks("mlp", key, shapes, config.dropout_rate)


def layers(config, masks=None):
    """The network, layer by layer; without masks there is no dropout, as in evaluation."""
    activation = ACTIVATIONS[config.activation]
    network = [Layer("flatten", flatten_fwd, flatten_bwd)]
    for i in range(1, len(config.hidden) + 1):
        network += [Layer(f"dense{i}", dense_fwd, dense_bwd), Layer(f"{config.activation}{i}", *activation)]
        network += dropout_layer(f"dropout{i}", masks, config.dropout_rate)
    return [*network, Layer(f"dense{len(config.hidden) + 1}", dense_fwd, dense_bwd)]


def kernel_shapes(config):
    """The shape of each layer's kernel, by the layer's name."""
    sizes = (math.prod(config.input_shape), *config.hidden, config.classes)
    return {f"dense{i}": (sizes[i - 1], sizes[i]) for i in range(1, len(sizes))}
