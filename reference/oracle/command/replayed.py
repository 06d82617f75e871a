"""What the calls of a training come to: a line for each, and the whole report of the first that is wrong."""

import argparse
from collections.abc import Sequence
from typing import Any

from reference.oracle.command.output import reports, status_of, summary, width
from reference.oracle.rendering.columns import columns, padded, shortened
from reference.oracle.rendering.language import Say, english, saying

LEAST = 20  # columns
HEAD = ("call", "verdict", "argument", "cause")


def as_replayed(results: Sequence[dict[str, Any]], options: argparse.Namespace) -> str:
    """The table, and the report of the first failure (of every one, when verbose), and the totals."""
    wrong = [result for result in results if result.get("verdict") == "fail"]
    shown = results if options.verbose else wrong[:1]
    say = saying(options.language)
    said = reports([{**result, "notes": ()} for result in shown], True, say)
    return "\n".join(["", *table(results, say), "", *(line for block in said for line in (block, "")),
                      summary(results, options)])  # fmt: skip


def table(results: Sequence[dict[str, Any]], say: Say = english) -> list[str]:
    """The name of each file, the verdict, the argument that is furthest off, and why; or why it was not judged."""
    rows = [tuple(map(say, HEAD)), *(_row(result, say) for result in results)]
    wide = [max(columns(row[place]) for row in rows if place < len(row) - 1) for place in range(len(HEAD) - 1)]
    lines = []
    for row in rows:
        start = "".join(f"{padded(cell, size)}  " for cell, size in zip(row[:-1], wide, strict=False))
        room = max(LEAST, width() - columns(start))
        lines.append((start + shortened(row[-1], room)).rstrip())
    return lines


def _row(result: dict[str, Any], say: Say) -> tuple[str, ...]:
    name = result.get("name") or result["file"]
    if "problem" in result:
        why = result["problem"].removeprefix(f"{name} could not be judged: ").removeprefix(f"{name} ")
        return name, say("cannot tell"), say(why)
    report = result["report"]
    off = [one for one in report["arguments"] if one["verdict"] != "pass"] or report["arguments"]
    worst = max(off, key=lambda one: float(one["max_error"]), default={"name": ""})["name"]
    cause = next((one["cause"] for one in report["findings"] if one["argument"] in (worst, None)), "")
    found = cause or next((one["cause"] for one in report["findings"]), "")
    return name, say(status_of(result)), worst, found
