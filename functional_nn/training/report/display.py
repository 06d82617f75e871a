"""What is seen while it learns: a bar in a terminal, plain lines anywhere else."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, TextIO

from functional_nn.training.data.task import Task
from functional_nn.training.machine.processes import is_first
from functional_nn.training.step.state import Totals

MOST_EPOCH_LINES = 10


class Display(Protocol):
    """Where the loop says what happens."""

    def say(self, line: str) -> None:
        """Show one line that stays."""
        ...

    def advance(self, epoch: int, steps: int, totals: Totals, pace: float) -> None:
        """So many more steps are done; totals are those of the epoch so far."""
        ...

    def end_epoch(self, row: Mapping[str, Any]) -> None:
        """An epoch is done and judged."""
        ...


class PlainDisplay:
    """Lines only, at most ten for the epochs: for files, pipes and continuous integration."""

    def __init__(self, epochs: int, task: Task, write: Any) -> None:
        self.epochs, self.task = epochs, task
        self.say = write

    def advance(self, epoch: int, steps: int, totals: Totals, pace: float) -> None:
        """Lines come at the end of epochs."""

    def end_epoch(self, row: Mapping[str, Any]) -> None:
        """Say one line, every so many epochs."""
        every = -(-self.epochs // MOST_EPOCH_LINES)
        if row["epoch"] % every == 0 or row["epoch"] == self.epochs:
            self.say(epoch_line(row, self.epochs, self.task))


class BarDisplay(PlainDisplay):
    """The same lines above a bar with the loss, the score and the pace of this moment."""

    def __init__(self, epochs: int, task: Task, progress: Any, bar: Any) -> None:
        super().__init__(epochs, task, lambda line: progress.console.print(line, highlight=False, markup=False))
        self.progress, self.bar = progress, bar

    def advance(self, epoch: int, steps: int, totals: Totals, pace: float) -> None:
        """Move the bar."""
        score = self.task.score
        self.progress.update(
            self.bar,
            advance=steps,
            epoch=f"epoch {epoch:>{len(str(self.epochs))}}/{self.epochs}",
            figures=f"loss {totals.mean_loss:.4f}  train {score.written(score.of(totals), 6)}  "
            f"{pace:,.0f} {self.task.counted}/s",
        )


@contextmanager
def open_display(epochs: int, steps: int, task: Task, stream: TextIO | None = None) -> Iterator[Display]:
    """A bar where the stream is a terminal, plain lines where it is not; nothing but for the first of the processes."""
    target = stream or sys.stdout
    if not is_first():
        yield PlainDisplay(epochs, task, lambda line: None)
        return
    if not target.isatty():
        yield PlainDisplay(epochs, task, lambda line: print(line, file=target, flush=True))
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.fields[epoch]}"), BarColumn(None), TextColumn("{task.fields[figures]}"))
    console = Console(file=target)
    with Progress(*columns, TimeRemainingColumn(compact=True), console=console, transient=True, expand=True) as bar:
        yield BarDisplay(epochs, task, bar, bar.add_task("train", total=steps, epoch="compiling", figures=""))


def epoch_line(row: Mapping[str, Any], epochs: int, task: Task) -> str:
    """The figures of one epoch, to be read under each other."""
    train, test = (task.score.written(row[f"{part}_{task.score.name}"], 6) for part in ("train", "test"))
    return (
        f"epoch {row['epoch']:>{len(str(epochs))}}/{epochs}  loss {row['train_loss']:.4f}  "
        f"train {train}  test {test}  {row[task.pace]:>8,.0f} {task.counted}/s"
    )
