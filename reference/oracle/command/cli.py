"""`functional-nn check FILE[:NAME] ...`: judge the hand-written backpropagation in a file or a folder."""

import argparse
import ast
import difflib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reference.oracle.accuracy.formats import FORMATS
from reference.oracle.command.output import NOT_JUDGED, as_json, as_text, exit_status
from reference.oracle.command.replayed import as_replayed
from reference.oracle.command.runner import run
from reference.oracle.command.spoken import add_language, language_of
from reference.oracle.command.stopping import Stopped, stoppable
from reference.oracle.command.students import Student, students_in, write_students
from reference.oracle.command.table import as_table
from reference.oracle.command.walk import SUFFIXES, judgeable
from reference.oracle.rendering.language import saying

DESCRIPTION = """Find the hand-written backpropagation in a file and say whether it is right,
and if not, why. The file is run, in a process of its own. In a folder, every
file that defines a backward is run, and a table sums up.

It finds classes with forward and backward, pairs of functions (NAME_forward
and NAME_backward, NAME_fwd and NAME_bwd, NAME and NAME_derivative), NAME_vjp
functions, NAME_loss functions that return (loss, gradient), networks with loss
and gradient, torch.autograd.Function and jax.custom_vjp."""
SECONDS, SECONDS_A_CALL, SECONDS_A_SWEEP = 60.0, 10.0, 600.0
TIMEOUT = "time for one file (60; with --replay 10 more for each call; with --sweep 600)"
EPILOG = """exit status: 0 everything judged is right, 1 something is wrong,
2 something could not be judged, 128 + N stopped by signal N
(130 Ctrl-C, 143 SIGTERM, 129 SIGHUP)

Right, but: code whose gradient is right and that writes into the cotangent,
computes in float32 in a run in float64, or has a small epsilon on one side
only. It counts as right; with --strict it fails.

The file may bring its own inputs: EXAMPLES = {"NAME": (x, ...)}, or for a class
EXAMPLES = {"NAME": {"init": (W, b), "inputs": (x,)}}, or a function
example_inputs(name). It may declare optimizers, whose steps are judged:
OPTIMIZERS = {"my_adam": ("adam", {"learning_rate": 0.1})}."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0 for right, 1 for wrong, 2 for what could not be judged."""
    results: list[dict[str, Any]] = []
    options = argparse.Namespace(language="en")
    with stoppable():
        try:
            options = _parser().parse_args(argv)
            return _judge(options, results)
        except Stopped as stopped:
            print(saying(options.language or "en")(stopped.sentence(results)), file=sys.stderr)
            return stopped.status


def _judge(options: argparse.Namespace, results: list[dict[str, Any]]) -> int:
    try:
        if options.html and not options.html.parent.is_dir():
            raise ValueError(f"--html: there is no folder {options.html.parent}")
        options.language = language_of(options.language)
        _known_op(options.op)
        statics = _statics(options.statics)
        targets = [_target(text) for text in options.targets]
        _settle(options, targets)
        students = _students(options, targets)
    except ValueError as refused:
        return _refuse(str(refused))
    for path, name in targets:
        for file in _files(path, options):
            found = [{"file": str(file), **result} for result in run(file, name, statics, options)]
            results += [result for result in found if not (path.is_dir() and result.get("nothing"))]
    if options.html:
        _write_html(options.html, results, options.language)
    written = write_students(students, results, options.students, options.language) if options.students else ""
    as_words = as_table if any(path.is_dir() for path, _ in targets) else as_text
    as_words = as_replayed if options.replay else as_words
    print(as_json(results) if options.json else as_words(results, options))
    if written and not options.json:
        print(written)
    return exit_status(results)


def _files(path: Path, options: argparse.Namespace) -> list[Path]:
    """The file; or, in a folder, the files that define a backward."""
    files, of = judgeable(path) if path.is_dir() else ([path], 1)
    which, each = (f"{len(files)} of {of} files in {path}", " each") if path.is_dir() else (path, "")
    if not options.json:
        print(saying(options.language)(f"Running {which} (at most {options.timeout:g} s{each})."), flush=True)
    return files


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "functional-nn check",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("targets", nargs="+", metavar="FILE[:NAME]", help="a file, one thing in a file, or a folder")
    parser.add_argument("--op", help="judge the forward as this op too (dense, conv, ...); none: never by its name")
    parser.add_argument("--statics", metavar="DICT", help="""the op's statics: "{'strides': 2, 'padding': 1}\"""")
    parser.add_argument("--seed", type=_natural, default=None, help="draws the inputs (0; with --grade: hidden)")
    parser.add_argument("--timeout", type=_seconds, metavar="SECONDS", help=TIMEOUT)
    parser.add_argument("--grade", action="store_true", help="points for each part, on inputs the file cannot know")
    parser.add_argument(
        "--students", type=Path, metavar="FOLDER", help="with --grade: a CSV of the points, and a page each, to there"
    )
    parser.add_argument(
        "--replay", type=Path, metavar="FOLDER", help="judge at the calls that oracle.record kept there"
    )
    parser.add_argument("--sweep", action="store_true", help="judge at every size and on unusual values too")
    parser.add_argument("--dtype", help=f"judge inputs and gradients of this dtype: {', '.join(FORMATS)}")
    parser.add_argument("--strict", action="store_true", help="what is right, but ..., fails too")
    parser.add_argument("--verbose", action="store_true", help="whole reports, also of what is right")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    add_language(parser, "of the report")
    parser.add_argument("--html", type=Path, metavar="PATH", help="write a page with pictures of the errors")
    return parser


def _students(options: argparse.Namespace, targets: Sequence[tuple[Path, str | None]]) -> list[Student]:
    """Who handed in, where a table and pages of them are asked for."""
    if not options.students:
        return []
    if not options.grade or len(targets) != 1 or not targets[0][0].is_dir():
        raise ValueError("--students needs --grade and one folder, with a file or a folder for each student")
    if options.students.exists() and not options.students.is_dir():
        raise ValueError(f"--students must be a folder; got {options.students}, which is a file")
    return students_in(targets[0][0])


def _settle(options: argparse.Namespace, targets: Sequence[tuple[Path, str | None]]) -> None:
    """Which kind of judgment is asked for, whether the calls to be judged are there, and the time for one file."""
    chosen = [name for name in ("grade", "sweep", "replay") if getattr(options, name)]
    if len(chosen) > 1:
        raise ValueError(f"{' and '.join(f'--{name}' for name in chosen)}: one of them at a time")
    _known_dtype(options, chosen)
    seconds = SECONDS_A_SWEEP if options.sweep else SECONDS
    if options.replay:
        if len(targets) > 1 or targets[0][0].is_dir():
            raise ValueError("--replay judges one thing, FILE:NAME")
        from reference.oracle.recorder.replay import recordings

        seconds += SECONDS_A_CALL * len(recordings(options.replay))
    options.timeout = options.timeout or seconds


def _known_dtype(options: argparse.Namespace, chosen: Sequence[str]) -> None:
    if options.dtype not in (None, *FORMATS):
        raise ValueError(f"--dtype must be one of {', '.join(FORMATS)}; got {options.dtype}")
    if options.dtype and (other := next((name for name in chosen if name != "sweep"), None)):
        raise ValueError(f"--{other} judges in the dtype of its own inputs; got --dtype {options.dtype} beside it")


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
    """FILE[:NAME] or a folder; a colon belongs to the path where such a path exists (a drive on Windows)."""
    before, colon, name = text.rpartition(":")
    split = bool(colon) and not Path(text).exists() and name.isidentifier()
    path = Path(before if split else text)
    if not path.exists():
        raise ValueError(f"there is no file {path}")
    if path.is_dir() and split:
        raise ValueError(f"{path} is a folder: a name needs a file")
    if path.is_file() and path.suffix not in SUFFIXES:
        raise ValueError(f"{path} is not a Python file (.py) and no notebook (.ipynb)")
    return path, name if split else None


def _refuse(sentence: str) -> int:
    print(f"functional-nn check: {sentence}", file=sys.stderr)
    return NOT_JUDGED


def _write_html(path: Path, results: Sequence[dict[str, Any]], language: str) -> None:
    from reference.oracle.rendering.html import html_page

    sections = [result["html"] for result in results if result.get("html")]
    path.write_text(html_page(saying(language)("Backpropagation, judged"), sections, language), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
