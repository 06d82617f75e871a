"""The simple convolutional network of the textbook: conv, relu, max pool, dense, relu, dense."""

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
    flatten,
    forward,
    init_params,
)
from functional_nn.pooling import max_pool


@jax.tree_util.register_static
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


def init(key: jax.Array, config: Config) -> tuple[Params, State]:
    """Random parameters, and the state, which only holds the configuration.

    Args:
        key: a JAX random key.
        config: the sizes.

    Returns:
        params, {"conv1": {"kernel": (window, window, channels, filters), "bias": (filters,)}, ...}, and state.
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


def dropout_masks(key: jax.Array | None, config: Config, batch: int) -> Masks:
    """No masks: this network has no dropout."""
    return {}


def layers(config: Config, masks: Masks | None = None) -> list[Layer]:
    """The network, layer by layer."""
    return [
        ("conv1", conv),
        ("relu1", relu),
        ("pool1", partial(max_pool, window=2)),
        ("flatten", flatten),
        ("dense1", dense),
        ("relu2", relu),
        ("dense2", dense),
    ]


def kernel_shapes(config: Config) -> dict[str, tuple[int, ...]]:
    """The shape of each layer's kernel, by the layer's name."""
    height, width, channels = config.input_shape
    pooled = ((height - config.window + 1) // 2) * ((width - config.window + 1) // 2)
    return {
        "conv1": (config.window, config.window, channels, config.filters),
        "dense1": (pooled * config.filters, config.hidden),
        "dense2": (config.hidden, config.classes),
    }
