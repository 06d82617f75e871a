"""The whole run, from a configuration to a folder: the only file that knows all the others."""

from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

from functional_nn.training.config import TrainConfig, validate
from functional_nn.training.data import Dataset, hold_out, load, steps_per_epoch, training_batches
from functional_nn.training.doctor import versions
from functional_nn.training.download import download
from functional_nn.training.epoch import evaluate, learn
from functional_nn.training.errors import BadInput, Diverged
from functional_nn.training.metrics import Totals, confusion_matrix
from functional_nn.training.network import Network, build
from functional_nn.training.optimizers import Schedule, make_optimizer, schedule
from functional_nn.training.pictures import draw_confusion, draw_curves, draw_filters, draw_mistakes
from functional_nn.training.places import downloads
from functional_nn.training.progress import Display, open_display
from functional_nn.training.run_folder import (
    append_row,
    default_output,
    require_free,
    run_folder,
    write_json,
    write_weights,
)
from functional_nn.training.state import TrainState, create_state, parameter_count
from functional_nn.training.step import make_eval_step, make_train_step
from functional_nn.training.verify import verify_first_step

Row = dict[str, Any]
HOLD_OUT_SEED = 1  # fixed, as the split of the digits is: --seed changes what is learned, never what judges


@dataclass(frozen=True)
class Run:
    """What came out: the folder, the sums and predictions over the test set, one row an epoch, the learned state."""

    folder: Path
    test: Totals
    predictions: np.ndarray
    rows: tuple[Row, ...]
    state: TrainState


@dataclass(frozen=True)
class Job:
    """What a run needs before it begins: the choices and what follows from them."""

    config: TrainConfig
    dataset: Dataset
    network: Network
    rate: Schedule
    optimizer: optax.GradientTransformation


def train(config: TrainConfig) -> Run:
    """Train as configured and write the run folder; a run that ends early leaves no folder behind."""
    validate(config)
    output = config.output or default_output(config.dataset, config.model)
    require_free(output)
    job = prepare(replace(config, output=output), find_data(config))
    steps = config.epochs * steps_per_epoch(len(job.dataset.train), config.batch_size)
    with run_folder(output) as folder, open_display(config.epochs, steps) as display:
        state = first_state(job)
        _describe(job, state, folder, display)
        run = fit(job, state, folder, display)
        _keep(job, run)
    return replace(run, folder=output)


def find_data(config: TrainConfig) -> Dataset:
    """The data set, fetched first when asked to; with --hold-out some of the images that would teach judge instead."""
    if config.download:
        download(config.dataset, config.data_dir or downloads(config.dataset), print)
    dataset = load(config.dataset, config.data_dir)
    if not config.hold_out:
        return dataset
    if config.hold_out >= len(dataset.train):
        raise BadInput(f"--hold-out must be below {len(dataset.train)}, all images; got {config.hold_out}")
    train, held_out = hold_out(dataset.train, config.hold_out, HOLD_OUT_SEED)
    return replace(dataset, train=train, test=held_out)


def prepare(config: TrainConfig, dataset: Dataset) -> Job:
    """Build what the configuration names, for this data set."""
    if config.batch_size > len(dataset.train):
        raise BadInput(f"--batch-size must be at most {len(dataset.train)}, all images; got {config.batch_size}")
    steps = config.epochs * steps_per_epoch(len(dataset.train), config.batch_size)
    network = build(config.model, dataset.train.images.shape[1:], len(dataset.class_names))
    rate = schedule(config.peak_learning_rate, steps)
    return Job(config, dataset, network, rate, make_optimizer(config.optimizer, rate))


def first_state(job: Job) -> TrainState:
    """The state before the first step, from the seed alone."""

    @jax.jit  # one program instead of one for every small operation
    def create(seed: int) -> TrainState:
        init_key, step_key = jax.random.split(jax.random.key(seed))
        params, model_state = job.network.init(init_key)
        return create_state(params, model_state, job.optimizer, step_key)

    return create(np.uint32(job.config.seed))


def fit(job: Job, state: TrainState, folder: Path, display: Display) -> Run:
    """Learn for all epochs, judging after each; verify the first gradient before, when asked to."""
    config, dataset = job.config, job.dataset
    first = next(training_batches(dataset.train, config.seed, 1, config.batch_size))
    if config.verify:
        verify_first_step(job.network, state, first, config.label_smoothing, display.say)
    train_step = make_train_step(job.network.apply, job.optimizer, config.label_smoothing)
    step = train_step.lower(state, first.images, first.labels).compile()
    judge = make_eval_step(job.network.apply)
    run = Run(folder, Totals(), np.empty(0), (), state)
    for epoch in range(1, config.epochs + 1):
        batches = training_batches(dataset.train, config.seed, epoch, config.batch_size)
        try:
            state, seen, pace = learn(step, run.state, batches, partial(display.advance, epoch))
        except Diverged as error:
            raise Diverged(f"epoch {epoch}: {error}") from None
        test, predictions = evaluate(judge, state, dataset.test)
        row = _row(job, epoch, int(state.step), seen, test, pace)
        append_row(folder / "metrics.jsonl", row)
        display.end_epoch(row)
        run = Run(folder, test, predictions, (*run.rows, row), state)
    return run


def _row(job: Job, epoch: int, steps: int, seen: Totals, tested: Totals, pace: float) -> Row:
    return {
        "epoch": epoch,
        "step": steps,
        "learning_rate": float(job.rate(steps - 1)),
        "train_loss": seen.mean_loss,
        "train_accuracy": seen.accuracy,
        "test_loss": tested.mean_loss,
        "test_accuracy": tested.accuracy,
        "images_per_second": round(pace, 1),
    }


def _describe(job: Job, state: TrainState, folder: Path, display: Display) -> None:
    train_size, test_size, parameters = len(job.dataset.train), len(job.dataset.test), parameter_count(state.params)
    found = {
        "learning_rate": job.config.peak_learning_rate,
        "train_size": train_size,
        "test_size": test_size,
        "parameters": parameters,
        "platform": jax.default_backend(),
        "versions": versions(),
    }
    write_json(folder / "config.json", asdict(job.config) | found)
    display.say(
        f"{job.config.model} ({parameters:,} parameters) on {job.config.dataset}: "
        f"{train_size:,} images to learn, {test_size:,} to test"
    )


def _keep(job: Job, run: Run) -> None:
    config, dataset, folder = job.config, job.dataset, run.folder
    about = {"model": config.model, "dataset": config.dataset, "test_accuracy": run.test.accuracy}
    write_weights(folder / "model.safetensors", run.state.params, run.state.model_state, about)
    names, labels, images = dataset.class_names, dataset.test.labels, dataset.test.images
    result = f"{100 * run.test.accuracy:.2f} % of the test images"
    draw_curves(run.rows, f"{config.model} on {config.dataset}, {config.optimizer}: {result}", folder / "curves.png")
    draw_confusion(confusion_matrix(labels, run.predictions, len(names)), names, folder / "confusion.png")
    draw_mistakes(images, labels, run.predictions, names, folder / "mistakes.png")
    draw_filters(jax.device_get(run.state.params), images.shape[1:], folder / "filters.png")
