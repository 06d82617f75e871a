"""A large network and few images: learning by heart, weight decay and dropout (Deep Learning from Scratch, 6.4)."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from functional_nn.experiments.axes import figure_of, over_epochs, plot
from functional_nn.experiments.experiment import Arm, Experiment
from functional_nn.training.choices.config import TrainConfig
from functional_nn.training.report.pictures import TEST_COLOR, TRAIN_COLOR, save_figure

IMAGES = 150
DECAY, DROPOUT = 0.9, 0.2


def arms(base: TrainConfig) -> dict[str, TrainConfig]:
    """Nothing against it, weight decay, dropout, and both."""
    network = replace(
        base,
        learn_from=IMAGES,
        model="mlp",
        hidden=(100,) * 4,
        optimizer="adamw",
        learning_rate=0.005,
        weight_decay=0.0,
        label_smoothing=0.0,
    )
    return {
        "nothing": network,
        "weight-decay": replace(network, weight_decay=DECAY),
        "dropout": replace(network, dropout_rate=DROPOUT),
        "both": replace(network, weight_decay=DECAY, dropout_rate=DROPOUT),
    }


def draw(arms: Mapping[str, Arm], path: Path) -> None:
    """A part a run: how many images are right, of those that teach (dropout at work) and of the test images."""
    figure = figure_of(f"What helps against learning {IMAGES} images by heart?", 11.0, 3.4)
    for axes, (name, arm) in zip(figure.subplots(1, len(arms), sharey=True), arms.items(), strict=True):
        for part, color in (("train", TRAIN_COLOR), ("test", TEST_COLOR)):
            plot(axes, arm, f"{part}_accuracy", part, color=color)
        axes.set_ylim(0, 102)
        over_epochs(axes, f"{name}: test {100 * arm.test_accuracy:.2f} %", legend="lower right")
    figure.axes[0].set_ylabel("images right (%)")
    save_figure(figure, path)


OVERFITTING = Experiment("What helps against learning by heart?", 60, arms, draw)
