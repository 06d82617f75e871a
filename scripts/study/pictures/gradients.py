"""The gradient: its field, its direction among all directions, and the partial derivatives that make it."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from reference import directional_derivative, gradient

from .canvas import BLUE, GREEN, INK, LINE, MUTED, ORANGE, RED, Say, picture
from .marks import arrow, contours, note, short, through_origin

POINT = np.array([1.5, 1.0])


def bowl(x: Any) -> Any:
    """x₀² + x₁², the book's example."""
    return x[0] ** 2 + x[1] ** 2


def tilted(x: Any) -> Any:
    """A bowl whose contours are no circles, so that the gradient does not simply point away from the middle."""
    return 0.4 * x[0] ** 2 + x[1] ** 2 + 0.4 * x[0] * x[1]


@picture(460, 330)
def gradient_field(figure: Figure, say: Say) -> None:
    """At every point the arrow of the gradient: at right angles to the contour, towards larger values."""
    axes = figure.subplots()
    contours(axes, tilted, (-3, 3), (-2.2, 2.2), [0.2, 0.8, 1.8, 3.2, 5, 7.2])
    for x0 in np.linspace(-2.4, 2.4, 7):
        for x1 in np.linspace(-1.6, 1.6, 5):
            start = np.array([x0, x1])
            arrow(axes, start, start + 0.11 * gradient(tilted)(start), BLUE, linewidth=1.3, mutation_scale=9)
    axes.plot(0, 0, "o", color=RED)
    note(axes, 0.0, -0.32, say("最小", "minimum"), RED)
    axes.set(xlabel="x₀", ylabel="x₁", aspect="equal", xticks=[-2, 0, 2], yticks=[-2, 0, 2])


@picture(560, 280)
def all_directions(figure: Figure, say: Say) -> None:
    """The slope along every unit direction, measured: largest along the gradient, 0 along the contour."""
    plane, curve = figure.subplots(1, 2, width_ratios=(1, 1.25))
    angles = np.deg2rad(np.arange(0, 361, 5))
    unit = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    slopes = np.array([directional_derivative(tilted)(POINT, v) for v in unit])
    steepest = gradient(tilted)(POINT)
    towards = float(np.arctan2(steepest[1], steepest[0]))
    contours(plane, tilted, (-0.2, 3.2), (-0.9, 2.9), [0.5, 1, 2, 3, 4, 5, 6, 8, 10])
    for v, slope in list(zip(unit, slopes, strict=True))[:-1:3]:
        color = BLUE if slope > 0 else ORANGE
        arrow(plane, POINT, POINT + 0.45 * abs(slope) * v, color, linewidth=1, mutation_scale=6, alpha=0.6)
    arrow(plane, POINT, POINT + 0.45 * steepest, RED)
    plane.set(xlabel="x₀", ylabel="x₁", aspect="equal", xticks=[0, 1, 2, 3], yticks=[0, 1, 2])
    curve.plot(np.rad2deg(angles), slopes, color=INK)
    curve.fill_between(np.rad2deg(angles), slopes, 0, where=slopes > 0, color=BLUE, alpha=0.25, linewidth=0)
    curve.fill_between(np.rad2deg(angles), slopes, 0, where=slopes < 0, color=ORANGE, alpha=0.25, linewidth=0)
    length = float(np.linalg.norm(steepest))
    curve.plot(np.rad2deg(towards), length, "o", color=RED)
    note(curve, np.rad2deg(towards) + 14, length + 0.25, f"‖∇f‖ = {short(length)}", RED, ha="left")
    curve.axhline(0, color=LINE, linewidth=1)
    curve.set(xlim=(0, 360), ylim=(-3.9, 3.9), xticks=[0, 90, 180, 270, 360], yticks=[-2, 0, 2])
    curve.set_xlabel(say("向き（度）", "direction (degrees)"))
    curve.set_title(say("その向きの傾き", "slope in that direction"))


@picture(500, 270)
def turning_direction(figure: Figure, say: Say) -> None:
    """The first setting of the widget of this name: one direction, and its place among all slopes."""
    plane, curve = figure.subplots(1, 2)
    angles = np.arange(0, 361, 5)
    unit = np.stack([np.cos(np.deg2rad(angles)), np.sin(np.deg2rad(angles))], axis=-1)
    slopes = [directional_derivative(tilted)(POINT, v) for v in unit]
    contours(plane, tilted, (-3, 3), (-3, 3), [0.2, 0.8, 1.8, 3.2, 5, 7.2])
    arrow(plane, POINT, POINT + 0.45 * gradient(tilted)(POINT), RED)
    arrow(plane, POINT, POINT + 1.1 * unit[6], BLUE)
    plane.set(xlabel="x₀", ylabel="x₁", aspect="equal", xticks=[-2, 0, 2], yticks=[-2, 0, 2])
    curve.plot(angles, slopes, color=INK)
    curve.plot(angles[6], slopes[6], "o", color=BLUE)
    curve.axhline(0, color=LINE, linewidth=1)
    curve.set(xlim=(-8, 360), xticks=[0, 90, 180, 270, 360])
    curve.set_xlabel(say("向き（度）", "direction (degrees)"))
    curve.set_title(say("その向きの傾き", "slope in that direction"))


@picture(500, 270)
def uphill_and_downhill(figure: Figure, say: Say) -> None:
    """f along the gradient rises; against it f falls, but only up to a point."""
    axes = figure.subplots()
    direction = gradient(tilted)(POINT)
    step = np.linspace(0, 1.15, 100)
    for sign, color in ((1, ORANGE), (-1, BLUE)):
        axes.plot(step, [tilted(POINT + sign * t * direction) for t in step], color=color)
    axes.plot(0, tilted(POINT), "o", color=INK)
    note(axes, 0.5, 8.3, say("勾配の向き：増える", "along the gradient: it grows"), ORANGE, ha="left")
    note(axes, 0.36, 1.25, say("逆の向き：減る", "against it: it falls"), BLUE, ha="center")
    note(axes, 0.93, 5.0, say("進みすぎると増える", "too far: it grows again"), MUTED, ha="center")
    axes.set(xlim=(0, 1.15), ylim=(0, 10), yticks=[0, 5, 10], xticks=[0, 0.5, 1])
    axes.set_xlabel(say("歩幅 t（x ± t∇f）", "step t (x ± t ∇f)"))
    axes.set_ylabel("f")


@picture(560, 300)
def partial_cut(figure: Figure, say: Say) -> None:
    """Hold x₁ still and the surface becomes a curve; the slope of that curve is the partial derivative."""
    figure.set_layout_engine("none")
    surface: Any = figure.add_axes((0, 0.02, 0.56, 0.98), projection="3d")
    x = np.linspace(-2, 2, 25)
    grid = np.stack(np.meshgrid(x, x))
    surface.plot_wireframe(grid[0], grid[1], bowl(grid), color=MUTED, linewidth=0.5, alpha=0.6, rcount=12, ccount=12)
    surface.plot(x, np.full_like(x, 1.0), x**2 + 1, color=BLUE, linewidth=2.5)
    surface.plot([0.2, 1.8], [1, 1], [2 - 1.6, 2 + 1.6], color=RED)
    surface.scatter([1.0], [1.0], [2.0], color=RED, s=24, depthshade=False)
    surface.set(xlabel="x₀", ylabel="x₁", xticks=[-2, 0, 2], yticks=[-2, 0, 2], zticks=[0, 4, 8])
    surface.view_init(elev=28, azim=-62)
    for axis in (surface.xaxis, surface.yaxis, surface.zaxis):
        axis.set_pane_color((0, 0, 0, 0))
        axis._axinfo["grid"].update(color=LINE, linewidth=0.5)
    cut = figure.add_axes((0.64, 0.17, 0.33, 0.68))
    cut.plot(x, x**2 + 1, color=BLUE)
    cut.plot([0.2, 1.8], [2 - 1.6, 2 + 1.6], color=RED)
    cut.plot(1, 2, "o", color=RED)
    note(cut, 1.0, 1.2, "∂f/∂x₀ = 2", RED, ha="left")
    cut.set(xlabel="x₀", ylim=(0, 5.2), xticks=[-2, 0, 2], yticks=[0, 2, 4])
    cut.set_title(say("x₁ = 1 で切った切り口", "the cut at x₁ = 1"))


@picture(500, 230)
def scalar_and_vector(figure: Figure, say: Say) -> None:
    """A scalar is one number on a line; a vector has a length and a direction."""
    line, plane = figure.subplots(1, 2, width_ratios=(1, 1.1))
    line.axhline(0, color=INK, linewidth=1)
    for value in range(-3, 4):
        line.plot([value, value], [-0.06, 0.06], color=INK, linewidth=1)
        note(line, value, -0.2, short(value), MUTED, fontsize=10)
    line.plot(2, 0, "o", color=BLUE, markersize=9)
    note(line, 2, 0.22, "2", BLUE)
    line.set(xlim=(-3.5, 3.5), ylim=(-1, 1))
    line.set_axis_off()
    line.set_title(say("スカラー：大きさだけ", "scalar: a size only"))
    through_origin(plane)
    arrow(plane, (0, 0), (3, 2), BLUE)
    plane.plot([3, 3], [0, 2], color=MUTED, linewidth=1, linestyle=":")
    plane.plot([0, 3], [2, 2], color=MUTED, linewidth=1, linestyle=":")
    note(plane, 3.12, 2.15, "(3, 2)", BLUE, ha="left")
    note(plane, 0.9, 1.28, say("長さ √13", "length √13"), GREEN, rotation=0)
    angle = np.linspace(0, np.arctan2(2, 3), 30)
    plane.plot(0.9 * np.cos(angle), 0.9 * np.sin(angle), color=ORANGE, linewidth=1.2)
    note(plane, 1.0, 0.26, say("向き", "direction"), ORANGE, ha="left")
    plane.set(xlim=(-0.6, 4), ylim=(-0.6, 2.8), aspect="equal", xticks=[0, 1, 2, 3], yticks=[0, 1, 2])
    plane.set_title(say("ベクトル：大きさと向き", "vector: a size and a direction"))
