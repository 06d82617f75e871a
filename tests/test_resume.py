"""A run that is ended, killed or damaged and gone on with is the run that never was, bit for bit."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_runs import SMALL, contents, make_small, with_ready_weights

from functional_nn import cli
from functional_nn.training import checkpoint, keeper, loop
from functional_nn.training import job as jobs
from functional_nn.training.config import TrainConfig
from functional_nn.training.errors import BadInput, Diverged, Interrupted
from functional_nn.training.flags import parse
from functional_nn.training.network import build
from functional_nn.training.resume import FREE, saved_config
from functional_nn.training.session import Session
from functional_nn.training.state import TrainState

ROOT = Path(__file__).parents[1]
CONFIG = replace(SMALL, epochs=3, save_every=3, keep=9, average=0.9, output=Path("run"))
WORDS = ["train", "--model", "mlp", "--batch-size", "16", "--epochs", "3", "--output", "run"]
RUN = Path("run")


@pytest.fixture(autouse=True)
def _small_and_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_small(monkeypatch)
    with_ready_weights(monkeypatch)
    monkeypatch.setattr(loop, "write_results", lambda job, folder, *reached: (folder / "results").touch())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> loop.Run:
    """The run that nothing happens to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("whole"))
        make_small(patch)
        with_ready_weights(patch)
        patch.setattr(loop, "write_results", lambda *results: None)
        return loop.train(CONFIG)


def signal_at(monkeypatch: pytest.MonkeyPatch, step: int, number: int = signal.SIGTERM) -> None:
    """This process gets a signal before the step of this number, once."""
    honest, sent = Session.before, []

    def before(self: Session, now: int, state: TrainState, batches: Any) -> None:
        if now == step and not sent:
            sent.append(now)
            signal.raise_signal(number)
        honest(self, now, state, batches)

    monkeypatch.setattr(Session, "before", before)


def paceless(rows: Any) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in row.items() if name not in ("images_per_second", "milliseconds_per_step")}
        for row in rows
    ]


def assert_same_run(run: loop.Run, whole: loop.Run) -> None:
    got, expected = (keeper._arrays(one.reached.state) for one in (run, whole))
    assert got.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(got[name], array, err_msg=name)
    assert paceless(run.reached.rows) == paceless(whole.reached.rows)
    lines = [json.loads(line) for line in (RUN / "metrics.jsonl").read_text().splitlines()]
    assert paceless(lines) == paceless(whole.reached.rows)
    np.testing.assert_array_equal(run.predictions, whole.predictions)


class KilledError(BaseException):
    """Nothing handles it, as nothing handles kill -9."""


class TestBitForBit:
    @pytest.mark.slow
    @pytest.mark.parametrize("step", [0, 1, 3, 4, 10])
    def test_a_run_that_a_signal_ended_goes_on_as_if_it_never_had(
        self, step: int, whole: loop.Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        signal_at(monkeypatch, step)
        with pytest.raises(
            Interrupted, match=rf"^interrupted after {step + 1} of 12 steps; go on with: functional-nn t"
        ):
            loop.train(CONFIG)
        assert f"{step + 1:08}" in contents(RUN / "checkpoints")
        assert_same_run(loop.train(replace(CONFIG, resume=RUN)), whole)

    @pytest.mark.slow
    def test_several_steps_a_call_and_accumulation_and_float16_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rich = replace(
            CONFIG,
            steps_per_call=3,
            accumulate=2,
            precision="float16",
            shift=1,
            clip_norm=0.5,
            epochs=2,
        )
        expected = loop.train(replace(rich, output=Path("expected")))
        signal_at(monkeypatch, 3)
        with pytest.raises(Interrupted):
            loop.train(rich)
        assert_same_run(loop.train(replace(rich, resume=RUN)), expected)

    def test_from_any_checkpoint(self, whole: loop.Run) -> None:
        loop.train(CONFIG)
        steps = contents(RUN / "checkpoints")
        assert steps == ["00000003", "00000006", "00000009", "00000012"]
        for step in reversed(steps[1:]):
            (RUN / "checkpoints" / step).rename(step)
        assert_same_run(loop.train(replace(CONFIG, resume=RUN)), whole)
        assert contents(RUN / "checkpoints") == steps

    def test_a_run_that_was_killed_before_its_first_checkpoint_begins_anew(
        self, whole: loop.Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def killed(*where: Any) -> None:
            raise KilledError

        with monkeypatch.context() as patch:
            patch.setattr(Session, "after", killed)
            with pytest.raises(KilledError):
                loop.train(CONFIG)
        assert contents(RUN) == ["config.json", "metrics.jsonl"]
        assert_same_run(loop.train(replace(CONFIG, resume=RUN)), whole)

    def test_a_finished_run_is_judged_again_and_nothing_else(self, whole: loop.Run) -> None:
        loop.train(CONFIG)
        assert_same_run(loop.train(replace(CONFIG, resume=RUN)), whole)


class TestDamage:
    def test_a_damaged_checkpoint_is_named_and_the_one_before_it_taken(
        self, whole: loop.Run, capsys: pytest.CaptureFixture[str]
    ) -> None:
        loop.train(CONFIG)
        (newest,) = (RUN / "checkpoints" / "00000012" / "arrays").glob("manifest.ocdbt")
        content = bytearray(newest.read_bytes())
        content[len(content) // 2] ^= 1
        newest.write_bytes(bytes(content))
        assert_same_run(loop.train(replace(CONFIG, resume=RUN)), whole)
        out = capsys.readouterr().out
        assert (
            "checkpoint run/checkpoints/00000012 is damaged (arrays/manifest.ocdbt is not as it was written)\n" in out
        )
        assert "going on after 9 of 12 steps" in out
        assert checkpoint.damage(RUN / "checkpoints" / "00000012") is None, "it was not written anew"

    def test_where_none_is_whole_nothing_is_begun(self, capsys: pytest.CaptureFixture[str]) -> None:
        loop.train(replace(CONFIG, keep=1))
        (RUN / "checkpoints" / "00000012" / "facts.json").unlink()
        assert cli.main(["train", "--resume", "run"]) == 2
        err = capsys.readouterr().err
        assert "--resume run: no checkpoint is whole; checkpoint run/checkpoints/00000012 is damaged (facts.json" in err

    def test_a_checkpoint_of_another_model_is_refused(self, capsys: pytest.CaptureFixture[str]) -> None:
        loop.train(CONFIG)
        loop.train(replace(CONFIG, optimizer="sgd", epochs=1, output=Path("other")))
        (RUN / "checkpoints").rename("mine")
        Path("other/checkpoints").rename(RUN / "checkpoints")
        assert cli.main(["train", "--resume", "run"]) == 2
        assert "00000004 is of another model: " in capsys.readouterr().err


class TestRefusal:
    def test_another_configuration_is_refused_with_the_difference(self, capsys: pytest.CaptureFixture[str]) -> None:
        loop.train(CONFIG)
        before = contents(RUN)
        assert cli.main(["train", "--resume", "run", "--epochs", "5", "--clip-norm", "1"]) == 2
        assert capsys.readouterr().err == (
            "functional-nn train: --resume run goes on as it began: --epochs is 3 there, not 5; "
            "--clip-norm is auto there, not 1.0\n"
        )
        assert contents(RUN) == before

    def test_the_choices_are_those_of_the_run(self) -> None:
        loop.train(CONFIG)
        assert parse(["--resume", "run"]) == parse(["--resume=run"]) == replace(CONFIG.settled, resume=RUN)
        assert CONFIG.settled == replace(
            CONFIG, learning_rate=0.005, weight_decay=0.01, hidden=(100, 50), dropout_rate=0.0
        )
        config = parse(["--resume", "run", "--keep", "1"])
        assert config is not None
        assert config.keep == 1

    def test_what_may_change_is_what_changes_nothing_that_is_learned(self) -> None:
        assert {field.name for field in fields(TrainConfig)} >= FREE
        assert not FREE & {"seed", "epochs", "batch_size", "accumulate", "steps_per_call", "precision", "average"}

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            ("{", "config.json is damaged"),
            ("{}", "config.json is of another version, it has no preset, model"),
        ],
    )
    def test_a_configuration_that_cannot_be_read_is_a_sentence(
        self, content: str, sentence: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        RUN.mkdir()
        (RUN / "config.json").write_text(content)
        assert cli.main(["train", "--resume", "run"]) == 2
        err = capsys.readouterr().err
        assert f"--resume run: {sentence}" in err
        assert err.count("\n") == 1

    @pytest.mark.parametrize(("name", "value"), [("epochs", "many"), ("model", "gpt")])
    def test_a_choice_that_is_none_is_a_sentence(self, name: str, value: str) -> None:
        loop.train(replace(CONFIG, epochs=1))
        saved = json.loads((RUN / "config.json").read_text())
        (RUN / "config.json").write_text(json.dumps({**saved, name: value}))
        with pytest.raises(BadInput, match=r"--resume run: config.json is damaged \("):
            saved_config(RUN)

    def test_a_folder_that_is_read_only_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop.train(replace(CONFIG, epochs=1))
        monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
        with pytest.raises(BadInput, match="--resume run: the folder cannot be written to"):
            saved_config(RUN)

    def test_a_folder_that_is_there_can_be_gone_on_with(self, capsys: pytest.CaptureFixture[str]) -> None:
        loop.train(replace(CONFIG, epochs=1))
        assert cli.main(WORDS) == 2
        assert "choose a folder that does not exist, or go on with --resume run" in capsys.readouterr().err

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
    def test_a_full_disk_is_a_sentence(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        honest = loop.write_rows

        def on_a_full_disk(path: Path, rows: Any) -> None:
            honest(path, rows)
            path.unlink()
            path.symlink_to("/dev/full")

        monkeypatch.setattr(loop, "write_rows", on_a_full_disk)
        assert cli.main(WORDS) == 2
        err = capsys.readouterr().err
        assert "No space left on device" in err
        assert err.count("\n") == 1


class TestEnd:
    @pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"])
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

    def test_saves_come_by_the_clock_where_no_number_is_given(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(keeper, "SECONDS_BETWEEN", 0.0)
        loop.train(replace(CONFIG, save_every=None, epochs=1))
        assert contents(RUN / "checkpoints") == ["00000001", "00000002", "00000003", "00000004"]


def spoil(monkeypatch: pytest.MonkeyPatch, spoiled: Callable[[Any], Any]) -> None:
    """The network's logits become what the function makes of them."""
    network = build("mlp", (8, 8, 1), 10)

    def apply(*args: Any, **flags: Any) -> Any:
        logits, state = network.apply(*args, **flags)
        return spoiled(logits), state

    monkeypatch.setattr(jobs, "build", lambda *what: replace(network, apply=apply))


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
        honest_learn = loop.learn

        def learn(call: Any, state: Any, batches: Any, steps: range, *rest: Any) -> Any:
            poisoned = (
                batch._replace(images=batch.images * np.float32(np.nan if number == 7 else 1))
                for number, batch in enumerate(batches, start=steps.start)
            )
            return honest_learn(call, state, poisoned, steps, *rest)

        monkeypatch.setattr(loop, "learn", learn)
        with pytest.raises(
            Diverged, match=r"epoch 2: the loss became nan in step 8, seen after steps 7 to 8; the last good"
        ):
            loop.train(CONFIG)
        assert contents(RUN / "checkpoints") == ["00000003", "00000006"]
        assert checkpoint.newest_whole(RUN / "checkpoints") == (RUN / "checkpoints" / "00000006", [])

    def test_parameters_that_are_not_finite_are_never_saved(self) -> None:
        state = loop.first_state(jobs.prepare(CONFIG, jobs.load("digits", None)))
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
