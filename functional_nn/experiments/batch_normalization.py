"""Batch normalization against none, from weights that suit the network or not (Deep Learning from Scratch, 6.3)."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from functional_nn.experiments.axes import figure_of, over_epochs, plot
from functional_nn.experiments.experiment import Arm, Experiment
from functional_nn.training.choices.config import TrainConfig
from functional_nn.training.report.pictures import TEST_COLOR, TRAIN_COLOR, save_figure

INITIALIZERS = ("normal", "glorot_normal", "he_normal")
NORMALIZED, PLAIN = "normalized", "plain"


def arms(base: TrainConfig) -> dict[str, TrainConfig]:
    """With and without batch normalization, for each way to draw the weights."""
    network = replace(base, model="mlp", hidden=(100,) * 5, optimizer="sgd", learning_rate=0.05, warmup=0.0)
    return {
        f"{initializer}-{name}": replace(network, initializer=initializer, batch_norm=name == NORMALIZED)
        for initializer in INITIALIZERS
        for name in (NORMALIZED, PLAIN)
    }


def draw(arms: Mapping[str, Arm], path: Path) -> None:
    """A part a way to draw the weights: the accuracy on the training images, with and without."""
    figure = figure_of("Five hidden layers, with batch normalization and without", 9.6, 3.4)
    for axes, initializer in zip(figure.subplots(1, len(INITIALIZERS), sharey=True), INITIALIZERS, strict=True):
        for name, color in ((NORMALIZED, TRAIN_COLOR), (PLAIN, TEST_COLOR)):
            plot(axes, arms[f"{initializer}-{name}"], "train_accuracy", name, color=color)
        axes.set_ylim(0, 102)
        over_epochs(axes, f"weights drawn by {initializer}", legend="lower right")
    figure.axes[0].set_ylabel("training images right (%)")
    save_figure(figure, path)


BATCH_NORMALIZATION = Experiment("What does batch normalization change?", 15, arms, draw)
