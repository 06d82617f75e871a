"""A picture of where an error sits in an array: inline SVG, one panel for each place along the leading axes."""

import math
from html import escape
from itertools import product

import numpy as np

from reference.oracle.rendering.language import Say, english
from reference.oracle.report import ArgumentReport

LARGEST_SIDE = 40  # cells along one side of a panel; larger panels show the worst of each block
LARGEST_COUNT = 30  # panels; beyond it only the worst ones are drawn
CELL = 9


def heatmap(argument: ArgumentReport, say: Say = english) -> str:
    """|got - expected| of one argument as HTML, or nothing where the report holds no error map."""
    if argument.error_map is None or argument.error_map.size == 0:
        return ""
    errors = np.abs(np.asarray(argument.error_map, dtype=np.float64))
    errors = np.where(np.isnan(errors), np.inf, errors)
    finite = errors[np.isfinite(errors)]
    # An error at or below the floor is no error; a floor of 0 would leave the logarithm without a start.
    top = float(finite.max(initial=0))
    floor = max(argument.noise_floor if math.isfinite(argument.noise_floor) else 0, top * 1e-9, 1e-300)
    panels = _panels(errors)
    shown = sorted(sorted(panels, key=lambda panel: -panels[panel].max())[:LARGEST_COUNT])
    said = say(f"The {len(shown)} worst of {len(panels)} panels are shown.")
    left_out = f"<p>{said}</p>" if len(shown) < len(panels) else ""
    drawn = "".join(_panel(place, panels[place], floor, max(top, floor), errors.ndim, say) for place in shown)
    return f'<div class="panels">{drawn}</div>{left_out}{_legend(floor, max(top, floor), say)}'


def _panels(errors: np.ndarray) -> dict[tuple[int, ...], np.ndarray]:
    """The array cut along its leading axes into matrices (rows: next to last axis, columns: last axis)."""
    if errors.ndim < 2:
        return {(): errors.reshape(1, -1)}
    return {place: errors[place] for place in product(*map(range, errors.shape[:-2]))}


def _panel(place: tuple[int, ...], errors: np.ndarray, floor: float, top: float, rank: int, say: Say) -> str:
    cells, block = _shrunk(errors)
    rows, columns = cells.shape
    marks = "".join(
        _cell(row, column, cells[row, column], floor, top, block, place, rank, say)
        for row, column in np.ndindex(rows, columns)
    )
    named = "".join(f"{i}, " for i in place)
    label = f"[{named}:, :]" if rank > 2 else ""
    scale = min(2.5, max(1.0, 24 / max(rows, columns)))
    box = columns * CELL, rows * CELL
    size = f'width="{scale * box[0]:.0f}" height="{scale * box[1]:.0f}" viewBox="0 0 {box[0]} {box[1]}"'
    words = escape(say(f"errors {label}".strip()), quote=True)
    return f'<figure><svg {size} role="img" aria-label="{words}">{marks}</svg><figcaption>{label}</figcaption></figure>'


def _shrunk(errors: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """At most LARGEST_SIDE cells a side, each the largest error of its block; and the block's size."""
    block = tuple(-(-size // LARGEST_SIDE) for size in errors.shape)
    rows = np.maximum.reduceat(errors, np.arange(0, errors.shape[0], block[0]), axis=0)
    return np.maximum.reduceat(rows, np.arange(0, errors.shape[1], block[1]), axis=1), (block[0], block[1])


def _cell(row, column, error, floor, top, block, place, rank, say) -> str:
    strength = _strength(error, floor, top)
    index = (*place, row * block[0], column * block[1])[max(0, 2 - rank) :] if rank else ()
    about = "from " if block != (1, 1) else ""
    title = f"<title>{say(f'{about}{list(map(int, index))}: error {error:.3g}')}</title>"
    where = f'x="{column * CELL}" y="{row * CELL}" width="{CELL - 1}" height="{CELL - 1}"'
    return f'<rect class="{"bad" if strength else "good"}" {where} fill-opacity="{strength or 1:.2f}">{title}</rect>'


def _strength(error: float, floor: float, top: float) -> float:
    """0 for no error; 0.25 for one a thousandth of the largest or less, up to 1 for the largest, by the logarithm."""
    faint = max(floor, 1e-3 * top)
    if error <= floor:
        return 0.0
    if error <= faint < top:
        return 0.25
    if not math.isfinite(error) or top <= faint:
        return 1.0
    return 0.25 + 0.75 * math.log(error / faint) / math.log(top / faint)


def _legend(floor: float, top: float, say: Say) -> str:
    swatch = '<svg width="{0}" height="{0}"><rect class="{1}" width="{0}" height="{0}" fill-opacity="{2}"/></svg>'
    right, faint, full = (swatch.format(CELL, *style) for style in (("good", 1), ("bad", 0.25), ("bad", 1)))
    if top <= floor:
        return f'<p class="legend">{right} {say(f"no error above {floor:.2g}")}</p>'
    below, above = say(f"up to {floor:.2g}, no error"), say("just above")
    return f'<p class="legend">{right} {below} &nbsp; {faint} {above} &nbsp; {full} {top:.2g}</p>'
