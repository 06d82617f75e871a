"""What a whole folder comes to: the reports of what is wrong, then one table of everything, with totals."""

import argparse
import textwrap
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from reference.oracle.command.output import reports, status_of, summary, width

BUT = "right, but"
NAME, STATUS, LEAST = 26, len("cannot tell"), 20  # columns


def as_table(results: Sequence[dict[str, Any]], options: argparse.Namespace) -> str:
    """The reports of what is wrong (of everything, when verbose), the table, and the totals."""
    if not results:
        return "\nThere is nothing to judge in it."
    shown = [result for result in results if options.verbose or result.get("verdict") == "fail"]
    files = len({result["file"] for result in results})
    totals = f"In {files} {'file' if files == 1 else 'files'}: {summary(results, options)}"
    return "\n".join(["", *reports(shown, whole=True), *rows(results, width()), "", totals])


def rows(results: Sequence[dict[str, Any]], columns: int) -> list[str]:
    """A line for each file, and below it one for each thing in it: its name, its status, and why in few words."""
    name = min(NAME, max(len(result.get("name", "")) for result in results))
    lines = []
    for file, of_file in groupby(results, key=lambda result: result["file"]):
        lines.append(file)
        for result in of_file:
            start = f"  {result.get('name', '').ljust(name)}  {_status(result).ljust(STATUS)}  "
            lines.append(start + textwrap.shorten(_why(result), max(LEAST, columns - len(start)), placeholder=" ..."))
    return lines


def _status(result: dict[str, Any]) -> str:
    """right, wrong, cannot tell; of "right, but writes into the cotangent" the first two words."""
    status = status_of(result)
    return BUT if status.startswith(BUT) else status


def _why(result: dict[str, Any]) -> str:
    """The headline, or what kept it from being judged; with the notes of a file in which nothing could be."""
    if "problem" in result:
        if not (name := result.get("name")):
            return "; ".join([*result.get("notes", ()), result["problem"]])
        return result["problem"].removeprefix(f"{name} could not be judged: ").replace(f" for {name}:", ":", 1)
    return result["report"]["headline"].partition(": ")[2].removeprefix(f"{BUT} ")
