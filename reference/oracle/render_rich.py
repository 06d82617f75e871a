"""A report in colour, for a terminal where rich is installed; the same words as the plain text."""

import importlib
import importlib.util
import io
from typing import Any

from reference.oracle.render_text import COLUMNS, argument_cells, headline, render_text
from reference.oracle.report import Report

COLOURS = {"pass": "green", "fail": "bold red", "cannot tell": "yellow"}


def available() -> bool:
    """Whether rich can be imported; it is no dependency."""
    return importlib.util.find_spec("rich") is not None


def render_rich(report: Report, width: int = 80) -> str:
    """The report with a coloured verdict and a drawn table, as text with terminal codes."""
    console = importlib.import_module("rich.console")
    text = importlib.import_module("rich.text").Text
    stream = io.StringIO()
    screen = console.Console(file=stream, force_terminal=True, width=width, highlight=False)
    before, table, after = _around_table(render_text(report, width))
    screen.print(_coloured(text(before), report), soft_wrap=True)
    if table:
        screen.print(_table(report))
    if after:
        screen.print(text(after), soft_wrap=True)
    return stream.getvalue().rstrip("\n")


def _around_table(plain: str) -> tuple[str, bool, str]:
    """The text before and after the plain table of arguments, and whether there is one."""
    blocks = plain.split("\n\n")
    place = next((place for place, block in enumerate(blocks) if block.startswith(COLUMNS[0] + " ")), None)
    if place is None:
        return plain, False, ""
    return (
        "\n\n".join(blocks[:place]) + "\n",
        True,
        "\n" + "\n\n".join(blocks[place + 1 :]) if blocks[place + 1 :] else "",
    )


def _coloured(text: Any, report: Report) -> Any:
    text.stylize("bold", 0, text.plain.find("\n\n"))
    text.stylize(COLOURS[report.verdict], 0, headline(report).index(":"))
    return text


def _table(report: Report) -> Any:
    made = importlib.import_module("rich.table").Table(
        box=importlib.import_module("rich.box").SIMPLE_HEAD, pad_edge=False
    )
    for place, name in enumerate(COLUMNS):
        made.add_column(name, justify="left" if place in (0, 1, 5) else "right", overflow="fold")
    text = importlib.import_module("rich.text").Text
    for argument in report.arguments:
        first, verdict, *rest = argument_cells(argument)
        made.add_row(first, text(verdict, style=COLOURS[argument.verdict]), *rest)
    return made
