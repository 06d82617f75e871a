"""A photograph-like picture of our own making, for the widget `photograph`, and what a filter makes of it."""

from functools import cache
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from .canvas import BLUE, INK, LINE, MUTED, ORANGE, Say, picture
from .marks import arrow, board, box, note
from .windows import EDGE, convolved

SIZE, FINE = 48, 4  # pixels along a side, and points along the side of a pixel


@cache
def landscape() -> np.ndarray:
    """A lake in the evening, (48, 48) of whole numbers from 0, black, to 255: sky, sun, mountains, a house, a tree."""
    y, x = (np.mgrid[: SIZE * FINE, : SIZE * FINE] + 0.5) / FINE
    image = 140 + 3 * y + 5 * np.sin(0.2 * x + 0.9 * y) * np.sin(0.3 * y)  # sky, lighter towards the horizon
    image = np.where(np.hypot(x - 36, y - 10) < 5, 250, image)
    ridge = 19 - 5 * np.abs(np.sin(0.13 * x + 0.4)) - 2 * np.abs(np.sin(0.37 * x))
    image = np.where(y > ridge, 88 + 2.4 * (y - ridge) + 7 * np.sin(0.7 * x + 0.4 * y), image)
    image = np.where((y > ridge) & (y < ridge + 1.6) & (ridge < 15), 225, image)  # snow
    meadow = 27 + 1.2 * np.sin(0.2 * x)
    image = np.where(y > meadow, 128 - 1.5 * (y - meadow) + 5 * np.sin(0.8 * x), image)
    image = _house(image, x, y)
    image = np.where((np.abs(x - 30) < 0.9) & (y > 22) & (y < 32), 45, image)  # a trunk
    leaves = np.hypot(x - 30, 1.15 * (y - 19)) + 0.7 * np.sin(2.2 * x) * np.sin(2.6 * y)
    image = np.where(leaves < 5, 62 + 9 * (x - 28), image)
    ripples = 150 + 1.5 * (y - 36) + 34 * np.sin(1.5 * y + 0.6 * np.sin(0.5 * x)) * np.exp(-np.abs(x - 36) / 14)
    image = np.where(y > 36 + 0.8 * np.sin(0.25 * x), ripples, image)
    pixels = image.reshape(SIZE, FINE, SIZE, FINE).mean(axis=(1, 3))
    grain = np.random.default_rng(0).normal(0, 3.5, pixels.shape)  # as on film
    return np.rint(np.clip(pixels + grain, 0, 255)).astype(int)


def _house(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    roof = (y > 19) & (y < 25) & (np.abs(x - 13) < 1.25 * (y - 19))
    image = np.where((np.abs(x - 13) < 6) & (y > 24.5) & (y < 33), 205, image)
    image = np.where(roof, 70, image)
    windows = ((np.abs(x - 10) < 1.3) | (np.abs(x - 16) < 1.3)) & (y > 26.5) & (y < 29.5)
    return np.where(windows | ((np.abs(x - 13) < 1.1) & (y > 29) & (y < 33)), 40, image)


def widget_data() -> dict[str, Any]:
    """What the widget `photograph` shows."""
    return {"pixels": landscape().tolist()}


def _mosaic(axes: Axes, values: np.ndarray, left: float, top: float, side: float, color: str) -> None:
    """Values from 0 to 1 as ink in eight strengths: one shape for each, made of runs along the rows."""
    size = side / len(values)
    levels = np.rint(8 * np.clip(values, 0, 1)).astype(int)
    for level in range(1, 9):
        corners: list[tuple[float, float]] = []
        for row, line in enumerate(np.pad(levels == level, ((0, 0), (1, 1))).astype(int)):
            ends = np.flatnonzero(np.diff(line))
            for start, end in zip(ends[::2], ends[1::2], strict=True):
                x0, x1, y0 = left + start * size, left + end * size, top + row * size
                corners += [(x0, y0), (x1, y0), (x1, y0 + size), (x0, y0 + size), (x0, y0)]
        codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * (len(corners) // 5)
        if corners:
            axes.add_patch(PathPatch(Path(corners, codes), facecolor=color, alpha=0.11 * level, linewidth=0))
    box(axes, left, top, side, side, edgecolor=LINE)


@picture(500, 280)
def photograph(figure: Figure, say: Say) -> None:
    """The landscape in ink, every second pixel, and the vertical edges that a filter finds in it."""
    axes = board(figure, 500, 280)
    image = landscape()
    small = image.reshape(SIZE // 2, 2, SIZE // 2, 2).mean(axis=(1, 3))
    edges = convolved(image.astype(float), EDGE)
    # A mean of two neighbours would lose the edges: every second output.
    seen = edges[::2, ::2] / np.abs(edges).max()
    _mosaic(axes, 1 - small / 255, 10, 36, 214, INK)
    _mosaic(axes, 2 * np.maximum(seen, 0), 276, 36, 214, BLUE)
    _mosaic(axes, 2 * np.maximum(-seen, 0), 276, 36, 214, ORANGE)
    arrow(axes, (232, 143), (268, 143), MUTED)
    note(axes, 10, 22, say("入力", "input"), ha="left")
    note(axes, 276, 22, say("縦のエッジ（青は正、橙は負）", "vertical edges (blue: positive)"), ha="left")
