"""What a run looks like: pictures, drawn without a screen and without matplotlib's global state."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from functional_nn.training.kept.folder import whole_file

TRAIN_COLOR, TEST_COLOR = "#2a6fbb", "#d1495b"
DPI = 120
MOST_MISTAKES = 24
MOST_FILTERS = 100
BINS = 60


# The figures whose curves are drawn: their name among those of an epoch, what they are scaled by, and a title.
Panels = tuple[tuple[str, float, str], tuple[str, float, str]]
OF_IMAGES: Panels = (
    ("loss", 1.0, "loss of the average image"),
    ("accuracy", 100.0, "images classified correctly (%)"),
)
OF_TEXT: Panels = (("bits_per_byte", 1.0, "bits per byte"), ("accuracy", 100.0, "bytes predicted correctly (%)"))

OF_QUESTIONS: Panels = (
    ("loss", 1.0, "loss of the average letter"),
    ("accuracy", 100.0, "answers without a mistake (%)"),
)


def draw_curves(rows: Sequence[Mapping[str, Any]], title: str, path: Path, panels: Panels = OF_IMAGES) -> None:
    """Loss (logarithmic) and share of right answers over the epochs, on what was learned and on what judges."""
    figure = Figure(figsize=(9.6, 4.0), layout="constrained")
    figure.suptitle(title)
    epochs = [row["epoch"] for row in rows]
    for axes, (quantity, scale, heading) in zip(figure.subplots(1, 2), panels, strict=True):
        axes.set_title(heading)
        axes.set_yscale("log" if quantity == "loss" else "linear")
        for part, color in (("train", TRAIN_COLOR), ("test", TEST_COLOR)):
            values = [scale * row[f"{part}_{quantity}"] for row in rows]
            axes.plot(epochs, values, color=color, label=part, marker="o" if len(rows) <= 10 else None)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, loc="lower right" if quantity == "accuracy" else "upper right")
    save_figure(figure, path)


def draw_confusion(matrix: np.ndarray, names: Sequence[str], path: Path) -> None:
    """Which class is taken for which: counts, colored by their share of the true class."""
    side = 1.6 + 0.56 * len(names)
    figure = Figure(figsize=(side + 0.8, side), layout="constrained")
    axes = figure.subplots()
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    # A power below 1 lets one confusion in a hundred show beside a diagonal that is almost 1.
    image = axes.imshow(share, cmap="Blues", norm=PowerNorm(0.4, vmin=0.0, vmax=1.0))
    figure.colorbar(image, ax=axes, label="share of the true class", shrink=0.8)
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            color = "white" if share[row, column] > 0.3 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=color, fontsize=9)
    slant = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if max(map(len, names)) > 2 else {}
    axes.set_xticks(range(len(names)), names, **slant)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    right, total = int(np.trace(matrix)), int(matrix.sum())
    axes.set_title(f"{right:,} of {total:,} test images right ({100 * right / max(total, 1):.2f} %)")
    save_figure(figure, path)


def draw_mistakes(
    images: np.ndarray, labels: np.ndarray, predictions: np.ndarray, names: Sequence[str], path: Path
) -> None:
    """Test images that were misclassified, with the true class and the one that was predicted."""
    wrong = np.flatnonzero(labels != predictions)
    shown = [int(index) for index in wrong[:MOST_MISTAKES]]
    columns = min(6, max(3, len(shown)))
    rows = max(1, -(-len(shown) // columns))
    figure = Figure(figsize=(1.6 * columns, 1.95 * rows + 0.6), layout="constrained")
    first = f", the first {len(shown)}" if len(shown) < len(wrong) else ""
    figure.suptitle(f"{len(wrong):,} of {len(labels):,} test images misclassified{first}", fontsize=11)
    grid = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in grid:
        axes.set_axis_off()
    for axes, index in zip(grid, shown, strict=False):
        _show_image(axes, images[index], 0.0, 1.0)
        axes.set_title(f"{names[labels[index]]}\nread as {names[predictions[index]]}", fontsize=8)
    save_figure(figure, path)


def draw_filters(params: Mapping[str, Any], image_shape: tuple[int, ...], path: Path) -> None:
    """What the first layer looks for: its kernels as images, red where they excite and blue where they inhibit."""
    name, filters = first_filters(params, image_shape)
    shown = filters[:MOST_FILTERS]
    mosaic = tile(shown, columns=min(10, len(shown)))
    height, width = mosaic.shape[:2]
    inches = 8.5 / max(width, 10 * shown.shape[2])
    figure = Figure(figsize=(max(inches * width, 4.0) + 0.2, inches * height + 0.5), layout="constrained")
    axes = figure.subplots()
    axes.set_axis_off()
    first = f"first {len(shown)} of {len(filters)}" if len(shown) < len(filters) else str(len(filters))
    axes.set_title(f"{name}: {first} filters of {shown.shape[1]} x {shown.shape[2]}", fontsize=11)
    limit = float(np.abs(shown).max()) or 1.0
    _show_image(axes, mosaic, -limit, limit)
    save_figure(figure, path)


def tile(images: np.ndarray, columns: int) -> np.ndarray:
    """Images (count, height, width, channels) side by side in rows, NaN between them and where there is none."""
    count, height, width, channels = images.shape
    rows, gap = -(-count // columns), max(1, height // 8)
    mosaic = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, channels), np.nan)
    for index, image in enumerate(images):
        top, left = index // columns * (height + gap), index % columns * (width + gap)
        mosaic[top : top + height, left : left + width] = image
    return mosaic


def first_filters(params: Mapping[str, Any], image_shape: tuple[int, ...]) -> tuple[str, np.ndarray]:
    """Name and kernels (count, height, width, channels) of the first layer that looks at the image itself."""
    name, layer = next((name, layer) for name, layer in params.items() if "kernel" in layer)
    kernel = np.asarray(layer["kernel"])
    filters = np.moveaxis(kernel, -1, 0)
    return name, filters if kernel.ndim == 4 else filters.reshape(-1, *image_shape)


def _show_image(axes: Axes, image: np.ndarray, low: float, high: float) -> None:
    cmap = "gray_r" if low == 0.0 else "RdBu_r"
    pixels = image if image.shape[-1] == 3 and low == 0.0 else image.mean(axis=-1)
    axes.imshow(pixels, cmap=cmap, vmin=low, vmax=high, interpolation="nearest")


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as a PNG file, whole or not at all."""
    FigureCanvasAgg(figure)  # the object API: no window, no current figure
    with whole_file(path) as partial:
        figure.savefig(partial, dpi=DPI, format="png")


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
