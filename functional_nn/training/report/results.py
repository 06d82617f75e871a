"""What a finished run leaves beside its checkpoints: weights and pictures."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from functional_nn.models import seq2seq
from functional_nn.training.choices.config import Kind
from functional_nn.training.data.examples import IGNORED
from functional_nn.training.kept.keeper import Reached, Row
from functional_nn.training.kept.weights import WEIGHTS, write_weights
from functional_nn.training.machine.processes import by_first
from functional_nn.training.report.attention import attention_weights, sharpest_heads
from functional_nn.training.report.events import weights_and_activations
from functional_nn.training.report.pictures import (
    OF_QUESTIONS,
    OF_TEXT,
    draw_confusion,
    draw_curves,
    draw_filters,
    draw_histograms,
    draw_mistakes,
)
from functional_nn.training.report.questions import Answered, draw_looks, texts, write_mistakes
from functional_nn.training.report.text_pictures import draw_attention, draw_neighbours
from functional_nn.training.setup import Job
from functional_nn.training.step.state import Totals

LOOKS = 4  # questions for which it is shown where the network looks
ATTENDED = 48  # tokens of the text whose attention is shown


def write_results(job: Job, folder: Path, reached: Reached, test: Totals, predictions: np.ndarray) -> None:
    """Draw the pictures, then write the weights: a folder with weights in it is finished."""
    params = job.layout.fetch(reached.state.judged.params)
    by_first(lambda: _draw(job, folder, reached.rows, params, test, predictions))
    write_learned(job, folder, reached, test, predictions)


def _draw(job: Job, folder: Path, rows: Sequence[Row], params: Any, test: Totals, predictions: np.ndarray) -> None:
    DRAWN[job.dataset.task.kind](job, folder, rows, params, test, predictions)
    draw_histograms(*weights_and_activations(job, params), folder / "histograms.png")


def write_learned(job: Job, folder: Path, reached: Reached, test: Totals, predictions: np.ndarray) -> None:
    """Write the weights without any picture, for a run that is one of many."""
    score = job.dataset.task.score
    about = {"model": job.config.model, "dataset": job.config.dataset, f"test_{score.name}": score.of(test)}
    params, model_state = job.layout.fetch(reached.state.judged)
    by_first(lambda: write_weights(folder / WEIGHTS, params, model_state, about))


def _title(job: Job, test: Totals) -> str:
    config, score = job.config, job.dataset.task.score
    result = f"{score.written(score.of(test))} of the {judged_by(job)}"
    return f"{config.model} on {config.dataset}, {config.optimizer}: {result}"


def _draw_of_images(
    job: Job, folder: Path, rows: Sequence[Row], params: Any, test: Totals, predicted: np.ndarray
) -> None:
    dataset = job.dataset
    names, labels, images = dataset.class_names, dataset.test.labels, dataset.test.x
    draw_curves(rows, _title(job, test), folder / "curves.png")
    draw_confusion(confusion_matrix(labels, predicted, len(names)), names, folder / "confusion.png")
    draw_mistakes(images, labels, predicted, names, folder / "mistakes.png")
    draw_filters(params, images.shape[1:], folder / "filters.png")


def _draw_of_text(
    job: Job, folder: Path, rows: Sequence[Row], params: Any, test: Totals, predicted: np.ndarray
) -> None:
    dataset, network = job.dataset, job.network
    draw_curves(rows, _title(job, test), folder / "curves.png", OF_TEXT)
    labels = dataset.test.labels
    counts = np.bincount(labels[labels != IGNORED], minlength=len(dataset.alphabet))
    draw_neighbours(params["embedding"]["table"], dataset.alphabet, counts, folder / "neighbours.png")
    if network.name == "transformer":
        tokens = dataset.test.x[len(dataset.test) // 2, :ATTENDED]
        heads = sharpest_heads(attention_weights(network, params, jnp.asarray(tokens[None])))
        draw_attention(heads, bytes(dataset.alphabet[token] for token in tokens), folder / "attention.png")


def _draw_of_questions(
    job: Job, folder: Path, rows: Sequence[Row], params: Any, test: Totals, predicted: np.ndarray
) -> None:
    characters, asked, length = job.dataset.alphabet.decode("ascii"), job.dataset.test, job.network.config.source_length
    draw_curves(rows, _title(job, test), folder / "curves.png", OF_QUESTIONS)
    # What was predicted is what it would write after the right letters; of a mistake it shall show what it does write.
    read, state = jnp.asarray(asked.x), {"config": job.network.config}
    start, letters = int(asked.x[0, length]), asked.labels.shape[1]
    written = np.asarray(seq2seq.decode(params, state, read[:, :length], start, letters))
    own = jnp.concatenate([read[:, : length + 1], written[:, :-1]], axis=1)
    weights = np.asarray(seq2seq.attention_weights(params, state, own[:LOOKS]))
    questions, right, answers = (texts(part, characters) for part in (asked.x[:, :length], asked.labels, written))
    shown = [Answered(*each) for each in zip(questions, answers, weights, strict=False)]
    draw_looks(shown, "where it looks for each letter of an answer", folder / "attention.png")
    write_mistakes(questions, right, answers, folder / "mistakes.txt")


DRAWN: dict[Kind, Callable[[Job, Path, Sequence[Row], Any, Totals, np.ndarray], None]] = {
    "images": _draw_of_images,
    "text": _draw_of_text,
    "questions": _draw_of_questions,
}


def judged_by(job: Job) -> str:
    """Which examples the score is of."""
    return f"{'held-out' if job.config.hold_out else 'test'} {job.dataset.task.examples}"


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """Counts (classes, classes): row is the true class, column the predicted one."""
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (labels, predictions), 1)
    return matrix
