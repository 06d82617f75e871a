"""The network of the page on CNNs, live: what the widget `digit_network` computes with, and shows first."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from functional_nn.training.data.images import load
from reference.models.simple_convnet import layer_cotangents

from .canvas import BLUE, INK, LINE, MUTED, RED, Say, picture
from .marks import arrow, board, box, cells, note, short
from .training import CONFIG, layer_outputs, run

LEVELS = "0123456789abcdefg"  # of a pixel, from 0 to 16


def drawing(image: np.ndarray) -> str:
    """An image of 8 × 8 from 0 to 1 as the widget holds it: a letter for each pixel."""
    return "".join(LEVELS[round(16 * float(value))] for value in image.ravel())


def image_of(pixels: str) -> np.ndarray:
    """The batch of one that a drawing of the widget stands for."""
    return np.array([LEVELS.index(level) / 16 for level in pixels]).reshape(1, 8, 8, 1)


def examples() -> list[str]:
    """Of every digit the first in the test set, as drawings."""
    test = load("digits").test
    return [drawing(test.x[np.flatnonzero(test.labels == digit)[0]]) for digit in range(10)]


def widget_data() -> dict[str, Any]:
    """The parameters after the run, and the examples."""
    params = {
        layer: {name: np.asarray(value).tolist() for name, value in named.items()}
        for layer, named in run().after.items()
    }
    return {"params": params, "examples": examples()}


def gradient_by_pixel(image: np.ndarray, target: int) -> np.ndarray:
    """The gradient of the loss to every pixel, by hand."""
    return layer_cotangents(run().after, {"config": CONFIG}, image, np.array([target]))["x"][0, ..., 0]


@picture(500, 300)
def digit_network(figure: Figure, say: Say) -> None:
    """The first setting of the widget of this name: a digit, two layers, the scores and the gradient."""
    axes = board(figure, 500, 300)
    image = image_of(examples()[3])
    outputs, back = layer_outputs(image), gradient_by_pixel(image, 3)
    for top, values, words in (
        (26, image[0, ..., 0], say("入力", "input")),
        (172, back, say("画素ごとの勾配", "gradient by pixel")),
    ):
        cells(axes, values, 14, top, 14, largest=float(np.abs(values).max()), numbers=False)
        box(axes, 14, top, 112, 112, edgecolor=LINE)
        note(axes, 14, top - 12, words, ha="left")
    for name, left, size in (("relu1", 176, 8), ("pool1", 300, 8)):
        maps = outputs[name][0]
        for k in range(4):
            place = (left + 58 * (k % 2) * len(maps) / 6, 30 + 64 * (k // 2))
            cells(axes, maps[..., k], *place, size, largest=float(outputs["relu1"].max()), numbers=False)
        note(axes, left, 14, f"{name} (4/8)", MUTED, ha="left", fontsize=10)
    hidden = outputs["relu2"][0]
    cells(axes, hidden[:, None], 376, 30, 8, largest=float(hidden.max()), numbers=False)
    note(axes, 376, 14, "relu2", MUTED, ha="left", fontsize=10)
    logits = outputs["dense2"][0]
    shares = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    for digit, share in enumerate(shares):
        y = 42 + 25 * digit
        box(axes, 424, y - 7, 66 * share, 14, facecolor=RED if share == shares.max() else BLUE, linewidth=0)
        note(axes, 414, y, short(digit), INK, fontsize=10)
    for start, end in ((132, 170), (282, 296), (350, 370), (390, 404)):
        arrow(axes, (start, 82), (end, 82), MUTED, linewidth=1.2)
