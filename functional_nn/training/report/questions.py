"""What a run on questions leaves to look at: where the network looks while it writes an answer, and what was wrong."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from functional_nn.training.kept.folder import whole_file
from functional_nn.training.report.pictures import save_figure


class Answered(NamedTuple):
    """A question, what was written, and how much each letter that was written looked at each that was read."""

    question: str
    written: str
    weights: Sequence[Sequence[float]] | np.ndarray


def texts(rows: np.ndarray, characters: str) -> list[str]:
    """A text a row of places in `characters`."""
    return ["".join(characters[token] for token in row) for row in rows]


def draw_looks(answered: Sequence[Answered], title: str, path: Path) -> None:
    """A map a question: from left to right what was read, from top to bottom what was written."""
    figure = Figure(figsize=(9.0, 0.5 + sum(0.9 + 0.23 * len(each.written) for each in answered)), layout="constrained")
    figure.suptitle(title, fontsize=11)
    for axes, each in zip(figure.subplots(len(answered), squeeze=False).flat, answered, strict=True):
        axes.imshow(each.weights, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
        axes.set_xticks(range(len(each.question)), each.question)
        axes.set_yticks(range(len(each.written)), each.written)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
    save_figure(figure, path)


def write_mistakes(questions: Sequence[str], right: Sequence[str], written: Sequence[str], path: Path) -> None:
    """A line for each question that was answered wrongly: the question, what was written, and the answer."""
    pairs = zip(questions, right, written, strict=True)
    lines = [f"{question}  {wrote}  {answer}\n" for question, answer, wrote in pairs if wrote != answer]
    with whole_file(path) as partial:
        partial.write_text("".join(lines), encoding="utf-8")
