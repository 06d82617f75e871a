"""What can be seen of a run and done with a finished one: figures, prediction, export, several seeds."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from helpers.small_runs import DATASET, SMALL, contents, make_small, prepared, with_ready_weights
from PIL import Image
from safetensors.numpy import load_file

from functional_nn import cli
from functional_nn.training.finished.loaded import load_finished
from functional_nn.training.finished.predict import read_image
from functional_nn.training.report.events import values_by_layer
from functional_nn.training.report.profile import PROFILED, operations_per_label
from functional_nn.training.run import loop
from functional_nn.training.run.session import Session

WORDS = ["train", "--model", "mlp", "--batch-size", "16", "--epochs", "6", "--learning-rate", "0.02"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with everything that can be asked for."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        with_ready_weights(patch)
        words = [*WORDS, "--batch-size", "8", "--epochs", "3"]  # as few epochs as the steps to profile allow
        assert cli.main([*words, "--tensorboard", "--profile", "--output", str(folder)]) == 0
    return folder


@pytest.fixture(autouse=True)
def _small_and_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_small(monkeypatch)
    with_ready_weights(monkeypatch)


def expected_logits(run: Path, images: Any) -> np.ndarray:
    """By the definition of the network, from the stored weights alone."""
    weights = load_file(run / "model.safetensors")
    x = np.asarray(images, np.float64).reshape(len(images), -1)
    for layer in ("dense1", "dense2", "dense3"):
        x = x @ weights[f"{layer}.kernel"] + weights[f"{layer}.bias"]
        x = x if layer == "dense3" else np.maximum(x, 0)
    return x


class TestSeen:
    @pytest.mark.slow
    def test_the_events_hold_each_figure_and_histogram_of_each_epoch(self, run: Path) -> None:
        content = b"".join(path.read_bytes() for path in (run / "events").glob("events.out.tfevents.*"))
        for name in (b"test_accuracy", b"train_loss", b"weights/dense1.kernel", b"activations/relu1"):
            assert content.count(name) == 3, name

    @pytest.mark.slow
    def test_a_profile_of_some_steps_is_recorded(self, run: Path) -> None:
        assert PROFILED.stop < 24
        assert list((run / "profile").rglob("*.xplane.pb"))

    @pytest.mark.slow
    def test_the_share_of_the_peak_is_the_arithmetic_over_what_a_matrix_product_does(self, run: Path) -> None:
        job, state = prepared()
        multiplications = 64 * 100 + 100 * 50 + 50 * 10
        # Forward, and backward to the weights, and backward to the input of all layers but the first.
        expected = 2 * (3 * multiplications - 64 * 100)
        assert expected < operations_per_label(job, state) < 1.5 * expected + 10 * 12_060 / 16
        rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        assert all(0 < row["share_of_peak"] < 1 for row in rows)
        for row in rows:
            assert row["milliseconds_per_step"] == pytest.approx(8_000 / row["images_per_second"], rel=1e-2)

    @pytest.mark.slow
    def test_what_was_profiled_is_written_when_the_run_ends_before(self, monkeypatch: pytest.MonkeyPatch) -> None:
        honest = Session.before

        def before(self: Session, step: int, *what: Any) -> None:
            honest(self, step, *what)
            if step == PROFILED.start:
                raise ZeroDivisionError

        monkeypatch.setattr(Session, "before", before)
        with pytest.raises(ZeroDivisionError):
            loop.train(replace(SMALL, epochs=4, profile=True, output=Path("run")))
        assert list(Path("run/profile").rglob("*.xplane.pb"))

    @pytest.mark.slow
    def test_activations_are_those_of_every_layer_in_order(self) -> None:
        job, state = prepared(model="simple_convnet")
        values = values_by_layer(job, state.params)
        assert [name for name in values if name.startswith("weights/")][:2] == [
            "weights/conv1.bias",
            "weights/conv1.kernel",
        ]
        shown = [name.removeprefix("activations/") for name in values if name.startswith("activations/")]
        assert shown == ["conv1", "relu1", "pool1", "flatten", "dense1", "relu2", "dense2"]
        assert values["activations/relu1"].min() == 0 > values["activations/conv1"].min()
        logits, _ = job.network.apply(state.params, state.model_state, DATASET.test.x)
        np.testing.assert_allclose(values["activations/dense2"], logits, rtol=1e-6, atol=1e-9)


class TestPredict:
    def test_each_file_gets_the_class_and_probability_of_the_network(
        self, run: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        pixels = np.round(255 * DATASET.test.x[:5, :, :, 0]).astype(np.uint8)
        for index, image in enumerate(pixels):
            Image.fromarray(image).save(f"{index}.png")
            Image.fromarray(255 - image).save(f"inverted-{index}.bmp")
        assert cli.main(["predict", str(run), *(f"{index}.png" for index in range(5))]) == 0
        lines = capsys.readouterr().out.splitlines()
        logits = expected_logits(run, pixels[..., None] / 255.0)
        shares = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
        assert [line.split()[:2] for line in lines] == [[f"{i}.png", str(row.argmax())] for i, row in enumerate(shares)]
        assert [float(line.split()[2]) for line in lines] == pytest.approx(100 * shares.max(axis=-1), abs=0.011)
        assert cli.main(["predict", str(run), "--invert", *(f"inverted-{index}.bmp" for index in range(5))]) == 0
        assert [line.split()[1:] for line in capsys.readouterr().out.splitlines()] == [
            line.split()[1:] for line in lines
        ]

    def test_an_image_is_made_as_large_and_gray_as_what_was_learned(self) -> None:
        Image.new("RGBA", (40, 20), (255, 255, 255, 255)).save("white.png")
        assert read_image(Path("white.png"), (8, 6, 1), False).shape == (8, 6, 1)
        np.testing.assert_allclose(read_image(Path("white.png"), (8, 6, 3), False), 1.0)

    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            ("nowhere x.png", "nowhere: there is no such folder"),
            (". x.png", ".: this is not the folder of a run, it has no config.json"),
            ("RUN text.png", "text.png is not an image that can be read"),
            ("RUN missing.png", "missing.png cannot be read: No such file or directory"),
            ("RUN", "at least one image file is needed"),
            ("RUN x.png --inver", "there is no flag --inver (did you mean --invert?)"),
            ("", "Missing from functional-nn predict: PATH Folder of the run. (required)"),
        ],
    )
    def test_bad_input_is_one_sentence(
        self, words: str, sentence: str, run: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path("text.png").write_text("not an image")
        assert cli.main(["predict", *words.replace("RUN", str(run)).split()]) == 2
        err = capsys.readouterr().err
        assert sentence in err
        assert err.count("\n") == 1

    def test_a_run_that_is_not_finished_or_of_another_network_is_a_sentence(
        self, run: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path("run").mkdir()
        saved = json.loads((run / "config.json").read_text())
        Path("run/config.json").write_text(json.dumps(saved))
        assert cli.main(["predict", "run", "x.png"]) == 2
        assert "run is not finished, it has no model.safetensors; go on with: functional-nn train --resume run" in (
            capsys.readouterr().err
        )
        Path("run/model.safetensors").write_bytes((run / "model.safetensors").read_bytes())
        Path("run/config.json").write_text(json.dumps({**saved, "image_shape": [8, 9, 1]}))
        assert cli.main(["predict", "run", "x.png"]) == 2
        assert "of another network: dense1.kernel is (64, 100) there and (72, 100) here" in capsys.readouterr().err
        Path("run/model.safetensors").write_bytes(b"nonsense")
        assert cli.main(["export", "run"]) == 2
        assert "run/model.safetensors is damaged: " in capsys.readouterr().err


class TestExport:
    @pytest.mark.slow
    def test_the_program_runs_where_this_package_is_not(self, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.main(["export", str(run), "--output", "out"]) == 0
        assert capsys.readouterr().out.splitlines() == [
            "out/model.jax_export",
            "out/model.json",
            "out/model.safetensors",
        ]
        np.save("images.npy", DATASET.test.x)
        elsewhere = """
import sys
sys.modules["functional_nn"] = None  # an import of it is an error
import jax.export, numpy as np
program = jax.export.deserialize(open("out/model.jax_export", "rb").read())
assert program.platforms == ("cpu", "cuda", "tpu"), program.platforms
images = np.load("images.npy")
np.save("logits.npy", np.concatenate([program.call(images[:7]), program.call(images[7:])]))
"""
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        subprocess.run([sys.executable, "-c", elsewhere], check=True, env=environment)
        np.testing.assert_allclose(np.load("logits.npy"), expected_logits(run, DATASET.test.x), rtol=1e-4, atol=1e-4)
        about = json.loads(Path("out/model.json").read_text())
        assert about == {
            "input": {"shape": ["batch", 8, 8, 1], "dtype": "float32", "range": [0, 1]},
            "classes": list("0123456789"),
        }
        assert Path("out/model.safetensors").read_bytes() == (run / "model.safetensors").read_bytes()

    def test_a_folder_that_is_there_is_not_touched(self, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
        Path("out").mkdir()
        assert cli.main(["export", str(run), "--output", "out"]) == 2
        assert "export: out exists already; nothing was changed" in capsys.readouterr().err
        assert contents(Path("out")) == []

    def test_a_place_that_cannot_be_written_is_a_sentence(self, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
        Path("file").touch()
        assert cli.main(["export", str(run), "--output", "file/out"]) == 2
        assert "export: file/out cannot be written: Not a directory" in capsys.readouterr().err


@pytest.fixture
def _no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "write_results", lambda *results: None)


@pytest.mark.slow
@pytest.mark.usefixtures("_no_pictures")
class TestSeeds:
    def test_each_seed_has_a_folder_and_the_mean_and_spread_are_shown(self, capsys: pytest.CaptureFixture[str]) -> None:
        words = [*WORDS[:-4], "--epochs", "1", "--seed", "4", "--seeds", "3", "--output", "many"]
        assert cli.main(words) == 0
        out = capsys.readouterr().out
        assert contents(Path("many")) == ["config.json", "seed-4", "seed-5", "seed-6", "summary.json"]
        summary = json.loads(Path("many/summary.json").read_text())
        accuracies = [summary["accuracies"][seed] for seed in ("4", "5", "6")]
        assert summary["mean"] == pytest.approx(np.mean(accuracies))
        assert summary["standard_deviation"] == pytest.approx(np.std(accuracies, ddof=1))
        assert re.search(rf"^mean +{100 * np.mean(accuracies):.2f} %, standard deviation", out, re.MULTILINE)
        last = [json.loads((Path("many") / f"seed-{seed}" / "metrics.jsonl").read_text()) for seed in (4, 5, 6)]
        assert [row["test_accuracy"] for row in last] == accuracies

    def test_an_interrupted_one_is_gone_on_with_as_a_whole(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        honest, seen = Session.before, []

        def before(self: Session, step: int, *what: Any) -> None:
            seen.append((self.job.config.seed, step))
            if len(seen) == 6:
                self.stop.signal = 15
            honest(self, step, *what)

        monkeypatch.setattr(Session, "before", before)
        assert cli.main([*WORDS[:-4], "--epochs", "1", "--seeds", "2", "--output", "many"]) == 143
        assert capsys.readouterr().err.endswith("; go on with: functional-nn train --resume many\n")
        assert cli.main(["train", "--resume", "many", "--epochs", "9"]) == 2
        assert cli.main(["train", "--resume", "many"]) == 0
        assert seen == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1), (1, 2), (1, 3)]


def test_a_run_is_read_as_it_was_judged(run: Path) -> None:
    finished = load_finished(run)
    images = jax.numpy.asarray(DATASET.test.x)
    right = (np.argmax(finished.logits(images), axis=-1) == DATASET.test.labels).mean()
    assert right == json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])["test_accuracy"]
