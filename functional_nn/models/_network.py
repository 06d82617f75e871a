"""A model is a list of named layers, applied one after the other; what all models share stands here."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from numbers import Real
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from functional_nn._checks import as_array, require, require_floating, require_ints
from functional_nn._reduced import norm_of_batch
from functional_nn.models.initializers import initializer
from functional_nn.normalization import batch_norm_inference
from functional_nn.regularization import dropout, dropout_mask

Params = Mapping[str, Mapping[str, jax.Array]]
State = Mapping[str, Any]
Masks = Mapping[str, jax.Array]
# A mean and a variance a channel, by the name of the normalization.
Statistics = Mapping[str, Mapping[str, jax.Array]]
# A name, and a function of x; where params has the name, also of the parameters there. Or a branch in place of it.
Layer = tuple[str, "Callable[..., Any] | Branch"]


class Branch(NamedTuple):
    """A residual connection: what the layers make of x is added to what the shortcut makes of it: x, if it is empty."""

    layers: Sequence[Layer]
    shortcut: Sequence[Layer] = ()


class Recurrent(NamedTuple):
    """What a recurrent layer leaves: its output, and its memory after the last step."""

    out: jax.Array
    memory: Mapping[str, jax.Array]


class Normalized(NamedTuple):
    """What a normalization leaves in training: its output, and its estimate of every channel's mean and variance."""

    out: jax.Array
    moments: Mapping[str, jax.Array]


class Cached(NamedTuple):
    """What attention leaves in generation: its output, and the keys and values up to here."""

    out: jax.Array
    cache: Mapping[str, jax.Array]


def forward(layers: Sequence[Layer], params: Params, x: jax.Array) -> tuple[jax.Array, Statistics]:
    """The output of the last layer; and by its layer, what it left: the moments of the batch, a memory, or a cache."""
    left: dict[str, Any] = {}
    for name, function in layers:
        if isinstance(function, Branch):
            branch, left_inside = forward(function.layers, params, x)
            shortcut, left_beside = forward(function.shortcut, params, x)
            x, left = shortcut + branch, {**left, **left_inside, **left_beside}
            continue
        x = function(x, **params.get(name, {}))
        if isinstance(x, Normalized | Cached | Recurrent):
            x, left[name] = x
    return x, left


def outputs(layers: Sequence[Layer], params: Params, x: jax.Array) -> dict[str, jax.Array]:
    """The output of every layer, by its name."""
    reached: dict[str, jax.Array] = {}
    for layer in layers:
        x, _ = forward([layer], params, x)
        reached[layer[0]] = x
    return reached


def flatten(x: jax.Array) -> jax.Array:
    """One row an example."""
    return x.reshape(x.shape[0], math.prod(x.shape[1:]))


def dropout_layer(name: str, masks: Masks | None, rate: float) -> list[Layer]:
    """The layer where there are masks, and none in evaluation, where inverted dropout does nothing."""
    return [(name, lambda x: dropout(x, masks[name], rate=rate))] if masks else []


def norm_layer(name: str, statistics: Statistics | None, epsilon: float) -> Layer:
    """Batch normalization by the batch's own moments, or by the running statistics where they are given."""
    if statistics is None:
        return name, partial(_normalize, epsilon=epsilon)
    return name, partial(_normalize_by, epsilon=epsilon, **statistics[name])


def _normalize(x: jax.Array, scale: jax.Array, bias: jax.Array, *, epsilon: float) -> Normalized:
    count = math.prod(x.shape[:-1])
    rule = "in training there must be at least two values a channel"
    require(count > 1, "batch_norm", rule, f"x.shape={x.shape}")
    rule = f"parameters must have one entry a channel, {x.shape[-1:]}"
    got = f"scale.shape={scale.shape}, bias.shape={bias.shape}"
    require(scale.shape == bias.shape == x.shape[-1:], "batch_norm", rule, got)
    # Of `batch_norm` the moments would be rounded to 16 bits before they are gathered.
    y, mean, variance = norm_of_batch(x, scale, bias, channels=(x.ndim - 1,), epsilon=epsilon)
    return Normalized(y, {"mean": mean, "variance": variance * (count / (count - 1))})


def _normalize_by(
    x: jax.Array, scale: jax.Array, bias: jax.Array, mean: jax.Array, variance: jax.Array, *, epsilon: float
) -> jax.Array:
    return batch_norm_inference(x, scale, bias, mean, variance, epsilon=epsilon).astype(x.dtype)


def apply_normalized(
    layers: Callable[..., Sequence[Layer]], params: Params, state: State, x: jax.Array, masks: Masks | None
) -> tuple[jax.Array, State]:
    """The logits of a network with norms, if any, and its state after a batch of training; without masks no training.

    In training the norms go by the batch, and the running statistics move towards its moments; else they go by these.
    """
    config, statistics = state["config"], state.get("statistics")
    if masks is None:
        logits, _ = forward(layers(config, statistics=statistics), params, x)
        return logits, state
    logits, moments = forward(layers(config, masks), params, x)
    if statistics is None:
        return logits, state
    return logits, {"config": config, "statistics": moving_average(statistics, moments, config.momentum)}


def moving_average(running: Statistics, moments: Statistics, momentum: float) -> Statistics:
    """The running statistics after a batch of these moments; momentum is the share that they keep of themselves."""
    return jax.tree.map(lambda kept, new: (momentum * kept + (1 - momentum) * new).astype(kept.dtype), running, moments)


def init_params(key: jax.Array, shapes: Mapping[str, Sequence[int]], kernel_initializer: str) -> Params:
    """A random kernel of each shape, each from a key of its own, and a bias of zeros."""
    kernels = init_kernels(key, shapes, kernel_initializer)
    return {name: {"kernel": kernel, "bias": jnp.zeros(kernel.shape[-1], float)} for name, kernel in kernels.items()}


def init_normalized(
    key: jax.Array, shapes: Mapping[str, Sequence[int]], norms: Mapping[str, int], kernel_initializer: str
) -> tuple[Params, Statistics]:
    """A random kernel of each shape, the last one with a bias; and norms of so many channels, which do nothing yet.

    Their scales are 1 and their biases 0; their running statistics have mean 0 and variance 1.
    """
    params = {name: {"kernel": kernel} for name, kernel in init_kernels(key, shapes, kernel_initializer).items()}
    *_, last = params.values()
    last["bias"] = jnp.zeros(last["kernel"].shape[-1], float)
    statistics = {}
    for name, channels in norms.items():
        # Arrays of their own: a training step consumes both trees, and one buffer cannot be given away twice.
        params[name] = {"scale": jnp.ones(channels, float), "bias": jnp.zeros(channels, float)}
        statistics[name] = {"mean": jnp.zeros(channels, float), "variance": jnp.ones(channels, float)}
    return params, statistics


def init_kernels(
    key: jax.Array, shapes: Mapping[str, Sequence[int]], kernel_initializer: str
) -> Mapping[str, jax.Array]:
    """A random kernel of each shape, each from a key of its own."""
    make = initializer(kernel_initializer)
    keys = jax.random.split(key, len(shapes))
    return {name: make(subkey, shape) for subkey, (name, shape) in zip(keys, shapes.items(), strict=True)}


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
    x = jnp.asarray(as_array(model, "x", x))
    rule = f"x must be (batch, {', '.join(map(str, input_shape))})"
    require(x.ndim > 0 and x.shape[1:] == input_shape, model, rule, f"x.shape={x.shape}")
    return x


def check_tokens(model: str, x: jax.Array) -> jax.Array:
    """x as an array, or an error unless it is a batch of rows of tokens."""
    x = as_array(model, "x", x)
    dtype = jnp.result_type(x)
    if not jnp.issubdtype(dtype, jnp.integer):
        raise TypeError(f"{model}: x must have an integer dtype; got x.dtype={dtype}")
    require(jnp.ndim(x) == 2, model, "x must be (batch, length)", f"x.shape={jnp.shape(x)}")
    return x


def check_vocabulary(model: str, vocabulary: int) -> None:
    """Raise unless there is a token to choose."""
    require(vocabulary >= 2, model, "vocabulary must be at least 2", f"vocabulary={vocabulary!r}")


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


def check_sizes(model: str, **sizes: int) -> None:
    """Raise unless every size is an integer above 0."""
    for name, size in sizes.items():
        require_ints(model, f"{name} must be an integer", f"{name}={size!r}", (size,))
        require(size > 0, model, f"{name} must be above 0", f"{name}={size!r}")


def check_normalization(model: str, momentum: float, epsilon: float) -> None:
    """Raise unless running statistics can move, and the root of a variance plus epsilon is never 0."""
    require(0 <= momentum < 1, model, "momentum must be at least 0 and below 1", f"momentum={momentum!r}")
    legal = isinstance(epsilon, Real) and 0 < float(epsilon) < math.inf
    require(legal, model, "epsilon must be a finite number above 0", f"epsilon={epsilon!r}")
