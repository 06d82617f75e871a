"""A network of VGG kind: stages of batch-normalized 3x3 convolutions, the mean over the picture, a dense layer."""

from dataclasses import dataclass
from functools import partial
from itertools import chain, count

import jax

from functional_nn._checks import require
from functional_nn.activations import relu
from functional_nn.convolution import conv
from functional_nn.linear import dense
from functional_nn.models._network import (
    Layer,
    Masks,
    Params,
    State,
    Statistics,
    apply_normalized,
    check_config,
    check_input,
    check_normalization,
    draw_masks,
    dropout_layer,
    flatten,
    init_normalized,
    norm_layer,
)
from functional_nn.pooling import avg_pool, max_pool


@jax.tree_util.register_static
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


def init(key: jax.Array, config: Config) -> tuple[Params, State]:
    """Random parameters, and the state: the configuration, and running statistics of mean 0 and variance 1.

    Args:
        key: a JAX random key.
        config: the sizes.

    Returns:
        params, {"conv1": {"kernel": (3, 3, channels, filters)}, "norm1": {"scale": (filters,), "bias": (filters,)},
        ..., "dense1": {"kernel": (filters, classes), "bias": (classes,)}}; and state, {"config": config,
        "statistics": {"norm1": {"mean": (filters,), "variance": (filters,)}, ...}}.
    """
    norms = {f"norm{i}": filters for i, filters in enumerate(chain(*config.filters), start=1)}
    params, statistics = init_normalized(key, kernel_shapes(config), norms, config.initializer)
    return params, {"config": config, "statistics": statistics}


def apply(
    params: Params, state: State, x: jax.Array, *, train: bool = False, key: jax.Array | None = None
) -> tuple[jax.Array, State]:
    """The logits of a batch.

    Args:
        params: from `init`, or learned.
        state: from `init`, or from the step before.
        x: (batch, *input_shape), a floating dtype.
        train: whether the batch is normalized by its own moments, and dropout is at work; a Python bool, static under
            jit.
        key: the random key of the dropout masks, needed where train is True and dropout_rate is not 0.

    Returns:
        logits (batch, classes), and the state: with train its running statistics have moved towards the moments of
        the batch, else it is unchanged.

    Raises:
        ValueError: x is not of input_shape, the key is missing, or in training a channel has a single value.
        TypeError: x is not a floating array.
    """
    config = state["config"]
    x = check_input("vgg", x, config.input_shape)
    masks = dropout_masks(key, config, x.shape[0]) if train else None
    return apply_normalized(layers, params, state, x, masks)


def dropout_masks(key: jax.Array | None, config: Config, batch: int) -> Masks:
    """The masks that `apply` draws from a key for a batch of this size, by the name of their layer."""
    return draw_masks("vgg", key, {"dropout1": (batch, config.filters[-1][-1])}, config.dropout_rate)


def layers(config: Config, masks: Masks | None = None, statistics: Statistics | None = None) -> list[Layer]:
    """The network, layer by layer; with running statistics as in evaluation, without them as in training."""
    network: list[Layer] = []
    numbers = count(1)
    for stage, filters in enumerate(config.filters):
        if stage:
            network.append((f"pool{stage}", partial(max_pool, window=2)))
        for _ in filters:
            network += _conv_norm_relu(next(numbers), config.epsilon, statistics)
    return [
        *network,
        ("average", partial(avg_pool, window=_last_size(config))),
        ("flatten", flatten),
        *dropout_layer("dropout1", masks, config.dropout_rate),
        ("dense1", dense),
    ]


def _conv_norm_relu(i: int, epsilon: float, statistics: Statistics | None) -> list[Layer]:
    return [
        (f"conv{i}", partial(conv, padding="SAME")),
        norm_layer(f"norm{i}", statistics, epsilon),
        (f"relu{i}", relu),
    ]


def kernel_shapes(config: Config) -> dict[str, tuple[int, ...]]:
    """The shape of each layer's kernel, by the layer's name."""
    channels = [config.input_shape[-1], *chain(*config.filters)]
    convs = {f"conv{i}": (3, 3, channels[i - 1], channels[i]) for i in range(1, len(channels))}
    return {**convs, "dense1": (channels[-1], config.classes)}


def _last_size(config: Config) -> tuple[int, int]:
    """Height and width of what the last stage sees: halved by every pool, the odd row left out."""
    height, width, _ = config.input_shape
    pools = len(config.filters) - 1
    return height >> pools, width >> pools
