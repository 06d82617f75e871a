"""im2col and col2im on a picture of 4 × 4 with a window of 3 × 3: where every number goes, and what comes back."""

import numpy as np
from matplotlib.figure import Figure

from reference import conv
from reference.convolution import conv_bwd, conv_fwd

from .canvas import GREEN, MUTED, ORANGE, PURPLE, RED, Say, picture
from .marks import arrow, board, cells, frame, note

NUMBERS = np.arange(16.0).reshape(4, 4)
WINDOWS = (((0, 0), RED), ((0, 1), GREEN), ((1, 0), PURPLE), ((1, 1), ORANGE))
# Nine filters, each of which picks one place of its window: their convolution is the matrix of im2col.
PICKS = np.eye(9).reshape(3, 3, 1, 9)


def columns() -> np.ndarray:
    """The matrix of im2col: a row a window, a column a place in the window."""
    return conv(NUMBERS[None, ..., None], PICKS).reshape(4, 9)


def returned(rows: np.ndarray) -> np.ndarray:
    """What col2im makes of such a matrix: the gradient of the picture."""
    saved = conv_fwd(NUMBERS[None, ..., None], PICKS)[1]
    return conv_bwd(saved, rows.reshape(1, 2, 2, 9))[0][0, ..., 0]


@picture(600, 270)
def im2col(figure: Figure, say: Say) -> None:
    """The picture with its four windows, and the matrix with a row for each, in the same colours."""
    axes, matrix = board(figure, 600, 270), columns()
    cells(axes, NUMBERS, 20, 60, 36, largest=60)
    for index, ((row, column), color) in enumerate(WINDOWS):
        inset = 1.5 + 2 * index
        frame(axes, 20 + 36 * column + inset, 60 + 36 * row + inset, 108 - 2 * inset, 108 - 2 * inset, color)
        cells(axes, matrix[index : index + 1], 262, 60 + 42 * index, 36, largest=60)
        frame(axes, 262, 60 + 42 * index, 9 * 36, 36, color)
        note(axes, 252, 78 + 42 * index, f"({row}, {column})", color, ha="right")
    for place in range(9):
        note(axes, 280 + 36 * place, 48, f"{place // 3}, {place % 3}", MUTED, fontsize=9.5)
    arrow(axes, (172, 132), (206, 132), MUTED)
    note(axes, 92, 28, say("画像 4 × 4", "the picture, 4 × 4"))
    note(axes, 424, 28, say("窓の中の位置 (i, j)", "place in the window (i, j)"), MUTED)
    note(axes, 424, 250, say("行列 4 × 9: 窓1つが1行", "the matrix, 4 × 9: a row a window"))
    note(axes, 92, 226, say("マスの数は画素の番号", "a number is its pixel's"), MUTED)


@picture(620, 220)
def col2im(figure: Figure, say: Say) -> None:
    """A gradient of 1 for every number of the matrix: what each window gives back, and the sum of the four."""
    axes = board(figure, 620, 220)
    for index, (_, color) in enumerate(WINDOWS):
        rows = np.zeros((4, 9))
        rows[index] = 1
        cells(axes, returned(rows), 12 + 117 * index, 50, 24, largest=5)
        row, column = WINDOWS[index][0]
        frame(axes, 12 + 117 * index + 24 * column, 50 + 24 * row, 72, 72, color)
        note(axes, 12 + 117 * index + 106, 98, "+" if index < 3 else "=", fontsize=14)
    total = returned(np.ones((4, 9)))
    cells(axes, total, 484, 38, 30, largest=5)
    note(axes, 240, 26, say("窓ごとに返ってきた勾配", "what each window gives back"))
    note(axes, 544, 22, say("画像の勾配", "the picture's gradient"))
    words = say("まん中の4つの画素は、4つの窓のどれにも入る: 1 + 1 + 1 + 1 = 4", "the middle pixels: 1 + 1 + 1 + 1 = 4")
    note(axes, 310, 190, words, MUTED)
