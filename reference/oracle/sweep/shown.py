"""A sweep as text and as JSON."""

from collections import Counter
from dataclasses import fields
from typing import Any

from reference.oracle.rendering.as_json import as_dict as report_as_dict
from reference.oracle.rendering.as_json import as_python
from reference.oracle.rendering.columns import columns, padded
from reference.oracle.rendering.language import Say, english
from reference.oracle.rendering.numbers import number
from reference.oracle.rendering.text import headline as report_headline
from reference.oracle.rendering.text import render_text, wrapped
from reference.oracle.sweep.report import SweepReport, Visit

# Raised when a key changes its meaning or goes away; new keys leave it.
FORMAT = 1
COLUMNS = ("regime", "shapes", "verdict", "error")


def headline(swept: SweepReport) -> str:
    """One sentence: where it is wrong, or in how many inputs it is right."""
    counts = Counter(visit.seen for visit in swept.visited)
    if swept.smallest is not None:
        reason = report_headline(swept.report).partition(": ")[2]
        return f"fail: with {swept.smallest.regime}, {_shapes(swept.smallest)}, {reason}"
    right = counts["right"] + counts["right, but"]
    if swept.verdict == "cannot tell":
        return f"cannot tell: {report_headline(swept.report).partition(': ')[2]}"
    rest = {"raises": "raises in {}", "cannot tell": "cannot tell in {}", "outside": "no finite value in {}"}
    more = [words.format(counts[seen]) for seen, words in rest.items() if counts[seen]]
    return f"pass: right in {right} of {len(swept.visited)} inputs" + (f"; {', '.join(more)}" if more else "")


def as_text(swept: SweepReport, width: int = 80, say: Say = english) -> str:
    """The headline, the report of the smallest input that fails, and the table of all that was visited."""
    blocks = [wrapped(say(headline(swept)), width, rest="  ")]
    if swept.smallest is not None:
        blocks.append(render_text(swept.report, width, say))
    blocks.append("\n".join([say("Visited:"), *table(swept.visited, width, say)]))
    if swept.refused:
        count = len(swept.refused)
        inputs = "input" if count == 1 else "inputs"
        refused = say(f"Not judged: {count} {inputs} that the reference refuses, the first with {swept.refused[0]}.")
        blocks.append(wrapped(refused, width))
    if swept.left:
        inputs = "input" if swept.left == 1 else "inputs"
        left = say(f"Not visited: {swept.left} more {inputs}, the first with {swept.next}.")
        blocks.append(wrapped(left, width))
    return "\n\n".join(blocks)


def table(visited: tuple[Visit, ...], width: int, say: Say = english) -> list[str]:
    """One row a visit; below it what was said, where it is not right."""
    head = tuple(map(say, COLUMNS))
    rows = [head, *((say(v.regime), _shapes(v), say(v.seen), shown_error(v)) for v in visited)]
    widths = [max(columns(row[i]) for row in rows) for i in range(len(COLUMNS))]
    widths[1] = min(widths[1], max(width - widths[0] - widths[2] - widths[3] - 6, columns(head[1])))
    lines = []
    for place, row in enumerate(rows):
        regime, shapes, seen, error = row
        cut = shapes if len(shapes) <= widths[1] else f"{shapes[: widths[1] - 3]}..."
        cells = (regime, cut, seen, error)
        lines.append(
            "  ".join(padded(c, w, left=i < 3) for i, (c, w) in enumerate(zip(cells, widths, strict=True))).rstrip()
        )
        if place and (said := visited[place - 1].said):
            lines.append(wrapped(say(said), width, first="    ", rest="    "))
    return lines


def _shapes(visit: Visit) -> str:
    return " ".join(f"{name} {tuple(shape)}" for name, shape in visit.shapes.items())


def shown_error(visit: Visit) -> str:
    """The largest error, with its unit."""
    if visit.error is None:
        return ""
    return f"{visit.error:.3g} ulp" if visit.in_ulp else number(visit.error, digits=2)


def as_dict(swept: SweepReport) -> dict[str, Any]:
    """The sweep in Python's own types."""
    own = {one.name: as_python(getattr(swept, one.name)) for one in fields(swept) if one.name not in OBJECTS}
    return {
        "format": FORMAT,
        "headline": headline(swept),
        **own,
        "smallest": _record(swept.smallest) if swept.smallest else None,
        "visited": [_record(visit) for visit in swept.visited],
        "report": report_as_dict(swept.report),
    }


OBJECTS = ("smallest", "visited", "report")


def _record(visit: Visit) -> dict[str, Any]:
    return {one.name: as_python(getattr(visit, one.name)) for one in fields(visit)}
