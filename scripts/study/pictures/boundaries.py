"""What a bias does: to the boundary of a sigmoid in the plane, and to its curve."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from reference import dense, sigmoid

from .canvas import BLUE, INK, MUTED, ORANGE, PAPER, Say, picture
from .marks import arrow, note, short

# x₁, x₂ and the class; the widget `boundary` has the same ones.
POINTS = np.array(
    [
        [0.2, 0.4, 0], [0.9, -0.3, 0], [-0.4, 1.0, 0], [1.1, 0.7, 0], [0.4, 1.4, 0], [-0.6, -0.2, 0], [1.5, -0.5, 0],
        [0.8, 1.9, 0], [2.4, 1.2, 1], [1.6, 2.2, 1], [2.9, 0.6, 1], [2.2, 2.6, 1], [3.1, 1.9, 1], [1.2, 2.9, 1],
        [2.7, 2.2, 1], [1.8, 1.5, 1],
    ]
)  # fmt: skip


def _plane(axes: Axes, weights: tuple[float, float], bias: float) -> int:
    """Draw shades, boundary and points; return how many points lie on their right side."""
    kernel, offset = np.array(weights)[:, None], np.array([bias])
    side = np.linspace(-1, 4, 51)
    grid = np.stack(np.meshgrid(side, side), axis=-1)
    bands = np.linspace(0, 1, 21)
    colors = [(*to_rgb(BLUE if low >= 0.5 else ORANGE), 0.7 * abs(low + 0.025 - 0.5)) for low in bands[:-1]]
    axes.contourf(side, side, sigmoid(dense(grid, kernel, offset))[..., 0], levels=bands, colors=colors)
    x = np.array([-1.0, 4.0])
    axes.plot(x, -(weights[0] * x + bias) / weights[1], color=INK)
    z = dense(POINTS[:, :2], kernel, offset)[:, 0]
    for kind, color, marker in ((0, ORANGE, "s"), (1, BLUE, "o")):
        chosen = POINTS[POINTS[:, 2] == kind]
        axes.plot(chosen[:, 0], chosen[:, 1], marker, color=color, markeredgecolor=PAPER, markersize=7)
    axes.plot(0, 0, "+", color=INK, markersize=10)
    axes.set(xlim=(-1, 4), ylim=(-1, 4), aspect="equal", xticks=[0, 2, 4], yticks=[0, 2, 4], xlabel="x₁")
    return int(np.sum((z > 0) == (POINTS[:, 2] == 1)))


@picture(560, 310)
def bias_boundary(figure: Figure, say: Say) -> None:
    """Without a bias the boundary is tied to the origin; with one it stands where the points need it."""
    without, with_bias = figure.subplots(1, 2, sharey=True)
    right = _plane(without, (1.0, 1.0), 0.0)
    without.set_title(say(f"バイアスなし：16 個中 {right} 個が正しい", f"without a bias: {right} of 16 right"))
    right = _plane(with_bias, (1.0, 1.0), -3.0)
    with_bias.set_title(say(f"b = −3: 16 個中 {right} 個が正しい", f"b = −3: {right} of 16 right"))
    without.set_ylabel("x₂")
    arrow(with_bias, (0, 0), (1.45, 1.45), MUTED, linewidth=1.4)


@picture(500, 260)
def bias_shift(figure: Figure, say: Say) -> None:
    """The bias moves the curve along the axis of inputs, and leaves its shape alone."""
    axes = figure.subplots()
    x = np.linspace(-8, 8, 161)
    for bias, color in ((4.0, BLUE), (0.0, INK), (-4.0, ORANGE)):
        axes.plot(x, sigmoid(x + bias), color=color)
        axes.plot(-bias, 0.5, "o", color=color)
        note(axes, -bias + 0.35, 0.47, f"b = {short(bias)}", color, ha="left")
    axes.set(xlim=(-8, 8), yticks=[0, 0.5, 1], xticks=[-8, -4, 0, 4, 8], xlabel="x", ylabel="sigmoid(x + b)")
    axes.grid(visible=True)
    axes.set_title(say("バイアスは曲線を横に動かす", "a bias moves the curve sideways"))


@picture(480, 310)
def boundary(figure: Figure, say: Say) -> None:
    """The first setting of the widget of this name."""
    plane, curve = figure.subplots(1, 2, width_ratios=(1.7, 1))
    _plane(plane, (1.0, 1.0), -1.5)
    z = np.linspace(-8, 8, 161)
    curve.plot(z, sigmoid(z), color=MUTED)
    for x1, x2, kind in POINTS:
        at = x1 + x2 - 1.5
        curve.plot(
            at, sigmoid(at), "o" if kind else "s", color=BLUE if kind else ORANGE, markeredgecolor=PAPER, markersize=6
        )
    curve.set(xticks=[-5, 0, 5], yticks=[0, 0.5, 1], xlabel="z = x₁ + x₂ − 1.5", title="sigmoid(z)")
    plane.set_title(say("境界 z = 0", "boundary z = 0"))
