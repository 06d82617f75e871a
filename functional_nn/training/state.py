"""Everything that a step changes, in one value."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax


class TrainState(NamedTuple):
    """What learning has reached: parameters, state of the layers, state of the optimizer, steps done, random key."""

    params: Any
    model_state: Any
    opt_state: Any
    step: jax.Array
    key: jax.Array


def create_state(params: Any, model_state: Any, optimizer: optax.GradientTransformation, key: jax.Array) -> TrainState:
    """The state before the first step."""
    return TrainState(params, model_state, optimizer.init(params), jnp.zeros((), jnp.int32), key)


def parameter_count(params: Any) -> int:
    """How many numbers are learned."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))
