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
from pathlib import Path
from typing import Any

from reference.oracle.command.output import wants_colour, width

GRADED_INPUTS = 3


def run(
    file: Path, name: str | None, statics: dict[str, Any] | None, options: argparse.Namespace
) -> list[dict[str, Any]]:
    """The results of one file, judged in a child process; a child that dies or hangs costs only what it was at."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results"
        results.touch()
        job = job_of(file, name, statics, options, results)
        ended = _child(job, options.timeout)
        lines = [line for line in map(_parsed, results.read_text("utf-8", "replace").splitlines()) if line]
    finished = [line for line in lines if "problem" in line or "verdict" in line]
    last = lines[-1] if lines else {}
    if not last or "started" in last or "ready" in last:
        who, name = "the file" if last else "the judge", last.get("started", "")
        at = f" while {name} was judged" if name else ""
        finished.append({"name": name, "problem": f"{who} {ended}{at}"})
    return finished


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
        "seeds": [first + place for place in range(GRADED_INPUTS if options.grade else 1)],
        "grade": options.grade,
        "html": options.html is not None,
        "rich": not options.json and wants_colour(),
        "width": width(),
        "results": str(results),
    }


def _child(job: dict[str, Any], timeout: float) -> str:
    """Run the worker on the job; how it ended, in words."""
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    command = [sys.executable, "-m", "reference.oracle.command.worker"]
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)}, start_new_session=True
    )
    try:
        child.communicate(json.dumps(job).encode(), timeout=timeout)
    except subprocess.TimeoutExpired:
        return f"took more than {timeout:g} s and was stopped"
    finally:
        _end(child)
    return f"ended the process (exit status {child.returncode})"


def _end(child: subprocess.Popen[bytes]) -> None:
    """Stop the child and whatever it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    child.wait()
