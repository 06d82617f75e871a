"""Every op in one table: our time, and the others' over ours, with a mark where they are faster."""

from typing import Any

from benchmarks import report
from benchmarks.ops.sizes import DTYPES

COLUMNS = ("size", "ours ms", "Flax", "Equinox", "PyTorch", "behind")
LEGEND = (
    "Value and gradients, median milliseconds on the wall. The other columns are times over ours within one round, "
    "median (10 to 90 %): above 1, ours is faster. PyTorch is the faster of its two orders of axes. *Behind* names "
    "Flax below {flax} and PyTorch below {torch}."
)
# What is asked of ours: at least as fast as Flax, and nearly as fast as PyTorch.
LEAST = {"Flax": 1.0, "PyTorch": 0.9}
COLUMN_OF = {"flax": "Flax", "equinox": "Equinox", "torch": "PyTorch"}


def best(case: dict[str, Any]) -> dict[str, list[float]]:
    """By column, the wall's ratio of the library's fastest contender: median, and what 10 and 90 % lie below."""
    found: dict[str, list[float]] = {}
    for name, entry in case["contenders"].items():
        column = COLUMN_OF.get(name.split()[0])
        if column and (column not in found or entry["wall_ratio"][0] < found[column][0]):
            found[column] = entry["wall_ratio"]
    return found


def behind(case: dict[str, Any]) -> list[str]:
    """The libraries that are faster than they may be."""
    ratios = best(case)
    return [column for column, least in LEAST.items() if column in ratios and ratios[column][0] < least]


def line(case: dict[str, Any]) -> str:
    """A case in one line, while the others are still to come."""
    if not case["contenders"]:
        return f"{case['name']}: not measured, {'; '.join(case['refused'].values())}"
    ratios = ", ".join(f"{column} {_spread(ratio)}" for column, ratio in best(case).items())
    found = behind(case)
    mark = f"; behind {' and '.join(found)}" if found else ""
    return f"{case['name']}: {case['contenders']['ours']['wall_ms']:.3g} ms; {ratios}{mark}"


def table(result: dict[str, Any]) -> str:
    """A table for each dtype, whose ops stand in the order of the public contract."""
    machine = result["machine"]
    legend = LEGEND.format(flax=LEAST["Flax"], torch=LEAST["PyTorch"])
    parts = [report.heading(machine, result["roofline"]), report.wrapped(legend), *report.accelerated(machine)]
    if not report.quiet(machine):
        parts.append("The machine was not quiet: these times mean little.")
    for dtype in DTYPES:
        cases = [case for case in result["cases"] if case["dtype"] == dtype and case["contenders"]]
        if cases:
            marked = sum(bool(behind(case)) for case in cases)
            parts += [
                f"## {dtype}",
                f"{marked} of {len(cases)} lines are behind.",
                report.markdown(COLUMNS, _rows(cases)),
            ]
    return "\n\n".join([*parts, *report.missing(result)])


def _rows(cases: list[dict[str, Any]]) -> list[list[str]]:
    """A row a case, and before the first of each op a row with its name."""
    rows = []
    for before, case in zip([None, *cases], cases, strict=False):
        if before is None or before["op"] != case["op"]:
            rows.append([f"**{case['op']}**", *[""] * (len(COLUMNS) - 1)])
        ratios = best(case)
        spreads = [_spread(ratios[column]) if column in ratios else "" for column in COLUMN_OF.values()]
        ours = f"{case['contenders']['ours']['wall_ms']:.3g}"
        rows.append([case["shape"], ours, *spreads, ", ".join(behind(case))])
    return rows


def _spread(ratio: list[float]) -> str:
    middle, low, high = ratio
    return f"{_number(middle, 2)} ({_number(low, 1)} to {_number(high, 1)})"


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits if value < 10 else 0}f}"
