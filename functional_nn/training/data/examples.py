"""Which examples, in which order: a pure function of the seed, the epoch and the step."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from functional_nn.training.choices.config import DatasetName
from functional_nn.training.data.task import Task, task_of

ALL_ROWS = slice(None)
IGNORED = -1  # the label of a place that counts nothing, where an example has a label a place


@dataclass(frozen=True)
class Examples:
    """What a network is shown, and the labels that it is to predict.

    x is images (count, height, width, channels), float32 from 0 to 1, or tokens (count, length), integers; labels are
    integers, (count,), one an example, or (count, places), one a place, IGNORED where a place counts nothing.
    """

    x: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        """How many examples."""
        return len(self.labels)

    def take(self, indices: np.ndarray | slice) -> "Examples":
        """The examples at these indices."""
        return Examples(self.x[indices], self.labels[indices])


class Batches(NamedTuple):
    """The batches of one call: x (steps, batch, ...), labels (steps, batch, ...), valid (steps)."""

    x: Any
    labels: Any
    valid: Any


@dataclass(frozen=True)
class Dataset:
    """Examples to learn from, examples never learned from, and what the labels stand for.

    These are classes with names, or the bytes of an alphabet. `glance` is what judges after each epoch but the last,
    where judging by all would cost too much; `digest` is the SHA-256 of what has no checksum of its own.
    """

    name: DatasetName
    train: Examples
    test: Examples
    class_names: tuple[str, ...] = ()
    glance: Examples | None = None
    alphabet: bytes = b""
    digest: str | None = None

    @property
    def task(self) -> Task:
        """What is asked."""
        return task_of(self.name)

    @property
    def facts(self) -> dict[str, Any]:
        """What config.json holds of the data: enough to build the network again."""
        if self.task.kind == "images":
            return {"image_shape": self.train.x.shape[1:], "class_names": self.class_names}
        facts: dict[str, Any] = {"alphabet": list(self.alphabet)}
        if self.task.kind == "questions":
            facts["question_length"] = self.train.x.shape[1] - self.train.labels.shape[1]
            facts["answer_length"] = self.train.labels.shape[1]
        return facts


def sizes_given(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What these facts settle of the network: how large what it reads is, and how many labels there are."""
    if "question_length" in facts:
        return {"vocabulary": len(facts["alphabet"]), "source_length": facts["question_length"]}
    if "alphabet" in facts:
        return {"vocabulary": len(facts["alphabet"])}
    return {"input_shape": tuple(facts["image_shape"]), "classes": len(facts["class_names"])}


def batch_indices(seed: int, epoch: int, step: int, size: int, batch_size: int, steps: int | None = None) -> np.ndarray:
    """Which examples make this step: a shuffle an epoch, and the last batch filled up from the epoch's beginning.

    Where an epoch is so many steps, whatever the size, each pass over all examples goes on where the epoch before
    ended, and has a shuffle of its own.
    """
    within = np.arange(step * batch_size, (step + 1) * batch_size)
    if steps is None:
        return np.take(_epoch_order(seed, epoch, size), within, mode="wrap")
    places = (epoch - 1) * steps * batch_size + within
    return np.array([_epoch_order(seed, 1 + place // size, size)[place % size] for place in places.tolist()])


@lru_cache(maxsize=2)
def _epoch_order(seed: int, epoch: int, size: int) -> np.ndarray:
    return np.random.default_rng((seed, epoch)).permutation(size)


def steps_per_epoch(size: int, batch_size: int, steps: int | None = None) -> int:
    """How many batches it takes to see every example, unless it is said how many an epoch has."""
    return -(-size // batch_size) if steps is None else steps


def training_batches(
    examples: Examples,
    seed: int,
    epoch: int,
    batch_size: int,
    *,
    steps: int | None = None,
    together: int = 1,
    first: int = 0,
    rows: np.ndarray | slice = ALL_ROWS,
) -> Iterator[Batches]:
    """The epoch's batches from its first step on, so many together, every example in at least one batch of the epoch.

    Where the epoch ends before so many are together, batches that are not valid fill up: every shape is the same.
    Only these rows of each batch are read: with several processes, those that the devices of this one hold.
    """
    size, end = len(examples), steps_per_epoch(len(examples), batch_size, steps)
    for start in range(first, end, together):
        numbers = np.arange(start, start + together)
        indices = np.stack([batch_indices(seed, epoch, int(n), size, batch_size, steps)[rows] for n in numbers])
        yield Batches(examples.x[indices], examples.labels[indices], numbers < end)


def padded_batches(
    examples: Examples, batch_size: int, rows: np.ndarray | slice = ALL_ROWS
) -> Iterator[tuple[Examples, np.ndarray]]:
    """Every example once, in order, in batches of one shape, with a mask (batch,) that is 0 where there is padding.

    Only these rows of each batch are read.
    """
    for start in range(0, len(examples), batch_size):
        indices = np.arange(start, start + batch_size)[rows]
        mask = (indices < len(examples)).astype(np.float32)
        yield examples.take(np.minimum(indices, len(examples) - 1)), mask


def hold_out(examples: Examples, count: int, seed: int) -> tuple[Examples, Examples]:
    """Split off so many examples at random, for example to choose hyperparameters by: (the rest, the held out)."""
    order = np.random.default_rng(seed).permutation(len(examples))
    return examples.take(order[count:]), examples.take(order[:count])
