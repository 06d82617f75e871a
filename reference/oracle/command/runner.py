"""Judging a file in a child process: what it prints, raises or breaks cannot reach the one who asked."""

import argparse
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reference.oracle.command import guard
from reference.oracle.command.output import wants_colour, width
from reference.oracle.command.stopping import Stopped
from reference.oracle.subjects.interpreted import INTERPRETED

GRADED_INPUTS = 3
ENDS_WITHIN = 10.0  # seconds that the guard has to end everything


Started = Callable[[subprocess.Popen[bytes]], None]


def run(
    file: Path,
    name: str | None,
    statics: dict[str, Any] | None,
    options: argparse.Namespace,
    *,
    printed: int | None = None,
    started: Started = lambda guarded: None,
) -> list[dict[str, Any]]:
    """The results of one file, judged in a child process; a child that dies or hangs costs only what it was at.

    What the file prints goes to the file descriptor `printed` (by default to standard error). `started` is told of the
    process that watches over the child: terminated, it ends everything.
    """
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results"
        results.touch()
        job = job_of(file, name, statics, options, results)
        try:
            ended = _child(job, options.timeout, printed, started)
        except Stopped as stopped:
            stopped.file, stopped.results = str(file), _finished(_lines(results))
            raise
        lines = _lines(results)
    finished = _finished(lines)
    last = lines[-1] if lines else {}
    if not last or "started" in last or "ready" in last:
        who, name = "the file" if last else "the judge", last.get("started", "")
        at = f" while {name} was judged" if name else ""
        finished.append({"name": name, "problem": f"{who} {ended}{at}"})
    return finished


def _lines(results: Path) -> list[dict[str, Any]]:
    return [line for line in map(_parsed, results.read_text("utf-8", "replace").splitlines()) if line]


def _finished(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in lines if "problem" in line or "verdict" in line]


def _parsed(line: str) -> dict[str, Any]:
    """A result, or nothing where the child was stopped in the middle of writing it."""
    with contextlib.suppress(ValueError):
        return json.loads(line)
    return {}


def job_of(file: Path, name: str | None, statics: Any, options: argparse.Namespace, results: Path) -> dict[str, Any]:
    """What the child is told."""
    first = options.seed if options.seed is not None else secrets.randbits(32) if options.grade else 0
    return {
        "file": str(file.resolve()),
        "name": name,
        "op": options.op,
        "statics": statics,
        "strict": options.strict,
        "seeds": [first + place for place in range(GRADED_INPUTS if options.grade else 1)],
        "grade": options.grade,
        "replay": str(options.replay.resolve()) if options.replay else None,
        "sweep": options.sweep,
        "dtype": options.dtype,
        "html": bool(options.html or options.students),
        "rich": not options.json and wants_colour(),
        "width": width(),
        "language": options.language,
        "results": str(results),
    }


def _child(job: dict[str, Any], timeout: float, printed: int | None, started: Started) -> str:
    """Run the worker on the job, under a guard; how it ended, in words."""
    root = str(Path(__file__).resolve().parents[3])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    # The guard is started by its path and without packages, so that it costs next to nothing.
    # The worker's -P: no file where the command was started takes the place of a module that the judge imports.
    worker = [sys.executable, "-P", "-m", "reference.oracle.command.worker"]
    command = [sys.executable, "-I", "-S", guard.__file__, *worker]
    environment = {**INTERPRETED, **os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    pipe = subprocess.PIPE
    guarded = subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=printed, env=environment, start_new_session=True
    )
    told = ""
    try:
        started(guarded)
        _tell(guarded, json.dumps(job))
        guarded.wait(timeout)
    except subprocess.TimeoutExpired:
        return f"took more than {timeout:g} s and was stopped"
    finally:
        told = _end(guarded)
    return _how(told)


def _tell(guarded: subprocess.Popen[bytes], job: str) -> None:
    assert guarded.stdin is not None
    with contextlib.suppress(OSError):  # it is gone already, which is seen later
        guarded.stdin.write(job.encode() + b"\n")
        guarded.stdin.flush()


def _end(guarded: subprocess.Popen[bytes]) -> str:
    """Close the guard's standard input, at which it ends all that was started, then itself; the worker's status."""
    assert guarded.stdin is not None
    assert guarded.stdout is not None
    with contextlib.suppress(OSError):
        guarded.stdin.close()
    try:
        guarded.wait(ENDS_WITHIN)
    except subprocess.TimeoutExpired:
        guarded.kill()
        guarded.wait()
    with guarded.stdout:
        return guarded.stdout.read().decode()


def _how(status: str) -> str:
    """How the worker ended, from what the guard printed."""
    if not status:
        return "ended the process that watches over it"
    if int(status) >= 0:
        return f"ended the process (exit status {status})"
    name = signal.Signals(-int(status)).name
    return f"was ended by {name}" + (", as happens where memory runs out" if name == "SIGKILL" else "")
