"""Networks as diagrams: values that flow forward, gradients that flow back, shapes, and the loop that trains them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reference.activations import sigmoid_bwd, sigmoid_fwd
from reference.linear import dense_bwd, dense_fwd
from reference.losses import sum_of_squares_error_bwd, sum_of_squares_error_fwd

from .canvas import BLUE, GREEN, INK, LINE, MUTED, ORANGE, PAPER, PURPLE, RED, Say, picture
from .marks import arrow, board, box, note, short, unit

# The network of the widget `small_network` at its first setting.
X, TARGET = np.array([[1.0, -0.5]]), np.array([[1.5]])
KERNEL1, BIAS1 = np.array([[0.8, -0.5], [0.4, 0.9]]), np.array([0.1, -0.2])
KERNEL2, BIAS2 = np.array([[1.2], [-0.7]]), np.array([0.3])
PLACES = {"x": [(50, 90), (50, 240)], "h": [(215, 90), (215, 240)], "y": [(365, 165)], "loss": [(450, 165)]}


def forward_and_back() -> dict[str, Any]:
    """Every value of the network and the gradient of its loss to each, by the functions of reference/."""
    z, saved1 = dense_fwd(X, KERNEL1, BIAS1)
    h, saved_h = sigmoid_fwd(z)
    y, saved2 = dense_fwd(h, KERNEL2, BIAS2)
    loss, saved_loss = sum_of_squares_error_fwd(y, TARGET)
    y_ct, _ = sum_of_squares_error_bwd(saved_loss, np.ones(1))
    h_ct, kernel2_ct, bias2_ct = dense_bwd(saved2, y_ct)
    (z_ct,) = sigmoid_bwd(saved_h, h_ct)
    x_ct, kernel1_ct, bias1_ct = dense_bwd(saved1, z_ct)
    values = {"x": X, "h": h, "y": y, "loss": loss}
    gradients = {"x_ct": x_ct, "h_ct": h_ct, "y_ct": y_ct, "kernel1_ct": kernel1_ct, "kernel2_ct": kernel2_ct}
    return values | gradients | {"bias1_ct": bias1_ct, "bias2_ct": bias2_ct}


def _edges(
    axes: Axes, kernel: np.ndarray, sources: Sequence, sinks: Sequence, gradients: np.ndarray | None, letter: str
) -> None:
    for (i, j), weight in np.ndenumerate(kernel):
        (x1, y1), (x2, y2) = sources[i], sinks[j]
        axes.plot(
            [x1, x2],
            [y1, y2],
            color=ORANGE if weight < 0 else BLUE,
            linewidth=0.8 + 2 * abs(weight),
            alpha=0.5,
            zorder=1,
        )
        share = 0.36 if y1 != y2 and len(sinks) > 1 else 0.5
        x, y = x1 + share * (x2 - x1), y1 + share * (y2 - y1)
        subscript = "₁₂"[i] + ("₁₂"[j] if kernel.shape[1] > 1 else "")
        rim = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.4, "alpha": 0.8}
        note(axes, x, y - 8, f"{letter}{subscript} {short(weight)}", fontsize=9.5, bbox=rim)
        if gradients is not None:
            note(axes, x, y + 8, short(float(gradients[i, j]), 3), RED, fontsize=9.5, bbox=rim)


def _units(axes: Axes, values: dict[str, Any], back: bool) -> None:
    for letter in ("x", "h", "y"):
        for i, (x, y) in enumerate(PLACES[letter]):
            unit(axes, x, y, 24, short(values[letter][0, i], 3))
            note(axes, x, y - 34, letter + ("₁₂"[i] if letter != "y" else ""))
            if back:
                note(axes, x, y + 35, short(values[f"{letter}_ct"][0, i], 3), RED)
    x, y = PLACES["loss"][0]
    axes.plot([PLACES["y"][0][0], x], [y, y], color=LINE, zorder=1)
    unit(axes, x, y, 24, short(values["loss"].item(), 3))
    note(axes, x, y - 34, "L")


def _network(axes: Axes, say: Say, back: bool) -> None:
    values = forward_and_back()
    _edges(axes, KERNEL1, PLACES["x"], PLACES["h"], values["kernel1_ct"] if back else None, "w")
    _edges(axes, KERNEL2, PLACES["h"], PLACES["y"], values["kernel2_ct"] if back else None, "v")
    _units(axes, values, back)
    note(axes, 450, 212, f"t = {short(TARGET.item())}", MUTED)
    arrow(axes, (110, 22), (330, 22), BLUE)
    note(axes, 220, 11, say("値は前へ", "values go forward"), BLUE, fontsize=9.5)
    if back:
        arrow(axes, (330, 300), (110, 300), RED)
        note(axes, 220, 311, say("勾配は後ろへ", "gradients go back"), RED, fontsize=9.5)


@picture(500, 320)
def small_network(figure: Figure, say: Say) -> None:
    """The first setting of the widget of this name."""
    _network(board(figure, 500, 320), say, back=True)


@picture(500, 300)
def backward_flow(figure: Figure, say: Say) -> None:
    """The error at the output, handed back to two hidden units, times the weight of each."""
    axes, values = board(figure, 500, 300), forward_and_back()
    error, output = values["y_ct"].item(), (385, 150)
    for i, (x, y) in enumerate([(150, 70), (150, 230)]):
        weight, share = KERNEL2[i, 0], values["h_ct"][0, i]
        color = ORANGE if weight < 0 else BLUE
        axes.plot([x, output[0]], [y, output[1]], color=color, linewidth=4 * abs(weight), alpha=0.35, zorder=1)
        arrow(axes, (355, 150 + (y - 150) * 0.13), (182, y + (150 - y) * 0.14), RED, linewidth=1.5)
        note(axes, 270, 62 if i == 0 else 240, f"× v{'₁₂'[i]} = {short(weight)}", color)
        unit(axes, x, y, 27, f"h{'₁₂'[i]}")
        factor = f"({short(weight)})" if weight < 0 else short(weight)
        note(axes, x - 36, y, f"{short(error, 3)} · {factor}", RED, ha="right", fontsize=10, va="bottom")
        note(axes, x - 36, y + 4, f"= {short(share, 3)}", RED, ha="right", va="top")
    unit(axes, *output, 27, "y")
    note(axes, output[0] + 36, 150, "y − t", RED, ha="left", va="bottom")
    note(axes, output[0] + 36, 154, f"= {short(error, 3)}", RED, ha="left", va="top")
    note(
        axes,
        250,
        286,
        say("誤差に、それぞれの重みを掛けて渡す", "each gets the error times its own weight"),
        MUTED,
    )


@picture(560, 210)
def dense_shapes(figure: Figure, say: Say) -> None:
    """x @ kernel + bias as blocks: the inner sizes meet and vanish, the bias is added to every row."""
    axes = board(figure, 560, 210)
    blocks = [
        ("x", 30, 96, 78, BLUE, "(batch, in)"),
        ("kernel", 166, 104, 96, ORANGE, "(in, out)"),
        ("bias", 310, 104, 18, GREEN, "(out,)"),
        ("out", 444, 104, 78, PURPLE, "(batch, out)"),
    ]
    for name, left, width, height, color, shape in blocks:
        width = width if name == "x" else 88
        box(axes, left, 100 - height / 2, width, height, facecolor=color, alpha=0.25, edgecolor=color)
        note(axes, left + width / 2, 100, name, color if height > 20 else INK, fontsize=11)
        note(axes, left + width / 2, 170, shape, MUTED)
    for x, sign in ((147, "@"), (282, "+"), (421, "=")):
        note(axes, x, 100, sign, fontsize=15)
    note(
        axes,
        280,
        24,
        say("内側の大きさ in が一致し、bias は各行に足される", "the inner sizes agree; bias is added to every row"),
        MUTED,
    )


@picture(540, 330)
def learning_loop(figure: Figure, say: Say) -> None:
    """The four parts of a step, in a circle, and in the middle the chain of reasons that leads to derivatives."""
    axes = board(figure, 540, 330)
    parts = [
        (270, 48, say("順伝播：出力を求める", "forward: compute the output"), BLUE),
        (448, 165, say("損失：不一致の度合い", "loss: how far off"), ORANGE),
        (270, 282, say("逆伝播：勾配を求める", "backward: the gradient"), RED),
        (92, 165, say("更新：重みを少し変える", "update: move the weights"), GREEN),
    ]
    for x, y, words, color in parts:
        box(axes, x - 88, y - 22, 176, 44, edgecolor=color, linewidth=1.6, joinstyle="round")
        note(axes, x, y, words, color, fontsize=10)
    turns = [((362, 56), (448, 138)), ((448, 192), (362, 274)), ((178, 274), (92, 192)), ((92, 138), (178, 56))]
    for start, end in turns:
        arrow(axes, start, end, MUTED, connectionstyle="arc3,rad=-0.35")
    reasons = [
        say("賢くする", "improve"),
        say("← 重みを更新する", "← update the weights"),
        say("← 勾配と逆向きに進む", "← go against the gradient"),
        say("← 微分する", "← differentiate"),
    ]
    for i, words in enumerate(reasons):
        note(axes, 270, 124 + 27 * i, words, INK if i else BLUE, fontsize=10)
