"""Windows that slide: convolution in one and two dimensions, its statics, and pooling."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reference import avg_pool, conv, max_pool
from reference.pooling import avg_pool_bwd, avg_pool_fwd, max_pool_bwd, max_pool_fwd

from .canvas import BLUE, GREEN, INK, MUTED, ORANGE, PURPLE, RED, Say, picture
from .marks import arrow, board, box, cells, frame, note, short

# The widget `sliding_window` has the same signal, image and filter.
SIGNAL = np.array([1.0, 1, 1, 2, 5, 5, 5, 4, 1, 1])
IMAGE = np.array(
    [
        [0.0, 0, 0, 4, 4, 4],
        [0, 0, 0, 4, 4, 4],
        [0, 0, 2, 4, 4, 4],
        [0, 2, 4, 4, 4, 2],
        [2, 4, 4, 4, 2, 0],
        [4, 4, 4, 2, 0, 0],
    ]
)
EDGE = np.tile([-1.0, 0.0, 1.0], (3, 1))


def convolved(image: np.ndarray, kernel: np.ndarray, **statics: Any) -> np.ndarray:
    """conv of one image with one filter, one channel each."""
    return conv(image[None, ..., None], kernel[..., None, None], **statics)[0, ..., 0]


@picture(600, 300)
def convolution_windows(figure: Figure, say: Say) -> None:
    """Three windows of one convolution: each sum of products is one cell of the output."""
    axes = board(figure, 600, 300)
    output = convolved(IMAGE, EDGE)
    cells(axes, IMAGE, 30, 60, 34, largest=8)
    cells(axes, EDGE, 278, 111, 34, largest=4)
    cells(axes, output, 428, 94, 34, largest=16)
    for (row, column), color in (((0, 0), RED), ((0, 2), GREEN), ((3, 3), PURPLE)):
        frame(axes, 30 + 34 * column + 1.5, 60 + 34 * row + 1.5, 99, 99, color)
        frame(axes, 428 + 34 * column, 94 + 34 * row, 34, 34, color)
    note(axes, 132, 44, say("入力 6 × 6", "input, 6 × 6"))
    note(axes, 329, 95, say("フィルター 3 × 3", "filter, 3 × 3"))
    note(axes, 496, 78, say("出力 4 × 4", "output, 4 × 4"))
    note(axes, 256, 162, "⋆", fontsize=16)
    note(axes, 404, 162, "=", fontsize=16)
    window = IMAGE[3:6, 3:6]
    worked = " + ".join(
        f"{short(x)}·{f'({short(k)})' if k < 0 else short(k)}" for x, k in zip(window.flat, EDGE.flat, strict=True)
    )
    note(axes, 300, 286, f"{worked} = {short(output[3, 3])}", PURPLE, fontsize=10)


@picture(560, 230)
def convolution_one_dimension(figure: Figure, say: Say) -> None:
    """A filter (−1, 0, 1) over a signal: positive where it rises, negative where it falls, 0 where it is level."""
    axes = board(figure, 560, 230)
    output = convolved(SIGNAL, EDGE[0])
    cells(axes, SIGNAL[None], 110, 20, 40, largest=8)
    cells(axes, EDGE[:1], 110 + 2 * 40, 90, 40, largest=4)
    cells(axes, output[None], 150, 160, 40, largest=8)
    frame(axes, 110 + 80, 20, 120, 40)
    frame(axes, 150 + 80, 160, 40, 40)
    for column in range(3):
        arrow(axes, (210 + 40 * column, 62), (210 + 40 * column, 88), MUTED, linewidth=1)
    arrow(axes, (250, 132), (250, 158), RED, linewidth=1.4)
    products = " + ".join(
        f"{short(x)}·{f'({short(k)})' if k < 0 else short(k)}" for x, k in zip(SIGNAL[2:5], EDGE[0], strict=True)
    )
    note(axes, 330, 110, f"{products} = {short(output[2])}", RED, ha="left")
    for y, ja, en in ((40, "入力", "input"), (110, "フィルター", "filter"), (180, "出力", "output")):
        note(axes, 98, y, say(ja, en), ha="right")


@picture(560, 300)
def stride_padding_dilation(figure: Figure, say: Say) -> None:
    """Which inputs the outputs read: one after the other, every second, beyond the edge, with gaps."""
    axes = board(figure, 560, 300)
    cases = [
        ("strides=1", {}),
        ("strides=2", {"strides": 2}),
        ("padding=1", {"padding": 1}),
        ("dilation=2", {"dilation": 2}),
    ]
    for index, (words, statics) in enumerate(cases):
        _connections(axes, 20 + 280 * (index % 2), 30 + 145 * (index // 2), words, **statics)


def _connections(
    axes: Axes, left: float, top: float, words: str, strides: int = 1, padding: int = 0, dilation: int = 1
) -> None:
    size, step = 7, 27.0
    outputs = convolved(np.ones(size), np.ones(3), strides=strides, padding=padding, dilation=dilation).size
    begin = left + 15 + step * (1 - padding)
    for position in range(size + 2 * padding):
        outside = not padding <= position < size + padding
        _square(axes, begin + step * position, top + 85, outside)
    colors = (BLUE, ORANGE, GREEN, PURPLE)
    for output in range(outputs):
        middle = begin + step * (output * strides + dilation)
        for offset in range(3):
            x = begin + step * (output * strides + offset * dilation)
            axes.plot([middle, x], [top + 27, top + 76], color=colors[output % 4], linewidth=1.3, alpha=0.75)
        _square(axes, middle, top + 18, False, colors[output % 4])
    note(axes, left + 15, top - 10, f"{words}: {size} → {outputs}", ha="left")


def _square(axes: Axes, x: float, y: float, outside: bool, color: str = INK) -> None:
    style = (0, (2, 2)) if outside else "-"
    box(axes, x - 9, y - 9, 18, 18, edgecolor=MUTED if outside else color, linestyle=style, linewidth=1.5)
    if outside:
        note(axes, x, y, "0", MUTED, va="center_baseline")


@picture(480, 290)
def sliding_window(figure: Figure, say: Say) -> None:
    """The first setting of the widget of this name."""
    axes = board(figure, 480, 290)
    padded, output = np.pad(IMAGE, 1), convolved(IMAGE, EDGE, padding=1)
    cells(axes, padded, 10, 36, 29.5, largest=8, dashed=lambda i, j: not (1 <= i <= 6 and 1 <= j <= 6))
    cells(axes, output, 284, 36, 31, largest=16)
    frame(axes, 10 + 2 * 29.5, 36 + 29.5, 3 * 29.5, 3 * 29.5)
    frame(axes, 284 + 2 * 31, 36 + 31, 31, 31)
    note(axes, 10, 22, say("入力（点線はパディング）", "input (dashed: padding)"), ha="left")
    note(axes, 284, 22, say("出力", "output"), ha="left")
    arrow(axes, (252, 150), (276, 150), MUTED)


@picture(600, 340)
def pooling_windows(figure: Figure, say: Say) -> None:
    """Maximum and mean of 2 × 2 windows; back, one place takes all of the gradient, or each a quarter."""
    axes = board(figure, 600, 340)
    x = np.array([[1.0, 3, 2, 0], [4, 2, 1, 5], [0, 1, 6, 2], [2, 3, 1, 3]])
    image, ones = x[None, ..., None], np.ones((1, 2, 2, 1))
    cells(axes, x, 40, 112, 32, largest=9)
    rows = [
        (30, say("最大", "max"), max_pool(image, window=2), max_pool_bwd(max_pool_fwd(image, window=2)[1], ones)[0]),
        (186, say("平均", "mean"), avg_pool(image, window=2), avg_pool_bwd(avg_pool_fwd(image, window=2)[1], ones)[0]),
    ]
    for (row, column), color in (((0, 0), RED), ((0, 2), GREEN), ((2, 0), PURPLE), ((2, 2), ORANGE)):
        frame(axes, 40 + 32 * column + 1.5, 112 + 32 * row + 1.5, 61, 61, color)
    for top, words, pooled, back in rows:
        cells(axes, pooled[0, ..., 0], 268, top + 38, 36, largest=9)
        cells(axes, back[0, ..., 0], 432, top + 8, 32, largest=1.6)
        arrow(axes, (180, 176), (256, top + 74), MUTED, linewidth=1.2)
        arrow(axes, (352, top + 74), (420, top + 74), MUTED, linewidth=1.2)
        note(axes, 304, top + 26, words)
    note(axes, 104, 98, say("入力", "input"))
    note(axes, 304, 20, say("2 × 2 の窓", "windows of 2 × 2"), MUTED)
    note(axes, 496, 20, say("勾配の行き先", "where the gradient goes"), MUTED)
