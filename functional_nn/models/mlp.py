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
    Statistics,
    apply_normalized,
    check_config,
    check_input,
    check_normalization,
    draw_masks,
    dropout_layer,
    flatten,
    init_normalized,
    init_params,
    norm_layer,
)

ACTIVATIONS = {"relu": relu, "sigmoid": sigmoid, "tanh": tanh}


@jax.tree_util.register_static
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


def init(key: jax.Array, config: Config) -> tuple[Params, State]:
    """Random parameters, and the state: the configuration, and with batch_norm running statistics.

    Args:
        key: a JAX random key.
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


def apply(
    params: Params, state: State, x: jax.Array, *, train: bool = False, key: jax.Array | None = None
) -> tuple[jax.Array, State]:
    """The logits of a batch.

    Args:
        params: from `init`, or learned.
        state: from `init`, or with batch_norm from the step before.
        x: (batch, *input_shape), a floating dtype.
        train: whether dropout is at work, and batch_norm goes by the batch; a Python bool, static under jit.
        key: the random key of the dropout masks, needed where train is True and dropout_rate is not 0.

    Returns:
        logits (batch, classes), and the state: in training with batch_norm its running statistics have moved towards
        the moments of the batch, else it is unchanged.

    Raises:
        ValueError: x is not of input_shape, the key is missing, or batch_norm has a single example to train on.
        TypeError: x is not a floating array.
    """
    config = state["config"]
    x = check_input("mlp", x, config.input_shape)
    masks = dropout_masks(key, config, x.shape[0]) if train else None
    return apply_normalized(layers, params, state, x, masks)


def dropout_masks(key: jax.Array | None, config: Config, batch: int) -> Masks:
    """The masks that `apply` draws from a key for a batch of this size, by the name of their layer."""
    shapes = {f"dropout{i}": (batch, size) for i, size in enumerate(config.hidden, start=1)}
    return draw_masks("mlp", key, shapes, config.dropout_rate)


def layers(config: Config, masks: Masks | None = None, statistics: Statistics | None = None) -> list[Layer]:
    """The network, layer by layer; with running statistics as in evaluation, without masks there is no dropout."""
    activation = ACTIVATIONS[config.activation]
    network: list[Layer] = [("flatten", flatten)]
    for i in range(1, len(config.hidden) + 1):
        network.append((f"dense{i}", dense))
        if config.batch_norm:
            network.append(norm_layer(f"norm{i}", statistics, config.epsilon))
        network.append((f"{config.activation}{i}", activation))
        network += dropout_layer(f"dropout{i}", masks, config.dropout_rate)
    return [*network, (f"dense{len(config.hidden) + 1}", dense)]


def kernel_shapes(config: Config) -> dict[str, tuple[int, ...]]:
    """The shape of each layer's kernel, by the layer's name."""
    sizes = (math.prod(config.input_shape), *config.hidden, config.classes)
    return {f"dense{i}": (sizes[i - 1], sizes[i]) for i in range(1, len(sizes))}
