"""Numerical differentiation: how a difference becomes a derivative, and the error it makes, measured."""

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reference import derivative

from .canvas import BLUE, GREEN, INK, MUTED, ORANGE, RED, TEAL, Say, picture
from .marks import logarithmic, note, power_of_ten

Rule = Callable[[Callable[[Any], Any], Any, Any], Any]


def root(x: Any) -> Any:
    """√x: every machine rounds it alike, and its slope at 3 is irrational, so no error comes out as 0 by luck."""
    return np.sqrt(x)


def central(f: Callable[[Any], Any], x: Any, h: Any) -> Any:
    """(f(x + h) − f(x − h)) over the step really taken, in the dtype of x and h."""
    after, before = x + h, x - h
    return (f(after) - f(before)) / (after - before)


def forward(f: Callable[[Any], Any], x: Any, h: Any) -> Any:
    """(f(x + h) − f(x)) over the step really taken, in the dtype of x and h."""
    after = x + h
    return (f(after) - f(x)) / (after - x)


def steps(largest: int = 1, smallest: int = 15) -> list[float]:
    """1, 2 and 5 times powers of ten, as the widget has them, from large to small."""
    return [float(f"1e-{largest}")] + [float(f"{d}e-{e}") for e in range(largest + 1, smallest + 1) for d in (5, 2, 1)]


def errors(rule: Rule, dtype: type[np.floating], x: float, at: list[float]) -> np.ndarray:
    """The measured distance from the derivative of √x; NaN where h is too small to change x."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found = [float(rule(root, dtype(x), dtype(h))) for h in at]
    return np.abs(np.array(found) - 0.5 / np.sqrt(x))


def _curve(axes: Axes, rule: Rule, dtype: type[np.floating], color: str, **options: Any) -> None:
    """float64 has circles and float32 squares, so that they are told apart without colour, too."""
    at = steps()
    options |= {"marker": "o" if dtype is np.float64 else "s", "markersize": 4.5, "markevery": 3}
    axes.plot(at, np.maximum(errors(rule, dtype, 3.0, at), 1e-16), color=color, **options)


def _axes_of_errors(axes: Axes, say: Say) -> None:
    logarithmic(axes, "x", range(-15, 0, 2))
    logarithmic(axes, "y", range(-16, 3, 4))
    axes.set_xlim(1e-1, 1e-15)
    axes.set_ylim(1e-16, 1e2)
    axes.set_xlabel(say("刻み幅 h（右ほど小さい）", "step h (smaller to the right)"))
    axes.set_ylabel(say("誤差", "error"))
    axes.grid(visible=True)


@picture(500, 300)
def error_curve(figure: Figure, say: Say) -> None:
    """The V: too large an h errs by the formula, too small an h by rounding; in float32 much sooner."""
    axes = figure.subplots()
    _curve(axes, central, np.float64, BLUE)
    _curve(axes, central, np.float32, TEAL)
    note(axes, 1e-6, 4e-13, "float64", BLUE)
    note(axes, 2e-6, 5e-1, "float32", TEAL)
    note(axes, 6e-2, 1e-14, say("← 打ち切り誤差", "← truncation error"), MUTED, ha="left")
    note(axes, 2e-10, 1e-14, say("丸め誤差 →", "rounding error →"), MUTED, ha="left")
    _axes_of_errors(axes, say)
    axes.set_title(say("中心差分の誤差（f = √x、x = 3）", "error of the central difference (f = √x at x = 3)"))


@picture(500, 300)
def forward_against_central(figure: Figure, say: Say) -> None:
    """In float64, before rounding takes over: forward falls with h, central with h²."""
    axes = figure.subplots()
    _curve(axes, central, np.float64, BLUE)
    _curve(axes, forward, np.float64, ORANGE, linestyle="--")
    note(axes, 5e-5, 2e-3, say("前方差分：h に比例", "forward: in proportion to h"), ORANGE, ha="left")
    note(axes, 5e-5, 1e-13, say("中心差分：h² に比例", "central: in proportion to h²"), BLUE, ha="left")
    axes.axvline(1e-4, color=RED, linewidth=1)
    note(axes, 8e-5, 1e-1, f"h = {power_of_ten(-4)}", RED, ha="left")
    _axes_of_errors(axes, say)


@picture(500, 300)
def central_difference(figure: Figure, say: Say) -> None:
    """All four curves, as the widget of this name shows them at its first setting."""
    axes = figure.subplots()
    _curve(axes, central, np.float64, BLUE)
    _curve(axes, forward, np.float64, ORANGE, linestyle="--")
    _curve(axes, central, np.float32, TEAL)
    _curve(axes, forward, np.float32, RED, linestyle="--")
    axes.axvline(1e-4, color=INK, linewidth=1)
    note(axes, 5e-5, 1e-13, say("中心差分 float64", "central, float64"), BLUE, ha="left")
    note(axes, 3e-6, 3e-7, say("前方差分 float64", "forward, float64"), ORANGE, ha="left")
    note(axes, 8e-5, 6e0, say("中心差分・前方差分 float32", "central and forward, float32"), TEAL, ha="left")
    _axes_of_errors(axes, say)


@picture(500, 280)
def secant_to_tangent(figure: Figure, say: Say) -> None:
    """As h shrinks the secant turns into the tangent: its slope is the derivative."""
    axes = figure.subplots()
    x = np.linspace(0, 3.2, 100)
    axes.plot(x, 0.5 * x**2, color=INK)
    for h, color in ((2.0, ORANGE), (1.0, GREEN), (0.4, TEAL)):
        slope = (0.5 * (1 + h) ** 2 - 0.5) / h
        axes.plot(x, 0.5 + slope * (x - 1), color=color, linewidth=1.4)
        axes.plot(1 + h, 0.5 * (1 + h) ** 2, "o", color=color)
        end = 3.2
        note(axes, end + 0.05, 0.5 + slope * (end - 1), f"h = {h:g}: {slope:.1f}", color, ha="left")
    axes.plot(x, 0.5 + (x - 1), color=RED)
    note(axes, 3.25, 2.55, say("接線：1", "tangent: 1"), RED, ha="left")
    axes.plot(1, 0.5, "o", color=INK)
    axes.set(xlim=(0, 4.1), ylim=(-0.8, 5.3), xlabel="x", yticks=[0, 2, 4], xticks=[0, 1, 2, 3])
    axes.set_title(
        say(
            "f = x²/2、x = 1：割線の傾きが接線の傾きに近づく",
            "f = x²/2 at x = 1: slopes of secants tend to the tangent's",
        )
    )


@picture(500, 280)
def central_at_three(figure: Figure, say: Say) -> None:
    """The two points of the central difference around 3, their chord, and the tangent it nearly is."""
    axes = figure.subplots()
    f, h = (lambda x: 0.01 * x**2 + 0.1 * x), 2.0
    x = np.linspace(0, 6, 100)
    axes.plot(x, f(x), color=INK)
    slope = float(derivative(f, h=h)(3.0))
    axes.plot(x, f(1.0) + slope * (x - 1), color=BLUE, linewidth=1.4)
    axes.plot(x, f(3.0) + 0.16 * (x - 3), color=RED, linewidth=1.4, linestyle="--")
    axes.plot([1, 5], [f(1.0), f(5.0)], "o", color=BLUE)
    axes.plot(3, f(3.0), "o", color=RED)
    for at, text in ((1.0, "3 − h"), (3.0, "3"), (5.0, "3 + h")):
        axes.plot([at, at], [0, f(at)], color=MUTED, linewidth=0.8, linestyle=":")
        note(axes, at, -0.06, text)
    note(
        axes,
        1.6,
        0.62,
        say("弦：傾き (f(3 + h) − f(3 − h)) / 2h", "chord: slope (f(3 + h) − f(3 − h)) / 2h"),
        BLUE,
        ha="center",
    )
    note(axes, 5.1, 0.55, say("3 での接線", "tangent at 3"), RED, ha="left")
    axes.set(xlim=(0, 6), ylim=(-0.12, 1.0), xticks=[], yticks=[0, 0.5, 1])
    axes.set_title(say("実際の h は 10⁻⁴（ここでは 2 に拡大）", "the real h is 10⁻⁴ (drawn here as 2)"))
