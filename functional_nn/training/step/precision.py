"""In which dtype a step computes, and how float16's narrow range is kept from swallowing small gradients.

The parameters, their gradients, the optimizer's state and the loss stay in float32; only the network computes in less.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from functional_nn.training.choices.config import Precision
from functional_nn.training.step.state import LossScale, TrainState

Apply = Callable[..., tuple[jax.Array, Any]]

# None: in the dtype that the parameters have.
COMPUTE: dict[Precision, Any] = {"float32": None, "bfloat16": jnp.bfloat16, "float16": jnp.float16}
FIRST_FACTOR, LEAST_FACTOR, MOST_FACTOR = 2.0**15, 1.0, 2.0**24
GROWS_AFTER = 2000  # steps without an overflow


def in_precision(apply: Apply, precision: Precision) -> Apply:
    """The same network, computed in another dtype, with logits and state as they were."""
    dtype = COMPUTE[precision]
    if dtype is None:
        return apply

    def narrow(params: Any, model_state: Any, x: jax.Array, **flags: Any) -> tuple[jax.Array, Any]:
        # Tokens are no numbers to compute with.
        narrow_x = x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x
        logits, new_state = apply(_cast(params, dtype), model_state, narrow_x, **flags)
        return logits.astype(jnp.promote_types(jnp.float32, x.dtype)), jax.tree.map(
            lambda new, old: new.astype(old.dtype), new_state, model_state
        )

    return narrow


def first_loss_scale(precision: Precision) -> LossScale | None:
    """What to begin with; None where the range is wide enough."""
    return LossScale(jnp.float32(FIRST_FACTOR), jnp.int32(0)) if precision == "float16" else None


def next_loss_scale(scale: LossScale, finite: jax.Array) -> LossScale:
    """Half of it after an overflow, twice as much after GROWS_AFTER steps without one."""
    grows = scale.good_steps + 1 >= GROWS_AFTER
    grown = jnp.where(grows, jnp.minimum(2.0 * scale.factor, MOST_FACTOR), scale.factor)
    factor = jnp.where(finite, grown, jnp.maximum(0.5 * scale.factor, LEAST_FACTOR))
    return LossScale(factor, jnp.where(finite & ~grows, scale.good_steps + 1, 0))


def unless_overflown(finite: jax.Array, new: TrainState, old: TrainState) -> TrainState:
    """The new state, or the old one with a smaller loss scale where a scaled gradient was not finite."""
    assert old.loss_scale is not None
    learned = new._replace(step=None, key=None, loss_scale=None)
    kept = jax.tree.map(
        lambda a, b: jnp.where(finite, a, b), learned, old._replace(step=None, key=None, loss_scale=None)
    )
    return kept._replace(step=new.step, key=new.key, loss_scale=next_loss_scale(old.loss_scale, finite))


def _cast(tree: Any, dtype: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf.astype(dtype), tree)
