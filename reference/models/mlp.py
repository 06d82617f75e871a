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
    check_normalization,
    draw_masks,
    dropout_layer,
    flatten_bwd,
    flatten_fwd,
    forward,
    init_normalized,
    init_params,
    loss_and_backward,
    moments_of,
    moving_average,
    norm_layer,
    without_bias,
)

ACTIVATIONS = {"relu": (relu_fwd, relu_bwd), "sigmoid": (sigmoid_fwd, sigmoid_bwd), "tanh": (tanh_fwd, tanh_bwd)}


@dataclass(frozen=True)
class Config:
    """What an mlp is made of; hidden holds the size of each hidden layer, () none, which is softmax regression.

    With batch_norm every hidden layer is normalized between the dense layer, which then has no bias, and the
    activation. The running statistics keep the share `momentum` of themselves in every step of training; epsilon is
    what normalization adds to the variance.
    """

    input_shape: tuple[int, ...] = (28, 28, 1)
    classes: int = 10
    hidden: tuple[int, ...] = (100, 50)
    activation: str = "relu"
    batch_norm: bool = False
    momentum: float = 0.9
    epsilon: float = 1e-5
    dropout_rate: float = 0.0
    initializer: str = "he_normal"

    def __post_init__(self) -> None:
        sizes = {"input_shape": self.input_shape, "classes": self.classes, "hidden": self.hidden}
        check_config("mlp", self.initializer, self.dropout_rate, **sizes)
        rule = f"activation must be one of {', '.join(ACTIVATIONS)}"
        require(self.activation in ACTIVATIONS, "mlp", rule, f"activation={self.activation!r}")
        check_normalization("mlp", self.momentum, self.epsilon)


def init(key, config):
    """Random parameters, and the state: the configuration, and with batch_norm running statistics.

    Args:
        key: an integer seed or a NumPy Generator.
        config: the sizes.

    Returns:
        params, {"dense1": {"kernel": (in_dim, out_dim), "bias": (out_dim,)}, ...}, and state, {"config": config}.
        With batch_norm a hidden layer has "norm1": {"scale": (out_dim,), "bias": (out_dim,)} instead of a bias, and
        state also {"statistics": {"norm1": {"mean": (out_dim,), "variance": (out_dim,)}, ...}}.
    """
    shapes = kernel_shapes(config)
    if not config.batch_norm:
        return init_params(key, shapes, config.initializer), {"config": config}
    norms = {f"norm{i}": size for i, size in enumerate(config.hidden, start=1)}
    params, statistics = init_normalized(key, shapes, norms, config.initializer)
    return params, {"config": config, "statistics": statistics}


def apply(params, state, x, *, train=False, key=None):
    """The logits of a batch.

    Args:
        params: from `init`, or learned.
        state: from `init`, or with batch_norm from the step before.
        x: (batch, *input_shape), a floating dtype.
        train: whether dropout is at work, and batch_norm goes by the batch.
        key: the seed or Generator of the dropout masks, needed where train is True and dropout_rate is not 0.

    Returns:
        logits (batch, classes), and the state: in training with batch_norm its running statistics have moved towards
        the moments of the batch, else it is unchanged.

    Raises:
        ValueError: x is not of input_shape, the key is missing, or batch_norm has a single example to train on.
        TypeError: x is not a floating array.
    """
    config, statistics = state["config"], state.get("statistics")
    x = check_input("mlp", x, config.input_shape)
    if not train:
        logits, _ = forward(layers(config, statistics=statistics), params, x)
        return logits, state
    network = layers(config, dropout_masks(key, config, x.shape[0]))
    logits, residuals = forward(network, params, x)
    if statistics is None:
        return logits, state
    moments = moments_of(network, residuals)
    return logits, {"config": config, "statistics": moving_average(statistics, moments, config.momentum)}


def value_and_grad(params, state, x, targets, *, masks=None):
    """The mean loss of a batch and its gradient to every parameter, by hand.

    Args:
        params: from `init`, or learned.
        state: from `init`, or from the step before; its running statistics are needed for evaluation only.
        x: (batch, *input_shape), a floating dtype.
        targets: labels (batch,) of an integer dtype, or soft targets (batch, classes) of a floating one.
        masks: for a pass as in training, the masks of dropout, from `dropout_masks` of either twin, {} without
            dropout; None for a pass as in evaluation, normalized by the running statistics if at all.

    Returns:
        loss, the mean of softmax_cross_entropy; and grads, nested as params.

    Raises:
        ValueError: x is not of input_shape, targets do not fit, the batch is empty, or batch_norm has a single
            example to train on.
        TypeError: x is not a floating array.
    """
    x = check_input("mlp", x, state["config"].input_shape)
    loss, grads, _ = loss_and_backward(_layers_of(state, masks), params, x, targets)
    return loss, grads


def layer_cotangents(params, state, x, targets, *, masks=None):
    """The gradient of the mean loss to the output of every layer, by name, and to the input "x".

    Arguments and errors are those of `value_and_grad`.
    """
    x = check_input("mlp", x, state["config"].input_shape)
    _, _, cotangents = loss_and_backward(_layers_of(state, masks), params, x, targets)
    return cotangents


def _layers_of(state, masks):
    return layers(state["config"], masks, state.get("statistics") if masks is None else None)


def dropout_masks(key, config, batch):
    """The masks that `apply` draws from a key for a batch of this size, by the name of their layer."""
    shapes = {f"dropout{i}": (batch, size) for i, size in enumerate(config.hidden, start=1)}
    return draw_masks("mlp", key, shapes, config.dropout_rate)


def layers(config, masks=None, statistics=None):
    """The network, layer by layer; with running statistics as in evaluation, without masks there is no dropout."""
    activation = ACTIVATIONS[config.activation]
    network = [Layer("flatten", flatten_fwd, flatten_bwd)]
    for i in range(1, len(config.hidden) + 1):
        if config.batch_norm:
            network.append(Layer(f"dense{i}", dense_fwd, without_bias(dense_bwd)))
            network.append(norm_layer(f"norm{i}", statistics, config.epsilon))
        else:
            network.append(Layer(f"dense{i}", dense_fwd, dense_bwd))
        network.append(Layer(f"{config.activation}{i}", *activation))
        network += dropout_layer(f"dropout{i}", masks, config.dropout_rate)
    return [*network, Layer(f"dense{len(config.hidden) + 1}", dense_fwd, dense_bwd)]


def kernel_shapes(config):
    """The shape of each layer's kernel, by the layer's name."""
    sizes = (math.prod(config.input_shape), *config.hidden, config.classes)
    return {f"dense{i}": (sizes[i - 1], sizes[i]) for i in range(1, len(sizes))}
