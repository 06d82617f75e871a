"""Runs that are small enough for a test: few images whose label can be seen, weights that are made once."""

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from functional_nn._twin import twin
from functional_nn.training import setup
from functional_nn.training.choices.config import TrainConfig
from functional_nn.training.data import images
from functional_nn.training.data.examples import Batches, Dataset, Examples
from functional_nn.training.run import loop
from functional_nn.training.setup import Job
from functional_nn.training.step.state import TrainState

NAMES = tuple("0123456789")
OF_DIGITS = {"input_shape": (8, 8, 1), "classes": 10}  # what small images settle of a network
PICTURES = ("confusion.png", "curves.png", "filters.png", "histograms.png", "mistakes.png")
FILES = sorted(["checkpoints", "config.json", "metrics.jsonl", "model.safetensors", *PICTURES])


def make_examples(count: int, seed: int) -> Examples:
    """Images whose label can be seen: one bright pixel a class, and noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, count).astype(np.int32)
    images = rng.uniform(0.0, 0.3, (count, 8, 8, 1)).astype(np.float32)
    images[np.arange(count), labels // 4 * 2, labels % 4 * 2] = 1.0
    return Examples(images, labels)


DATASET = Dataset("digits", make_examples(61, 0), make_examples(23, 1), NAMES)
SMALL = TrainConfig(model="mlp", epochs=2, batch_size=16)
STEPS = 4  # an epoch


def make_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run is on the small data set, and keeps no compiled programs."""
    monkeypatch.setattr(images, "load", lambda name, data_dir: DATASET)
    monkeypatch.setattr("functional_nn.cli.keep_compiled_programs", lambda: None)
    monkeypatch.setattr("functional_nn.cli.keep_freed_memory", lambda: None)


@cache
def first_weights(model: str, config: Any) -> Any:
    """Random weights, and the first state of the layers, by the twin: NumPy compiles nothing to draw them."""
    by_hand = twin(f"models.{model}")
    params, state = by_hand.init(0, by_hand.Config(**asdict(config)))
    return params, {name: arrays for name, arrays in state.items() if name != "config"}


def ready_state(job: Job) -> TrainState:
    """The first state of a job, with weights that are there already."""
    # A copy: the first step consumes its state, and must not write into what is cached.
    params, layers = jax.tree.map(jnp.array, first_weights(job.network.name, job.network.config))
    averaged, scale = job.config.average > 0, setup.first_loss_scale(job.config.precision)
    model_state = {"config": job.network.config, **layers}
    state = setup.create_state(
        params, model_state, job.optimizer, jax.random.key(1), averaged=averaged, loss_scale=scale
    )
    return jax.device_put(state, job.layout.of(state))


def prepared(**choices: Any) -> tuple[Job, TrainState]:
    """A job of these choices, and its first state with weights that are there already."""
    job = setup.prepare(replace(SMALL, **choices), DATASET)
    return job, ready_state(job)


def with_ready_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs begin with weights that are there already, of whatever seed, and share what they compile."""
    monkeypatch.setattr(loop, "first_state", ready_state)
    share_compiled(monkeypatch)


def share_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of the same choices compile once."""
    honest_call, honest_judge = loop.compile_call, loop.make_judge
    monkeypatch.setattr(loop, "compile_call", lambda job, reached: once(job, "call", lambda: honest_call(job, reached)))
    monkeypatch.setattr(loop, "make_judge", lambda job: once(job, "judge", lambda: honest_judge(job)))


_made: dict[Any, Any] = {}


def once(job: Job, kind: str, make: Callable[[], Any]) -> Any:
    """What a job compiles, made once for all setup that compile the same."""
    nothing_compiled = {"output": None, "resume": None, "save_every": None, "keep": 1, "verify_every": 0, "seed": 0}
    nothing_compiled |= {"tensorboard": False, "profile": False}
    key = kind, replace(job.config, **nothing_compiled), job.network.config, job.network.apply
    if key not in _made:
        _made[key] = make()
    return _made[key]


def one_batch(examples: Examples, start: int = 0, size: int = 16) -> Batches:
    """So many examples as the only batch of a call."""
    part = slice(start, start + size)
    return Batches(examples.x[None, part], examples.labels[None, part], np.ones(1, bool))


def contents(folder: Path) -> list[str]:
    """What lies in a folder."""
    return sorted(path.name for path in folder.iterdir())
