"""What a whole folder comes to: the reports of what is wrong, then one table of everything, with totals."""

import argparse
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from reference.oracle.command.output import reports, status_of, summary, width
from reference.oracle.rendering.columns import columns, padded, shortened
from reference.oracle.rendering.language import Say, english, saying

BUT = "right, but"
NAME, STATUS, LEAST = 26, len("cannot tell"), 20  # columns


def as_table(results: Sequence[dict[str, Any]], options: argparse.Namespace) -> str:
    """The reports of what is wrong (of everything, when verbose), the table, and the totals."""
    say = saying(options.language)
    if not results:
        return say("\nThere is nothing to judge in it.")
    shown = [result for result in results if options.verbose or result.get("verdict") == "fail"]
    files = len({result["file"] for result in results})
    within = say(f"In {files} {'file' if files == 1 else 'files'}: ")
    said = reports(shown, True, say)
    return "\n".join(["", *said, *rows(results, width(), say), "", within + summary(results, options)])


def rows(results: Sequence[dict[str, Any]], across: int, say: Say = english) -> list[str]:
    """A line for each file, and below it one for each thing in it: its name, its status, and why in few words."""
    name = min(NAME, max(len(result.get("name", "")) for result in results))
    lines = []
    for file, of_file in groupby(results, key=lambda result: result["file"]):
        lines.append(file)
        for result in of_file:
            start = f"  {padded(result.get('name', ''), name)}  {padded(say(_status(result)), STATUS)}  "
            lines.append(start + shortened(say(_why(result)), max(LEAST, across - columns(start))))
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
