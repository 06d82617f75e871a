"""One step of learning and one of judging, each a single compiled program."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax

from functional_nn.losses import softmax_cross_entropy
from functional_nn.training.metrics import Totals, batch_totals
from functional_nn.training.state import TrainState

Apply = Callable[..., tuple[jax.Array, Any]]
TrainStep = Callable[[TrainState, Any, Any], tuple[TrainState, Totals]]
EvalStep = Callable[[Any, Any, Any, Any, Any], tuple[Totals, jax.Array]]


def value_and_gradients(apply: Apply, params: Any, model_state: Any, x: Any, labels: Any, key: Any) -> Any:
    """Mean loss, (losses, logits, new model state) and the gradient to every parameter, in training mode."""

    def mean_loss(params: Any) -> tuple[jax.Array, Any]:
        logits, new_state = apply(params, model_state, x, train=True, key=key)
        losses = softmax_cross_entropy(logits, labels)
        return jnp.mean(losses), (losses, logits, new_state)

    (loss, auxiliary), gradients = jax.value_and_grad(mean_loss, has_aux=True)(params)
    return loss, auxiliary, gradients


def make_train_step(apply: Apply, optimizer: optax.GradientTransformation) -> TrainStep:
    """A jitted step (state, x, labels) -> (state, totals); the state given to it is consumed."""

    @partial(jax.jit, donate_argnames="state")
    def train_step(state: TrainState, x: Any, labels: Any) -> tuple[TrainState, Totals]:
        key = jax.random.fold_in(state.key, state.step)
        _, (losses, logits, model_state), gradients = value_and_gradients(
            apply, state.params, state.model_state, x, labels, key
        )
        updates, opt_state = optimizer.update(gradients, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        return TrainState(params, model_state, opt_state, state.step + 1, state.key), batch_totals(
            losses, logits, labels
        )

    return train_step


def make_eval_step(apply: Apply) -> Callable[[Any, Any, Any, Any, Any], tuple[Totals, jax.Array]]:
    """A jitted judgment (params, model_state, x, labels, mask) -> (totals where mask is 1, predicted classes)."""

    @jax.jit
    def eval_step(params: Any, model_state: Any, x: Any, labels: Any, mask: Any) -> tuple[Totals, jax.Array]:
        logits, _ = apply(params, model_state, x, train=False)
        losses = softmax_cross_entropy(logits, labels)
        return batch_totals(losses, logits, labels, mask), jnp.argmax(logits, axis=-1)

    return eval_step
