"""A report in colour, for a terminal where rich is installed; the same words as the plain text."""

import importlib
import importlib.util
import io
from typing import Any

from reference.oracle.rendering.columns import columns
from reference.oracle.rendering.language import Say, english
from reference.oracle.rendering.text import (
    COLUMNS,
    SAID,
    argument_cells,
    argument_table,
    headline,
    render_text,
    worst_entry,
)
from reference.oracle.report import Report

COLOURS = {"pass": "green", "fail": "bold red", "cannot tell": "yellow"}


def available() -> bool:
    """Whether rich can be imported; it is no dependency."""
    return importlib.util.find_spec("rich") is not None


def render_rich(report: Report, width: int = 80, say: Say = english) -> str:
    """The report with a coloured verdict and a drawn table, as text with terminal codes."""
    console = importlib.import_module("rich.console")
    text = importlib.import_module("rich.text").Text
    stream = io.StringIO()
    screen = console.Console(file=stream, force_terminal=True, width=width, highlight=False)
    before, after = _around_table(render_text(report, width, say), say(COLUMNS[0]))
    screen.print(_coloured(text(before), report, say), soft_wrap=True)
    if report.arguments:
        screen.print(*_table(report, width, say), sep="\n")
    if after:
        screen.print(text(after), soft_wrap=True)
    return stream.getvalue().rstrip("\n")


def _around_table(plain: str, head: str) -> tuple[str, str]:
    """The text before and after the plain table of arguments."""
    blocks = plain.split("\n\n")
    place = next((place for place, block in enumerate(blocks) if block.startswith(head + " ")), len(blocks))
    return "\n\n".join(blocks[:place]), "\n\n".join(blocks[place + 1 :])


def _coloured(text: Any, report: Report, say: Say) -> Any:
    text.stylize("bold", 0, text.plain.find("\n\n"))
    text.stylize(COLOURS[report.verdict], 0, len(say(headline(report)).partition(say(": "))[0]))
    return text


def _table(report: Report, width: int, say: Say) -> list[Any]:
    """The table with all columns where they fit; else the worst entries stand below it."""
    box = importlib.import_module("rich.box").SIMPLE_HEAD
    made = importlib.import_module("rich.table").Table(box=box, pad_edge=False)
    text = importlib.import_module("rich.text").Text
    rows = [argument_cells(argument, say) for argument in report.arguments]
    wide = max(map(columns, argument_table(report.arguments, 10**6, say))) + 4 <= width
    shown = len(COLUMNS) if wide else 5
    for place, name in enumerate(map(say, COLUMNS[:shown])):
        made.add_column(name, justify="left" if place in (0, 1, 5) else "right", no_wrap=True)
    for argument, (first, verdict, *rest) in zip(report.arguments, rows, strict=True):
        colour = COLOURS["cannot tell" if argument.strict else argument.verdict]
        made.add_row(first, text(verdict, style=colour), *rest[: shown - 2])
    wrong = [
        (a.name, row) for a, row in zip(report.arguments, rows, strict=True) if row[1] != say(SAID["pass"]) and row[5]
    ]
    below = [f"{name}{say(': ')}{say(worst_entry(row))}\n" for name, row in wrong] if not wide else []
    return [made, *map(text, below)]
