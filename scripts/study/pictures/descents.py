"""Paths downhill: gradient descent with several learning rates, and optimizers side by side."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reference import gradient, gradient_descent
from reference.optimizers import Optimizer, adagrad, adam, adamw, momentum, nesterov, rmsprop, sgd

from .canvas import BLUE, ORANGE, PAPER, RED, Say, picture
from .marks import contours, scientific

LEVELS = [0.05, 0.2, 0.5, 1, 2, 3.5, 5.5, 8]


def narrow(x: Any) -> Any:
    """x₀² / 10 + x₁²: the narrow bowl of the widget `descent`."""
    return x[0] * x[0] / 10 + x[1] * x[1]


def _path(axes: Axes, path: np.ndarray, color: str = ORANGE) -> None:
    axes.plot(path[:, 0], path[:, 1], color=color, linewidth=1.4, marker="o", markersize=3)
    axes.plot(*path[0], "o", color=color, markerfacecolor=PAPER, markersize=7)
    axes.plot(*path[-1], "o", color=BLUE, markersize=7)


def _bowl(axes: Axes) -> None:
    contours(axes, narrow, (-5, 5), (-3, 3), LEVELS)
    axes.set(xticks=[-4, 0, 4], yticks=[-2, 0, 2])


@picture(560, 210)
def descent_paths(figure: Figure, say: Say) -> None:
    """A learning rate that is too small, a good one, one that swings, each with its number of steps."""
    cases = [
        (0.05, 15, say("小さい：まだ途中", "small: still on its way")),
        (0.6, 15, say("ちょうどよい", "about right")),
        (1.02, 12, say("大きい：谷を跳び越え続ける", "large: leaps the valley")),
    ]
    for axes, (rate, steps, words) in zip(figure.subplots(1, 3, sharey=True), cases, strict=True):
        _bowl(axes)
        _path(axes, gradient_descent(narrow, np.array([-4.0, 2.0]), learning_rate=rate, steps=steps)[1])
        axes.set_title(words, fontsize=10.5)
        axes.set_xlabel(f"η = {rate:g}")


@picture(480, 320)
def descent(figure: Figure, say: Say) -> None:
    """The path at the first setting of the widget of this name."""
    axes = figure.subplots()
    _bowl(axes)
    _path(axes, gradient_descent(narrow, np.array([-4.0, 2.0]), learning_rate=0.3, steps=15)[1])
    axes.set(xlabel="x₀", ylabel="x₁")
    axes.set_title(say("f = x₀²/10 + x₁²、学習率 0.3、15 回", "f = x₀²/10 + x₁², learning rate 0.3, 15 steps"))


def optimizer_path(optimizer: Optimizer, start: np.ndarray, steps: int) -> np.ndarray:
    """Where an optimizer of reference/optimizers.py goes on the narrow bowl."""
    params, path = {"x": start}, [start]
    state = optimizer.init(params)
    for _ in range(steps):
        params, state = optimizer.update({"x": gradient(narrow)(params["x"])}, state, params)
        path.append(params["x"])
    return np.array(path)


SEVEN = {
    "sgd": (sgd(0.9), 0.9),
    "momentum": (momentum(0.1, 0.9), 0.1),
    "nesterov": (nesterov(0.1, 0.9), 0.1),
    "adagrad": (adagrad(1.0), 1.0),
    "rmsprop": (rmsprop(0.1), 0.1),
    "adam": (adam(0.3), 0.3),
    "adamw": (adamw(0.3, weight_decay=0.05), 0.3),
}


@picture(640, 350)
def optimizer_paths(figure: Figure, say: Say) -> None:
    """Seven optimizers, forty steps each, from one start."""
    grid = list(figure.subplots(2, 4, sharex=True, sharey=True).flat)
    for axes, (name, (optimizer, rate)) in zip(grid, SEVEN.items(), strict=False):
        _bowl(axes)
        path = optimizer_path(optimizer, np.array([-4.0, 2.0]), 40)
        _path(axes, path)
        axes.set_title(f"{name}, η = {rate:g}", fontsize=10)
        axes.text(0, -2.75, f"f = {scientific(narrow(path[-1]))}", ha="center", fontsize=9, color=RED)
    last = grid[-1]
    last.set_axis_off()
    last.text(0, 0.6, say("白：出発点", "white: start"), ha="center", color=ORANGE)
    last.text(0, -0.2, say("青：40 回の後", "blue: after 40 steps"), ha="center", color=BLUE)
    last.text(0, -1.0, say("赤：そのときの f", "red: f there"), ha="center", color=RED)


@picture(500, 220)
def optimizers(figure: Figure, say: Say) -> None:
    """The first setting of the widget of this name: sgd beside adam."""
    for axes, name in zip(figure.subplots(1, 2, sharey=True), ("sgd", "adam"), strict=True):
        optimizer, rate = SEVEN[name]
        _bowl(axes)
        path = optimizer_path(optimizer, np.array([-4.0, 2.0]), 40)
        _path(axes, path)
        axes.set_title(f"{name}, η = {rate:g}")
        axes.set_xlabel(say("x₀（40 回）", "x₀ (40 steps)"))
