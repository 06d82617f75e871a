"""How a run ends before its time: by a signal, by the clock of its saves, or because it diverged."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.resumed_runs import CONFIG, RUN, WORDS, in_an_empty_folder, signal_at
from helpers.small_runs import OF_DIGITS, contents

from functional_nn import cli
from functional_nn.training import setup
from functional_nn.training.data import images
from functional_nn.training.endings import Diverged
from functional_nn.training.kept import checkpoint, keeper
from functional_nn.training.run import epoch, loop
from functional_nn.training.run.session import Session
from functional_nn.training.setup import build

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _small_and_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_an_empty_folder(tmp_path, monkeypatch)


class TestEnd:
    @pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"])
    @pytest.mark.slow
    def test_a_signal_saves_and_says_how_to_go_on(
        self, number: int, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        signal_at(monkeypatch, 5, number)
        handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
        assert cli.main(WORDS) == status
        assert capsys.readouterr().err == (
            "functional-nn train: interrupted after 6 of 12 steps; go on with: functional-nn train --resume run\n"
        )
        assert contents(RUN / "checkpoints") == ["00000006"]
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers

    def test_a_signal_in_the_last_step_changes_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        signal_at(monkeypatch, 11)
        assert cli.main(WORDS) == 0
        assert "results" in contents(RUN)

    def test_a_second_one_does_not_wait(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def impatient(self: Session, *what: Any) -> None:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

        monkeypatch.setattr(Session, "before", impatient)
        assert cli.main(WORDS) == 130
        assert capsys.readouterr().err.endswith("interrupted twice; go on with: functional-nn train --resume run\n")

    @pytest.mark.slow
    def test_saves_come_by_the_clock_where_no_number_is_given(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(keeper, "SECONDS_BETWEEN", 0.0)
        loop.train(replace(CONFIG, save_every=None, epochs=1))
        assert contents(RUN / "checkpoints") == ["00000001", "00000002", "00000003", "00000004"]


def spoil(monkeypatch: pytest.MonkeyPatch, spoiled: Callable[[Any], Any]) -> None:
    """The network's logits become what the function makes of them."""
    network = build("mlp", OF_DIGITS, CONFIG.sizes)

    def apply(*args: Any, **flags: Any) -> Any:
        logits, state = network.apply(*args, **flags)
        return spoiled(logits), state

    monkeypatch.setattr(setup, "build", lambda *what: replace(network, apply=apply))


class TestDiverged:
    def test_a_run_that_learned_nothing_leaves_nothing(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        spoil(monkeypatch, lambda logits: logits * np.nan)
        with pytest.raises(Diverged) as error:
            loop.train(replace(CONFIG, output=Path("runs/run"), save_every=100))
        assert str(error.value) == (
            "epoch 1: the loss became nan in step 1, seen after steps 1 to 4; no checkpoint was saved before; "
            "a smaller --learning-rate may help"
        )
        assert list(tmp_path.iterdir()) == []

    def test_the_last_good_checkpoint_stays_and_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        honest_learn = epoch.learn

        def learn(call: Any, state: Any, batches: Any, steps: range, *rest: Any) -> Any:
            poisoned = (
                batch._replace(x=batch.x * np.float32(np.nan if number == 7 else 1))
                for number, batch in enumerate(batches, start=steps.start)
            )
            return honest_learn(call, state, poisoned, steps, *rest)

        monkeypatch.setattr(epoch, "learn", learn)
        with pytest.raises(
            Diverged, match=r"epoch 2: the loss became nan in step 8, seen after steps 7 to 8; the last good"
        ):
            loop.train(CONFIG)
        assert contents(RUN / "checkpoints") == ["00000003", "00000006"]
        assert checkpoint.newest_whole(RUN / "checkpoints") == (RUN / "checkpoints" / "00000006", [])

    def test_parameters_that_are_not_finite_are_never_saved(self) -> None:
        state = loop.first_state(setup.prepare(CONFIG, images.load("digits", None)))
        bad = state.params | {"dense1": {**state.params["dense1"], "bias": state.params["dense1"]["bias"] + np.inf}}
        kept = keeper.Keeper(CONFIG, RUN)
        with pytest.raises(Diverged, match="the parameters were no longer finite after step 5"):
            kept.save(keeper.Reached(state._replace(params=bad), 5))
        assert not RUN.exists()


def words_that_heed_control_c(*words: str) -> list[str]:
    # A background job of a shell, as a CI may be, starts its children with SIGINT ignored: heed it again.
    heed = "import runpy, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    run = "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    return [sys.executable, "-c", heed + run, str(ROOT / "scripts" / "train.py"), *words]


@pytest.mark.slow
def test_control_c_in_a_real_process(tmp_path: Path) -> None:
    words = words_that_heed_control_c("--epochs", "100000", "--model", "mlp", "--output", "run")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    with subprocess.Popen(words, stdout=-1, stderr=-1, text=True, env=environment, cwd=tmp_path) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("mlp (")
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert err.startswith("functional-nn train: interrupted after ")
    assert err.endswith("steps; go on with: functional-nn train --resume run\n")
    assert contents(tmp_path / "run") == ["checkpoints", "config.json", "metrics.jsonl"]
