"""Layers that change how values are spread: normalization, and dropout."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reference import batch_norm, dropout, layer_norm
from reference import dropout_mask as draw_mask

from .canvas import BLUE, GREEN, INK, LINE, MUTED, ORANGE, PURPLE, RED, Say, picture
from .marks import arrow, board, box, cells, note, short

CHANNELS = (BLUE, ORANGE, GREEN)


def _spread(axes: Axes, values: np.ndarray, bins: np.ndarray) -> None:
    for channel, color in enumerate(CHANNELS):
        axes.hist(values[:, channel], bins=list(bins), color=color, alpha=0.45)
    axes.axvline(0, color=LINE, linewidth=1)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


@picture(560, 240)
def normalization_effect(figure: Figure, say: Say) -> None:
    """Three channels with means and spreads of their own; after batch_norm each has mean 0 and variance 1."""
    before, after = figure.subplots(1, 2)
    generator = np.random.default_rng(0)
    x = generator.standard_normal((400, 3)) * [0.6, 1.5, 2.5] + [-4.0, 1.0, 5.0]
    normalized = np.asarray(batch_norm(x, np.ones(3), np.zeros(3))[0])
    _spread(before, x, np.linspace(-8, 14, 45))
    _spread(after, normalized, np.linspace(-4, 4, 33))
    before.set_title(say("正規化の前", "before"))
    after.set_title(say("batch_norm の後", "after batch_norm"))
    means = ", ".join(short(value) for value in np.abs(normalized.mean(0)))
    deviations = ", ".join(short(value) for value in normalized.std(0))
    after.set_xlabel(say(f"平均 {means}、標準偏差 {deviations}", f"means {means}; deviations {deviations}"))
    before.set_xlabel(say("3つのチャンネル", "three channels"))


@picture(560, 250)
def normalization_axes(figure: Figure, say: Say) -> None:
    """batch_norm takes the mean of a column, over the examples; layer_norm that of a row, over the features."""
    axes = board(figure, 560, 250)
    x = np.array([[1.0, 4, 2, 0], [3, 0, 2, 5], [2, 2, 4, 1], [0, 3, 1, 4]])
    batch = np.asarray(batch_norm(x, np.ones(4), np.zeros(4))[0])
    layer = np.asarray(layer_norm(x, np.ones(4), np.zeros(4)))
    size = 36
    parts = [(30, x, say("入力", "input")), (208, batch, "batch_norm"), (386, layer, "layer_norm")]
    for left, values, words in parts:
        cells(axes, values, left, 56, size, largest=6 if values is x else 2.4, digits=1)
        note(axes, left + 2 * size, 40, words)
    box(axes, 208 + size, 56, size, 4 * size, edgecolor=RED, linewidth=2.5)
    box(axes, 386, 56 + size, 4 * size, size, edgecolor=RED, linewidth=2.5)
    note(axes, 208 + 2 * size, 222, say("列ごと", "each column by itself"), RED)
    note(axes, 386 + 2 * size, 222, say("行ごと", "each row by itself"), RED)
    note(axes, 30 + 2 * size, 222, say("行が例、列が特徴", "a row is an example"), MUTED)


@picture(560, 240)
def dropout_mask(figure: Figure, say: Say) -> None:
    """Values, a mask, and what is left, scaled up by 1 / (1 − rate) so that the expected sum stays."""
    axes = board(figure, 560, 240)
    generator = np.random.default_rng(4)
    x = generator.integers(1, 6, (4, 4)).astype(float)
    mask = draw_mask(1, (4, 4), 0.5)
    out = dropout(x, mask, rate=0.5)
    parts = [
        (30, x, say("値", "values")),
        (208, mask.astype(float), say("マスク", "mask")),
        (386, out, say("出力", "output")),
    ]
    for left, values, words in parts:
        cells(axes, values, left, 56, 36, largest=12 if left != 208 else 2)
        note(axes, left + 72, 40, words)
    note(axes, 191, 128, "×", fontsize=15)
    arrow(axes, (358, 128), (380, 128), PURPLE)
    note(
        axes,
        458,
        220,
        say("残った値は 1 / (1 − 0.5) = 2 倍", "what is left, times 1 / (1 − 0.5) = 2"),
        PURPLE,
        fontsize=10,
    )
    sums = f"{short(x.sum())} → {short(out.sum())}"
    note(axes, 140, 220, say(f"合計 {sums}", f"sum {sums}"), INK, fontsize=10)
