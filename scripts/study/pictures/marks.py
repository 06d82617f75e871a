"""What several pictures draw: plain axes, a board for diagrams, cells with numbers, arrows."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, Rectangle

from .canvas import BLUE, INK, LINE, MUTED, ORANGE, PAPER, RED

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def short(value: float, digits: int = 2) -> str:
    """A number with a true minus sign and no needless zeros."""
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return ("0" if text == "-0" else text).replace("-", "−")


def power_of_ten(exponent: float) -> str:
    """The way it is written by hand, 10⁻⁴."""
    return f"10{str(round(exponent)).translate(SUPERSCRIPTS)}"


def scientific(value: float) -> str:
    """One digit times a power of ten, 3×10⁻⁷."""
    digit, exponent = f"{value:.0e}".split("e")
    return f"{digit}×{power_of_ten(int(exponent))}"


def logarithmic(axes: Axes, which: str, exponents: Sequence[int]) -> None:
    """A logarithmic axis with these powers of ten on it."""
    scale, ticks = (axes.set_xscale, axes.set_xticks) if which == "x" else (axes.set_yscale, axes.set_yticks)
    scale("log")
    ticks([10.0**e for e in exponents], [power_of_ten(e) for e in exponents])
    axes.tick_params(which="minor", length=0)


def through_origin(axes: Axes) -> None:
    """The two axes as thin lines through 0."""
    axes.axhline(0, color=LINE, linewidth=1, zorder=0)
    axes.axvline(0, color=LINE, linewidth=1, zorder=0)


def note(axes: Axes, x: float, y: float, text: str, color: str = INK, **options: Any) -> None:
    """A word beside what it speaks of, on a rim of paper, so that a line under it does not cross it out."""
    options = {"fontsize": 11, "ha": "center", "va": "center"} | options
    axes.text(x, y, text, color=color, **options)


def board(figure: Figure, width: float, height: float) -> Axes:
    """The whole figure as one plane in pixels, y downwards, with nothing on it yet."""
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    return axes


def arrow(axes: Axes, start: Any, end: Any, color: str = INK, **options: Any) -> None:
    """From start to end, two pairs in the numbers of the axes."""
    options = {"linewidth": 1.8, "mutation_scale": 12, "shrinkA": 0, "shrinkB": 0, "arrowstyle": "-|>"} | options
    axes.add_patch(FancyArrowPatch((start[0], start[1]), (end[0], end[1]), color=color, **options))


def box(axes: Axes, left: float, top: float, width: float, height: float, **options: Any) -> None:
    """A rectangle on a board."""
    options = {"facecolor": "none", "edgecolor": LINE, "linewidth": 1} | options
    axes.add_patch(Rectangle((left, top), width, height, **options))


def shade(value: float, largest: float, strongest: float) -> dict[str, Any]:
    """A number as a fill: blue above zero, orange below, stronger the further from it."""
    alpha = strongest * min(1.0, abs(value) / largest)
    return {"facecolor": ORANGE if value < 0 else BLUE, "alpha": alpha, "linewidth": 0}


def cells(
    axes: Axes,
    values: np.ndarray,
    left: float,
    top: float,
    size: float,
    *,
    largest: float,
    digits: int = 2,
    numbers: bool = True,
    dashed: Callable[[int, int], bool] = lambda row, column: False,
) -> None:
    """A matrix as shaded squares with its numbers; dashed where (row, column) says so."""
    # Ink must be read on the strongest shade, in light and in dark.
    strongest = 0.45 if numbers else 0.85
    for (row, column), value in np.ndenumerate(values):
        x, y = left + column * size, top + row * size
        box(axes, x, y, size, size, **shade(float(value), largest, strongest))
        outside = dashed(row, column)
        box(axes, x, y, size, size, linestyle=(0, (2, 2)) if outside else "-", linewidth=0.8)
        if numbers:
            text = short(float(value), digits)
            fontsize = min(11.0, size * 0.42)
            color = MUTED if outside else INK
            axes.text(
                x + size / 2, y + size / 2, text, fontsize=fontsize, ha="center", va="center_baseline", color=color
            )


def frame(axes: Axes, left: float, top: float, width: float, height: float, color: str = RED) -> None:
    """The outline of a window."""
    box(axes, left, top, width, height, edgecolor=color, linewidth=2.5)


def unit(axes: Axes, x: float, y: float, radius: float, text: str, color: str = INK) -> None:
    """A unit of a network: a circle with its value."""
    axes.add_patch(Circle((x, y), radius, facecolor=PAPER, edgecolor=color, linewidth=1.5, zorder=3))
    axes.text(x, y, text, fontsize=10, ha="center", va="center_baseline", zorder=4)


def contours(
    axes: Axes, f: Callable[[Any], Any], x: tuple[float, float], y: tuple[float, float], levels: Sequence[float]
) -> None:
    """Thin lines of equal value of a function of (x0, x1)."""
    grid = np.stack(np.meshgrid(np.linspace(*x, 121), np.linspace(*y, 121)))
    axes.contour(grid[0], grid[1], f(grid), levels=levels, colors=MUTED, linewidths=0.8, alpha=0.7, linestyles="solid")
    axes.set_xlim(*x)
    axes.set_ylim(*y)
