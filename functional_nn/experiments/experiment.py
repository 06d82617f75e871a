"""What an experiment is: a question, the runs that answer it, and the picture that shows the answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from functional_nn.training.choices.config import TrainConfig

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Arm:
    """One of the runs that are compared: its choices, and what was measured after each epoch."""

    config: TrainConfig
    rows: Rows

    @property
    def test_accuracy(self) -> float:
        """The share of the judging images that are right in the end."""
        return self.rows[-1]["test_accuracy"]


def ranked(arms: Mapping[str, Arm]) -> dict[str, Arm]:
    """The runs by name, the most accurate first."""
    return dict(sorted(arms.items(), key=lambda named: -named[1].test_accuracy))


@dataclass(frozen=True)
class Experiment:
    """A question and how it is answered.

    `arms(base)` gives each run's choices by a name that can be a folder's; base says which images, how many epochs and
    which seed. `draw(arms, path)` draws the picture.
    """

    question: str
    epochs: int
    arms: Callable[[TrainConfig], dict[str, TrainConfig]]
    draw: Callable[[Mapping[str, Arm], Path], None]
