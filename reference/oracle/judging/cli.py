"""`functional-nn judge TASK SUBMISSION`: judge a kernel that nobody trusts, in a process of its own."""

import argparse
import ctypes
import secrets
import signal
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from reference.oracle.command.output import NOT_JUDGED, width
from reference.oracle.command.stopping import Stopped, stoppable
from reference.oracle.judging.document import EXIT, as_json, as_text
from reference.oracle.judging.judging import judge
from reference.oracle.judging.robust_kbench import read_folder
from reference.oracle.judging.task import BadTask, read

DESCRIPTION = """Judge a forward and a backward that nobody trusts. The submission runs in a
process of its own, which gets arrays and returns arrays, and holds no seed, no
reference and no comparison."""
EPILOG = """exit status: 0 it passes, 1 it fails (it is wrong, or breaks a rule of the task),
2 the task could not be read, or the judge cannot tell, 128 + N stopped by
signal N

docs/judge.md says what stands in a task and in the document."""
SET_DUMPABLE = 4  # <linux/prctl.h>


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0 for a pass, 1 for a failure, 2 for what could not be judged."""
    options = _parser().parse_args(argv)
    with stoppable():
        try:
            return _judge(options)
        except Stopped as stopped:
            by = "Ctrl-C" if stopped.number == signal.SIGINT else signal.Signals(stopped.number).name
            return _say(f"stopped by {by}", stopped.status)


def _judge(options: argparse.Namespace) -> int:
    if find_spec("resource") is None:
        return _say("it must run on Linux or macOS, which limit a process's memory; got a system without", NOT_JUDGED)
    _hide_memory()
    try:
        task = read_folder(options.task) if options.task.is_dir() else read(options.task)
        seed = options.seed if options.seed is not None else secrets.randbits(32)
        judged = judge(task, options.submission, seed)
    except (BadTask, ValueError) as refused:
        return _say(str(refused), NOT_JUDGED)
    print(as_json(judged) if options.json else as_text(judged, width()))
    return EXIT[judged.verdict]


def _say(sentence: str, status: int) -> int:
    print(f"functional-nn judge: {sentence}", file=sys.stderr)
    return status


def _hide_memory() -> None:
    """No other process of this user may read what this one holds: the seed and the reference's answers."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_DUMPABLE, 0, 0, 0, 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "functional-nn judge",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("task", type=Path, metavar="TASK", help="a TOML file, or a folder of a benchmark's task")
    parser.add_argument("submission", type=Path, metavar="SUBMISSION", help="one Python file")
    parser.add_argument("--json", action="store_true", help="print one document and nothing else")
    parser.add_argument("--seed", type=_natural, help="to repeat a judgment; by default drawn anew, and printed")
    return parser


def _natural(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"a seed is a whole number from 0 on; got {text}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
