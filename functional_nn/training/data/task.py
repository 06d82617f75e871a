"""What a data set asks of a network, and the figures in which the answer is told: the loop is the same for all."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from functional_nn.training.choices.config import KINDS, DatasetName, Kind


class Sums(Protocol):
    """What was summed over labels."""

    @property
    def correct(self) -> Any:
        """How many were right."""
        ...

    @property
    def count(self) -> Any:
        """How many were counted."""
        ...

    @property
    def mean_loss(self) -> float:
        """Loss of the average label."""
        ...

    @property
    def accuracy(self) -> float:
        """Share of what was counted that was right, from 0 to 1."""
        ...


@dataclass(frozen=True)
class Score:
    """The one figure by which runs are judged: where it comes from, and how it is written."""

    name: str
    plural: str
    of: Callable[[Sums], float]
    scale: float
    unit: str
    digits: int

    def written(self, value: float, width: int = 0) -> str:
        """The figure with its unit."""
        return f"{self.scale * value:{width}.{self.digits}f} {self.unit}"


@dataclass(frozen=True)
class Task:
    """What kind of question a data set asks, what its examples are called, and how much of it is looked at.

    An example has one label, or one a place, of which IGNORED ones count nothing. `whole`: an example counts as one
    answer, which is right only where all its labels are; else each label is counted.
    """

    kind: Kind
    examples: str
    counted: str
    """What the sums count, in the plural: the pace is so many of them a second."""
    score: Score
    judged_at_once: int
    """How many examples the evaluation puts through the network at once."""
    verified: int
    """How many examples of a batch --verify-every looks at."""
    shown: int
    """For how many of the examples that judge the outputs of the layers are shown."""
    whole: bool = False

    @property
    def pace(self) -> str:
        """The name of the pace among the figures of an epoch."""
        return f"{self.counted}_per_second"

    def outcome(self, sums: Sums) -> str:
        """The last word of a run."""
        right, total = round(float(sums.correct)), round(float(sums.count))
        score = self.score.written(self.score.of(sums))
        if self.score.name == "accuracy":
            return f"test accuracy {score} ({right:,} of {total:,})"
        return f"test text     {score} ({total:,} {self.counted})"


ACCURACY = Score("accuracy", "accuracies", lambda sums: sums.accuracy, 100.0, "%", 2)
BITS_PER_BYTE = Score("bits_per_byte", "bits_per_byte", lambda sums: sums.mean_loss / math.log(2), 1.0, "bits/byte", 4)

TASKS: dict[Kind, Task] = {
    "images": Task("images", "images", "images", ACCURACY, judged_at_once=256, verified=16, shown=256),
    "text": Task("text", "windows", "tokens", BITS_PER_BYTE, judged_at_once=32, verified=2, shown=8),
    "questions": Task("questions", "questions", "questions", ACCURACY, 500, verified=4, shown=64, whole=True),
}


def task_of(dataset: DatasetName) -> Task:
    """The task of a data set."""
    return TASKS[KINDS[dataset]]
