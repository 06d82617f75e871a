"""The figures of a run as TensorBoard events, and what the device did in some steps as a profile."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

FOLDER = "events"
PROFILE = "profile"
PROFILED = range(10, 20)  # the first steps are warming up


def write_events(run: Path, row: Mapping[str, Any], histograms: Mapping[str, Any]) -> None:
    """Add one epoch: every figure of its row, and a histogram of each array."""
    from tensorboardX import SummaryWriter

    # Files are named by the second: two epochs of one second would be one file, written twice.
    with SummaryWriter(str(run / FOLDER), filename_suffix=f".step-{row['step']}") as writer:
        for name, value in row.items():
            writer.add_scalar(name, value, row["step"])
        for name, values in histograms.items():
            writer.add_histogram(name, values, row["step"])


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
