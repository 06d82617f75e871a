"""A run that is ended, killed or damaged and gone on with is the run that never was, bit for bit."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.resumed_runs import CONFIG, RUN, in_an_empty_folder, signal_at
from helpers.small_runs import contents

from functional_nn import cli
from functional_nn.training.endings import Interrupted
from functional_nn.training.kept import checkpoint, keeper
from functional_nn.training.run import loop
from functional_nn.training.run.session import Session


@pytest.fixture(autouse=True)
def _small_and_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_an_empty_folder(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> loop.Run:
    """The run that nothing happens to."""
    with pytest.MonkeyPatch.context() as patch:
        in_an_empty_folder(tmp_path_factory.mktemp("whole"), patch)
        return loop.train(CONFIG)


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

    @pytest.mark.slow
    def test_from_any_checkpoint(self, whole: loop.Run) -> None:
        loop.train(CONFIG)
        steps = contents(RUN / "checkpoints")
        assert steps == ["00000003", "00000006", "00000009", "00000012"]
        for step in reversed(steps[1:]):
            (RUN / "checkpoints" / step).rename(step)
        assert_same_run(loop.train(replace(CONFIG, resume=RUN)), whole)
        assert contents(RUN / "checkpoints") == steps

    @pytest.mark.slow
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

    @pytest.mark.slow
    def test_a_checkpoint_of_another_model_is_refused(self, capsys: pytest.CaptureFixture[str]) -> None:
        loop.train(CONFIG)
        loop.train(replace(CONFIG, optimizer="sgd", epochs=1, output=Path("other")))
        (RUN / "checkpoints").rename("mine")
        Path("other/checkpoints").rename(RUN / "checkpoints")
        assert cli.main(["train", "--resume", "run"]) == 2
        assert "00000004 is of another model: " in capsys.readouterr().err
