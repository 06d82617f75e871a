"""A process that makes small runs one after the other, for tests of several devices and several processes.

Its arguments: a file for what came of the runs, and a JSON list of runs. Each run is the words of the command line and,
if a signal is to come, the process that gets it and the step before which it comes.
"""

import io
import json
import signal
import sys
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import jax
import numpy as np
from helpers.small_runs import DATASET

from functional_nn import cli
from functional_nn.training.data import images
from functional_nn.training.run import loop
from functional_nn.training.run.session import Session
from functional_nn.training.setup import Job
from functional_nn.training.step.state import TrainState, create_state, named_leaves


def first_state(job: Job) -> TrainState:
    """Weights that need no program to be made, the same on every layout."""
    shapes, model_state = jax.eval_shape(lambda: job.network.init(jax.random.key(0)))
    rng = np.random.default_rng(0)
    params = jax.tree.map(lambda leaf: rng.normal(scale=0.2, size=leaf.shape).astype(leaf.dtype), shapes)
    start = model_state | jax.tree.map(lambda leaf: np.ones(leaf.shape, leaf.dtype), model_state)
    return jax.jit(lambda: job.layout.keep(create_state(params, start, job.optimizer, jax.random.key(1))))()


def digest(run: loop.Run) -> dict[str, Any]:
    """What is compared between layouts."""
    state = run.reached.state
    return {
        "losses": [row[name] for row in run.reached.rows for name in ("train_loss", "test_loss")],
        "judged": [float(run.test.count), float(run.test.correct)],
        "predictions": run.predictions.tolist(),
        "split": sorted(
            name
            for name, leaf in named_leaves(state._replace(key=None)).items()
            if not leaf.sharding.is_fully_replicated
        ),
    }


def main(report: str, runs: str) -> None:
    cli.keep_compiled_programs = lambda: None
    images.load = lambda name, data_dir=None: DATASET
    loop.first_state, loop.write_results = first_state, lambda *results: None
    honest_train, honest_before, came = loop.train, Session.before, []

    def train(config: Any) -> loop.Run:
        came.append(honest_train(config))
        return came[-1]

    loop.train = train
    watched: Any = Session
    digests = []
    for words, where in json.loads(runs):

        def before(self: Session, step: int, *rest: Any, where: Any = where) -> None:
            if where == [jax.process_index(), step]:
                signal.raise_signal(signal.SIGTERM)
            honest_before(self, step, *rest)

        watched.before = before
        came.clear()
        with redirect_stderr(io.StringIO()) as said:
            status = cli.main(["train", *words])
        digests.append({"status": status, "said": said.getvalue(), **(digest(came[0]) if came else {})})
        Path(report).write_text(json.dumps(digests))


if __name__ == "__main__":
    main(*sys.argv[1:])
