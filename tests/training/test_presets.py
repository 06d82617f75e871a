"""What can be chosen at once: each preset, and the sizes of a network."""

import dataclasses
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import jax
import numpy as np
import pytest
from helpers.small_runs import DATASET, OF_DIGITS, make_small, one_batch, with_ready_weights

from functional_nn import cli
from functional_nn.training import setup
from functional_nn.training.choices.config import MODELS, SIZES, Model, PresetName, TrainConfig
from functional_nn.training.choices.flags import parse
from functional_nn.training.choices.legal import validate
from functional_nn.training.choices.presets import PRESETS, in_words
from functional_nn.training.choices.saved import saved_config
from functional_nn.training.data.examples import Dataset, Examples
from functional_nn.training.finished.loaded import load_finished
from functional_nn.training.kept.keeper import Reached
from functional_nn.training.kept.weights import write_weights
from functional_nn.training.run import loop
from functional_nn.training.setup import Job, build
from functional_nn.training.step.state import parameter_count
from functional_nn.training.step.step import make_train_call


@pytest.fixture(autouse=True)
def _small_and_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_small(monkeypatch)
    with_ready_weights(monkeypatch)


class TestPresets:
    def test_each_is_called_by_its_name_and_whole(self) -> None:
        assert tuple(PRESETS) == get_args(PresetName)
        for name, choices in PRESETS.items():
            assert choices.preset == name
            assert parse(["--preset", name]) == parse([f"--preset={name}"]) == choices

    @pytest.mark.parametrize("name", get_args(PresetName))
    def test_it_is_legal_and_is_printed_as_flags_that_make_it(self, name: PresetName) -> None:
        validate(PRESETS[name])
        opposite = replace(PRESETS[name], flip=not PRESETS[name].flip, model="mlp", filters=None)
        for choices in (PRESETS[name], opposite):
            assert parse(in_words(choices).split()) == choices.settled

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("name", "side", "parameters"),
        [
            ("digits", 8, 13_890),
            ("fashion-mnist", 28, 278_890),
            ("fashion-mnist-fast", 28, 433_890),
            ("mnist", 28, 433_890),
        ],
    )
    def test_its_network_fits_its_images_and_its_step_is_one_program(
        self, name: PresetName, side: int, parameters: int
    ) -> None:
        """The numbers of docs/recipes.md; nothing is computed."""
        images = np.zeros((PRESETS[name].batch_size, side, side, 1), np.float32)
        examples = Examples(images, np.zeros(len(images), np.int32))
        job = setup.prepare(PRESETS[name], Dataset(PRESETS[name].dataset, examples, examples, tuple("0123456789")))
        state = jax.eval_shape(lambda: setup.first_state(job))
        assert parameter_count(state.params) == parameters
        call = make_train_call(job.network.apply, job.optimizer, job.rules)
        after, report = jax.eval_shape(call, state, one_batch(examples, size=len(images)))
        assert jax.tree.structure(after) == jax.tree.structure(state)
        assert report.totals.count.shape == (1,)

    def test_no_test_image_chooses_or_is_varied(self) -> None:
        """A preset judges by the whole test set, each image once and as it is: the evaluation knows no augmentation."""
        assert {choices.hold_out for choices in PRESETS.values()} == {0}

    def test_a_flag_changes_one_choice_of_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(PRESETS, "digits", TrainConfig(epochs=7, flip=True))
        assert parse(["--preset", "digits", "--batch-size", "8"]) == TrainConfig(epochs=7, flip=True, batch_size=8)

    def test_it_is_printed_as_flags_that_make_it(self) -> None:
        config = TrainConfig(model="vgg", filters=((8, 8), (4,)), optimizer="sgd", flip=True, keep_every=2.5)
        assert parse(in_words(config).split()) == config.settled
        assert max(map(len, in_words(config).splitlines())) <= 100


def only_weights(job: Job, folder: Path, reached: Reached, *results: Any) -> None:
    write_weights(folder / "model.safetensors", *reached.state.judged, {})


class TestSizes:
    def test_what_is_taken_where_nothing_is_said_is_the_models_own(self) -> None:
        assert tuple(SIZES) == get_args(Model)
        for model, sizes in ((model, SIZES[model]) for model in MODELS["images"]):
            assert build(model, OF_DIGITS, sizes) == build(model, OF_DIGITS)
            fields = {field.name for field in dataclasses.fields(build(model, OF_DIGITS).config)}
            choices = {"filters", "hidden", "activation", "batch_norm", "initializer", "dropout_rate"}
            assert choices & fields == sizes.keys(), f"{model} lets one choose something else"

    @pytest.mark.parametrize("model", MODELS["text"])
    def test_those_of_a_network_of_text_are_all_that_can_be_chosen(self, model: Model) -> None:
        config = build(model, {"vocabulary": 7}, SIZES[model]).config
        fields = {field.name for field in dataclasses.fields(config)}
        assert fields - {"vocabulary"} == SIZES[model].keys() - ({"context"} - fields)

    @pytest.mark.parametrize(
        ("model", "sizes", "expected"),
        [
            ("mlp", {"hidden": (7,), "dropout_rate": 0.3}, {"hidden": (7,), "dropout_rate": 0.3}),
            ("simple_convnet", {"filters": ((3,),), "hidden": (5,)}, {"filters": 3, "hidden": 5}),
            ("deep_convnet", {"filters": ((2,), (3,), (4,)), "hidden": (5,)}, {"filters": (2, 3, 4), "hidden": 5}),
            ("vgg", {"filters": ((2, 3), (4,))}, {"filters": ((2, 3), (4,))}),
            ("resnet", {"filters": ((2, 2), (3,))}, {"blocks": (2, 1), "filters": (2, 3)}),
        ],
    )
    def test_they_reach_the_network(self, model: Model, sizes: dict[str, Any], expected: dict[str, Any]) -> None:
        network = setup.prepare(TrainConfig(model=model, **sizes), DATASET).network
        assert {name: getattr(network.config, name) for name in expected} == expected

    @pytest.mark.slow
    def test_a_run_keeps_them_and_its_network_is_built_of_them_again(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(loop, "write_results", only_weights)
        assert cli.main(["train", "--model", "mlp", "--epochs", "1", "--hidden", "7,6", "--output", "run"]) == 0
        saved = json.loads(Path("run/config.json").read_text())
        assert (saved["hidden"], saved["filters"], saved["dropout_rate"]) == ([7, 6], None, 0.0)
        assert saved_config(Path("run")).sizes == SIZES["mlp"] | {"hidden": (7, 6)}
        network = load_finished(Path("run")).network
        assert [shape.shape for shape in jax.tree.leaves(jax.eval_shape(network.init, jax.random.key(0))[0])] == [
            (7,),
            (64, 7),
            (6,),
            (7, 6),
            (10,),
            (6, 10),
        ]
        assert cli.main(["train", "--resume", "run", "--hidden", "7"]) == 2
        assert "--resume run goes on as it began: --hidden is 7,6 there, not 7" in capsys.readouterr().err
