"""Training: the steps are the twin's, every example is judged, and a run folder is whole or not there."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.small_runs import (
    DATASET,
    FILES,
    NAMES,
    OF_DIGITS,
    PICTURES,
    SMALL,
    contents,
    make_small,
    prepared,
    share_compiled,
    with_ready_weights,
)
from matplotlib.image import imread
from safetensors import safe_open
from safetensors.numpy import load_file

from functional_nn import cli
from functional_nn.training import setup
from functional_nn.training.choices.config import Model, OptimizerName, TrainConfig
from functional_nn.training.data import images
from functional_nn.training.data.examples import Batches, Dataset, Examples
from functional_nn.training.endings import BadInput, GradientsDisagree
from functional_nn.training.report.results import confusion_matrix
from functional_nn.training.run import epoch, loop, verify
from functional_nn.training.run.session import Session
from functional_nn.training.setup import RULES, build, schedule
from functional_nn.training.step.state import batch_totals
from functional_nn.training.step.step import make_eval_step


@pytest.fixture(autouse=True)
def _small_and_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test runs in an empty folder, on the small data set."""
    monkeypatch.chdir(tmp_path)
    make_small(monkeypatch)


@pytest.fixture
def _ready_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    with_ready_weights(monkeypatch)


def test_every_rule_has_its_optax_namesake() -> None:
    assert tuple(RULES) == get_args(OptimizerName)


@pytest.mark.parametrize("steps", [1, 2, 10, 1000])
def test_the_learning_rate_rises_to_its_peak_and_falls_to_nothing(steps: int) -> None:
    some = np.unique(np.linspace(0, steps - 1, 50).astype(int))
    rates = np.asarray(jax.vmap(schedule(0.3, steps, 0.1))(some))
    assert 0.1 < rates.max() <= 0.3 + 1e-9
    assert (rates > 0).all()
    peak = int(rates.argmax())
    assert (np.diff(rates[: peak + 1]) > 0).all()
    assert (np.diff(rates[peak:]) < 0).all()
    assert rates[-1] < 0.01 or steps <= 10


class TestEvaluation:
    @pytest.mark.parametrize("batch_size", [1, 7, 22, 24])
    def test_every_example_counts_once_whatever_the_batch_size(self, batch_size: int) -> None:
        job, state = prepared()
        logits, _ = job.network.apply(state.params, state.model_state, DATASET.test.x)
        expected = np.argmax(np.asarray(logits), axis=-1)
        step = make_eval_step(job.network.apply)
        totals, predictions = epoch.evaluate(step, state.params, state.model_state, DATASET.test, at_once=batch_size)
        np.testing.assert_array_equal(predictions, expected)
        assert float(totals.count) == 23
        assert float(totals.correct) == (expected == DATASET.test.labels).sum()
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
        by_definition = -np.log(probabilities[np.arange(23), DATASET.test.labels]).mean()
        assert totals.mean_loss == pytest.approx(by_definition, rel=1e-5)

    def test_a_masked_example_counts_nothing_whatever_its_loss(self) -> None:
        logits = np.eye(2)
        losses, labels, mask = np.array([0.5, np.nan]), np.arange(2), np.array([1.0, 0.0])
        totals = batch_totals(jnp.asarray(losses), jnp.asarray(logits), jnp.asarray(labels), jnp.asarray(mask))
        assert totals == (0.5, 1, 1)

    def test_the_confusion_matrix_counts_rows_by_truth(self) -> None:
        matrix = confusion_matrix(np.array([0, 0, 2, 2]), np.array([0, 1, 2, 2]), 3)
        np.testing.assert_array_equal(matrix, [[1, 1, 0], [0, 0, 0], [0, 0, 2]])


WORDS = ["train", "--epochs", "3", "--batch-size", "16", "--verify-every", "1000"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        share_compiled(patch)
        output = tmp_path_factory.mktemp("run") / "deep" / "er"
        assert cli.main([*WORDS, "--output", str(output)]) == 0
    return output


@pytest.mark.slow
class TestRun:
    def test_the_folder_is_whole_and_nothing_lies_beside_it(self, folder: Path) -> None:
        assert contents(folder) == FILES
        assert list(folder.parent.iterdir()) == [folder]

    def test_the_configuration_holds_what_was_chosen_and_what_was_found(self, folder: Path) -> None:
        saved = json.loads((folder / "config.json").read_text())
        chosen = {"model": "simple_convnet", "epochs": 3, "learning_rate": 0.005, "seed": 0, "verify_every": 1000}
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
        network = build("simple_convnet", OF_DIGITS)
        logits, _ = network.apply(params, {"config": network.config}, DATASET.test.x)
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
def test_a_second_run_is_the_same_in_a_folder_of_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    share_compiled(monkeypatch)
    assert cli.main(WORDS) == 0
    (second,) = Path("runs").iterdir()
    assert contents(second) == FILES
    first_rows, second_rows = (
        [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()] for run in (folder, second)
    )
    of_the_clock = {"images_per_second": 0, "milliseconds_per_step": 0}
    assert [row | of_the_clock for row in first_rows] == [row | of_the_clock for row in second_rows]
    assert (folder / "model.safetensors").read_bytes() == (second / "model.safetensors").read_bytes()


@pytest.mark.slow
def test_another_seed_begins_with_other_weights() -> None:
    first, other = (
        np.asarray(
            setup.first_state(setup.prepare(replace(SMALL, hidden=(20,), seed=seed), DATASET)).params["dense2"][
                "kernel"
            ]
        )
        for seed in (0, 1)
    )
    assert (first != other).any()


class TestVerify:
    @pytest.mark.parametrize(
        "model",
        [
            "mlp",
            *(
                pytest.param(name, marks=pytest.mark.slow)
                for name in ("simple_convnet", "deep_convnet", "vgg", "resnet")
            ),
        ],
    )
    @pytest.mark.slow
    def test_float32_agrees_with_the_hand_written_gradient_far_within_the_tolerance(self, model: Model) -> None:
        with jax.enable_x64(False):
            job, state = prepared(model=model)
            first = jax.eval_shape(lambda: setup.first_state(job)).params
            assert {leaf.dtype for leaf in jax.tree.leaves((first, state.params))} == {np.dtype(np.float32)}
            batch = DATASET.train.take(np.arange(16))
            differences = verify.verify_step(job.network, job.rules, state, batch.x, batch.labels)
        worst = [difference.relative for difference in differences]
        assert len(worst) == len(jax.tree.leaves(state.params))
        assert max(worst) < 1e-5

    @pytest.mark.slow
    @pytest.mark.usefixtures("_ready_weights")
    def test_a_disagreement_names_layer_and_element_and_leaves_nothing(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        honest = verify.twin

        def mistaken(name: str) -> Any:
            model = honest(name)

            def value_and_grad(*args: Any, **masks: Any) -> Any:
                loss, grads = model.value_and_grad(*args, **masks)
                grads["dense2"]["kernel"][3, 2] += 1
                return loss, grads

            return SimpleNamespace(Config=model.Config, value_and_grad=value_and_grad)

        monkeypatch.setattr(verify, "twin", mistaken)
        assert cli.main(["train", "--model", "mlp", "--batch-size", "16", "--verify-every", "9"]) == 1
        out, err = capsys.readouterr()
        assert "the gradient of dense2.kernel at (3, 2) is" in err
        assert err.count("\n") == 1
        assert "verify step" not in out
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("wrong", [np.nan, np.inf])
    def test_what_is_no_number_is_never_agreement(self, wrong: float) -> None:
        good, bad = {"a": {"kernel": np.ones((2, 3))}}, {"a": {"kernel": np.ones((2, 3))}}
        bad["a"]["kernel"][1, 2] = wrong
        verify.require_agreement(verify.compare(good, good))
        for pair in ((good, bad), (bad, good)):
            with pytest.raises(GradientsDisagree, match=r"a.kernel at \(1, 2\)"):
                verify.require_agreement(verify.compare(*pair))

    def test_a_step_is_verified_though_it_is_in_the_middle_of_a_call(self) -> None:
        verified: list[int] = []
        config = replace(SMALL, verify_every=4)
        session: Any = SimpleNamespace(
            profiler=None, job=SimpleNamespace(config=config), verify=lambda step, *what: verified.append(step)
        )
        state: Any = None
        for step in (0, 3, 6, 9, 12):
            Session.before(session, step, state, Batches(None, None, valid=np.ones(3, bool)))
        assert verified == [0, 3, 6, 12]  # for the steps 0, 4, 8 and 12

    def test_other_shapes_are_a_disagreement(self) -> None:
        with pytest.raises(GradientsDisagree, match="differ in names or shapes"):
            verify.compare({"a": np.ones(2)}, {"a": np.ones(3)})


@pytest.mark.usefixtures("_ready_weights")
class TestEarlyEnd:
    def test_images_too_small_for_the_network_are_bad_input(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        tiny = Examples(np.zeros((20, 3, 3, 1), np.float32), np.zeros(20, np.int32))
        monkeypatch.setattr(images, "load", lambda name, data_dir: Dataset("digits", tiny, tiny, NAMES))
        with pytest.raises(BadInput, match="--model simple_convnet cannot be used on these images"):
            loop.train(TrainConfig(batch_size=4))
        assert list(tmp_path.iterdir()) == []
