"""Softmax: how temperature sharpens or levels it, and that a constant added to all scores changes nothing."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reference import softmax

from .canvas import BLUE, LINE, MUTED, ORANGE, Say, picture
from .marks import note, short

SCORES = np.array([3.0, 1.0, 0.0, -2.0])
SUBSCRIPTS = "₁₂₃₄"


def _bars(axes: Axes, values: np.ndarray, letter: str, numbers: bool = True) -> None:
    places = range(len(values))
    axes.bar(places, values, width=0.62, color=[ORANGE if value < 0 else BLUE for value in values])
    axes.set_xticks(places, [f"{letter}{SUBSCRIPTS[i]}" for i in places])
    axes.axhline(0, color=LINE, linewidth=1)
    low, high = axes.get_ylim()
    for place, value in enumerate(values):
        beside = 0.075 * (high - low) * (-1 if value < 0 else 1)
        if numbers:
            note(axes, place, value + beside, short(value), fontsize=9.5)


@picture(600, 230)
def softmax_temperature(figure: Figure, say: Say) -> None:
    """The same scores at five temperatures: from nearly one-hot to nearly uniform."""
    temperatures = (0.25, 0.5, 1.0, 2.0, 4.0)
    for axes, temperature in zip(figure.subplots(1, 5, sharey=True), temperatures, strict=True):
        axes.set_ylim(0, 1.12)
        _bars(axes, softmax(SCORES / temperature), "y")
        axes.set_title(f"T = {temperature:g}")
        axes.set_yticks([0, 0.5, 1])
    figure.axes[0].set_ylabel(say("確率", "probability"))
    figure.supxlabel(
        say(
            "スコア 3, 1, 0, −2。T が低いほど最大値に集まる",
            "scores 3, 1, 0, −2; the lower T, the more the largest takes",
        ),
        fontsize=10.5,
    )


@picture(560, 300)
def softmax_shift(figure: Figure, say: Say) -> None:
    """Scores with and without a constant: other bars above, the same bars below."""
    grid = figure.subplots(2, 2, sharey="row")
    for column, shift in enumerate((0.0, 2.5)):
        above, below = grid[:, column]
        above.set_ylim(-3.4, 6.6)
        below.set_ylim(0, 1.15)
        _bars(above, SCORES + shift, "x")
        _bars(below, softmax(SCORES + shift), "y")
        above.set_yticks([0, 5])
        below.set_yticks([0, 0.5, 1])
    grid[0, 0].set_title(say("スコア", "scores"))
    grid[0, 1].set_title(say("すべてに 2.5 を足す", "2.5 added to all"))
    grid[1, 1].set_title(say("確率は変わらない", "the probabilities are the same"), color=MUTED)
    grid[1, 0].set_title(say("確率", "probabilities"), color=MUTED)


@picture(480, 240)
def temperature(figure: Figure, say: Say) -> None:
    """The first setting of the widget of this name."""
    left, right = figure.subplots(1, 2)
    left.set_ylim(-5, 5)
    right.set_ylim(0, 1.1)
    _bars(left, SCORES, "x")
    _bars(right, softmax(SCORES), "y")
    left.set_title(say("スコア x", "scores x"))
    right.set_title("softmax(x / T), T = 1")
