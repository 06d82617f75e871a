"""Every op in one table: our time, and the others' over ours, with a mark where they are faster."""

from typing import Any

from benchmarks import report
from benchmarks.ops.sizes import DTYPES

COLUMNS = ("size", "ours ms", "Flax", "Equinox", "PyTorch", "behind", "busy cores")
LEGEND = (
    "Value and gradients, median milliseconds on the wall. The other columns are times over ours within one round, "
    "median (10 to 90 %): above 1, ours is faster. PyTorch is the faster of its two orders of axes. *Behind* names "
    "Flax below {flax} and PyTorch below {torch}; *busy cores*, processor time over time on the wall, are ours and "
    "then theirs."
)
# What is asked of ours: at least as fast as Flax, and nearly as fast as PyTorch.
LEAST = {"Flax": 1.0, "PyTorch": 0.9}
COLUMN_OF = {"flax": "Flax", "equinox": "Equinox", "torch": "PyTorch"}


def best(case: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By column, the library's contender that is the fastest on the wall, by its median ratio."""
    found: dict[str, dict[str, Any]] = {}
    for name, entry in case["contenders"].items():
        column = COLUMN_OF.get(name.split()[0])
        if column and (column not in found or entry["wall_ratio"][0] < found[column]["wall_ratio"][0]):
            found[column] = entry
    return found


def behind(case: dict[str, Any]) -> list[str]:
    """The libraries that are faster than they may be."""
    others = best(case)
    return [column for column, least in LEAST.items() if column in others and others[column]["wall_ratio"][0] < least]


def busy(case: dict[str, Any]) -> list[str]:
    """Where a library is ahead, how many cores ours keeps busy, and then each of these."""
    others = [best(case)[column] for column in behind(case)]
    found = [case["contenders"]["ours"], *others] if others else []
    return [f"{entry['processor_ms'] / entry['wall_ms']:.1f}" for entry in found]


def line(case: dict[str, Any]) -> str:
    """A case in one line, while the others are still to come."""
    if not case["contenders"]:
        return f"{case['name']}: not measured, {'; '.join(case['refused'].values())}"
    ratios = ", ".join(f"{column} {_spread(other)}" for column, other in best(case).items())
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
        others = best(case)
        spreads = [_spread(others[column]) if column in others else "" for column in COLUMN_OF.values()]
        ours = f"{case['contenders']['ours']['wall_ms']:.3g}"
        rows.append([case["shape"], ours, *spreads, ", ".join(behind(case)), " ".join(busy(case))])
    return rows


def _spread(entry: dict[str, Any]) -> str:
    """Of the wall's ratio the median, and what 10 and 90 % lie below."""
    middle, low, high = entry["wall_ratio"]
    return f"{_number(middle, 2)} ({_number(low, 1)} to {_number(high, 1)})"


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits if value < 10 else 0}f}"
