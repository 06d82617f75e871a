"""What the device did in some steps, and how near that came to what it can do.

The measure is the arithmetic of a large matrix product.
"""

import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from functional_nn.training.data.examples import training_batches
from functional_nn.training.setup import Job
from functional_nn.training.step.precision import COMPUTE
from functional_nn.training.step.state import TrainState
from functional_nn.training.step.step import make_train_call

PROFILE = "profile"

PROFILED = range(10, 20)  # the first steps are warming up
SIZES = {"cpu": 1024}  # of the matrices; a processor would need too long for the size that fills an accelerator
SIZE = 8192
TRIES = 5


class Profiler:
    """Records the steps PROFILED, counted from where this session begins."""

    def __init__(self, folder: Path, first: int) -> None:
        self.folder, self.steps = folder / PROFILE, range(first + PROFILED.start, first + PROFILED.stop)
        self.recording = False

    def before(self, step: int) -> None:
        """Begin where the first of the steps is next; stop where the last is done."""
        if not self.recording and step in self.steps:
            jax.profiler.start_trace(str(self.folder))
            self.recording = True
        elif self.recording and step >= self.steps.stop:
            self.stop()

    def stop(self) -> None:
        """Write what was recorded, if anything was."""
        if self.recording:
            jax.profiler.stop_trace()
        self.recording, self.steps = False, range(0)


def share_of_peak(job: Job, state: TrainState, pace: float) -> float:
    """The arithmetic that so many labels a second take, as a share of the measured peak of the devices together."""
    dtype = COMPUTE[job.config.precision] or jnp.float32
    return pace * operations_per_label(job, state) / (job.layout.devices * measured_peak(dtype))


def operations_per_label(job: Job, state: TrainState) -> float:
    """Floating-point operations of one step for each of what the pace counts, as XLA counts them in the program.

    The program is as written, for one device: of a state over several, its shapes are enough.
    """
    batches = next(training_batches(job.dataset.train, 0, 1, job.config.batch_size))
    # In one part and in a call of its own: XLA counts the inside of a loop once, however often it runs.
    call = make_train_call(job.network.apply, job.optimizer, replace(job.rules, accumulate=1))
    shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), state)
    counted: Any = call.lower(shapes, batches).cost_analysis()
    labels = batches.labels[0, :, :1] if job.dataset.task.whole else batches.labels
    return float(counted["flops"]) / labels.size


@cache
def measured_peak(dtype: Any) -> float:
    """Floating-point operations a second in the product of two square matrices, the best of some tries."""
    size = SIZES.get(jax.default_backend(), SIZE)
    product, matrix = jax.jit(jnp.matmul), jnp.ones((size, size), dtype)
    product(matrix, matrix).block_until_ready()
    seconds = []
    for _ in range(TRIES):
        began = time.perf_counter()
        product(matrix, matrix).block_until_ready()
        seconds.append(time.perf_counter() - began)
    return 2.0 * size**3 / min(seconds)
