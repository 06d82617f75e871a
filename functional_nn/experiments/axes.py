"""What the pictures of all experiments share."""

from collections.abc import Iterable
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from functional_nn.experiments.experiment import Arm

# Of seaborn's "colorblind" palette, in an order in which neighbours differ most.
COLORS = ("#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc", "#ca9161", "#949494", "#56b4e9")


def figure_of(title: str, width: float, height: float) -> Figure:
    """An empty picture with a title."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title, fontsize=11)
    return figure


def plot(axes: Axes, arm: Arm, quantity: str, label: str, color: str | None = None) -> None:
    """One quantity of one run over the epochs, accuracies in percent."""
    scale = 100.0 if quantity.endswith("accuracy") else 1.0
    epochs = [row["epoch"] for row in arm.rows]
    axes.plot(epochs, [scale * row[quantity] for row in arm.rows], label=label, color=color)


def over_epochs(axes: Axes, title: str, *, legend: Literal["best", "lower right"] | None = "best") -> None:
    """Name the axes of curves over the epochs."""
    axes.set_title(title, fontsize=10)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(alpha=0.3)
    if legend is not None:
        axes.legend(frameon=False, fontsize=8, loc=legend)


def bars(axes: Axes, names: Iterable[str], values: Iterable[float], title: str) -> None:
    """One bar a name, the first on top, with its value behind it."""
    drawn = axes.barh(list(names), list(values), color=COLORS)
    axes.bar_label(drawn, fmt="%.2f", padding=3, fontsize=8)
    axes.margins(x=0.15)
    axes.invert_yaxis()
    axes.set_title(title, fontsize=10)
