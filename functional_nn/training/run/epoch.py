"""One epoch: a pass over the examples that teach, and one over the examples that judge."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

import jax
import numpy as np

from functional_nn.training.data.examples import Batches, Examples, padded_batches, training_batches
from functional_nn.training.data.task import TASKS
from functional_nn.training.endings import Diverged
from functional_nn.training.kept.keeper import Reached, Row
from functional_nn.training.report.profile import share_of_peak
from functional_nn.training.setup import Job
from functional_nn.training.step.sharding import Layout, one_device
from functional_nn.training.step.state import Totals, TrainState
from functional_nn.training.step.step import EvalStep, Report, TrainCall, make_eval_step, make_train_call

# Fetching the reports waits for the device. More steps in flight than about 32 can deadlock several CPU devices.
STEPS_IN_FLIGHT = 16
AHEAD = 2  # batches that are on the way to the device

T = TypeVar("T")
Judge = Callable[[Any, Examples], tuple[Totals, np.ndarray]]


class Watch(Protocol):
    """Who is told what happens between the steps, and may stop it by raising."""

    def before(self, step: int, state: TrainState, batches: Batches) -> None:
        """The step of this number, counted from 0, comes next."""
        ...

    def wants(self, step: int) -> bool:
        """Whether `after` is wanted as soon as so many steps are done, and not some steps later."""
        ...

    def after(self, step: int, state: TrainState, seen: Totals, pace: float) -> None:
        """So many steps are done; seen are the sums of the epoch so far."""
        ...


def compile_call(job: Job, reached: Reached) -> TrainCall:
    """The step, compiled for the shapes of this run: they are the same from the first batch to the last."""
    call = make_train_call(job.network.apply, job.optimizer, job.rules, job.layout)
    config, rows = job.config, job.layout.rows(job.config.batch_size)
    together = config.steps_per_call
    batches = training_batches(
        job.dataset.train, config.seed, 1, config.batch_size, steps=config.epoch_steps, together=together, rows=rows
    )
    return call.lower(reached.state, job.layout.put_batches(next(batches))).compile()


def make_judge(job: Job) -> Judge:
    """The function that judges a state by examples."""
    task = job.dataset.task
    step = make_eval_step(job.network.apply, job.layout, whole=task.whole)

    def judge(state: TrainState, examples: Examples) -> tuple[Totals, np.ndarray]:
        params, model_state = state.judged
        return evaluate(step, params, model_state, examples, job.layout, at_once=task.judged_at_once)

    return judge


def learn_epoch(
    job: Job, call: TrainCall, judge: Judge, reached: Reached, watch: Watch
) -> tuple[Reached, tuple[Totals, np.ndarray]]:
    """Take the steps that are left of the epoch under way, and judge: by a glance, after the last by all."""
    config, epoch = job.config, len(reached.rows) + 1
    steps = range(reached.steps, epoch * job.steps_per_epoch)
    batches = training_batches(
        job.dataset.train,
        config.seed,
        epoch,
        config.batch_size,
        steps=config.epoch_steps,
        together=config.steps_per_call,
        first=job.steps_per_epoch - len(steps),
        rows=job.layout.rows(config.batch_size),
    )
    try:
        state, seen, pace = learn(call, reached.state, batches, steps, watch, reached.seen, job.layout.put_batches)
    except Diverged as error:
        raise Diverged(f"epoch {epoch}: {error}") from None
    judged = judge(state, judging(job, last=epoch == config.epochs))
    row = _row(job, epoch, steps.stop, seen, judged[0], pace)
    if config.profile:
        row["share_of_peak"] = share_of_peak(job, state, pace)
    return Reached(state, steps.stop, (*reached.rows, row)), judged


def judging(job: Job, *, last: bool) -> Examples:
    """The examples that judge after an epoch."""
    return job.dataset.test if last or job.dataset.glance is None else job.dataset.glance


def learn(
    call: TrainCall,
    state: TrainState,
    batches: Iterable[Batches],
    steps: range,
    watch: Watch,
    seen: Totals,
    put: Callable[[Batches], Batches] = jax.device_put,
) -> tuple[TrainState, Totals, float]:
    """Take one step a batch: the new state, the sums of the epoch, the labels per second.

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
            watch.after(step, state, seen, pace.of(seen))
    return state, seen, pace.of(seen)


def prefetch(batches: Iterable[T], put: Callable[[T], T] = jax.device_put, ahead: int = AHEAD) -> Iterator[T]:
    """The same batches in the same order, each put on the device so many batches before it is handed out."""
    on_the_way: deque[T] = deque()
    for batch in batches:
        on_the_way.append(put(batch))
        if len(on_the_way) > ahead:
            yield on_the_way.popleft()
    yield from on_the_way


class Pace:
    """How fast labels go by."""

    def __init__(self, seen_before: float) -> None:
        self.seen_before, self.began = seen_before, time.perf_counter()

    def of(self, seen: Totals) -> float:
        """The labels since the beginning over the seconds since the beginning."""
        return (float(seen.count) - self.seen_before) / max(time.perf_counter() - self.began, 1e-9)


def evaluate(
    step: EvalStep,
    params: Any,
    model_state: Any,
    examples: Examples,
    layout: Layout | None = None,
    *,
    at_once: int = TASKS["images"].judged_at_once,
) -> tuple[Totals, np.ndarray]:
    """Judge every example exactly once, so many at once: the sums, and the predictions in the shape of the labels."""
    layout = layout or one_device()
    batch_size = layout.filled(min(at_once, len(examples)))
    read = padded_batches(examples, batch_size, layout.rows(batch_size))
    total, predictions = Totals(), []
    for batch in prefetch(((batch.x, batch.labels, mask) for batch, mask in read), layout.put):
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


def _row(job: Job, epoch: int, steps: int, seen: Totals, tested: Totals, pace: float) -> Row:
    task, each_step = job.dataset.task, float(seen.count) / job.steps_per_epoch
    parts = {"train": seen, "test": tested}
    return {
        "epoch": epoch,
        "step": steps,
        "learning_rate": float(job.rate(steps - 1)),
        **{f"{part}_loss": sums.mean_loss for part, sums in parts.items()},
        **{f"{part}_accuracy": sums.accuracy for part, sums in parts.items()},
        **{f"{part}_{task.score.name}": task.score.of(sums) for part, sums in parts.items()},
        task.pace: round(pace, 1),
        "milliseconds_per_step": round(1000 * each_step / pace, 4) if pace else 0.0,
    }
