"""The deep convolutional network of the textbook: six 3x3 convolutions in three blocks, then two dense layers."""

from dataclasses import dataclass
from functools import partial

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
    check_config,
    check_input,
    draw_masks,
    dropout_layer,
    flatten,
    forward,
    init_params,
)
from functional_nn.pooling import max_pool


@jax.tree_util.register_static
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


def init(key: jax.Array, config: Config) -> tuple[Params, State]:
    """Random parameters, and the state, which only holds the configuration.

    Args:
        key: a JAX random key.
        config: the sizes.

    Returns:
        params, {"conv1": {"kernel": (3, 3, channels, filters), "bias": (filters,)}, ...}, and state.
    """
    return init_params(key, kernel_shapes(config), config.initializer), {"config": config}


def apply(
    params: Params, state: State, x: jax.Array, *, train: bool = False, key: jax.Array | None = None
) -> tuple[jax.Array, State]:
    """The logits of a batch.

    Args:
        params: from `init`, or learned.
        state: from `init`.
        x: (batch, *input_shape), a floating dtype.
        train: whether dropout is at work; a Python bool, static under jit.
        key: the random key of the dropout masks, needed where train is True and dropout_rate is not 0.

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


def dropout_masks(key: jax.Array | None, config: Config, batch: int) -> Masks:
    """The masks that `apply` draws from a key for a batch of this size, by the name of their layer."""
    shapes = {"dropout1": (batch, config.hidden), "dropout2": (batch, config.classes)}
    return draw_masks("deep_convnet", key, shapes, config.dropout_rate)


def layers(config: Config, masks: Masks | None = None) -> list[Layer]:
    """The network, layer by layer; without masks there is no dropout, as in evaluation."""
    return [
        *_conv_relu(1, padding=1),
        *_conv_relu(2, padding=1),
        ("pool1", partial(max_pool, window=2)),
        *_conv_relu(3, padding=1),
        *_conv_relu(4, padding=2),
        ("pool2", partial(max_pool, window=2)),
        *_conv_relu(5, padding=1),
        *_conv_relu(6, padding=1),
        ("pool3", partial(max_pool, window=2)),
        ("flatten", flatten),
        ("dense1", dense),
        ("relu7", relu),
        *dropout_layer("dropout1", masks, config.dropout_rate),
        ("dense2", dense),
        *dropout_layer("dropout2", masks, config.dropout_rate),
    ]


def _conv_relu(i: int, padding: int) -> list[Layer]:
    return [(f"conv{i}", partial(conv, padding=padding)), (f"relu{i}", relu)]


def kernel_shapes(config: Config) -> dict[str, tuple[int, ...]]:
    """The shape of each layer's kernel, by the layer's name."""
    height, width, channels = config.input_shape
    first, second, third = config.filters
    pairs = [(channels, first), (first, first), (first, second), (second, second), (second, third), (third, third)]
    convs = {f"conv{i}": (3, 3, inputs, outputs) for i, (inputs, outputs) in enumerate(pairs, start=1)}
    features = _pooled(height) * _pooled(width) * third
    return {**convs, "dense1": (features, config.hidden), "dense2": (config.hidden, config.classes)}


def _pooled(size: int) -> int:
    # A pool halves, and the convolution that is padded by 2 adds 2: 28 -> 14 -> 16 -> 8 -> 4.
    return (size // 2 + 2) // 2 // 2
