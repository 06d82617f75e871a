"""What `functional-nn check` prints: one document for programs, or a few lines for people."""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reference.oracle.rendering.columns import columns, padded
from reference.oracle.rendering.language import Say, english, saying
from reference.oracle.rendering.text import wrapped

RIGHT, WRONG, NOT_JUDGED = 0, 1, 2


def wants_colour() -> bool:
    """Whether standard output is a terminal that colours suit, and rich is there to make them."""
    from reference.oracle.rendering.as_rich import available

    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and available()


def exit_status(results: Sequence[dict[str, Any]]) -> int:
    """1 where something is wrong, else 2 where something could not be judged, else 0."""
    verdicts = [result.get("verdict") for result in results]
    if "fail" in verdicts:
        return WRONG
    return RIGHT if verdicts and all(verdict == "pass" for verdict in verdicts) else NOT_JUDGED


def as_json(results: Sequence[dict[str, Any]]) -> str:
    """One document: the exit status and every result."""
    kept = ("file", "name", "verdict", "status", "report", "sweep", "grade", "problem", "code", "notes")
    listed = [{key: result[key] for key in kept if result.get(key)} for result in map(_with_status, results)]
    return json.dumps({"format": 1, "status": exit_status(results), "results": listed}, indent=2)


def _with_status(result: dict[str, Any]) -> dict[str, Any]:
    return {**result, "status": status_of(result)}


def status_of(result: dict[str, Any]) -> str:
    """The status of its report: "right", "right, but ...", "wrong", "cannot tell"."""
    return result.get("report", {}).get("status", "cannot tell")


def as_text(results: Sequence[dict[str, Any]], options: argparse.Namespace) -> str:
    """Whole reports of what is not right, a line of what is, and the sum."""
    shown = reports(results, options.verbose or len(results) == 1, saying(options.language))
    return "\n".join(["", *shown, "", summary(results, options)])


def reports(results: Sequence[dict[str, Any]], whole: bool, say: Say = english) -> list[str]:
    """The notes of each file, and a block for each result."""
    blocks = [*_notes_of_files(results, say), *(_result_text(result, whole, say) for result in results)]
    return ["\n".join(blocks).rstrip()] if blocks else []


def _notes_of_files(results: Sequence[dict[str, Any]], say: Say) -> list[str]:
    """How each file was run, where that is worth knowing: a line a note."""
    said = {(result["file"], note): None for result in results for note in result.get("notes", ())}
    return [wrapped(f"{Path(file).name}{say(': ')}{say(note)}", width(), rest="  ") for file, note in said]


def _result_text(result: dict[str, Any], whole: bool, say: Say) -> str:
    """The whole report, or one line for what is right."""
    name = result.get("name") or Path(result["file"]).name
    if "problem" in result:
        said = wrapped(say(f"{name}: cannot tell: {result['problem']}"), width(), rest="  ")
        return "\n".join([said, *_settling(result, whole, say)])
    if result["verdict"] == "pass" and not whole:
        said = say(result["report"]["headline"]) + say(_notes(result["report"]))
        text = wrapped(f"{name}{say(': ')}{said}", width(), rest="  ")
    else:
        text = f"--- {name} " + "-" * (width() - columns(name) - 5) + "\n" + result["text"]
    graded = _grade_lines(result["grade"], result["report"]["inputs"], say)
    apart = ["", *graded] if graded and "\n\n" in text else graded
    return "\n".join([text, *apart, *([""] if graded or "\n\n" in text else [])])


def _settling(result: dict[str, Any], whole: bool, say: Say) -> list[str]:
    """What settles it: the lines to paste, or which command shows them."""
    if not result.get("code"):
        return []
    if not whole:
        shown = f"functional-nn check {result['file']}:{result['name']}"
        return [wrapped(say(f"  what settles it: {shown}"), width(), rest="  ")]
    lines = [f"    {line}".rstrip() for line in result["code"].splitlines()]
    return ["", say("  These lines, at the end of the file, settle it:"), "", *lines, ""]


def _notes(report: dict[str, Any]) -> str:
    count = len(report["acquittals"]) + len(report["power"])
    return f" ({count} {'note' if count == 1 else 'notes'}: --verbose)" if count else ""


def width() -> int:
    """Columns to fill."""
    return min(shutil.get_terminal_size((80, 24)).columns, 120)


def _grade_lines(parts: Sequence[dict[str, Any]], inputs: str, say: Say) -> list[str]:
    if not parts:
        return []
    names = [say(part["name"]) for part in parts]
    wide = max(map(columns, names))
    lines = (
        f"    {part['earned']}/{part['possible']}  {padded(name, wide)}  {say(part['why'])}"
        for part, name in zip(parts, names, strict=True)
    )
    total = sum(part["earned"] for part in parts), sum(part["possible"] for part in parts)
    on = f", on {inputs}" if "EXAMPLES" in inputs else ""
    return [
        wrapped(say(f"  points: {total[0]} of {total[1]}{on}"), width(), rest="  "),
        *(wrapped(line.rstrip(), width(), rest=" " * (wide + 11)) for line in lines),
    ]


def summary(results: Sequence[dict[str, Any]], options: argparse.Namespace) -> str:
    """One line a result and the totals, for a file with several."""
    counts = {verdict: sum(result.get("verdict", "cannot tell") == verdict for result in results) for verdict in
              ("pass", "fail", "cannot tell")}  # fmt: skip
    but = sum(result.get("verdict") == "pass" and status_of(result) != "right" for result in results)
    right = f"{counts['pass']} right" + (f" ({but} of them with a but)" if but else "")
    said = f"{right}, {counts['fail']} wrong, {counts['cannot tell']} could not be judged"
    grades = [part for result in results for part in result.get("grade", [])]
    earned = sum(part["earned"] for part in grades), sum(part["possible"] for part in grades)
    return saying(options.language)(said + (f"; {earned[0]} of {earned[1]} points" if options.grade else "") + ".")
