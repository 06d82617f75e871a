"""The judgments as tables and as a picture, and the part of docs/judges.md that they are."""

import platform
from collections.abc import Iterable, Sequence
from pathlib import Path

import matplotlib
import numpy as np
import torch
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from scripts.acceptance.arithmetic import said
from scripts.acceptance.measure import COTANGENTS, GRADCHECK, OURS, SEED, Judged
from scripts.acceptance.operation import ANYWHERE
from scripts.acceptance.rules import DTYPES, RULES

BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"
NAMES = tuple(map(said, DTYPES))
# Of each line of the table: the judge, what it says, and what it compares with.
LINES = (
    *((rule.name, rule.says, rule.beside) for rule in RULES),
    (GRADCHECK, "its usual tolerances", "differences, float64"),
    (OURS, "docs/oracle.md, Low precision", "float64"),
)
# The second table is of one dtype.
SHOWN = "bfloat16"


def both(judgments: Sequence[Judged]) -> str:
    """The totals for either size of the cotangent."""
    parts = {size: [one for one in judgments if one.cotangent == size] for size in COTANGENTS}
    return "\n".join(f"A cotangent {size}:\n\n{totals(part)}" for size, part in parts.items())


def totals(judgments: Sequence[Judged]) -> str:
    """How many wrong backwards each rule accepts, and how many right ones it rejects, by dtype."""
    head = ["", "rule", "says", "compared with", *(word for dtype in NAMES for word in (f"{dtype}: wrong", "right"))]
    everything = [str(len(_chosen(judgments, dtype, right))) for dtype in NAMES for right in (False, True)]
    rows = [["", "*backwards, in all*", "", "", *everything]]
    for number, line in enumerate(LINES, 1):
        rows.append([str(number), *line, *(cell for dtype in NAMES for cell in _mistaken(judgments, line[0], dtype))])
    return markdown(head, rows)


def by_operation(judgments: Sequence[Judged]) -> str:
    """For one dtype, how many wrong backwards of each operation each rule accepts; rules by their numbers."""
    head = ["operation", "wrong", *map(str, range(1, len(LINES) + 1))]
    return markdown(head, [_counted(judgments, "operation", name) for name in _kinds(judgments, "operation")])


def by_edit(judgments: Sequence[Judged]) -> str:
    """For one dtype, how often each rule accepts what may be wrong with any operation, and sums in low precision."""
    common = [one for one in judgments if one.edit in ANYWHERE or one.edit == one.arithmetic]
    head = ["what is wrong", "wrong", *map(str, range(1, len(LINES) + 1))]
    return markdown(head, [_counted(common, "edit", edit) for edit in _kinds(common, "edit") if edit])


def _kinds(judgments: Sequence[Judged], field: str) -> list[str]:
    return list(dict.fromkeys(getattr(one, field) for one in judgments if one.dtype == SHOWN))


def _counted(judgments: Sequence[Judged], field: str, value: str) -> list[str]:
    mine = [one for one in judgments if getattr(one, field) == value]
    counts = (_mistaken(mine, name, SHOWN)[0] for name, *_ in LINES)
    return [value, str(len(_chosen(mine, SHOWN, False))), *counts]


def _chosen(judgments: Iterable[Judged], dtype: str, right: bool) -> list[Judged]:
    return [one for one in judgments if one.dtype == dtype and one.right == right]


def _mistaken(judgments: Sequence[Judged], rule: str, dtype: str) -> tuple[str, str]:
    """The wrong ones that are accepted, and the right ones that are rejected; a dash where the rule says nothing."""
    if not any(rule in one.accepted for one in judgments if one.dtype == dtype):
        return "-", "-"
    accepted = sum(one.accepted[rule] for one in _chosen(judgments, dtype, False))
    return str(accepted), str(sum(not one.accepted[rule] for one in _chosen(judgments, dtype, True)))


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)) + "\n"


def text(judgments: Sequence[Judged]) -> str:
    """What stands between the markers of the page."""
    wrong = [one for one in judgments if not one.right]
    named = sum(one.named for one in wrong if not one.accepted[OURS])
    seconds = sum(one.seconds for one in judgments)
    mistaken = [f"- {one.label}: {one.status}" for one in judgments if one.accepted[OURS] != one.right]
    said = "It judges none wrongly." if not mistaken else f"It judges wrongly:\n\n{chr(10).join(mistaken)}"
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}, PyTorch {torch.__version__}"
    return f"""\
{both(judgments)}
{versions}, {platform.machine()}; seed {SEED}. In the last line {OURS}
took {seconds:.0f} s of the processor for {len(judgments)} backwards, and named a cause for {named} of {len(wrong)} \
wrong ones. {said}

![Wrong backwards that each rule accepts, and right ones that it rejects](pictures/judges.svg)

## By operation and by mistake

The wrong backwards in {SHOWN}, with cotangents of both sizes, that each rule accepts; rules by their numbers.

{by_operation(judgments)}
{by_edit(judgments)}"""


def written(judgments: Sequence[Judged], page: Path) -> None:
    """The page with its measured part replaced, and the picture beside it."""
    before, rest = page.read_text("utf-8").split(BEGIN)
    page.write_text(before + BEGIN + text(judgments) + END + rest.split(END)[1], encoding="utf-8")
    drawn(judgments, page.parent / "pictures" / "judges.svg")


def drawn(judgments: Sequence[Judged], file: Path) -> None:
    """Bars of the two shares for every rule over both cotangents, a panel a dtype."""
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "judges", "font.size": 9}):
        figure = Figure(figsize=(11, 5), layout="constrained")
        panels = figure.subplots(1, len(NAMES), sharey=True)
        for axes, dtype in zip(panels, NAMES, strict=True):
            for right, colour, label in ((False, "#c0504d", "wrong, accepted"), (True, "#4f81bd", "right, rejected")):
                places = np.arange(len(LINES)) + (0.2 if right else -0.2)
                axes.barh(places, _shares(judgments, dtype, right), 0.38, color=colour, label=label)
            axes.set(title=dtype, xlim=(0, 100), xlabel="%")
            axes.set_yticks(range(len(LINES)), [name for name, *_ in LINES])
        panels[0].invert_yaxis()
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower right", ncols=2)
        FigureCanvasSVG(figure).print_svg(file, metadata={"Date": None})


def _shares(judgments: Sequence[Judged], dtype: str, right: bool) -> list[float]:
    whole = max(len(_chosen(judgments, dtype, right)), 1)
    counts = (_mistaken(judgments, name, dtype)[right] for name, *_ in LINES)
    return [0.0 if count == "-" else 100 * int(count) / whole for count in counts]
