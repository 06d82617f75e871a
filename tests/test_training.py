"""Training: the steps are the twin's, every example is judged, and a run folder is whole or not there."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from functools import cache as cache_calls
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.image import imread
from safetensors import safe_open
from safetensors.numpy import load_file

from functional_nn import cli
from functional_nn.training import cache, epoch, loop, verify
from functional_nn.training.config import Model, OptimizerName, TrainConfig
from functional_nn.training.data import Dataset, Examples, training_batches
from functional_nn.training.errors import BadInput, Diverged, GradientsDisagree
from functional_nn.training.metrics import confusion_matrix
from functional_nn.training.optimizers import RULES, schedule
from functional_nn.training.progress import PlainDisplay
from functional_nn.training.state import TrainState, create_state
from functional_nn.training.step import make_eval_step, make_train_step

ROOT = Path(__file__).parents[1]
PICTURES = ["confusion.png", "curves.png", "filters.png", "mistakes.png"]
FILES = sorted([*PICTURES, "config.json", "metrics.jsonl", "model.safetensors"])
NAMES = tuple("0123456789")


def make_examples(count: int, seed: int) -> Examples:
    """Images whose label can be seen: one bright pixel a class, and noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, count).astype(np.int32)
    images = rng.uniform(0.0, 0.3, (count, 8, 8, 1)).astype(np.float32)
    images[np.arange(count), labels // 4 * 2, labels % 4 * 2] = 1.0
    return Examples(images, labels)


DATASET = Dataset("digits", make_examples(61, 0), make_examples(23, 1), NAMES)
SMALL = TrainConfig(model="mlp", epochs=2, batch_size=16)


@pytest.fixture(autouse=True)
def _small_and_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test runs in an empty folder, on the small data set, and keeps no compiled programs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loop, "load", lambda name, data_dir: DATASET)
    monkeypatch.setattr(cache, "keep_compiled_programs", lambda: None)


@cache_calls
def first_weights(model: Model) -> Any:
    """Making random weights compiles for a second: once a model is enough."""
    return jax.device_get(loop.build(model, (8, 8, 1), 10).init(jax.random.key(0))[0])


def prepared(**choices: Any) -> tuple[loop.Job, TrainState]:
    job = loop.prepare(replace(SMALL, **choices), DATASET)
    params = jax.tree.map(jnp.asarray, first_weights(job.config.model))
    return job, create_state(params, {"config": job.network.config}, job.optimizer, jax.random.key(1))


@pytest.fixture
def _ready_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """For runs that end early: start from weights that are there already."""
    monkeypatch.setattr(loop, "first_state", lambda job: prepared(model=job.config.model)[1])


class TestStep:
    def test_the_state_is_consumed_and_one_program_serves_every_batch(self) -> None:
        job, state = prepared()
        step = make_train_step(job.network.apply, job.optimizer, 0.1)
        before = state
        for batch in training_batches(DATASET.train, 0, 1, 16):
            state, totals = step(state, batch.images, batch.labels)
            assert float(totals.count) == 16
        assert all(leaf.is_deleted() for leaf in jax.tree.leaves(before.params))
        assert int(state.step) == 4
        assert step._cache_size() == 1

    @pytest.mark.parametrize("model", get_args(Model))
    def test_it_lowers_for_accelerators_that_are_not_here(self, model: Model) -> None:
        job = loop.prepare(replace(SMALL, model=model), DATASET)
        state = jax.eval_shape(lambda: loop.first_state(job))
        step = make_train_step(job.network.apply, job.optimizer, 0.1)
        batch = DATASET.train.take(np.arange(16))
        exported = jax.export.export(step, platforms=["cpu", "cuda", "tpu"])(state, batch.images, batch.labels)
        assert exported.platforms == ("cpu", "cuda", "tpu")

    @pytest.mark.slow
    @pytest.mark.parametrize("name", get_args(OptimizerName))
    def test_every_optimizer_lowers_the_loss(self, name: OptimizerName) -> None:
        job, state = prepared(optimizer=name, epochs=15)
        step = make_train_step(job.network.apply, job.optimizer)
        losses = []
        for number in range(1, 16):
            batches = training_batches(DATASET.train, 0, number, 16)
            state, totals, _ = epoch.learn(step, state, batches, lambda *figures: None)
            losses.append(totals.mean_loss)
        assert losses[-1] < 0.5 * losses[0], losses

    def test_dropout_differs_from_step_to_step_and_repeats_with_the_seed(self) -> None:
        network = loop.prepare(replace(SMALL, model="deep_convnet"), DATASET).network
        keys = [jax.random.fold_in(jax.random.key(3), step) for step in (0, 1, 0)]
        first, second, again = (np.asarray(network.dropout_masks(key, 5)["dropout1"]) for key in keys)
        np.testing.assert_array_equal(first, again)
        assert (first != second).any()


def test_every_rule_has_its_optax_namesake() -> None:
    assert tuple(RULES) == get_args(OptimizerName)


@pytest.mark.parametrize("steps", [1, 2, 10, 1000])
def test_the_learning_rate_rises_to_its_peak_and_falls_to_nothing(steps: int) -> None:
    some = np.unique(np.linspace(0, steps - 1, 50).astype(int))
    rates = np.array([float(schedule(0.3, steps)(step)) for step in some])
    assert 0.1 < rates.max() <= 0.3 + 1e-9
    assert (rates > 0).all()
    peak = int(rates.argmax())
    assert (np.diff(rates[: peak + 1]) > 0).all()
    assert (np.diff(rates[peak:]) < 0).all()
    assert rates[-1] < 0.01 or steps <= 10


class TestEvaluation:
    @pytest.mark.parametrize("batch_size", [1, 7, 22, 24])
    def test_every_example_counts_once_whatever_the_batch_size(
        self, batch_size: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job, state = prepared()
        logits, _ = job.network.apply(state.params, state.model_state, DATASET.test.images)
        expected = np.argmax(np.asarray(logits), axis=-1)
        monkeypatch.setattr(epoch, "EVAL_BATCH_SIZE", batch_size)
        totals, predictions = epoch.evaluate(make_eval_step(job.network.apply), state, DATASET.test)
        np.testing.assert_array_equal(predictions, expected)
        assert float(totals.count) == 23
        assert float(totals.correct) == (expected == DATASET.test.labels).sum()
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
        by_definition = -np.log(probabilities[np.arange(23), DATASET.test.labels]).mean()
        assert totals.mean_loss == pytest.approx(by_definition, rel=1e-5)

    def test_the_confusion_matrix_counts_rows_by_truth(self) -> None:
        matrix = confusion_matrix(np.array([0, 0, 2, 2]), np.array([0, 1, 2, 2]), 3)
        np.testing.assert_array_equal(matrix, [[1, 1, 0], [0, 0, 0], [0, 0, 2]])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "load", lambda name, data_dir: DATASET)
        patch.setattr(cache, "keep_compiled_programs", lambda: None)
        output = tmp_path_factory.mktemp("run") / "deep" / "er"
        words = ["train", "--epochs", "3", "--batch-size", "16", "--verify", "--output", str(output)]
        assert cli.main(words) == 0
    return output


class TestRun:
    def test_the_folder_is_whole_and_nothing_lies_beside_it(self, folder: Path) -> None:
        assert sorted(path.name for path in folder.iterdir()) == FILES
        assert list(folder.parent.iterdir()) == [folder]

    def test_the_configuration_holds_what_was_chosen_and_what_was_found(self, folder: Path) -> None:
        saved = json.loads((folder / "config.json").read_text())
        chosen = {"model": "simple_convnet", "epochs": 3, "learning_rate": 0.005, "seed": 0, "verify": True}
        assert {name: saved[name] for name in chosen} == chosen
        assert (saved["train_size"], saved["test_size"]) == (61, 23)
        assert saved["versions"]["jax"] == jax.__version__

    def test_the_rows_are_one_an_epoch(self, folder: Path) -> None:
        rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        assert [row["epoch"] for row in rows] == [1, 2, 3]
        assert [row["step"] for row in rows] == [4, 8, 12]
        assert all(np.isfinite(list(row.values())).all() for row in rows)

    def test_the_weights_give_the_accuracy_that_was_reported(self, folder: Path) -> None:
        params: dict[str, dict[str, np.ndarray]] = {}
        for name, array in load_file(folder / "model.safetensors").items():
            layer, leaf = name.split(".")
            params.setdefault(layer, {})[leaf] = array
        network = loop.build("simple_convnet", (8, 8, 1), 10)
        logits, _ = network.apply(params, {"config": network.config}, DATASET.test.images)
        accuracy = float((np.argmax(np.asarray(logits), axis=-1) == DATASET.test.labels).mean())
        with safe_open(folder / "model.safetensors", "numpy") as stored:
            assert json.loads(stored.metadata()["functional_nn"])["test_accuracy"] == pytest.approx(accuracy, abs=1e-6)

    @pytest.mark.parametrize("name", PICTURES)
    def test_a_picture_shows_something(self, folder: Path, name: str) -> None:
        pixels = imread(folder / name)
        assert min(pixels.shape[:2]) >= 200
        middle = pixels[len(pixels) // 4 : -len(pixels) // 4, :, :3].reshape(-1, 3)
        assert len(np.unique(middle, axis=0)) >= 8, "the middle of the picture is blank"


@pytest.mark.slow
def test_a_second_run_is_the_same_in_a_folder_of_its_own() -> None:
    first, second = (loop.train(SMALL) for _ in range(2))
    assert first.folder != second.folder
    for run in (first, second):
        assert run.folder.parent == Path("runs")
        assert sorted(path.name for path in run.folder.iterdir()) == FILES
    paceless = [[{**row, "images_per_second": 0} for row in run.rows] for run in (first, second)]
    assert paceless[0] == paceless[1]
    assert (first.folder / "model.safetensors").read_bytes() == (second.folder / "model.safetensors").read_bytes()
    kernels = [
        np.asarray(loop.first_state(loop.prepare(replace(SMALL, seed=seed), DATASET)).params["dense3"]["kernel"])
        for seed in (0, 1)
    ]
    assert (kernels[0] != kernels[1]).any()


class TestVerify:
    @pytest.mark.parametrize(
        "model", ["mlp", *(pytest.param(name, marks=pytest.mark.slow) for name in ("simple_convnet", "deep_convnet"))]
    )
    def test_float32_agrees_with_the_hand_written_gradient_far_within_the_tolerance(self, model: Model) -> None:
        with jax.enable_x64(False):
            job = loop.prepare(replace(SMALL, model=model), DATASET)
            state = loop.first_state(job)
            assert state.params["dense1"]["kernel"].dtype == np.float32
            lines: list[str] = []
            batch = DATASET.train.take(np.arange(16))
            verify.verify_first_step(job.network, state, batch, 0.1, lines.append)
        worst = [float(line.split()[4]) for line in lines[:-1]]
        assert len(worst) == len(jax.tree.leaves(state.params))
        assert max(worst) < 1e-5

    @pytest.mark.usefixtures("_ready_weights")
    def test_a_disagreement_names_layer_and_element_and_leaves_nothing(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        honest = verify.twin

        def mistaken(name: str) -> Any:
            model = honest(name)

            def value_and_grad(*args: Any, **masks: Any) -> Any:
                loss, grads = model.value_and_grad(*args, **masks)
                grads["dense2"]["kernel"][3, 2] *= -1
                return loss, grads

            return SimpleNamespace(Config=model.Config, value_and_grad=value_and_grad)

        monkeypatch.setattr(verify, "twin", mistaken)
        assert cli.main(["train", "--model", "mlp", "--batch-size", "16", "--verify"]) == 1
        out, err = capsys.readouterr()
        assert "the gradient of dense2.kernel at (3, 2) is" in err
        assert err.count("\n") == 1
        assert "verify dense2.kernel" in out
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("wrong", [np.nan, np.inf])
    def test_what_is_no_number_is_never_agreement(self, wrong: float) -> None:
        good, bad = {"a": {"kernel": np.ones((2, 3))}}, {"a": {"kernel": np.ones((2, 3))}}
        bad["a"]["kernel"][1, 2] = wrong
        verify.require_agreement(verify.compare(good, good))
        for pair in ((good, bad), (bad, good)):
            with pytest.raises(GradientsDisagree, match=r"a.kernel at \(1, 2\)"):
                verify.require_agreement(verify.compare(*pair))

    def test_other_shapes_are_a_disagreement(self) -> None:
        with pytest.raises(GradientsDisagree, match="differ in names or shapes"):
            verify.compare({"a": np.ones(2)}, {"a": np.ones(3)})


@pytest.mark.usefixtures("_ready_weights")
class TestEarlyEnd:
    def test_an_interrupt_leaves_nothing(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        seen = []

        def interrupt(display: Any, row: Any) -> None:
            seen.extend(path.name for path in tmp_path.rglob("*"))
            raise KeyboardInterrupt

        monkeypatch.setattr(PlainDisplay, "end_epoch", interrupt)
        assert cli.main(["train", "--model", "mlp", "--batch-size", "16"]) == 130
        assert "metrics.jsonl" in seen, "the run was not under way"
        assert capsys.readouterr().err == "functional-nn train: interrupted; nothing of this run was kept\n"
        assert list(tmp_path.iterdir()) == []

    def test_a_loss_that_is_no_number_stops_the_run(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        network = loop.build("mlp", (8, 8, 1), 10)

        def apply(*args: Any, **flags: Any) -> Any:
            logits, state = network.apply(*args, **flags)
            return logits * np.nan, state

        monkeypatch.setattr(loop, "build", lambda *what: replace(network, apply=apply))
        with pytest.raises(Diverged, match=r"epoch 1: the loss became nan in one of the steps 1 to 4 of the epoch; "):
            loop.train(replace(SMALL, output=tmp_path / "run"))
        assert list(tmp_path.iterdir()) == []

    def test_images_too_small_for_the_network_are_bad_input(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        tiny = Examples(np.zeros((20, 3, 3, 1), np.float32), np.zeros(20, np.int32))
        monkeypatch.setattr(loop, "load", lambda name, data_dir: Dataset("digits", tiny, tiny, NAMES))
        with pytest.raises(BadInput, match="--model simple_convnet cannot be used on these images"):
            loop.train(TrainConfig(batch_size=4))
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.slow
    def test_control_c_in_a_real_process(self, tmp_path: Path) -> None:
        # A background job of a shell, as a CI may be, starts its children with SIGINT ignored: heed it again.
        heed = "import runpy, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        run = "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
        script = str(ROOT / "scripts" / "train.py")
        words = [sys.executable, "-c", heed + run, script, "--epochs", "100000", "--model", "mlp"]
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
        assert err == "functional-nn train: interrupted; nothing of this run was kept\n"
        assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == []
