"""What is seen while it learns: a bar in a terminal, plain lines anywhere else."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, TextIO

from functional_nn.training.machine.processes import is_first
from functional_nn.training.step.state import Totals

MOST_EPOCH_LINES = 10


class Display(Protocol):
    """Where the loop says what happens."""

    def say(self, line: str) -> None:
        """Show one line that stays."""
        ...

    def advance(self, epoch: int, steps: int, totals: Totals, images_per_second: float) -> None:
        """So many more steps are done; totals are those of the epoch so far."""
        ...

    def end_epoch(self, row: Mapping[str, Any]) -> None:
        """An epoch is done and judged."""
        ...


class PlainDisplay:
    """Lines only, at most ten for the epochs: for files, pipes and continuous integration."""

    def __init__(self, epochs: int, write: Any) -> None:
        self.epochs = epochs
        self.say = write

    def advance(self, epoch: int, steps: int, totals: Totals, images_per_second: float) -> None:
        """Lines come at the end of epochs."""

    def end_epoch(self, row: Mapping[str, Any]) -> None:
        """Say one line, every so many epochs."""
        every = -(-self.epochs // MOST_EPOCH_LINES)
        if row["epoch"] % every == 0 or row["epoch"] == self.epochs:
            self.say(epoch_line(row, self.epochs))


class BarDisplay(PlainDisplay):
    """The same lines above a bar with the loss, the accuracy and the pace of this moment."""

    def __init__(self, epochs: int, progress: Any, task: Any) -> None:
        super().__init__(epochs, lambda line: progress.console.print(line, highlight=False, markup=False))
        self.progress, self.task = progress, task

    def advance(self, epoch: int, steps: int, totals: Totals, images_per_second: float) -> None:
        """Move the bar."""
        pace = f"{images_per_second:,.0f} images/s"
        self.progress.update(
            self.task,
            advance=steps,
            epoch=f"epoch {epoch:>{len(str(self.epochs))}}/{self.epochs}",
            figures=f"loss {totals.mean_loss:.4f}  train {100 * totals.accuracy:6.2f} %  {pace}",
        )


@contextmanager
def open_display(epochs: int, steps: int, stream: TextIO | None = None) -> Iterator[Display]:
    """A bar where the stream is a terminal, plain lines where it is not; nothing but for the first of the processes."""
    target = stream or sys.stdout
    if not is_first():
        yield PlainDisplay(epochs, lambda line: None)
        return
    if not target.isatty():
        yield PlainDisplay(epochs, lambda line: print(line, file=target, flush=True))
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.fields[epoch]}"), BarColumn(None), TextColumn("{task.fields[figures]}"))
    console = Console(file=target)
    with Progress(*columns, TimeRemainingColumn(compact=True), console=console, transient=True, expand=True) as bar:
        yield BarDisplay(epochs, bar, bar.add_task("train", total=steps, epoch="compiling", figures=""))


def epoch_line(row: Mapping[str, Any], epochs: int) -> str:
    """The figures of one epoch, to be read under each other."""
    return (
        f"epoch {row['epoch']:>{len(str(epochs))}}/{epochs}  loss {row['train_loss']:.4f}  "
        f"train {100 * row['train_accuracy']:6.2f} %  test {100 * row['test_accuracy']:6.2f} %  "
        f"{row['images_per_second']:>8,.0f} images/s"
    )
