"""What is refused instead of gone on with: other choices, a folder that is no run, one that cannot be written to."""

import json
import os
import shutil
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from helpers.resumed_runs import CONFIG, RUN, WORDS, in_an_empty_folder
from helpers.small_runs import contents

from functional_nn import cli
from functional_nn.training.choices.config import TrainConfig
from functional_nn.training.choices.flags import parse
from functional_nn.training.choices.saved import FREE, saved_config
from functional_nn.training.endings import BadInput
from functional_nn.training.run import loop


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run, to be copied by whoever goes on with it."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        in_an_empty_folder(folder, patch)
        loop.train(CONFIG)
    return folder / RUN


@pytest.fixture
def _run(trained: Path, _small_and_elsewhere: None) -> None:
    shutil.copytree(trained, RUN)


@pytest.fixture(autouse=True)
def _small_and_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_an_empty_folder(tmp_path, monkeypatch)


@pytest.mark.usefixtures("_run")
def test_another_configuration_is_refused_with_the_difference(capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(RUN)
    assert cli.main(["train", "--resume", "run", "--epochs", "5", "--clip-norm", "1"]) == 2
    assert capsys.readouterr().err == (
        "functional-nn train: --resume run goes on as it began: --epochs is 3 there, not 5; "
        "--clip-norm is auto there, not 1.0\n"
    )
    assert contents(RUN) == before


@pytest.mark.usefixtures("_run")
def test_the_choices_are_those_of_the_run() -> None:
    assert parse(["--resume", "run"]) == parse(["--resume=run"]) == replace(CONFIG.settled, resume=RUN)
    own = {"activation": "relu", "initializer": "he_normal", "dropout_rate": 0.0}
    assert CONFIG.settled == replace(CONFIG, learning_rate=0.005, weight_decay=0.01, **own)
    config = parse(["--resume", "run", "--keep", "1"])
    assert config is not None
    assert config.keep == 1


def test_what_may_change_is_what_changes_nothing_that_is_learned() -> None:
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
    content: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    RUN.mkdir()
    (RUN / "config.json").write_text(content)
    assert cli.main(["train", "--resume", "run"]) == 2
    err = capsys.readouterr().err
    assert f"--resume run: {sentence}" in err
    assert err.count("\n") == 1


@pytest.mark.usefixtures("_run")
@pytest.mark.parametrize(("name", "value"), [("epochs", "many"), ("model", "gpt")])
def test_a_choice_that_is_none_is_a_sentence(name: str, value: str) -> None:
    saved = json.loads((RUN / "config.json").read_text())
    (RUN / "config.json").write_text(json.dumps({**saved, name: value}))
    with pytest.raises(BadInput, match=r"--resume run: config.json is damaged \("):
        saved_config(RUN)


@pytest.mark.usefixtures("_run")
def test_a_folder_that_is_read_only_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(BadInput, match="--resume run: the folder cannot be written to"):
        saved_config(RUN)


@pytest.mark.usefixtures("_run")
def test_a_folder_that_is_there_can_be_gone_on_with(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(WORDS) == 2
    assert "choose a folder that does not exist, or go on with --resume run" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_a_sentence(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
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
