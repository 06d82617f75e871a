"""The multilayer perceptron: dense layers with an activation between them."""

import math
from dataclasses import dataclass

import jax

from functional_nn._checks import require
from functional_nn.activations import relu, sigmoid, tanh
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

ACTIVATIONS = {"relu": relu, "sigmoid": sigmoid, "tanh": tanh}


@jax.tree_util.register_static
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


def init(key: jax.Array, config: Config) -> tuple[Params, State]:
    """Random parameters, and the state, which only holds the configuration.

    Args:
        key: a JAX random key.
        config: the sizes.

    Returns:
        params, {"dense1": {"kernel": (in_dim, out_dim), "bias": (out_dim,)}, ...}, and state.
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
    x = check_input("mlp", x, config.input_shape)
    masks = dropout_masks(key, config, x.shape[0]) if train else None
    logits, _ = forward(layers(config, masks), params, x)
    return logits, state


def dropout_masks(key: jax.Array | None, config: Config, batch: int) -> Masks:
    """The masks that `apply` draws from a key for a batch of this size, by the name of their layer."""
    shapes = {f"dropout{i}": (batch, size) for i, size in enumerate(config.hidden, start=1)}
    return draw_masks("mlp", key, shapes, config.dropout_rate)


def layers(config: Config, masks: Masks | None = None) -> list[Layer]:
    """The network, layer by layer; without masks there is no dropout, as in evaluation."""
    activation = ACTIVATIONS[config.activation]
    network: list[Layer] = [("flatten", flatten)]
    for i in range(1, len(config.hidden) + 1):
        network += [(f"dense{i}", dense), (f"{config.activation}{i}", activation)]
        network += dropout_layer(f"dropout{i}", masks, config.dropout_rate)
    return [*network, (f"dense{len(config.hidden) + 1}", dense)]


def kernel_shapes(config: Config) -> dict[str, tuple[int, ...]]:
    """The shape of each layer's kernel, by the layer's name."""
    sizes = (math.prod(config.input_shape), *config.hidden, config.classes)
    return {f"dense{i}": (sizes[i - 1], sizes[i]) for i in range(1, len(sizes))}
