"""The textbook's experiments: their parts differ in what is asked about, and one picture compares them."""

import json
import math
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.small_runs import DATASET
from PIL import Image

from functional_nn import cli
from functional_nn.experiments import attention, initializations, vanishing_gradients
from functional_nn.experiments.experiment import Rows
from functional_nn.experiments.run import EXPERIMENTS, ExperimentConfig, base_of, run
from functional_nn.losses import softmax_cross_entropy
from functional_nn.training.choices.config import TrainConfig
from functional_nn.training.choices.legal import validate
from functional_nn.training.endings import BadInput, Interrupted

every_experiment = pytest.mark.parametrize("name", EXPERIMENTS)
# What the parts of an experiment may differ in.
ASKED = {
    "optimizers": {"optimizer"},
    "initializations": {"activation", "initializer"},
    "batch-normalization": {"initializer", "batch_norm"},
    "overfitting": {"weight_decay", "dropout_rate"},
    "hyperparameters": {"learning_rate", "weight_decay"},
}


def learned(config: TrainConfig) -> Rows:
    """Figures as a run has them, that depend on its choices."""
    fast = config.peak_learning_rate + config.decay
    rows = []
    for epoch in range(1, config.epochs + 1):
        share = 1 - math.exp(-epoch * (0.1 + fast))
        figures = {"loss": 2.3 * (1 - share) + 0.01, "accuracy": share}
        both = {f"{part}_{name}": value for part in ("train", "test") for name, value in figures.items()}
        rows.append({"epoch": epoch} | both)
    return rows


@every_experiment
def test_the_parts_are_legal_and_differ_in_what_is_asked_about(name: str) -> None:
    experiment = EXPERIMENTS[name]
    base = base_of(ExperimentConfig(name, seed=3), experiment)
    parts = experiment.arms(base)
    for part in parts.values():
        validate(part)
        assert part.seed == 3, "every part begins with the same weights"
    differing = {
        field.name for field in fields(TrainConfig) if len({getattr(part, field.name) for part in parts.values()}) > 1
    }
    assert differing == ASKED[name]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name == "initializations")) for name in EXPERIMENTS]
)
def test_an_experiment_ends_in_a_picture_and_a_ranking(name: str, tmp_path: Path) -> None:
    folder, arms = run(ExperimentConfig(name, epochs=3, output=tmp_path / "out"), learned)
    with Image.open(folder / "picture.png") as picture:
        assert min(picture.size) > 300
        assert len(picture.convert("RGB").getcolors(1 << 20) or ()) > 20, "the picture is empty"
    summary = json.loads((folder / "summary.json").read_text())
    accuracies = list(summary["accuracies"].values())
    assert accuracies == sorted(accuracies, reverse=True)
    assert summary["accuracies"].keys() == arms.keys()


def test_other_seeds_search_elsewhere() -> None:
    search = EXPERIMENTS["hyperparameters"]
    first, second = (search.arms(TrainConfig(seed=seed)) for seed in (0, 1))
    assert first != second
    assert first == search.arms(TrainConfig(seed=0))


@pytest.mark.slow
def test_signals_shrink_from_layer_to_layer_where_weights_are_too_small() -> None:
    base = EXPERIMENTS["initializations"].arms(TrainConfig())
    small, right = (
        [values.std() for values in initializations.first_activations(base[f"relu-{name}"]).values()]
        for name in ("normal", "he_normal")
    )
    assert len(small) == len(right) == initializations.LAYERS
    assert small[-1] < 1e-3 * small[0]
    assert right[-1] > 0.5 * right[0]


def interrupts_the_second(train: Callable[[TrainConfig], Rows]) -> Callable[[TrainConfig], Rows]:
    calls = []

    def one(config: TrainConfig) -> Rows:
        calls.append(config)
        if len(calls) == 2:
            go_on = f"functional-nn train --resume {config.output}"
            raise Interrupted(f"interrupted after 3 of 8 steps; go on with: {go_on}", 2)
        return train(config)

    return one


@pytest.mark.slow
def test_an_interrupted_experiment_says_how_to_go_on_and_does(tmp_path: Path) -> None:
    out = tmp_path / "out"
    config = ExperimentConfig("overfitting", epochs=2, output=out)
    with pytest.raises(Interrupted, match=f"go on with: functional-nn experiment overfitting --resume {out}$"):
        run(config, interrupts_the_second(learned))
    assert not (out / "picture.png").exists()
    with pytest.raises(BadInput, match=r"goes on as it began: epochs 2 there and 3 here"):
        run(ExperimentConfig("overfitting", epochs=3, resume=out), learned)
    assert run(ExperimentConfig("overfitting", epochs=2, resume=out), learned)[0] == out
    assert (out / "picture.png").is_file()


@pytest.mark.slow
def test_a_study_measures_draws_and_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(cli, "keep_compiled_programs", lambda: None)
    monkeypatch.setattr(cli, "keep_freed_memory", lambda: None)
    monkeypatch.setattr(vanishing_gradients, "STEPS", 12)
    monkeypatch.setattr(vanishing_gradients, "LENGTH", 6)
    out = tmp_path / "out"
    assert cli.main(["experiment", "vanishing-gradients", "--output", str(out)]) == 0
    header, *lines, last = capsys.readouterr().out.splitlines()
    assert header.split() == ["first", "step", "/", "last", "first", "weights", "learned", "right"]
    assert [line.split()[0] for line in lines] == ["rnn", "lstm", "gru"]
    assert last.split() == ["picture", str(out / "picture.png")]
    summary = json.loads((out / "summary.json").read_text())
    assert all(len(summary[name][when]) == 6 for name in ("rnn", "lstm", "gru") for when in ("before", "after"))
    with Image.open(out / "picture.png") as picture:
        assert len(picture.convert("RGB").getcolors(1 << 20) or ()) > 20, "the picture is empty"


def test_the_gradient_of_a_step_is_measured_as_differences_have_it() -> None:
    cell = vanishing_gradients.CELLS["gru"]
    params = vanishing_gradients.init(jax.random.key(0), cell)
    x, step = np.array([[1, 5, 2, 0]]), 1

    def loss(moved: np.ndarray) -> Any:
        inputs = vanishing_gradients.one_hot(x).at[0, step].add(moved)
        return softmax_cross_entropy(vanishing_gradients.logits_of(cell, params, inputs), jnp.asarray(x[:, 0]))[0]

    units = 1e-5 * np.eye(vanishing_gradients.SYMBOLS)
    slopes = [float(loss(unit) - loss(-unit)) / 2e-5 for unit in units]
    assert vanishing_gradients.norms_of(cell, params, x)[step] == pytest.approx(np.linalg.norm(slopes), rel=1e-6)


def test_attention_is_drawn_for_what_the_network_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, small in {"STEPS": 2, "BATCH": 4, "JUDGED": 5, "CONFIG": replace(attention.CONFIG, hidden=4)}.items():
        monkeypatch.setattr(attention, name, small)
    figures = attention.measure(0)
    attention.draw(figures, tmp_path / "picture.png")
    right, *lines = attention.table(figures)
    assert right.split() == ["dates", "right", "0.0", "%"]
    assert len(lines) == 2 * attention.DRAWN
    for each, line in zip(figures["maps"], lines[1::2], strict=True):
        assert np.shape(each["weights"]) == (len(each["written"]), len(each["question"])) == (10, 29)
        best = int(np.argmax(each["weights"][0]))
        assert line.startswith(f"{each['written'][0]}<{each['question'][best]}")


def test_bad_input_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = tmp_path / "there"
    there.mkdir()
    for words, sentence in {
        ("optimiser",): "there is no experiment 'optimiser' (did you mean optimizers?); there are optimizers, ",
        ("optimizers", "--epochs", "0"): "--epochs must lie between 1 and 100000; got 0",
        ("optimizers", "--output", str(there)): f"--output {there} exists already",
        ("attention", "--epochs", "3"): "begins anew each time, and takes --seed and --output alone; got --epochs",
        ("vanishing-gradients", "--output", str(there)): f"--output {there} exists already",
        ("optimizers", "--resume", str(there)): "this is not the folder of a run, it has no config.json",
    }.items():
        assert cli.main(["experiment", *words]) == 2
        assert sentence in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_trains_the_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("functional_nn.training.run.loop.find_data", lambda config: DATASET)
    monkeypatch.setattr(cli, "keep_compiled_programs", lambda: None)
    monkeypatch.setattr(cli, "keep_freed_memory", lambda: None)
    out = tmp_path / "out"
    assert cli.main(["experiment", "overfitting", "--epochs", "1", "--batch-size", "16", "--output", str(out)]) == 0
    said = capsys.readouterr().out
    for name in ("nothing", "weight-decay", "dropout", "both"):
        assert f"{name:<24}" in said
        left = {path.name for path in (out / name).iterdir()}
        assert left == {"checkpoints", "config.json", "metrics.jsonl", "model.safetensors"}
