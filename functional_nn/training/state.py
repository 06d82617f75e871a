"""Everything that a step changes, in one value."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax


class LossScale(NamedTuple):
    """What the loss is multiplied by in float16, and for how many steps no gradient was too large for it."""

    factor: jax.Array
    good_steps: jax.Array


class TrainState(NamedTuple):
    """What learning has reached; average and loss_scale are None where the run has none."""

    params: Any
    model_state: Any
    opt_state: Any
    step: jax.Array
    key: jax.Array
    average: Any = None
    loss_scale: LossScale | None = None

    @property
    def judged(self) -> Any:
        """The parameters that are evaluated and kept: the average where there is one."""
        return self.params if self.average is None else self.average


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
    average = jax.tree.map(jnp.array, params) if averaged else None  # a copy: both are consumed by the first step
    return TrainState(params, model_state, optimizer.init(params), jnp.zeros((), jnp.int32), key, average, loss_scale)


def parameter_count(params: Any) -> int:
    """How many numbers are learned."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))
