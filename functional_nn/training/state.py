"""Everything that a step changes, in one value."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax


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
