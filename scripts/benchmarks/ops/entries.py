"""Rows: what is computed entry by entry, or along the last axis; and losses of an example."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
import torch
from torch.nn import functional

import functional_nn as fnn
from benchmarks.ops.arguments import Argument, between, distribution, labels, mask, normal
from benchmarks.ops.row import Row

# One array for each entry of the loss, as ours are means or sums of.
EACH: Any = {"reduction": "none"}


def _of_x(ours: Any, flax: Any, theirs: Any, learned: bool = True) -> Row:
    """Of one array: an image's, or rows of scores."""

    def arguments(s: Any) -> dict[str, Argument]:
        shape = (s.batch, s.classes) if hasattr(s, "classes") else (s.batch, s.pixels, s.pixels, s.channels)
        return {"x": normal(*shape, learned=learned)}

    return Row(arguments, lambda s, x: ours(x), lambda s, x: flax(x), lambda s, x: theirs(x))


def _of_pair(names: str, draw: Callable[[Any], list[Argument]], ours: Any, flax: Any, theirs: Any) -> Row:
    """Of two arrays by name, of which the second is a target or a gate."""
    first, second = names.split()
    functions = [lambda s, f=f, **pair: f(pair[first], pair[second]) for f in (ours, flax, theirs)]
    return Row(lambda s: dict(zip((first, second), draw(s), strict=True)), *functions)


def _predicted(s: Any) -> list[Argument]:
    return [normal(s.batch, s.width), normal(s.batch, s.width, learned=False)]


def _binary(s: Any) -> list[Argument]:
    return [normal(s.batch, s.width), between(0, 1, s.batch, s.width, learned=False)]


def _probable(s: Any) -> list[Argument]:
    return [between(0.01, 0.99, s.batch, s.width), between(0, 1, s.batch, s.width, learned=False)]


def _classified(s: Any) -> list[Argument]:
    return [normal(s.batch, s.classes), labels(s.batch, below=s.classes)]


def _distributed(s: Any) -> list[Argument]:
    return [distribution(s.batch, s.classes), labels(s.batch, below=s.classes)]


def _divergent(s: Any) -> list[Argument]:
    log_predictions = distribution(s.batch, s.classes, logarithm=True)
    return [log_predictions, distribution(s.batch, s.classes, learned=False)]


def _gated(s: Any) -> list[Argument]:
    return [normal(s.batch, s.length, s.width) for _ in range(2)]


def _dropped(s: Any) -> list[Argument]:
    return [normal(s.batch, s.length, s.width), mask(0.9, s.batch, s.length, s.width)]


def _surprise(probabilities: jax.Array, labels: jax.Array) -> jax.Array:
    return -jnp.log(jnp.take_along_axis(probabilities, labels[:, None], -1))[:, 0]


def _surprise_in_bits(p: jax.Array, t: jax.Array) -> jax.Array:
    return -(t * jnp.log(p) + (1 - t) * jnp.log1p(-p)).mean(-1)


PAIR = "predictions targets"
ROWS = {
    "sigmoid": _of_x(fnn.sigmoid, jax.nn.sigmoid, torch.sigmoid),
    "log_sigmoid": _of_x(fnn.log_sigmoid, jax.nn.log_sigmoid, functional.logsigmoid),
    "tanh": _of_x(fnn.tanh, jnp.tanh, torch.tanh),
    "relu": _of_x(fnn.relu, jax.nn.relu, functional.relu),
    "leaky_relu": _of_x(fnn.leaky_relu, jax.nn.leaky_relu, functional.leaky_relu),
    "elu": _of_x(fnn.elu, jax.nn.elu, functional.elu),
    "softplus": _of_x(fnn.softplus, jax.nn.softplus, functional.softplus),
    "silu": _of_x(fnn.silu, jax.nn.silu, functional.silu),
    "gelu": _of_x(fnn.gelu, partial(jax.nn.gelu, approximate=False), functional.gelu),
    "step": _of_x(
        fnn.step, lambda x: (x > 0).astype(x.dtype), lambda x: torch.heaviside(x, x.new_zeros(())), learned=False
    ),
    "softmax": _of_x(fnn.softmax, jax.nn.softmax, lambda x: functional.softmax(x, -1)),
    "log_softmax": _of_x(fnn.log_softmax, jax.nn.log_softmax, lambda x: functional.log_softmax(x, -1)),
    "sum_of_squares_error": _of_pair(
        PAIR,
        _predicted,
        fnn.sum_of_squares_error,
        lambda p, t: optax.l2_loss(p, t).sum(-1),
        lambda p, t: 0.5 * functional.mse_loss(p, t, **EACH).sum(1),
    ),
    "mean_squared_error": _of_pair(
        PAIR,
        _predicted,
        fnn.mean_squared_error,
        lambda p, t: optax.squared_error(p, t).mean(-1),
        lambda p, t: functional.mse_loss(p, t, **EACH).mean(1),
    ),
    "huber_loss": _of_pair(
        PAIR,
        _predicted,
        fnn.huber_loss,
        lambda p, t: optax.huber_loss(p, t).mean(-1),
        lambda p, t: functional.huber_loss(p, t, **EACH).mean(1),
    ),
    "sigmoid_binary_cross_entropy": _of_pair(
        "logits targets",
        _binary,
        fnn.sigmoid_binary_cross_entropy,
        lambda z, t: optax.sigmoid_binary_cross_entropy(z, t).mean(-1),
        lambda z, t: functional.binary_cross_entropy_with_logits(z, t, **EACH).mean(1),
    ),
    "binary_cross_entropy": _of_pair(
        "probabilities targets",
        _probable,
        fnn.binary_cross_entropy,
        _surprise_in_bits,
        lambda p, t: functional.binary_cross_entropy(p, t, **EACH).mean(1),
    ),
    "cross_entropy_error": _of_pair(
        "probabilities labels",
        _distributed,
        fnn.cross_entropy_error,
        _surprise,
        lambda p, labels: functional.nll_loss(p.log(), labels, **EACH),
    ),
    "softmax_cross_entropy": _of_pair(
        "logits labels",
        _classified,
        fnn.softmax_cross_entropy,
        optax.softmax_cross_entropy_with_integer_labels,
        lambda z, labels: functional.cross_entropy(z, labels, **EACH),
    ),
    "kl_divergence": _of_pair(
        "log_predictions targets",
        _divergent,
        fnn.kl_divergence,
        optax.kl_divergence,
        lambda q, t: functional.kl_div(q, t, **EACH).sum(1),
    ),
    "glu": _of_pair(
        "x gate",
        _gated,
        lambda x, gate: fnn.glu(x, gate, activation="silu"),
        lambda x, gate: x * jax.nn.silu(gate),
        lambda x, gate: x * functional.silu(gate),
    ),
    # The mask is given, since each library draws another one.
    "dropout": _of_pair(
        "x mask",
        _dropped,
        lambda x, mask: fnn.dropout(x, mask, rate=0.1),
        lambda x, mask: jnp.where(mask, x / 0.9, 0),
        lambda x, mask: torch.where(mask, x / 0.9, 0),
    ),
}
