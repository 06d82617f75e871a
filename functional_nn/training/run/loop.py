"""The whole run, from a configuration to a folder: here all the others meet."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from functional_nn.training.choices.config import TrainConfig
from functional_nn.training.choices.legal import validate
from functional_nn.training.choices.saved import read_description, require_same, saved_config
from functional_nn.training.data.examples import Dataset
from functional_nn.training.data.find import find_data
from functional_nn.training.data.task import Task
from functional_nn.training.endings import (
    BadInput,
    Diverged,
    GradientsDisagree,
    InterruptedTwice,
    Stop,
    heeding_signals,
)
from functional_nn.training.kept.folder import (
    append_row,
    claimed,
    create,
    default_output,
    discard,
    require_free,
    write_rows,
)
from functional_nn.training.kept.keeper import Keeper, Reached
from functional_nn.training.machine.processes import by_first, everyones_numbers, is_first, noticing_loss, together
from functional_nn.training.report.display import Display, open_display
from functional_nn.training.report.results import write_results
from functional_nn.training.run.epoch import compile_call, learn_epoch, make_judge
from functional_nn.training.run.session import Session
from functional_nn.training.setup import Job, describe, first_state, introduction, prepare
from functional_nn.training.step.state import Totals

METRICS = "metrics.jsonl"
Finish = Callable[[Job, Path, Reached, Totals, np.ndarray], None]


@dataclass(frozen=True)
class Run:
    """What came out: the folder, the sums and predictions over the test set, what was reached, and in which task."""

    folder: Path
    test: Totals
    predictions: np.ndarray
    reached: Reached
    task: Task


def train(config: TrainConfig, finish: Finish | None = None) -> Run:
    """Train as configured, from the start into a new folder or on from where a folder's run has got to.

    What the run leaves in the end is what `finish` writes, `write_results` where nothing else is said.
    """
    validate(config)
    if config.resume is not None:
        require_same(config, saved_config(config.resume), config.resume)
        return carry_on(together(lambda: prepare(config, _same_data(config))), config.resume, finish)
    output = Path(by_first(lambda: free_output(config)))
    job = together(lambda: prepare(replace(config, output=output), find_data(config)))
    description = describe(job)
    with heeding_signals():  # from now on there is something that can be gone on with
        return _begin(job, output, description, finish)


def _same_data(config: TrainConfig) -> Dataset:
    """The data of the run that is gone on with; BadInput where a text is not that which it began with."""
    dataset, folder = find_data(config), config.resume
    assert folder is not None
    if read_description(folder, f"--resume {folder}").get("digest") != dataset.digest:
        raise BadInput(f"--resume {folder}: the text is not that which the run began with, to the byte")
    return dataset


def _begin(job: Job, output: Path, description: dict[str, Any], finish: Finish | None) -> Run:
    made: list[Path] = []
    by_first(lambda: made.extend(create(output, description)))
    try:
        return carry_on(job, output, finish)
    except (BadInput, OSError, Diverged, GradientsDisagree):
        if is_first() and not (output / "checkpoints").exists():
            discard(output, made)
        raise


def free_output(config: TrainConfig) -> str:
    """The folder that a new run will be in; BadInput where it exists."""
    output = config.output or default_output(config.dataset, config.model)
    require_free(output)
    return str(output)


def carry_on(job: Job, folder: Path, finish: Finish | None = None) -> Run:
    """Take the steps that are left, and write the results; Interrupted where a signal ended it before."""
    keeper, go_on = Keeper(job.config, folder), f"go on with: functional-nn train --resume {folder}"
    with (
        claimed(folder),
        heeding_signals() as stop,
        open_display(job.config.epochs, job.steps, job.dataset.task) as display,
    ):
        try:
            with noticing_loss(go_on):
                run = _go_on(job, folder, keeper, display, stop)
                (finish or write_results)(job, folder, run.reached, run.test, run.predictions)
        except Diverged as error:
            good = f"the last good checkpoint is {keeper.newest}" if keeper.newest else "no checkpoint was saved before"
            raise Diverged(f"{error}; {good}; a smaller --learning-rate may help") from None
        except OSError as error:
            raise OSError(error.errno, error.strerror or str(error), str(error.filename or folder)) from error
        except KeyboardInterrupt:
            raise InterruptedTwice(f"interrupted twice; {go_on}", stop.signal) from None
    return run


def _go_on(job: Job, folder: Path, keeper: Keeper, display: Display, stop: Stop) -> Run:
    reached = keeper.find(first_state(job), display.say)
    _require_of_this_run(job, reached, keeper)
    for line in introduction(job, reached.state, reached.steps):
        display.say(line)
    by_first(lambda: write_rows(folder / METRICS, reached.rows))
    session = Session(job, keeper, display, stop, reached)
    try:
        return fit(job, folder, reached, session)
    finally:
        session.close()


def _require_of_this_run(job: Job, reached: Reached, keeper: Keeper) -> None:
    epochs, steps, each = len(reached.rows), reached.steps, job.steps_per_epoch
    if epochs != steps // each or steps > job.steps:
        examples = job.dataset.task.examples
        there = f"it is of {steps} steps and {epochs} epochs, and an epoch of these {examples} is {each} steps"
        raise BadInput(f"checkpoint {keeper.newest} is not of this run on these {examples}: {there}")


def fit(job: Job, folder: Path, reached: Reached, session: Session) -> Run:
    """Learn and judge until all epochs are done."""
    call, judge = compile_call(job, reached), make_judge(job)
    # Compiling may take one process longer; a step in which the others wait over 30 s fails on CPUs (jax-ml/jax#40831).
    everyones_numbers((reached.steps,))
    judged = None
    while len(reached.rows) < job.config.epochs:
        reached, judged = learn_epoch(job, call, judge, reached, session)
        by_first(partial(append_row, folder / METRICS, reached.rows[-1]))
        session.end_epoch(reached)
    test, predictions = judged or judge(reached.state, job.dataset.test)
    return Run(folder, test, predictions, reached, job.dataset.task)
