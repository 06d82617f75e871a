"""One step of learning and one of judging, each a single compiled program."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from functional_nn.losses import softmax_cross_entropy
from functional_nn.training.choices.config import Precision
from functional_nn.training.data.examples import IGNORED, Batches
from functional_nn.training.step.augment import Augmentation, augment
from functional_nn.training.step.precision import LEAST_FACTOR, Apply, in_precision, unless_overflown
from functional_nn.training.step.sharding import Layout, one_device
from functional_nn.training.step.state import Learned, Totals, TrainState, batch_totals


@dataclass(frozen=True)
class StepRules:
    """What a step does beside the optimizer's rule; nothing by default."""

    label_smoothing: float = 0.0
    augmentation: Augmentation = field(default_factory=Augmentation)
    accumulate: int = 1
    precision: Precision = "float32"
    average: float = 0.0
    whole: bool = False


class Report(NamedTuple):
    """What a step tells: sums over its batch, the norm of its gradient, and whether learning may go on."""

    totals: Totals
    gradient_norm: jax.Array
    healthy: jax.Array


# (state, batches) -> (state, a report of each step); (params, model_state, x, labels, mask) -> (totals, classes).
TrainCall = Callable[[TrainState, Batches], tuple[TrainState, Report]]
EvalStep = Callable[[Any, Any, Any, Any, Any], tuple[Totals, jax.Array]]


def make_train_call(
    apply: Apply,
    optimizer: optax.GradientTransformation,
    rules: StepRules | None = None,
    layout: Layout | None = None,
) -> Any:
    """A jitted function that takes one step a batch; the state given to it is consumed.

    Several batches are one program, a loop on the device; a batch that is not valid changes nothing. The totals are of
    the plain loss, without smoothing, so that they compare with those of the evaluation. On several devices the state
    stays where the layout has it.
    """
    layout = layout or one_device()

    def take(state: TrainState, x: Any, labels: Any) -> tuple[TrainState, Report]:
        state, report = one_step(layout.gathering(apply), optimizer, rules or StepRules(), state, x, labels)
        return layout.keep(state), layout.repeat(report)

    @partial(jax.jit, donate_argnames="state")
    def train_call(state: TrainState, batches: Batches) -> tuple[TrainState, Report]:
        if len(batches.valid) == 1:
            state, report = take(state, batches.x[0], batches.labels[0])
            return state, jax.tree.map(lambda value: value[None], report)
        return jax.lax.scan(lambda state, batch: _step_if_valid(take, state, batch), state, batches)

    return train_call


def one_step(
    apply: Apply, optimizer: optax.GradientTransformation, rules: StepRules, state: TrainState, x: Any, labels: Any
) -> tuple[TrainState, Report]:
    """The state after one batch, and what the step tells."""
    augment_key, dropout_key = step_keys(state)
    x = augment(rules.augmentation, augment_key, x)
    logits, model_state, gradients = accumulated_gradients(apply, rules, state, x, labels, dropout_key)
    norm = optax.tree.norm(gradients)
    updates, opt_state = optimizer.update(gradients, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    average = _moving_average(rules.average, state, Learned(params, model_state))
    new = state._replace(
        params=params, model_state=model_state, opt_state=opt_state, step=state.step + 1, average=average
    )
    totals = batch_totals(losses_of(logits, labels), logits, labels, whole=rules.whole)
    healthy = jnp.isfinite(totals.loss) & jnp.isfinite(norm)
    if state.loss_scale is not None:
        healthy = jnp.isfinite(totals.loss) & (jnp.isfinite(norm) | (state.loss_scale.factor > LEAST_FACTOR))
        new = unless_overflown(jnp.isfinite(norm), new, state)
    return new, Report(totals, norm, healthy)


def step_keys(state: TrainState) -> tuple[jax.Array, jax.Array]:
    """The keys of the coming step: for varying its images, for its dropout."""
    augment_key, dropout_key = jax.random.split(jax.random.fold_in(state.key, state.step))
    return augment_key, dropout_key


def accumulated_gradients(
    apply: Apply, rules: StepRules, state: TrainState, x: Any, labels: Any, key: Any
) -> tuple[jax.Array, Any, Any]:
    """(logits, new model state, gradient of the mean loss), from equal parts of the batch one after the other."""
    factor = None if state.loss_scale is None else state.loss_scale.factor
    of_part = partial(value_and_gradients, in_precision(apply, rules.precision), rules.label_smoothing, factor=factor)
    if rules.accumulate == 1:
        (_, (logits, model_state)), gradients = of_part(state.params, state.model_state, x, labels, key)
        return logits, model_state, gradients

    def add(carry: tuple[Any, Any], part: tuple[Any, Any, Any]) -> tuple[tuple[Any, Any], jax.Array]:
        total, model_state = carry
        (_, (logits, model_state)), gradients = of_part(state.params, model_state, *part)
        return (jax.tree.map(jnp.add, total, gradients), model_state), logits

    # A part is every so many-th image, not a run of them: of a batch over several devices, each has some of every part.
    x_parts, label_parts = (
        jnp.moveaxis(array.reshape(-1, rules.accumulate, *array.shape[1:]), 1, 0) for array in (x, labels)
    )
    keys = jax.random.split(key, rules.accumulate)
    start = (jax.tree.map(jnp.zeros_like, state.params), state.model_state)
    (total, model_state), logits = jax.lax.scan(add, start, (x_parts, label_parts, keys))
    logits = jnp.moveaxis(logits, 0, 1).reshape(len(x), *logits.shape[2:])
    return logits, model_state, jax.tree.map(lambda leaf: leaf / rules.accumulate, total)


def value_and_gradients(
    apply: Apply, label_smoothing: float, params: Any, model_state: Any, x: Any, labels: Any, key: Any, *, factor: Any
) -> tuple[tuple[jax.Array, tuple[jax.Array, Any]], Any]:
    """((mean loss, (logits, new model state)), the gradient to every parameter), in training mode.

    Where a factor is given, the loss is multiplied by it for the way back, and its gradient divided by it.
    """

    def mean_loss(params: Any) -> tuple[jax.Array, Any]:
        logits, new_state = apply(params, model_state, x, train=True, key=key)
        losses = losses_of(logits, labels, label_smoothing)
        loss = jnp.mean(losses) if labels.ndim == 1 else jnp.sum(losses) / jnp.sum(labels != IGNORED)
        return (loss if factor is None else loss * factor), (logits, new_state)

    (loss, aux), gradients = jax.value_and_grad(mean_loss, has_aux=True)(params)
    if factor is not None:
        loss, gradients = jax.tree.map(lambda leaf: leaf / factor, (loss, gradients))
    return (loss, aux), gradients


def losses_of(logits: jax.Array, labels: jax.Array, label_smoothing: float = 0.0) -> jax.Array:
    """The loss of each label, 0 where a place of an example with several has none."""
    ignored = None if labels.ndim == 1 else IGNORED
    return softmax_cross_entropy(logits, labels, label_smoothing=label_smoothing, ignore_label=ignored)


def make_eval_step(apply: Apply, layout: Layout | None = None, *, whole: bool = False) -> EvalStep:
    """A jitted judgment (params, model_state, x, labels, mask) -> (totals where mask is 1, predicted classes)."""
    layout = layout or one_device()
    apply = layout.gathering(apply)

    @jax.jit
    def eval_step(params: Any, model_state: Any, x: Any, labels: Any, mask: Any) -> tuple[Totals, jax.Array]:
        logits, _ = apply(params, model_state, x, train=False)
        totals = batch_totals(losses_of(logits, labels), logits, labels, mask, whole=whole)
        return layout.repeat((totals, jnp.argmax(logits, axis=-1)))

    return eval_step


def _step_if_valid(take: Any, state: TrainState, batch: Batches) -> tuple[TrainState, Report]:
    def rest(state: TrainState, x: Any, labels: Any) -> tuple[TrainState, Report]:
        _, shapes = jax.eval_shape(take, state, x, labels)
        nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        return state, nothing._replace(healthy=jnp.ones_like(nothing.healthy))

    return jax.lax.cond(batch.valid, take, rest, state, batch.x, batch.labels)


def _moving_average(decay: float, state: TrainState, learned: Learned) -> Learned | None:
    if state.average is None:
        return None
    # In the beginning a shorter memory, or the random start would weigh for thousands of steps.
    kept = jnp.minimum(decay, (1.0 + state.step) / (10.0 + state.step))
    return jax.tree.map(lambda old, new: (kept * old + (1.0 - kept) * new).astype(old.dtype), state.average, learned)
