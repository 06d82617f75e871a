"""The rules of differentiation: sum, power and product, as slopes and areas."""

import numpy as np
from matplotlib.figure import Figure

from .canvas import BLUE, GREEN, INK, MUTED, ORANGE, RED, Say, picture
from .marks import arrow, board, box, note, through_origin


@picture(500, 270)
def sum_rule(figure: Figure, say: Say) -> None:
    """Where f and g have slopes 1.2 and 0.5, their sum has slope 1.7: heights add, so rises add."""
    axes = figure.subplots()
    x, at = np.linspace(-1, 3.4, 100), 1.5
    f, g = 0.4 * x**2, np.sqrt(x + 1.2) * np.sqrt(2.7)
    rise = {"f": (f, 0.4 * at**2, 0.8 * at, BLUE), "g": (g, 2.7, 0.5, ORANGE)}
    rise["f + g"] = (f + g, 0.4 * at**2 + 2.7, 0.8 * at + 0.5, GREEN)
    for name, (curve, height, slope, color) in rise.items():
        axes.plot(x, curve, color=color)
        axes.plot([at - 0.9, at + 0.9], [height - 0.9 * slope, height + 0.9 * slope], color=INK, linewidth=1.2)
        axes.plot(at, height, "o", color=color)
        note(axes, 3.5, curve[-1], name, color, ha="left")
    note(axes, 1.75, 0.62, say("傾き 1.2", "slope 1.2"), BLUE, ha="left")
    note(axes, 0.35, 1.4, say("傾き 0.5", "slope 0.5"), ORANGE, ha="left")
    note(axes, 0.05, 4.9, say("傾き 1.7 = 1.2 + 0.5", "slope 1.7 = 1.2 + 0.5"), GREEN)
    axes.axvline(at, color=MUTED, linewidth=0.8, linestyle=":")
    axes.set(xlim=(-1, 4.2), ylim=(0, 8.4), xticks=[0, at, 3], yticks=[0, 4, 8], xlabel="x")


@picture(560, 300)
def powers_and_slopes(figure: Figure, say: Say) -> None:
    """xⁿ above and its slope n xⁿ⁻¹ below: each derivative is one power lower."""
    grid = figure.subplots(2, 4, sharex=True)
    x = np.linspace(-1.5, 1.5, 101)
    names = [("x", "1"), ("x²", "2x"), ("x³", "3x²"), ("x⁴", "4x³")]
    for n, (power, slope) in enumerate(names, start=1):
        above, below = grid[0, n - 1], grid[1, n - 1]
        above.plot(x, x**n, color=BLUE)
        below.plot(x, n * x ** (n - 1), color=ORANGE)
        above.plot([0.5, 1.5], [1 - 0.5 * n, 1 + 0.5 * n], color=INK, linewidth=1.2)
        above.plot(1, 1, "o", color=BLUE, markersize=5)
        below.plot(1, n, "o", color=ORANGE, markersize=5)
        above.set(title=power, ylim=(-2, 4), yticks=[])
        below.set(title=slope, ylim=(-5, 8), yticks=[], xticks=[-1, 0, 1])
        through_origin(above)
        through_origin(below)
        note(below, 0.82, n + 1.1, f"{n}", ORANGE, ha="right")
    grid[0, 0].set_ylabel(say("値", "value"))
    grid[1, 0].set_ylabel(say("傾き", "slope"))


@picture(500, 290)
def product_areas(figure: Figure, say: Say) -> None:
    """f g as an area: when both sides grow, two strips are added, and a corner too small to count."""
    axes = board(figure, 500, 290)
    left, top, f, g, df, dg = 66, 84, 210, 140, 46, 34
    box(axes, left, top, f, g, facecolor=BLUE, alpha=0.25, edgecolor=BLUE)
    box(axes, left + f, top, df, g, facecolor=ORANGE, alpha=0.4, edgecolor=ORANGE)
    box(axes, left, top - dg, f, dg, facecolor=GREEN, alpha=0.4, edgecolor=GREEN)
    box(axes, left + f, top - dg, df, dg, facecolor=RED, alpha=0.4, edgecolor=RED)
    note(axes, left + f / 2, top + g / 2, "f g", fontsize=14)
    note(axes, left + f / 2, top - dg / 2, "f · g′ h", GREEN)
    note(axes, left + f + df / 2, top + g / 2, "f′ h · g", ORANGE, rotation=90)
    arrow(axes, (350, 40), (left + f + df - 12, top - dg / 2), RED, linewidth=1)
    note(axes, 356, 32, "f′ g′ h²", RED, ha="left")
    note(axes, 356, 50, say("h で割っても 0 に近づく", "vanishes, even over h"), MUTED, ha="left", fontsize=9.5)
    note(axes, left + f / 2, top + g + 18, "f")
    note(axes, left + f + df / 2, top + g + 18, "f′ h", ORANGE)
    note(axes, left - 18, top + g / 2, "g")
    note(axes, left - 24, top - dg / 2, "g′ h", GREEN)
    note(axes, 194, 268, "(f g)′ = f′ g + f g′", fontsize=13)
