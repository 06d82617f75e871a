"""Activations: their curves and derivatives, where they saturate, and the kinks of relu."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reference import activations
from reference.activations import leaky_relu_bwd, leaky_relu_fwd, relu_bwd, relu_fwd, sigmoid_bwd, sigmoid_fwd

from .canvas import BLUE, INK, MUTED, ORANGE, PAPER, RED, Say, picture
from .marks import note, through_origin

FAMILY = ("sigmoid", "log_sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus", "silu", "gelu", "step")


@picture(500, 270)
def sigmoid_saturation(figure: Figure, say: Say) -> None:
    """sigmoid and its derivative, which is at most 1/4 and next to nothing beyond 5."""
    axes = figure.subplots()
    x = np.linspace(-9, 9, 181)
    out, residuals = sigmoid_fwd(x)
    (slope,) = sigmoid_bwd(residuals, np.ones_like(x))
    for low, high in ((-9, -5), (5, 9)):
        axes.axvspan(low, high, color=MUTED, alpha=0.15, linewidth=0)
    axes.plot(x, out, color=BLUE)
    axes.plot(x, slope, color=ORANGE)
    axes.plot(0, 0.25, "o", color=ORANGE)
    note(axes, 2.2, 0.8, "sigmoid(x)", BLUE, ha="left")
    note(axes, 0.35, 0.31, say("微分：最大 1/4", "derivative: at most 1/4"), ORANGE, ha="left")
    note(axes, -7, 0.5, say("飽和", "saturated"), MUTED)
    note(axes, 7, 0.5, say("飽和", "saturated"), MUTED)
    axes.set(xlim=(-9, 9), xticks=[-5, 0, 5], yticks=[0, 0.25, 0.5, 1], xlabel="x")
    axes.grid(visible=True)


def _with_slope(axes: Axes, name: str) -> None:
    # An even number of points: no sample lies on a kink, and a line across a jump would be a slope that is not there.
    x = np.linspace(-3, 3, 240)
    out, residuals = getattr(activations, f"{name}_fwd")(x)
    (slope,) = getattr(activations, f"{name}_bwd")(residuals, np.ones_like(x))
    jumps = np.abs(np.diff(slope)) > 0.5
    axes.plot(x, out, color=BLUE)
    axes.plot(
        np.insert(x, np.flatnonzero(jumps) + 1, 0),
        np.insert(slope, np.flatnonzero(jumps) + 1, np.nan),
        color=ORANGE,
        linestyle="--",
        linewidth=1.6,
    )
    axes.set(xlim=(-3, 3), ylim=(-1.4, 2.2), xticks=[-2, 0, 2], yticks=[-1, 0, 1, 2])
    axes.set_title(name, fontsize=10.5)
    through_origin(axes)


@picture(640, 300)
def activation_family(figure: Figure, say: Say) -> None:
    """Ten activations, each with its derivative dashed."""
    for axes, name in zip(figure.subplots(2, 5, sharex=True, sharey=True).flat, FAMILY, strict=True):
        _with_slope(axes, name)
    figure.supxlabel(say("実線：値  破線：微分", "solid: value; dashed: derivative"), fontsize=10.5)


@picture(540, 290)
def relu_kinks(figure: Figure, say: Say) -> None:
    """At 0 relu and leaky_relu have two slopes; the full dot is the one that is chosen, the left one."""
    grid = figure.subplots(2, 2, sharex=True, sharey="row")
    cases = [("relu", relu_fwd, relu_bwd, {}), ("leaky_relu", leaky_relu_fwd, leaky_relu_bwd, {"negative_slope": 0.2})]
    for column, (name, forward, backward, statics) in enumerate(cases):
        above, below = grid[:, column]
        for side in (np.linspace(-2, 0, 3), np.linspace(1e-9, 2, 3)):
            out, residuals = forward(side, **statics)
            above.plot(side, out, color=BLUE)
            below.plot(side, backward(residuals, np.ones_like(side))[0], color=ORANGE)
        chosen = backward(forward(np.zeros(1), **statics)[1], np.ones(1))[0].item()
        below.plot(0, 1, "o", color=ORANGE, markerfacecolor=PAPER)
        below.plot(0, chosen, "o", color=ORANGE)
        above.plot(0, 0, "o", color=INK)
        above.set(title=name, yticks=[0, 1, 2], ylim=(-0.7, 2.1))
        below.set(yticks=[0, 1], ylim=(-0.25, 1.3), xticks=[-2, 0, 2], xlabel="x")
        through_origin(above)
        note(below, 0.2, chosen + 0.02, f"{chosen:g}", RED, ha="left")
    grid[0, 0].set_ylabel(say("値", "value"))
    grid[1, 0].set_ylabel(say("微分", "derivative"))
