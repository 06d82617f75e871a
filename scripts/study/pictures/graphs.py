"""A network of two layers as a computational graph: values above every edge, gradients below it."""

from fractions import Fraction
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reference.activations import relu_bwd, relu_fwd, softmax
from reference.linear import dense_bwd, dense_fwd
from reference.losses import softmax_cross_entropy_bwd, softmax_cross_entropy_fwd

from .canvas import BLUE, INK, MUTED, PAPER, RED, Say, picture
from .marks import arrow, board, box, note, short

# The numbers of the page `computational_graph`, which are those of paper: whole, or small fractions.
X, T = np.array([[1.0, 2.0], [3.0, 1.0]]), np.array([[0.0, 1.0], [1.0, 0.0]])
W1, B1 = np.array([[-1.0, 1.0, 1.0], [1.0, -1.0, 2.0]]), np.array([0.0, 0.0, -3.0])
W2, B2 = np.array([[1.0, -1.0], [2.0, 1.0], [1.0, 2.0]]), np.array([0.0, np.log(3.0)])
ROW, COLUMN = 14, 33  # pixels of a number within a matrix

Edge = tuple[str, np.ndarray, np.ndarray | None]  # name, value, gradient


def edges() -> dict[str, Edge]:
    """Every value of the network and the gradient of its loss there, by the functions of reference/."""
    a1, saved1 = dense_fwd(X, W1, B1)
    z1, saved_relu = relu_fwd(a1)
    a2, saved2 = dense_fwd(z1, W2, B2)
    losses, saved_loss = softmax_cross_entropy_fwd(a2, T)
    a2_ct = softmax_cross_entropy_bwd(saved_loss, np.full(len(X), 1 / len(X)))[0]
    z1_ct, w2_ct, b2_ct = dense_bwd(saved2, a2_ct)
    (a1_ct,) = relu_bwd(saved_relu, z1_ct)
    x_ct, w1_ct, b1_ct = dense_bwd(saved1, a1_ct)
    rows = [("x", X, x_ct), ("W₁", W1, w1_ct), ("b₁", B1, b1_ct), ("a₁", a1, a1_ct), ("z₁", z1, z1_ct)]
    rows += [("W₂", W2, w2_ct), ("b₂", B2, b2_ct), ("a₂", a2, a2_ct), ("L", losses.mean(), np.array(1.0))]
    return {name: (name, np.atleast_2d(value), np.atleast_2d(gradient)) for name, value, gradient in rows}


def written(value: float) -> str:
    """A number as on paper: whole, a fraction of small numbers, or to two digits."""
    near = Fraction(value).limit_denominator(16)
    return str(near).replace("-", "−") if abs(float(near) - value) < 1e-9 else short(value)


def matrix(axes: Axes, values: Any, x: float, y: float, color: str) -> None:
    """Numbers in rows and columns about a middle, between brackets."""
    rows, columns = values.shape
    for (i, j), value in np.ndenumerate(values):
        place = x + (j - (columns - 1) / 2) * COLUMN, y + (i - (rows - 1) / 2) * ROW
        note(axes, *place, written(float(value)), color, fontsize=10, va="center_baseline")
    for side in (-1, 1):
        edge, half = x + side * (columns * COLUMN / 2 + 1), rows * ROW / 2
        axes.plot([edge - side * 3, edge, edge, edge - side * 3], [y - half, y - half, y + half, y + half],
                  color=color, linewidth=0.9)  # fmt: skip


def labelled(axes: Axes, edge: Edge, x: float, y: float) -> None:
    """The value above an edge at height y, its gradient below."""
    _, value, gradient = edge
    half = len(value) * ROW / 2
    matrix(axes, value, x, y - 6 - half, BLUE)
    if gradient is not None:
        matrix(axes, gradient, x, y + 6 + half, RED)


def _node(axes: Axes, left: float, top: float, width: float, height: float, *words: str) -> None:
    box(axes, left, top, width, height, edgecolor=INK, facecolor=PAPER, linewidth=1.6)
    for line, text in enumerate(words):
        y = top + height / 2 + (line - (len(words) - 1) / 2) * 15
        note(axes, left + width / 2, y, text, fontsize=10.5)


def _inputs(axes: Axes, names: tuple[str, ...], heights: tuple[int, ...]) -> None:
    for name, y in zip(names, heights, strict=True):
        if name != "z₁":
            note(axes, 30, y, name, fontsize=12)
        arrow(axes, (44, y), (168, y), MUTED, linewidth=1.3)
        labelled(axes, edges()[name], 104, y)


@picture(620, 590)
def computational_graph(figure: Figure, say: Say) -> None:
    """Two rows of nodes; the edge z₁ leads from the end of the first to the start of the second."""
    axes, all_edges = board(figure, 620, 590), edges()
    _inputs(axes, ("x", "W₁", "b₁"), (58, 148, 223))
    _node(axes, 168, 14, 62, 238, "Affine")
    arrow(axes, (230, 133), (352, 133), MUTED, linewidth=1.3)
    note(axes, 291, 84, "a₁", fontsize=12)
    labelled(axes, all_edges["a₁"], 291, 133)
    _node(axes, 352, 108, 62, 50, "ReLU")
    axes.plot([414, 440, 440, 20, 20, 46], [133, 133, 288, 288, 345, 345], color=MUTED, linewidth=1.3)
    note(axes, 456, 210, "z₁", fontsize=12)
    _inputs(axes, ("z₁", "W₂", "b₂"), (345, 452, 543))
    note(axes, 30, 359, "z₁", fontsize=12)
    _node(axes, 168, 304, 62, 268, "Affine")
    arrow(axes, (230, 438), (330, 438), MUTED, linewidth=1.3)
    note(axes, 280, 389, "a₂", fontsize=12)
    labelled(axes, all_edges["a₂"], 278, 438)
    _node(axes, 330, 408, 110, 60, "softmax", say("交差エントロピー", "cross-entropy"))
    arrow(axes, (385, 378), (385, 408), MUTED, linewidth=1.3)
    matrix(axes, T, 385, 360, BLUE)
    note(axes, 432, 360, "t", fontsize=12)
    matrix(axes, softmax(all_edges["a₂"][1]), 385, 500, BLUE)
    note(axes, 432, 500, "y", fontsize=12)
    arrow(axes, (440, 438), (545, 438), MUTED, linewidth=1.3)
    labelled(axes, all_edges["L"], 490, 438)
    note(axes, 560, 438, "L", fontsize=12)
    note(axes, 520, 60, say("線の上: 順伝播の値", "above: the value"), BLUE)
    note(axes, 520, 82, say("線の下: 逆伝播の値 ∂L/∂(値)", "below: ∂L/∂(that value)"), RED)
