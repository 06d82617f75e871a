"""The figures of a run as TensorBoard events, and what the device did in some steps as a profile."""

import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import jax
import numpy as np

FOLDER = "events"
PROFILE = "profile"
# The edges that TensorBoard's own histograms have, from 1e-12 to 1e20.
EDGES = 1e-12 * 1.1 ** np.arange(774)
BINS = [*-EDGES[::-1], 0.0, *EDGES]
PROFILED = range(10, 20)  # the first steps are warming up


def write_events(run: Path, row: Mapping[str, Any], histograms: Mapping[str, Any]) -> None:
    """Add one epoch: every figure of its row, and a histogram of each array."""
    # Not by its SummaryWriter: that writes in a thread, and waits for ever where the thread finds the disk full.
    from tensorboardX.event_file_writer import EventsWriter
    from tensorboardX.proto.event_pb2 import Event  # pyright: ignore[reportAttributeAccessIssue] (made at import)
    from tensorboardX.summary import histogram, scalar

    (run / FOLDER).mkdir(exist_ok=True)
    summaries = [scalar(name, value) for name, value in row.items()]
    summaries += [histogram(name, np.asarray(values), BINS) for name, values in histograms.items()]
    # Files are named by the second: two epochs of one second would be one file, written twice.
    with closing(EventsWriter(str(run / FOLDER / "events"), f".step-{row['step']}")) as writer:
        for summary in summaries:
            writer.write_event(Event(wall_time=time.time(), step=row["step"], summary=summary))


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
