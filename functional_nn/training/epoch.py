"""One pass over the examples that teach, one over the examples that judge."""

import time
from collections.abc import Callable, Iterable

import jax
import numpy as np

from functional_nn.training.data import Examples, padded_batches
from functional_nn.training.errors import Diverged
from functional_nn.training.metrics import Totals
from functional_nn.training.state import TrainState
from functional_nn.training.step import EvalStep, TrainStep

EVAL_BATCH_SIZE = 256
# Fetching the sums waits for the device. More steps in flight than about 32 can deadlock several CPU devices.
STEPS_IN_FLIGHT = 16

# Told after every few steps: how many, the sums of the epoch so far, images per second.
OnProgress = Callable[[int, Totals, float], None]


def learn(
    step: TrainStep, state: TrainState, batches: Iterable[Examples], on_progress: OnProgress
) -> tuple[TrainState, Totals, float]:
    """Take one step a batch: the new state, the sums over all batches, the images per second.

    Raises Diverged as soon as a loss that is not finite is seen, at most STEPS_IN_FLIGHT steps after it happened.
    """
    total, pending, began = Totals(), [], time.perf_counter()
    for batch in batches:
        state, sums = step(state, batch.images, batch.labels)
        pending.append(sums)
        if len(pending) == STEPS_IN_FLIGHT:
            total, pending = _fetch(total, pending, on_progress, began), []
    total = _fetch(total, pending, on_progress, began)
    return state, total, _pace(total, began)


def evaluate(step: EvalStep, state: TrainState, examples: Examples) -> tuple[Totals, np.ndarray]:
    """Judge every example exactly once: the sums and the predicted classes (count,)."""
    batch_size = min(EVAL_BATCH_SIZE, len(examples))
    total, predictions = Totals(), []
    for batch, mask in padded_batches(examples, batch_size):
        sums, predicted = step(state.params, state.model_state, batch.images, batch.labels, mask)
        total = total.plus(jax.device_get(sums))
        predictions.append(np.asarray(predicted))
    return total, np.concatenate(predictions)[: len(examples)]


def _fetch(total: Totals, pending: list[Totals], on_progress: OnProgress, began: float) -> Totals:
    for sums in jax.device_get(pending):
        total = total.plus(sums)
    if not pending:
        return total
    if not np.isfinite(total.loss):
        last = int(total.count) // int(pending[0].count)
        steps = f"one of the steps {last - len(pending) + 1} to {last} of the epoch"
        raise Diverged(f"the loss became {float(total.loss)} in {steps}; a smaller --learning-rate may help")
    on_progress(len(pending), total, _pace(total, began))
    return total


def _pace(total: Totals, began: float) -> float:
    return float(total.count) / max(time.perf_counter() - began, 1e-9)
