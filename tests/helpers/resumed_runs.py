"""Runs that are ended and gone on with: what the tests of resuming, of refusing to, and of ending share."""

import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.small_runs import SMALL, make_small, with_ready_weights

from functional_nn.training.run import loop
from functional_nn.training.run.session import Session
from functional_nn.training.step.state import TrainState

CONFIG = replace(SMALL, hidden=(20,), epochs=3, save_every=3, keep=9, average=0.9, output=Path("run"))
WORDS = ["train", "--model", "mlp", "--batch-size", "16", "--epochs", "3", "--hidden", "20", "--output", "run"]
RUN = Path("run")


def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are small, begin with ready weights, and leave a file `results` in place of pictures and weights."""
    monkeypatch.chdir(tmp_path)
    make_small(monkeypatch)
    with_ready_weights(monkeypatch)
    monkeypatch.setattr(loop, "write_results", lambda job, folder, *reached: (folder / "results").touch())


def signal_at(monkeypatch: pytest.MonkeyPatch, step: int, number: int = signal.SIGTERM) -> None:
    """This process gets a signal before the step of this number, once."""
    honest, sent = Session.before, []

    def before(self: Session, now: int, state: TrainState, batches: Any) -> None:
        if now == step and not sent:
            sent.append(now)
            signal.raise_signal(number)
        honest(self, now, state, batches)

    monkeypatch.setattr(Session, "before", before)
