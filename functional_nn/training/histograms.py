"""How the weights of each layer, and what each layer puts out, are distributed."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from functional_nn.training.job import Job
from functional_nn.training.network import Network
from functional_nn.training.pictures import save_figure
from functional_nn.training.trees import flatten

IMAGES = 256
BINS = 60


def values_by_layer(job: Job, params: Any) -> dict[str, np.ndarray]:
    """`weights/conv1.kernel` and so on, and `activations/relu1` and so on, of some of the images that judge."""
    weights, activations = weights_and_activations(job, params)
    return {f"weights/{name}": values for name, values in weights.items()} | {
        f"activations/{name}": values for name, values in activations.items()
    }


def weights_and_activations(job: Job, params: Any) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Every parameter by its name, and the output of every layer for some of the images that judge."""
    put_out = _compiled_outputs(job.network)(params, job.dataset.test.images[:IMAGES])
    return flatten(params), {name: np.asarray(put_out[name]) for name in job.network.layer_names}


@cache
def _compiled_outputs(network: Network) -> Callable[[Any, Any], dict[str, jax.Array]]:
    return jax.jit(network.outputs)  # once for all epochs


def draw_histograms(weights: Mapping[str, np.ndarray], activations: Mapping[str, np.ndarray], path: Path) -> None:
    """A column of weights and a column of activations, a row each, with the mean and the standard deviation."""
    rows = max(len(weights), len(activations))
    figure = Figure(figsize=(9.6, 0.95 * rows + 0.8), layout="constrained")
    figure.suptitle("weights (left) and activations (right) of each layer", fontsize=11)
    grid = figure.subplots(rows, 2, squeeze=False)
    for column, named in enumerate((weights, activations)):
        for axes, (name, values) in zip(grid[:, column], named.items(), strict=False):
            _draw_one(axes, name, np.asarray(values, np.float64).ravel())
        for axes in grid[len(named) :, column]:
            axes.set_axis_off()
    save_figure(figure, path)


def _draw_one(axes: Axes, name: str, values: np.ndarray) -> None:
    axes.stairs(*np.histogram(values, BINS), fill=True, color="#2a6fbb")  # one shape; hist draws a rectangle a bin
    axes.set_yticks([])
    axes.tick_params(labelsize=7)
    axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
    words = f"mean {values.mean():.2g}, deviation {values.std():.2g}"
    axes.set_title(words, loc="right", fontsize=7, pad=2)
