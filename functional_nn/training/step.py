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
# (state, x, labels) -> (state, totals); (params, model_state, x, labels, mask) -> (totals, predicted classes).
TrainStep = Callable[[TrainState, Any, Any], tuple[TrainState, Totals]]
EvalStep = Callable[[Any, Any, Any, Any, Any], tuple[Totals, jax.Array]]


def value_and_gradients(
    apply: Apply, label_smoothing: float, params: Any, model_state: Any, x: Any, labels: Any, key: Any
) -> tuple[tuple[jax.Array, tuple[jax.Array, Any]], Any]:
    """((mean loss, (logits, new model state)), the gradient to every parameter), in training mode."""

    def mean_loss(params: Any) -> tuple[jax.Array, Any]:
        logits, new_state = apply(params, model_state, x, train=True, key=key)
        return jnp.mean(softmax_cross_entropy(logits, labels, label_smoothing=label_smoothing)), (logits, new_state)

    return jax.value_and_grad(mean_loss, has_aux=True)(params)


def make_train_step(apply: Apply, optimizer: optax.GradientTransformation, label_smoothing: float = 0.0) -> Any:
    """A jitted step (state, x, labels) -> (state, totals); the state given to it is consumed.

    The totals are of the plain loss, without smoothing, so that they compare with those of the evaluation.
    """

    @partial(jax.jit, donate_argnames="state")
    def train_step(state: TrainState, x: Any, labels: Any) -> tuple[TrainState, Totals]:
        key = jax.random.fold_in(state.key, state.step)
        (_, (logits, model_state)), gradients = value_and_gradients(
            apply, label_smoothing, state.params, state.model_state, x, labels, key
        )
        updates, opt_state = optimizer.update(gradients, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        totals = batch_totals(softmax_cross_entropy(logits, labels), logits, labels)
        return TrainState(params, model_state, opt_state, state.step + 1, state.key), totals

    return train_step


def make_eval_step(apply: Apply) -> EvalStep:
    """A jitted judgment (params, model_state, x, labels, mask) -> (totals where mask is 1, predicted classes)."""

    @jax.jit
    def eval_step(params: Any, model_state: Any, x: Any, labels: Any, mask: Any) -> tuple[Totals, jax.Array]:
        logits, _ = apply(params, model_state, x, train=False)
        losses = softmax_cross_entropy(logits, labels)
        return batch_totals(losses, logits, labels, mask), jnp.argmax(logits, axis=-1)

    return eval_step
