"""How a training step's time and memory grow: with batch, image size, channels and depth, one after another."""

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.networks import Network, multiplications

# What each of them is while another one varies, and what it takes as it varies.
USUAL = {"batch": 32, "size": 32, "channels": 32, "depth": 2}
VALUES = {"batch": (8, 32, 128), "size": (8, 16, 32, 64), "channels": (8, 32, 128), "depth": (1, 2, 4, 8)}

COLUMNS = ("quantity", "value", "GFLOP", "ours ms", "flax ms", "ours MB", "flax MB")
COLUMNS += ("exponent of work", "of our time", "of our memory")


def network(batch: int, size: int, channels: int, depth: int) -> Network:
    """Convolutions of one width, each with a relu, then the mean of every channel and a dense layer."""
    layer = (("conv", channels, channels, 3, 1), ("relu",))
    return Network("plain", batch, (size, size, channels), (*layer * depth, ("mean",), ("dense", channels, 10)))


def curves(seconds: float) -> dict[str, list[dict[str, Any]]]:
    """For each quantity the points of its curve: its value, the work, and each contender's time and memory."""
    from benchmarks import jax_side, measure

    found: dict[str, list[dict[str, Any]]] = {}
    for quantity, values in VALUES.items():
        found[quantity] = []
        for value in values:
            case = network(**USUAL | {quantity: value})
            steps = {"ours": jax_side.ours(case), "flax": jax_side.flax(case)}
            runs = {name: run for name, (run, _) in steps.items()}
            measure.first_calls(runs)
            times = measure.summary(measure.rounds(measure.timed(runs), seconds, 3))
            point = {"value": value, "gflop": 2e-9 * multiplications(case)}
            for name, (_, reserved) in steps.items():
                point[name] = {"least_wall_ms": times[name]["least_wall_ms"], "megabytes": reserved() / 1e6}
            found[quantity].append(point)
    return found


def exponents(points: list[dict[str, Any]], read: Callable[[dict[str, Any]], float]) -> list[float]:
    """The slope from each point to the next one on logarithmic axes: 1 where a number grows as the quantity does."""
    x, y = (np.log([f(point) for point in points]) for f in (lambda point: point["value"], read))
    return [float(slope) for slope in np.diff(y) / np.diff(x)]


def table(result: dict[str, Any]) -> str:
    """A row a point in Markdown; the exponents say how time and work grew since the row above."""
    lines = [result["machine"], "", f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
    for quantity, points in result["curves"].items():
        reads = (lambda p: p["gflop"], lambda p: p["ours"]["least_wall_ms"], lambda p: p["ours"]["megabytes"])
        grown = [["", *(f"{slope:.2f}" for slope in exponents(points, read))] for read in reads]
        for point, *slopes in zip(points, *grown, strict=True):
            ours, flax = point["ours"], point["flax"]
            numbers = [
                point["gflop"],
                ours["least_wall_ms"],
                flax["least_wall_ms"],
                ours["megabytes"],
                flax["megabytes"],
            ]
            cells = [quantity, str(point["value"]), *(f"{number:.3g}" for number in numbers), *slopes]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def picture(result: dict[str, Any], pyplot: Any) -> Any:
    """Time above, memory below, a column for each quantity; a dotted line grows as the work does."""
    figure, axes = pyplot.subplots(2, len(result["curves"]), figsize=(14, 6), dpi=100, layout="constrained")
    for column, (quantity, points) in enumerate(result["curves"].items()):
        values = [point["value"] for point in points]
        for row, (key, label) in enumerate((("least_wall_ms", "ms a step"), ("megabytes", "MB reserved"))):
            panel = axes[row][column]
            for name in ("ours", "flax"):
                panel.loglog(values, [point[name][key] for point in points], marker="o", label=name)
            if row == 0:
                scale = points[-1]["ours"][key] / points[-1]["gflop"]
                panel.loglog(values, [scale * point["gflop"] for point in points], "k:", label="as the work")
            panel.set_xticks(values, labels=map(str, values))
            panel.minorticks_off()
            panel.set_xlabel(quantity)
            panel.set_ylabel(label)
    axes[0][0].legend(fontsize="small")
    return figure
