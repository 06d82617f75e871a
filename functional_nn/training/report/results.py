"""What a finished run leaves beside its checkpoints: weights and pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from functional_nn.training.kept.keeper import Reached, Row
from functional_nn.training.kept.weights import WEIGHTS, write_weights
from functional_nn.training.machine.processes import by_first
from functional_nn.training.report.events import weights_and_activations
from functional_nn.training.report.pictures import (
    draw_confusion,
    draw_curves,
    draw_filters,
    draw_histograms,
    draw_mistakes,
)
from functional_nn.training.setup import Job
from functional_nn.training.step.state import Totals


def write_results(job: Job, folder: Path, reached: Reached, test: Totals, predictions: np.ndarray) -> None:
    """Draw the pictures, then write the weights: a folder with weights in it is finished."""
    params = job.layout.fetch(reached.state.judged.params)
    by_first(lambda: _draw(job, folder, reached.rows, params, test, predictions))
    write_learned(job, folder, reached, test, predictions)


def write_learned(job: Job, folder: Path, reached: Reached, test: Totals, predictions: np.ndarray) -> None:
    """Write the weights without any picture, for a run that is one of many."""
    about = {"model": job.config.model, "dataset": job.config.dataset, "test_accuracy": test.accuracy}
    params, model_state = job.layout.fetch(reached.state.judged)
    by_first(lambda: write_weights(folder / WEIGHTS, params, model_state, about))


def _draw(job: Job, folder: Path, rows: Sequence[Row], params: Any, test: Totals, predictions: np.ndarray) -> None:
    config, dataset = job.config, job.dataset
    names, labels, images = dataset.class_names, dataset.test.labels, dataset.test.images
    result = f"{100 * test.accuracy:.2f} % of the {judged_by(job)}"
    title = f"{config.model} on {config.dataset}, {config.optimizer}: {result}"
    draw_curves(rows, title, folder / "curves.png")
    draw_confusion(confusion_matrix(labels, predictions, len(names)), names, folder / "confusion.png")
    draw_mistakes(images, labels, predictions, names, folder / "mistakes.png")
    draw_filters(params, images.shape[1:], folder / "filters.png")
    draw_histograms(*weights_and_activations(job, params), folder / "histograms.png")


def judged_by(job: Job) -> str:
    """Which images the accuracy is of."""
    return "held-out images" if job.config.hold_out else "test images"


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """Counts (classes, classes): row is the true class, column the predicted one."""
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (labels, predictions), 1)
    return matrix
