"""Weights too small, right, and for another activation: what reaches the layers (Deep Learning from Scratch, 6.2)."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np

from functional_nn.experiments.axes import COLORS, figure_of, over_epochs, plot
from functional_nn.experiments.experiment import Arm, Experiment
from functional_nn.training.choices.config import TrainConfig
from functional_nn.training.data.find import find_data
from functional_nn.training.report.pictures import save_figure
from functional_nn.training.setup import first_state, prepare

LAYERS = 5
IMAGES = 1000
INITIALIZERS = ("normal", "glorot_normal", "he_normal")
ACTIVATIONS = ("tanh", "relu")
BINS = 30


def arms(base: TrainConfig) -> dict[str, TrainConfig]:
    """Each way to draw the weights with each activation."""
    network = replace(base, model="mlp", hidden=(100,) * LAYERS, optimizer="sgd", learning_rate=0.1, warmup=0.0)
    return {
        f"{activation}-{initializer}": replace(network, activation=activation, initializer=initializer)
        for activation in ACTIVATIONS
        for initializer in INITIALIZERS
    }


def draw(arms: Mapping[str, Arm], path: Path) -> None:
    """A row a run: how the output of each layer is distributed before the first step, then the loss as it learns."""
    figure = figure_of("What reaches the layers before the first step, and how it learns after", 11.0, 1.7 * len(arms))
    for row, color, arm in zip(figure.subplots(len(arms), LAYERS + 1), (*COLORS, *COLORS), arms.values(), strict=False):
        for axes, (name, values) in zip(row, first_activations(arm.config).items(), strict=False):
            axes.hist(values.ravel(), bins=BINS, color=color)
            axes.set_yticks([])
            axes.locator_params(axis="x", nbins=4)
            axes.tick_params(labelsize=7)
            axes.set_title(f"{name}: deviation {values.std():.2g}", fontsize=8)
        row[0].set_ylabel(f"{arm.config.activation}\n{arm.config.initializer}", fontsize=8)
        plot(row[-1], arm, "train_loss", "loss", color=color)
        row[-1].tick_params(labelsize=7)
        row[-1].set_ylim(bottom=0)
        over_epochs(row[-1], "loss", legend=None)
    save_figure(figure, path)


def first_activations(config: TrainConfig) -> dict[str, np.ndarray]:
    """What each hidden layer puts out for some training images, with the weights that learning starts from."""
    job = prepare(config, find_data(config))
    images = job.dataset.train.x[:IMAGES]
    put_out = jax.jit(job.network.outputs)(first_state(job).params, images)
    return {name: np.asarray(values) for name, values in put_out.items() if name.startswith(str(config.activation))}


INITIALIZATIONS = Experiment("How large should weights be before they learn?", 10, arms, draw)
