"""A model is a list of named layers, applied one after the other; what all models share stands here."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from functional_nn._checks import require, require_floating
from functional_nn.models.initializers import initializer
from functional_nn.regularization import dropout, dropout_mask

Params = Mapping[str, Mapping[str, jax.Array]]
State = Mapping[str, Any]
Masks = Mapping[str, jax.Array]
# A name, and a function of x; where params has the name, also of its kernel and bias.
Layer = tuple[str, Callable[..., jax.Array]]


def forward(layers: Sequence[Layer], params: Params, x: jax.Array) -> jax.Array:
    """The output of the last layer."""
    for name, function in layers:
        weights = (params[name]["kernel"], params[name]["bias"]) if name in params else ()
        x = function(x, *weights)
    return x


def flatten(x: jax.Array) -> jax.Array:
    """One row an example."""
    return x.reshape(x.shape[0], math.prod(x.shape[1:]))


def dropout_layer(name: str, masks: Masks | None, rate: float) -> list[Layer]:
    """The layer where there are masks, and none in evaluation, where inverted dropout does nothing."""
    return [(name, lambda x: dropout(x, masks[name], rate=rate))] if masks else []


def init_params(key: jax.Array, shapes: Mapping[str, Sequence[int]], kernel_initializer: str) -> Params:
    """A random kernel of each shape, each from a key of its own, and a bias of zeros."""
    make = initializer(kernel_initializer)
    keys = jax.random.split(key, len(shapes))
    return {
        name: {"kernel": make(subkey, shape), "bias": jnp.zeros(shape[-1], float)}
        for subkey, (name, shape) in zip(keys, shapes.items(), strict=True)
    }


def draw_masks(model: str, key: jax.Array | None, shapes: Mapping[str, Sequence[int]], rate: float) -> Masks:
    """A mask of each shape, each from a key of its own; none at rate 0."""
    if rate == 0:
        return {}
    if key is None:
        raise ValueError(f"{model}: key must be given in train mode, for dropout; got key=None")
    keys = jax.random.split(key, len(shapes))
    return {name: dropout_mask(subkey, shape, rate) for subkey, (name, shape) in zip(keys, shapes.items(), strict=True)}


def check_input(model: str, x: jax.Array, input_shape: tuple[int, ...]) -> jax.Array:
    """x as an array, or an error unless it is a batch of what the model was made for."""
    require_floating(model, x=x)
    x = jnp.asarray(x)
    rule = f"x must be (batch, {', '.join(map(str, input_shape))})"
    require(x.ndim > 0 and x.shape[1:] == input_shape, model, rule, f"x.shape={x.shape}")
    return x


def check_config(
    model: str, kernel_initializer: str, dropout_rate: float = 0.0, **sizes: int | tuple[int, ...]
) -> None:
    """Raise unless every size is a positive integer or a tuple of them, and the other settings are known."""
    for name, size in sizes.items():
        numbers = size if isinstance(size, tuple) else (size,)
        if not all(isinstance(number, int) for number in numbers):
            raise TypeError(f"{model}: {name} must be an integer, or a tuple of integers; got {name}={size!r}")
        require(all(number > 0 for number in numbers), model, f"{name} must be above 0", f"{name}={size!r}")
    require(
        0 <= dropout_rate < 1, model, "dropout_rate must be at least 0 and below 1", f"dropout_rate={dropout_rate!r}"
    )
    initializer(kernel_initializer)
