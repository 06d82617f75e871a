"""The figures of a run as TensorBoard events, with how weights and activations of each layer are distributed."""

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np

from functional_nn.training.setup import Job, Network
from functional_nn.training.step.state import flatten

FOLDER = "events"

# The edges that TensorBoard's own histograms have, from 1e-12 to 1e20.
EDGES = 1e-12 * 1.1 ** np.arange(774)
BINS = [*-EDGES[::-1], 0.0, *EDGES]


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


def values_by_layer(job: Job, params: Any) -> dict[str, np.ndarray]:
    """`weights/conv1.kernel` and so on, and `activations/relu1` and so on, of some of the examples that judge."""
    weights, activations = weights_and_activations(job, params)
    return {f"weights/{name}": values for name, values in weights.items()} | {
        f"activations/{name}": values for name, values in activations.items()
    }


def weights_and_activations(job: Job, params: Any) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Every parameter by its name, and the output of every layer for some of the examples that judge."""
    put_out = _compiled_outputs(job.network)(params, job.dataset.test.x[: job.dataset.task.shown])
    return flatten(params), {name: np.asarray(put_out[name]) for name in job.network.layer_names}


@cache
def _compiled_outputs(network: Network) -> Callable[[Any, Any], dict[str, jax.Array]]:
    return jax.jit(network.outputs)  # once for all epochs
