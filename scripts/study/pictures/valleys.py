"""SGD, momentum and Adam in the textbook's narrow valley."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from reference.optimizers import Optimizer, adam, momentum, sgd

from .canvas import BLUE, MUTED, ORANGE, PAPER, RED, Say, picture
from .marks import contours, note, short

START, STEPS = np.array([-7.0, 2.0]), 30


def valley(x: Any) -> Any:
    """x₀² / 20 + x₁²."""
    return x[0] * x[0] / 20 + x[1] * x[1]


def walk(optimizer: Optimizer) -> np.ndarray:
    """Thirty steps from the start."""
    params, path = {"x": START}, [START]
    state = optimizer.init(params)
    for _ in range(STEPS):
        x = params["x"]
        params, state = optimizer.update({"x": np.array([x[0] / 10, 2 * x[1]])}, state, params)
        path.append(params["x"])
    return np.array(path)


@picture(660, 230)
def valley_walks(figure: Figure, say: Say) -> None:
    """Three panels with the same valley, the same start and as many steps."""
    rules = [
        (say("SGD、学習率 0.95", "SGD, rate 0.95"), sgd(0.95)),
        (say("モーメンタム、学習率 0.1", "momentum, rate 0.1"), momentum(0.1, 0.9)),
        (say("Adam、学習率 0.3", "Adam, rate 0.3"), adam(0.3)),
    ]
    for axes, (words, optimizer) in zip(figure.subplots(1, 3, sharey=True), rules, strict=True):
        contours(axes, valley, (-8.5, 6), (-3, 3), [0.05, 0.2, 0.5, 1, 2, 3.5, 5.5, 8])
        path = walk(optimizer)
        axes.plot(path[:, 0], path[:, 1], color=ORANGE, linewidth=1.3, marker="o", markersize=2.6)
        axes.plot(*START, "o", color=ORANGE, markerfacecolor=PAPER, markersize=7)
        axes.plot(*path[-1], "o", color=BLUE, markersize=7)
        axes.set(xticks=[-7, 0], yticks=[-2, 0, 2])
        axes.set_title(words, fontsize=10.5)
        note(axes, -1.2, -2.6, f"f = {short(float(valley(path[-1])), 4)}", RED, fontsize=9.5)
    figure.supxlabel(
        say("青: 30歩のあと、赤: そこでの f", "blue: after 30 steps; red: f there"), fontsize=10, color=MUTED
    )
