"""A network of VGG kind: stages of batch-normalized 3x3 convolutions, the mean over the picture, a dense layer."""

from dataclasses import dataclass
from functools import partial
from itertools import chain, count

from reference._checks import require
from reference.activations import relu_bwd, relu_fwd
from reference.convolution import conv_bwd, conv_fwd
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
    loss_and_backward,
    moments_of,
    moving_average,
    norm_layer,
    without_bias,
)
from reference.pooling import avg_pool_bwd, avg_pool_fwd, max_pool_bwd, max_pool_fwd


@dataclass(frozen=True)
class Config:
    """What a vgg is made of; filters holds, stage by stage, the number of filters of each convolution.

    A 2x2 max pool stands between two stages. The running statistics keep the share `momentum` of themselves in every
    step of training; epsilon is what normalization adds to the variance.
    """

    input_shape: tuple[int, int, int] = (28, 28, 1)
    classes: int = 10
    filters: tuple[tuple[int, ...], ...] = ((32, 32), (64, 64), (128,))
    momentum: float = 0.9
    epsilon: float = 1e-5
    dropout_rate: float = 0.0
    initializer: str = "he_normal"

    def __post_init__(self) -> None:
        rule = "filters must be a tuple of stages, each a tuple of one number or more"
        staged = all(isinstance(numbers, tuple) and numbers for numbers in (self.filters, *self.filters))
        require(staged, "vgg", rule, f"filters={self.filters!r}")
        sizes = {"classes": self.classes, "filters": tuple(chain(*self.filters)), "input_shape": self.input_shape}
        check_config("vgg", self.initializer, self.dropout_rate, **sizes)
        smallest = 2 ** (len(self.filters) - 1)
        rule = f"input_shape must be (height, width, channels), at least {smallest} high and wide"
        fits = len(self.input_shape) == 3 and min(self.input_shape[:2]) >= smallest
        require(fits, "vgg", rule, f"input_shape={self.input_shape}")
        check_normalization("vgg", self.momentum, self.epsilon)


def init(key, config):
    """Random parameters, and the state: the configuration, and running statistics of mean 0 and variance 1.

    Args:
        key: an integer seed or a NumPy Generator.
        config: the sizes.

    Returns:
        params, {"conv1": {"kernel": (3, 3, channels, filters)}, "norm1": {"scale": (filters,), "bias": (filters,)},
        ..., "dense1": {"kernel": (filters, classes), "bias": (classes,)}}; and state, {"config": config,
        "statistics": {"norm1": {"mean": (filters,), "variance": (filters,)}, ...}}.
    """
    norms = {f"norm{i}": filters for i, filters in enumerate(chain(*config.filters), start=1)}
    params, statistics = init_normalized(key, kernel_shapes(config), norms, config.initializer)
    return params, {"config": config, "statistics": statistics}


def apply(params, state, x, *, train=False, key=None):
    """The logits of a batch.

    Args:
        params: from `init`, or learned.
        state: from `init`, or from the step before.
        x: (batch, *input_shape), a floating dtype.
        train: whether the batch is normalized by its own moments, and dropout is at work.
        key: the seed or Generator of the dropout masks, needed where train is True and dropout_rate is not 0.

    Returns:
        logits (batch, classes), and the state: with train its running statistics have moved towards the moments of
        the batch, else it is unchanged.

    Raises:
        ValueError: x is not of input_shape, the key is missing, or in training a channel has a single value.
        TypeError: x is not a floating array.
    """
    config, statistics = state["config"], state["statistics"]
    x = check_input("vgg", x, config.input_shape)
    if not train:
        logits, _ = forward(layers(config, statistics=statistics), params, x)
        return logits, state
    network = layers(config, dropout_masks(key, config, x.shape[0]))
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
        masks: for a pass as in training, the masks of dropout, from `dropout_masks` of either twin, {} without
            dropout; None for a pass as in evaluation, normalized by the running statistics.

    Returns:
        loss, the mean of softmax_cross_entropy; and grads, nested as params.

    Raises:
        ValueError: x is not of input_shape, targets do not fit, the batch is empty, or in training a channel has a
            single value.
        TypeError: x is not a floating array.
    """
    x = check_input("vgg", x, state["config"].input_shape)
    loss, grads, _ = loss_and_backward(_layers_of(state, masks), params, x, targets)
    return loss, grads


def layer_cotangents(params, state, x, targets, *, masks=None):
    """The gradient of the mean loss to the output of every layer, by name, and to the input "x".

    Arguments and errors are those of `value_and_grad`.
    """
    x = check_input("vgg", x, state["config"].input_shape)
    _, _, cotangents = loss_and_backward(_layers_of(state, masks), params, x, targets)
    return cotangents


def _layers_of(state, masks):
    return layers(state["config"], masks, state["statistics"] if masks is None else None)


def dropout_masks(key, config, batch):
    """The masks that `apply` draws from a key for a batch of this size, by the name of their layer."""
    return draw_masks("vgg", key, {"dropout1": (batch, config.filters[-1][-1])}, config.dropout_rate)


def layers(config, masks=None, statistics=None):
    """The network, layer by layer; with running statistics as in evaluation, without them as in training."""
    network = []
    numbers = count(1)
    for stage, filters in enumerate(config.filters):
        if stage:
            network.append(Layer(f"pool{stage}", partial(max_pool_fwd, window=2), max_pool_bwd))
        for _ in filters:
            network += _conv_norm_relu(next(numbers), config.epsilon, statistics)
    return [
        *network,
        Layer("average", partial(avg_pool_fwd, window=_last_size(config)), avg_pool_bwd),
        Layer("flatten", flatten_fwd, flatten_bwd),
        *dropout_layer("dropout1", masks, config.dropout_rate),
        Layer("dense1", dense_fwd, dense_bwd),
    ]


def _conv_norm_relu(i, epsilon, statistics):
    return [
        Layer(f"conv{i}", partial(conv_fwd, padding="SAME"), without_bias(conv_bwd)),
        norm_layer(f"norm{i}", statistics, epsilon),
        Layer(f"relu{i}", relu_fwd, relu_bwd),
    ]


def kernel_shapes(config):
    """The shape of each layer's kernel, by the layer's name."""
    channels = [config.input_shape[-1], *chain(*config.filters)]
    convs = {f"conv{i}": (3, 3, channels[i - 1], channels[i]) for i in range(1, len(channels))}
    return {**convs, "dense1": (channels[-1], config.classes)}


def _last_size(config):
    """Height and width of what the last stage sees: halved by every pool, the odd row left out."""
    height, width, _ = config.input_shape
    pools = len(config.filters) - 1
    return height >> pools, width >> pools
