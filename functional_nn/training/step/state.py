"""Everything that a step changes, in one value; the sums over examples that it counts; arrays of a state by name."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import optax

from functional_nn.training.data.examples import IGNORED

Tree = TypeVar("Tree")


class LossScale(NamedTuple):
    """What the loss is multiplied by in float16, and for how many steps no gradient was too large for it."""

    factor: jax.Array
    good_steps: jax.Array


class Learned(NamedTuple):
    """What a network is evaluated with: its parameters, and the state of its layers."""

    params: Any
    model_state: Any


class TrainState(NamedTuple):
    """What learning has reached; average and loss_scale are None where the run has none."""

    params: Any
    model_state: Any
    opt_state: Any
    step: jax.Array
    key: jax.Array
    average: Learned | None = None
    loss_scale: LossScale | None = None

    @property
    def judged(self) -> Learned:
        """What is evaluated and kept: the average where there is one.

        Of the layers' state too, for running statistics belong to the weights that they were gathered with.
        """
        return Learned(self.params, self.model_state) if self.average is None else self.average


def create_state(
    params: Any,
    model_state: Any,
    optimizer: optax.GradientTransformation,
    key: jax.Array,
    *,
    averaged: bool = False,
    loss_scale: LossScale | None = None,
) -> TrainState:
    """The state before the first step."""
    # A copy: both are consumed by the first step.
    average = jax.tree.map(jnp.array, Learned(params, model_state)) if averaged else None
    return TrainState(params, model_state, optimizer.init(params), jnp.zeros((), jnp.int32), key, average, loss_scale)


def parameter_count(params: Any) -> int:
    """How many numbers are learned."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))


class Totals(NamedTuple):
    """Sums over labels, on the device or fetched from it: of the loss, of correct predictions, of ones."""

    loss: Any = 0.0
    correct: Any = 0.0
    count: Any = 0.0

    def plus(self, other: "Totals") -> "Totals":
        """The sums over both."""
        return Totals(self.loss + other.loss, self.correct + other.correct, self.count + other.count)

    @property
    def mean_loss(self) -> float:
        """Loss of the average label."""
        return float(self.loss) / float(self.count)

    @property
    def accuracy(self) -> float:
        """Share of what was counted that was right, from 0 to 1."""
        return float(self.correct) / float(self.count)


def batch_totals(
    losses: jax.Array, logits: jax.Array, labels: jax.Array, mask: jax.Array | None = None, *, whole: bool = False
) -> Totals:
    """Sums over a batch; an example whose mask is 0 counts nothing, whatever its loss.

    Where it has a label a place, each that is not IGNORED counts; or, as a whole, the example once, with the mean loss,
    and as correct where all of its labels are.
    """
    correct = (jnp.argmax(logits, axis=-1) == labels).astype(losses.dtype)
    counted = jnp.ones_like(losses) if losses.ndim == 1 else (labels != IGNORED).astype(losses.dtype)
    if whole:
        losses = jnp.sum(losses * counted, -1) / jnp.maximum(jnp.sum(counted, -1), 1)
        correct, counted = jnp.min(jnp.where(counted > 0, correct, 1), -1), jnp.ones_like(losses)
    keep = counted if mask is None else counted * mask.astype(losses.dtype).reshape(-1, *[1] * (counted.ndim - 1))
    return Totals(jnp.sum(jnp.where(keep > 0, losses, 0)), jnp.sum(correct * keep), jnp.sum(keep))


def named_leaves(tree: Any) -> dict[str, Any]:
    """Leaves by dotted name, `conv1.kernel` for example, where they are."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in leaves}


def flatten(tree: Any) -> dict[str, np.ndarray]:
    """Leaves by dotted name, fetched from the device."""
    return {name: np.asarray(leaf) for name, leaf in named_leaves(tree).items()}


def unflatten(leaves: Mapping[str, Any], like: Tree) -> Tree:
    """A tree of the same structure as another, with the leaves of these names."""
    return jax.tree.unflatten(jax.tree.structure(like), [leaves[name] for name in named_leaves(like)])
