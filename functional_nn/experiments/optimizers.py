"""The update rules on one network, each with the learning rate that fits it (Deep Learning from Scratch, 6.1)."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import get_args

from functional_nn.experiments.axes import COLORS, bars, figure_of, over_epochs, plot
from functional_nn.experiments.experiment import Arm, Experiment
from functional_nn.training.choices.config import OptimizerName, TrainConfig
from functional_nn.training.report.pictures import save_figure


def arms(base: TrainConfig) -> dict[str, TrainConfig]:
    """One run an update rule, from the same weights over the same batches."""
    network = replace(base, model="mlp", hidden=(100,) * 4, label_smoothing=0.0)
    return {name: replace(network, optimizer=name) for name in get_args(OptimizerName)}


def draw(arms: Mapping[str, Arm], path: Path) -> None:
    """The loss over the epochs, and the accuracy in the end."""
    figure = figure_of("Which update rule learns fastest?", 9.6, 4.0)
    left, right = figure.subplots(1, 2)
    for color, (name, arm) in zip(COLORS, arms.items(), strict=True):
        plot(left, arm, "train_loss", f"{name}, {arm.config.peak_learning_rate:g}", color=color)
    left.set_yscale("log")
    over_epochs(left, "loss on the training images; rule and learning rate")
    bars(right, arms, [100 * (1 - arm.test_accuracy) for arm in arms.values()], "test images wrong in the end (%)")
    save_figure(figure, path)


OPTIMIZERS = Experiment("Which update rule learns fastest?", 15, arms, draw)
