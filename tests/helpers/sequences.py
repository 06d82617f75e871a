"""Small recurrent models, for their tests."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.networks import Example

import functional_nn
from functional_nn.models import lstm_lm, seq2seq

BATCH, LENGTH = 3, 5
EXAMPLES = (
    Example("lstm_lm of one layer", lstm_lm, {"vocabulary": 7, "width": 3, "hidden": 4}),
    Example(
        "lstm_lm tied, with dropout",
        lstm_lm,
        {"vocabulary": 7, "width": 4, "hidden": 4, "layers": 2, "tied": True, "dropout_rate": 0.3},
    ),
    Example("seq2seq", seq2seq, {"vocabulary": 7, "source_length": 4, "width": 3, "hidden": 4}),
    Example("seq2seq padded", seq2seq, {"vocabulary": 7, "source_length": 4, "width": 3, "hidden": 4, "padding": 0}),
)
every_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.id)
one_of_each = pytest.mark.parametrize("example", EXAMPLES[1::2], ids=lambda example: example.id)


class Arranged(NamedTuple):
    """float64 parameters that are nowhere near zero, a state that has seen something, a batch and its targets."""

    params: Any
    state: Any
    x: Any
    targets: Any


def arrange(example: Example) -> Arranged:
    """With padding, row 0 has it at the end of its source, and row 1 at the end of its target."""
    params, state = example.twin.init(0, example.twin.Config(**example.settings))
    rng = np.random.default_rng(0)
    params = jax.tree.map(lambda leaf: leaf + rng.normal(scale=0.4, size=leaf.shape), params)
    source_length = example.settings.get("source_length", 0)
    x = rng.integers(1, example.config.vocabulary, (BATCH, source_length + LENGTH))
    targets = rng.integers(1, example.config.vocabulary, (BATCH, LENGTH))
    if "padding" in example.settings:
        x[0, source_length - 2 : source_length] = 0
        targets[1, -2:] = x[1, -2:] = 0
    if example.settings.get("layers", 1) > 1:
        memory = example.twin.stateful(state, BATCH)["memory"]
        state = {"memory": jax.tree.map(lambda leaf: leaf + rng.normal(size=leaf.shape), memory)}
    return Arranged(params, {**state, "config": example.config}, x, targets)


def masks_of(example: Example, key: Any) -> dict[str, np.ndarray]:
    return jax.device_get(example.model.dropout_masks(key, example.config, BATCH, LENGTH))


def mean_loss(logits: jax.Array, targets: Any, ignore_label: int | None = None) -> jax.Array:
    """The mean over the targets that count."""
    losses = functional_nn.softmax_cross_entropy(logits, targets, ignore_label=ignore_label)
    return jnp.sum(losses) / np.sum(targets != ignore_label)


def padding_of(example: Example) -> int | None:
    return example.settings.get("padding")
