"""Random search of learning rate and weight decay, judged by held-out images (Deep Learning from Scratch, 6.5)."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from functional_nn.experiments.axes import figure_of, over_epochs, plot
from functional_nn.experiments.experiment import Arm, Experiment, ranked
from functional_nn.training.choices.config import TrainConfig
from functional_nn.training.report.pictures import save_figure

TRIALS = 20
# Powers of ten between which a choice is drawn: as many trials between 0.001 and 0.01 as between 0.01 and 0.1.
LEARNING_RATE = (-4.0, 0.0)
WEIGHT_DECAY = (-5.0, -0.5)
BEST = 5


def arms(base: TrainConfig) -> dict[str, TrainConfig]:
    """Trials with a learning rate and a weight decay drawn on a logarithmic scale; no test image judges them."""
    rng = np.random.default_rng(base.seed)
    network = replace(base, model="mlp", optimizer="adamw", hold_out=HOLD_OUT_OF[base.dataset])
    trials = {}
    for trial in range(1, TRIALS + 1):
        rate, decay = (float(f"{10 ** rng.uniform(*powers):.2g}") for powers in (LEARNING_RATE, WEIGHT_DECAY))
        trials[f"trial-{trial:02}"] = replace(network, learning_rate=rate, weight_decay=decay)
    return trials


def draw(arms: Mapping[str, Arm], path: Path) -> None:
    """Every trial at its place, coloured by its accuracy; and how the best of them learned."""
    figure = figure_of("Where are the good hyperparameters?", 9.6, 4.0)
    left, right = figure.subplots(1, 2)
    trials = list(ranked(arms).values())
    rates = [arm.config.learning_rate for arm in trials]
    decays = [arm.config.weight_decay for arm in trials]
    accuracies = [100 * arm.test_accuracy for arm in trials]
    places = left.scatter(rates, decays, c=accuracies, cmap="viridis", s=70, edgecolors="black", linewidths=0.5)
    figure.colorbar(places, ax=left, label="held-out images right (%)")
    left.set_xscale("log")
    left.set_yscale("log")
    left.set_xlabel("learning rate")
    left.set_ylabel("weight decay")
    left.set_title(f"{len(trials)} trials, drawn at random", fontsize=10)
    for arm in trials[:BEST]:
        label = f"{arm.config.learning_rate:g}, {arm.config.weight_decay:g}: {100 * arm.test_accuracy:.2f} %"
        plot(right, arm, "test_accuracy", label)
    over_epochs(right, f"the best {min(BEST, len(trials))}: learning rate, weight decay", legend="lower right")
    save_figure(figure, path)


# About a fifth of the training images.
HOLD_OUT_OF = {"digits": 287, "mnist": 12_000, "fashion-mnist": 12_000}
HYPERPARAMETERS = Experiment("Which learning rate and weight decay?", 10, arms, draw)
