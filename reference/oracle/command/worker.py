"""The child process of `functional-nn check`: it runs the user's file and writes one JSON line a result.

A process of its own, because the file may hang, exit, print or crash; what was judged before that is kept.
"""

import contextlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from reference.oracle.command.grade import grade
from reference.oracle.command.hidden import judge_hidden
from reference.oracle.command.importing import load
from reference.oracle.command.importing.standins import used
from reference.oracle.command.notebook import own_examples
from reference.oracle.command.recorded import RecordedCall, recorded_calls
from reference.oracle.command.stepped import Declared, found_in, grade_steps
from reference.oracle.reading.discover import Found, NotFound
from reference.oracle.reading.judge import CannotTell, judge
from reference.oracle.reading.request import Request
from reference.oracle.reading.swept import own_maker, report_in_dtype, sweep_found
from reference.oracle.reading.texts import NotPython
from reference.oracle.rendering.as_json import as_dict
from reference.oracle.rendering.as_rich import render_rich
from reference.oracle.rendering.html import report_section
from reference.oracle.rendering.language import Say, saying
from reference.oracle.rendering.text import render_text
from reference.oracle.report import Report
from reference.oracle.sweep.shown import as_dict as swept_as_dict
from reference.oracle.sweep.shown import as_text, headline

Write = Callable[[dict[str, Any]], None]


def main() -> int:
    """Read the job from standard input, judge, and write results to the file that the job names."""
    job = json.load(sys.stdin)
    # Whatever the file prints must not mix with the results: it goes to the terminal's error stream.
    os.dup2(2, 1)
    sys.dont_write_bytecode = True
    with open(job["results"], "a", encoding="utf-8") as results:
        if hasattr(os, "register_at_fork"):  # a copy of this process that the file makes has nothing to tell
            os.register_at_fork(after_in_child=lambda: os.dup2(os.open(os.devnull, os.O_WRONLY), results.fileno()))
        print(json.dumps({"ready": True}), file=results, flush=True)
        judge_file(job, lambda result: print(json.dumps(result), file=results, flush=True))
    return 0


def judge_file(job: dict[str, Any], write: Write) -> None:
    """Judge what the job names, one result each: a report, or the sentence that says why there is none."""
    notes: tuple[str, ...] = ()
    try:
        module, notes = load(Path(job["file"]))
        replay = job.get("replay")
        everything = recorded_calls(module, job["name"], replay) if replay else found_in(module, job["name"])
    except NotPython as refused:
        return write({"problem": str(refused)})
    except NotFound as nothing:
        return write({"problem": str(nothing), "notes": notes, "nothing": not notes})
    except BaseException as error:  # a file may raise anything
        return write({"problem": _did_not_import(error, job["file"])})
    for found in everything:
        write({"started": found.name})
        used()  # what was refused before is nothing to this one
        result, missing = _judged(found, module, job), used()
        told = tuple(one for one in missing if one.endswith("stands in")) if result.get("verdict") == "pass" else ()
        write({**_acquitted(result, missing), "notes": (*notes, *told)})
    return write({"done": True})


def _acquitted(result: dict[str, Any], missing: Sequence[str]) -> dict[str, Any]:
    """The result; but nobody is accused where something is not installed, or what Python it is makes a difference."""
    if result.get("verdict") != "fail" or not missing:
        return result
    return {"name": result["name"], "problem": f"{result['name']} may not be to blame: {missing[0]}"}


def _did_not_import(error: BaseException, file: str) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    line = error.lineno if isinstance(error, SyntaxError) else frames[-1].lineno if frames else None
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    where = f" in line {line}" if line else ""
    return f"it does not import: {type(error).__name__}{where}: {said}".rstrip(": ")


def _judged(found: Found | Declared | RecordedCall, module: ModuleType, job: dict[str, Any]) -> dict[str, Any]:
    try:
        if job.get("sweep") and isinstance(found, Found):
            return _swept(found, module, job)
        reports = [_report(found, module, job, seed) for seed in job["seeds"]]
    except CannotTell as unsure:
        return {"name": found.name, "problem": str(unsure), "code": unsure.code}
    except (TypeError, ValueError) as refused:  # the oracle's own words: an unknown op, mismatched shapes
        return {"name": found.name, "problem": f"{found.name} could not be judged: {refused}"}
    except BaseException as error:  # a file may raise anything; no Ctrl-C reaches this process
        return {"name": found.name, "problem": f"{found.name} could not be judged: {type(error).__name__}: {error}"}
    report = next((report for report in reports if report.verdict != "pass"), reports[0])
    graded = grade_steps(reports) if isinstance(found, Declared) else grade(reports, job.get("strict", False))
    drawn, say = render_rich if job["rich"] else render_text, _say(job)
    return {
        "name": found.name,
        "verdict": report.verdict,
        "text": drawn(report, job["width"], say),
        "report": as_dict(report),
        "html": report_section(report, say) if job["html"] else "",
        "grade": [part._asdict() for part in graded] if job["grade"] else [],
    }


def _swept(found: Found, module: ModuleType, job: dict[str, Any]) -> dict[str, Any]:
    """The result of a sweep; of code that is wrong as it is, that of the ordinary report."""
    request = Request(
        job["op"], job["statics"], job["seeds"][0], job.get("strict", False), own_examples(module, found.name)
    )
    swept = sweep_found(found, request, own_maker(module, found.name), job.get("dtype"))
    report = swept if isinstance(swept, Report) else swept.report
    width, say = job["width"], _say(job)
    own = {} if isinstance(swept, Report) else {"headline": headline(swept), "subject": found.name}
    return {
        "name": found.name,
        "verdict": swept.verdict,
        "text": render_text(swept, width, say) if isinstance(swept, Report) else as_text(swept, width, say),
        "report": {**as_dict(report), **own},
        "sweep": {} if isinstance(swept, Report) else swept_as_dict(swept),
        "html": report_section(report, say) if job["html"] else "",
        "grade": [],
    }


def _report(found: Found | Declared | RecordedCall, module: ModuleType, job: dict[str, Any], seed: int) -> Report:
    if isinstance(found, Declared):
        return found.report(seed)
    if isinstance(found, RecordedCall):
        op = None if job["op"] == "none" else job["op"]
        return found.report(op=op, statics=job["statics"], seed=seed, strict=job.get("strict", False))
    request = Request(job["op"], job["statics"], seed, job.get("strict", False), own_examples(module, found.name))
    if dtype := job.get("dtype"):
        return report_in_dtype(found, request, dtype)
    return (judge_hidden if job["grade"] else judge)(found, request)


def _say(job: dict[str, Any]) -> Say:
    return saying(job.get("language") or "en")


if __name__ == "__main__":
    status = main()
    with contextlib.suppress(OSError, ValueError):  # the file may have closed it
        sys.stdout.flush()
    os._exit(status)  # without waiting for the file's threads and exit handlers: everything is judged
