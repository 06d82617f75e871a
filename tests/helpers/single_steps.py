"""One step, called by itself: what the tests of the step, of its precision and of its augmentation share."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import numpy as np
from helpers import small_runs
from helpers.small_runs import DATASET, once, one_batch

from functional_nn.training.data.examples import Batches, training_batches
from functional_nn.training.setup import Job
from functional_nn.training.step.state import Totals, TrainState
from functional_nn.training.step.step import make_train_call

prepared = partial(small_runs.prepared, hidden=(20,))  # one hidden layer is enough, and less to compile


class Nobody:
    """A watch that wants nothing and remembers what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, float]] = []

    def before(self, step: int, state: TrainState, batches: Batches) -> None:
        """Do nothing."""

    def wants(self, step: int) -> bool:
        return False

    def after(self, step: int, state: TrainState, seen: Totals, pace: float) -> None:
        self.told.append((step, float(seen.count)))


def call_of(job: Job) -> Any:
    """The jitted step of a job, one for all jobs of the same choices."""
    return once(job, "step", lambda: make_train_call(job.network.apply, job.optimizer, job.rules))


def batches_of(together: int = 1, batch_size: int = 16) -> Iterator[Batches]:
    return training_batches(DATASET.train, 0, 1, batch_size, together=together)


def assert_same_trees(got: Any, expected: Any, tolerance: float = 1e-12) -> None:
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance), got, expected)


def after_one(**choices: Any) -> tuple[TrainState, Any]:
    job, state = prepared(**choices)
    return call_of(job)(state, one_batch(DATASET.train))
