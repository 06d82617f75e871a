"""`functional-nn check FILE[:NAME] ...`: judge the hand-written backpropagation in a file."""

import argparse
import ast
import contextlib
import difflib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reference.oracle.render_text import wrapped

RIGHT, WRONG, NOT_JUDGED = 0, 1, 2
GRADED_INPUTS = 3
DESCRIPTION = """Find the hand-written backpropagation in a file and say whether it is right, and if not, why.

It finds classes with forward and backward, pairs of functions (NAME_forward and NAME_backward, NAME_fwd and NAME_bwd),
NAME_vjp functions, networks with loss and gradient, torch.autograd.Function and jax.custom_vjp. The file is run."""
EPILOG = """exit status: 0 everything judged is right, 1 something is wrong, 2 something could not be judged

The file may bring its own inputs: EXAMPLES = {"NAME": (x, ...)}, or for a class
EXAMPLES = {"NAME": {"init": (W, b), "inputs": (x,)}}, or a function example_inputs(name)."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0 for right, 1 for wrong, 2 for what could not be judged."""
    options = _parser().parse_args(argv)
    try:
        if options.html and not options.html.parent.is_dir():
            raise ValueError(f"--html: there is no folder {options.html.parent}")
        _known_op(options.op)
        statics = _statics(options.statics)
        targets = [_target(text) for text in options.targets]
    except ValueError as refused:
        return _refuse(str(refused))
    results = []
    for file, name in targets:
        if not options.json:
            print(f"Running {file} (at most {options.timeout:g} s).", flush=True)
        results += [{"file": str(file), **result} for result in _run(file, name, statics, options)]
    if options.html:
        _write_html(options.html, results)
    print(_as_json(results) if options.json else _as_text(results, options))
    return exit_status(results)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "functional-nn check",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("targets", nargs="+", metavar="FILE[:NAME]", help="a Python file, and one thing in it")
    parser.add_argument("--op", help="judge the forward as this op too (dense, conv, ...); none: never by its name")
    parser.add_argument("--statics", metavar="DICT", help="""the op's statics: "{'strides': 2, 'padding': 1}\"""")
    parser.add_argument("--seed", type=_natural, default=None, help="draws the inputs (0; with --grade: hidden)")
    parser.add_argument("--timeout", type=_seconds, default=60.0, metavar="SECONDS", help="time for one file (60)")
    parser.add_argument("--grade", action="store_true", help="points for each part, on inputs the file cannot know")
    parser.add_argument("--verbose", action="store_true", help="whole reports, also of what is right")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    parser.add_argument("--html", type=Path, metavar="PATH", help="write a page with pictures of the errors")
    return parser


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"seconds must be positive; got {text}")
    return value


def _natural(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"a seed is a whole number from 0 on; got {text}")
    return int(text)


def _known_op(op: str | None) -> None:
    from reference.oracle.specs import SPECS

    if op not in (None, "none", *SPECS):
        near = difflib.get_close_matches(str(op), SPECS, n=1)
        hint = f"; did you mean {near[0]}?" if near else f": it must be one of {', '.join(SPECS)}, or none"
        raise ValueError(f"there is no op {op}{hint}")


def _statics(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        value = None
    if not isinstance(value, dict):
        raise ValueError(f"--statics must be a dict of literals, such as \"{{'strides': 2}}\"; got {text}")
    return value


def _target(text: str) -> tuple[Path, str | None]:
    """FILE[:NAME]; a colon belongs to the path where such a path exists (a drive on Windows)."""
    before, colon, name = text.rpartition(":")
    split = bool(colon) and not Path(text).exists() and name.isidentifier()
    path = Path(before if split else text)
    if path.is_dir():
        raise ValueError(f"{path} is a folder: name a Python file in it")
    if not path.exists():
        raise ValueError(f"there is no file {path}")
    if path.suffix != ".py":
        raise ValueError(f"{path} is not a Python file (.py)")
    return path, name if split else None


def _refuse(sentence: str) -> int:
    print(f"functional-nn check: {sentence}", file=sys.stderr)
    return NOT_JUDGED


def _run(
    file: Path, name: str | None, statics: dict[str, Any] | None, options: argparse.Namespace
) -> list[dict[str, Any]]:
    """The results of one file, judged in a child process; a child that dies or hangs costs only what it was at."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results"
        results.touch()
        job = _job(file, name, statics, options, results)
        ended = _child(job, options.timeout)
        lines = [json.loads(line) for line in results.read_text("utf-8").splitlines()]
    finished = [line for line in lines if "problem" in line or "verdict" in line]
    if not lines or "started" in lines[-1]:
        at = f" while {lines[-1]['started']} was judged" if lines else ""
        finished.append({"name": lines[-1]["started"] if lines else "", "problem": f"the file {ended}{at}"})
    return finished


def _job(file: Path, name: str | None, statics: Any, options: argparse.Namespace, results: Path) -> dict[str, Any]:
    first = options.seed if options.seed is not None else secrets.randbits(32) if options.grade else 0
    return {
        "file": str(file.resolve()),
        "name": name,
        "op": options.op,
        "statics": statics,
        "seeds": [first + place for place in range(GRADED_INPUTS if options.grade else 1)],
        "grade": options.grade,
        "html": options.html is not None,
        "rich": not options.json and _wants_colour(),
        "width": _width(),
        "results": str(results),
    }


def _wants_colour() -> bool:
    from reference.oracle.render_rich import available

    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and available()


def _child(job: dict[str, Any], timeout: float) -> str:
    """Run the worker on the job; how it ended, in words."""
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    command = [sys.executable, "-m", "reference.oracle.worker"]
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


def exit_status(results: Sequence[dict[str, Any]]) -> int:
    """1 where something is wrong, else 2 where something could not be judged, else 0."""
    verdicts = [result.get("verdict") for result in results]
    if "fail" in verdicts:
        return WRONG
    return RIGHT if verdicts and all(verdict == "pass" for verdict in verdicts) else NOT_JUDGED


def _as_json(results: Sequence[dict[str, Any]]) -> str:
    kept = ("file", "name", "verdict", "report", "grade", "problem")
    listed = [{key: result[key] for key in kept if result.get(key)} for result in results]
    return json.dumps({"format": 1, "status": exit_status(results), "results": listed}, indent=2)


def _as_text(results: Sequence[dict[str, Any]], options: argparse.Namespace) -> str:
    whole = options.verbose or len(results) == 1
    blocks = [_result_text(result, whole) for result in results]
    return "\n".join(["", "\n".join(blocks).rstrip(), "", _summary(results, options)])


def _result_text(result: dict[str, Any], whole: bool) -> str:
    """The whole report, or one line for what is right."""
    name = result.get("name") or Path(result["file"]).name
    if "problem" in result:
        return wrapped(f"{name}: cannot tell: {result['problem']}", _width(), rest="  ")
    if result["verdict"] == "pass" and not whole:
        text = wrapped(f"{name}: {result['report']['headline']}{_notes(result['report'])}", _width(), rest="  ")
    else:
        text = f"--- {name} ".ljust(_width(), "-") + "\n" + result["text"]
    graded = _grade_lines(result["grade"])
    apart = ["", *graded] if graded and "\n\n" in text else graded
    return "\n".join([text, *apart, *([""] if graded or "\n\n" in text else [])])


def _notes(report: dict[str, Any]) -> str:
    count = len(report["acquittals"]) + len(report["power"])
    return f" ({count} {'note' if count == 1 else 'notes'}: --verbose)" if count else ""


def _width() -> int:
    return min(shutil.get_terminal_size((80, 24)).columns, 120)


def _grade_lines(parts: Sequence[dict[str, Any]]) -> list[str]:
    if not parts:
        return []
    wide = max(len(part["name"]) for part in parts)
    lines = (
        f"    {part['earned']}/{part['possible']}  {part['name'].ljust(wide)}  {part['why']}".rstrip() for part in parts
    )
    total = sum(part["earned"] for part in parts), sum(part["possible"] for part in parts)
    return [f"  points: {total[0]} of {total[1]}", *lines]


def _summary(results: Sequence[dict[str, Any]], options: argparse.Namespace) -> str:
    """One line a result and the totals, for a file with several."""
    counts = {verdict: sum(result.get("verdict", "cannot tell") == verdict for result in results) for verdict in
              ("pass", "fail", "cannot tell")}  # fmt: skip
    said = f"{counts['pass']} right, {counts['fail']} wrong, {counts['cannot tell']} could not be judged"
    grades = [part for result in results for part in result.get("grade", [])]
    earned = sum(part["earned"] for part in grades), sum(part["possible"] for part in grades)
    return said + (f"; {earned[0]} of {earned[1]} points" if options.grade else "") + "."


def _write_html(path: Path, results: Sequence[dict[str, Any]]) -> None:
    from reference.oracle.render_html import html_page

    sections = [result["html"] for result in results if result.get("html")]
    path.write_text(html_page("Backpropagation, judged", sections), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
