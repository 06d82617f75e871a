"""One pass over the examples that teach, one over the examples that judge."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

import jax
import numpy as np

from functional_nn.training.data.examples import Batches, Examples, padded_batches
from functional_nn.training.endings import Diverged
from functional_nn.training.step.sharding import Layout, one_device
from functional_nn.training.step.state import Totals, TrainState
from functional_nn.training.step.step import EvalStep, Report, TrainCall

EVAL_BATCH_SIZE = 256
# Fetching the reports waits for the device. More steps in flight than about 32 can deadlock several CPU devices.
STEPS_IN_FLIGHT = 16
AHEAD = 2  # batches that are on the way to the device

T = TypeVar("T")


class Watch(Protocol):
    """Who is told what happens between the steps, and may stop it by raising."""

    def before(self, step: int, state: TrainState, batches: Batches) -> None:
        """The step of this number, counted from 0, comes next."""
        ...

    def wants(self, step: int) -> bool:
        """Whether `after` is wanted as soon as so many steps are done, and not some steps later."""
        ...

    def after(self, step: int, state: TrainState, seen: Totals, images_per_second: float) -> None:
        """So many steps are done; seen are the sums of the epoch so far."""
        ...


def learn(
    call: TrainCall,
    state: TrainState,
    batches: Iterable[Batches],
    steps: range,
    watch: Watch,
    seen: Totals,
    put: Callable[[Batches], Batches] = jax.device_put,
) -> tuple[TrainState, Totals, float]:
    """Take one step a batch: the new state, the sums of the epoch, the images per second.

    steps are the numbers of the steps that the batches make, seen the sums of the epoch's steps before them. Raises
    Diverged as soon as a step that is not healthy is known of, at most STEPS_IN_FLIGHT steps, or a call, after it.
    """
    pace, pending, fetched, step = Pace(float(seen.count)), [], steps.start, steps.start
    for group in prefetch(batches, put):
        watch.before(step, state, group)
        with jax.transfer_guard("disallow"):  # whatever crosses to the device in here would cross at every step
            state, reports = call(state, group)
        pending.append(reports)
        step = min(step + len(group.valid), steps.stop)
        if step - fetched >= STEPS_IN_FLIGHT or step == steps.stop or watch.wants(step):
            seen, pending, fetched = _add(seen, pending, range(fetched, step)), [], step
            watch.after(step, state, seen, pace.images_per_second(seen))
    return state, seen, pace.images_per_second(seen)


def prefetch(batches: Iterable[T], put: Callable[[T], T] = jax.device_put, ahead: int = AHEAD) -> Iterator[T]:
    """The same batches in the same order, each put on the device so many batches before it is handed out."""
    on_the_way: deque[T] = deque()
    for batch in batches:
        on_the_way.append(put(batch))
        if len(on_the_way) > ahead:
            yield on_the_way.popleft()
    yield from on_the_way


class Pace:
    """How fast images go by."""

    def __init__(self, seen_before: float) -> None:
        self.seen_before, self.began = seen_before, time.perf_counter()

    def images_per_second(self, seen: Totals) -> float:
        """The images since the beginning over the seconds since the beginning."""
        return (float(seen.count) - self.seen_before) / max(time.perf_counter() - self.began, 1e-9)


def evaluate(
    step: EvalStep, params: Any, model_state: Any, examples: Examples, layout: Layout | None = None
) -> tuple[Totals, np.ndarray]:
    """Judge every example exactly once: the sums and the predicted classes (count,)."""
    layout = layout or one_device()
    batch_size = layout.filled(min(EVAL_BATCH_SIZE, len(examples)))
    read = padded_batches(examples, batch_size, layout.rows(batch_size))
    total, predictions = Totals(), []
    for batch in prefetch(((batch.images, batch.labels, mask) for batch, mask in read), layout.put):
        with jax.transfer_guard("disallow"):
            sums, predicted = step(params, model_state, *batch)
        total = total.plus(jax.device_get(sums))
        predictions.append(jax.device_get(predicted))
    return total, np.concatenate(predictions)[: len(examples)]


def _add(seen: Totals, pending: Sequence[Report], steps: range) -> Totals:
    """The sums with those of these steps; raises Diverged where one of them was not healthy."""
    reports = jax.tree.map(lambda *parts: np.concatenate(parts), *jax.device_get(pending))
    for index, number in enumerate(steps):
        report = jax.tree.map(lambda values, index=index: float(values[index]), reports)
        if not report.healthy:
            what = "gradient's norm" if math.isfinite(report.totals.loss) else "loss"
            value = report.gradient_norm if math.isfinite(report.totals.loss) else report.totals.loss
            raise Diverged(
                f"the {what} became {value} in step {number + 1}, seen after steps {steps.start + 1} to {steps.stop}"
            )
        seen = seen.plus(report.totals)
    return seen
