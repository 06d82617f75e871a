"""The command `functional-nn`: words in, one exit status out. Imports neither JAX nor a model before it must."""

import importlib
import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from signal import SIGINT
from typing import TYPE_CHECKING

from functional_nn._interrupt import sentence, unwatch
from functional_nn._twin import twin
from functional_nn.training.choices.legal import validate
from functional_nn.training.choices.values import did_you_mean
from functional_nn.training.endings import (
    BadInput,
    Diverged,
    GradientsDisagree,
    Interrupted,
    InterruptedTwice,
    ProcessLost,
)
from functional_nn.training.machine.cores import divide_cores
from functional_nn.training.machine.memory import keep_compiled_programs, keep_freed_memory
from functional_nn.training.machine.packages import require_extras
from functional_nn.training.machine.processes import is_first, join, noticing_loss, several

if TYPE_CHECKING:
    from functional_nn.training.choices.config import TrainConfig

OK, FAILED, BAD_INPUT, LOST, BY_SIGNAL = 0, 1, 2, 3, 128
SIGPIPE = 13  # which Windows does not name
USAGE = """\
functional-nn: neural networks as pure functions

  functional-nn train [OPTIONS]            train a network on images or text; --help lists them all
  functional-nn experiment NAME            one of the textbook's, which ends in a picture
  functional-nn generate RUN --prompt TEXT go on with a text, or answer a question, with the network of a finished run
  functional-nn predict RUN IMAGE ...      classify image files with the network of a finished run
  functional-nn export RUN                 write that network as files that run without this package
  functional-nn check FILE[:NAME] ...      judge hand-written backpropagation; --help says how
  functional-nn judge TASK SUBMISSION      judge a kernel that nobody trusts, in a process of its own
  functional-nn explain CAUSE ...          what a cause in such a judgment means
  functional-nn study                      read the study site and write its exercises, on this machine
  functional-nn doctor                     show versions, devices, precision, and what to mend

  functional-nn --version
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    0 well, 1 failed, 2 bad input, 3 another process of the run is gone, 128 and the signal that ended it.
    """
    command, *rest = words = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    try:
        if command not in COMMANDS:
            raise BadInput(f"there is no command {command!r}{did_you_mean(command, tuple(COMMANDS))}; try --help")
        status = COMMANDS[command](rest)
        sys.stdout.flush()
        return status
    except BadInput as error:
        return _stop(command, str(error), BAD_INPUT)
    except OSError as error:
        return _cannot_write(command, error)
    except (Diverged, GradientsDisagree) as error:
        return _stop(command, str(error), FAILED)
    except Interrupted as error:
        return _end_early(command, error)
    except KeyboardInterrupt:
        print(sentence(words), file=sys.stderr)
        return BY_SIGNAL + SIGINT


def train(argv: Sequence[str]) -> int:
    """Train as the flags say; the last two lines are the score and the folder."""
    require_extras()
    from functional_nn.training.choices.flags import parse

    config = parse(argv)
    if config is None:
        return OK
    validate(config)
    keep_freed_memory()
    join(config)
    divide_cores(config)
    from functional_nn.training.run.loop import train as run_training

    keep_compiled_programs()
    with noticing_loss("start all of them again"):
        if config.seeds > 1:
            return _train_many(config)
        run = run_training(config)
    if not is_first():
        return OK
    print(run.task.outcome(run.test))
    print(f"run folder    {run.folder}")
    return OK


def _train_many(config: "TrainConfig") -> int:
    from functional_nn.training.data.task import task_of
    from functional_nn.training.run.loop import train as run_training
    from functional_nn.training.run.many import table, train_many

    score = task_of(config.dataset).score
    folder, scores = train_many(config, lambda one: score.of(run_training(one).test))
    if is_first():
        print("\n".join([*table(config, scores), f"run folder    {folder}"]))
    return OK


def experiment(argv: Sequence[str]) -> int:
    """Run an experiment; what was measured, or what each part reached, best first, and the picture."""
    require_extras()
    from functional_nn.experiments.experiment import ranked
    from functional_nn.experiments.run import PICTURE, ExperimentConfig, Study, named, run, run_study
    from functional_nn.training.choices.flags import read

    config = read("experiment", ExperimentConfig, argv)
    if config is None:
        return OK
    keep_freed_memory()
    from functional_nn.training.report.results import write_learned
    from functional_nn.training.run.loop import train as run_training

    keep_compiled_programs()
    asked = named(config.experiment)
    if isinstance(asked, Study):
        folder, figures = run_study(config, asked)
        lines = asked.table(figures)
    else:
        folder, arms = run(config, lambda part: run_training(part, write_learned).reached.rows)
        lines = [f"{name:<24} {100 * arm.test_accuracy:6.2f} %" for name, arm in ranked(arms).items()]
    print("\n".join([*lines, f"picture       {folder / PICTURE}"]))
    return OK


def generate(argv: Sequence[str]) -> int:
    """Write a prompt and what a network puts behind it, each character as it comes, until a signal ends it."""
    require_extras()
    from functional_nn.training.choices.flags import GenerateConfig, read
    from functional_nn.training.choices.legal import require_draws

    config = read("generate", GenerateConfig, argv)
    if config is None:
        return OK
    require_draws(config.temperature, config.top_k, config.length, config.seed)
    from functional_nn.training.endings import heeding_signals
    from functional_nn.training.finished.generate import for_a_terminal
    from functional_nn.training.finished.generate import generate as go_on

    choices = {name: getattr(config, name) for name in ("temperature", "top_k", "seed", "length")}
    with heeding_signals() as stop:
        for piece in go_on(config.run, config.prompt, **choices):
            print(for_a_terminal(piece) if sys.stdout.isatty() else piece, end="", flush=True)
            if stop.signal is not None:
                break
        print()
    if stop.signal is not None:
        raise Interrupted("interrupted", stop.signal)
    return OK


def predict(argv: Sequence[str]) -> int:
    """Print the class of each image file."""
    require_extras()
    from functional_nn.training.choices.flags import PredictConfig, read

    config = read("predict", PredictConfig, argv)
    if config is not None:
        from functional_nn.training.finished.predict import predict as classify

        print("\n".join(classify(config.run, config.images, config.invert)))
    return OK


def export(argv: Sequence[str]) -> int:
    """Write a run's network as files, and print their names."""
    require_extras()
    from functional_nn.training.choices.flags import ExportConfig, read

    config = read("export", ExportConfig, argv)
    if config is not None:
        from functional_nn.training.finished.export import export as write

        print("\n".join(map(str, write(config.run, config.output))))
    return OK


def check(argv: Sequence[str]) -> int:
    """Hand over to the oracle, which lives on the NumPy side."""
    judge = twin("oracle.command.cli")
    unwatch()
    return judge.main(list(argv))


def judge(argv: Sequence[str]) -> int:
    """Hand over to the oracle's judge of submissions."""
    judge_of_submissions = twin("oracle.judging.cli")
    unwatch()
    return judge_of_submissions.main(list(argv))


def explain(argv: Sequence[str]) -> int:
    """Say what causes mean, in the oracle's words."""
    return twin("oracle.command.explain").main(list(argv))


def study(argv: Sequence[str]) -> int:
    """Hand over to the study site, whose pages are made in the repository and are in no package."""
    root = Path(__file__).resolve().parents[1]
    if not (root / "scripts" / "study" / "desk.py").is_file():
        raise BadInput(
            "the study site is in the repository, not in the installed package; in a clone of it run: "
            "pip install -e '.[docs]'"
        )
    sys.path.insert(0, str(root))
    unwatch()
    return importlib.import_module("scripts.study.desk").main(list(argv))


def doctor(argv: Sequence[str]) -> int:
    """Print what a run would run on."""
    if argv:
        raise BadInput(f"doctor takes no arguments; got {' '.join(argv)}")
    from functional_nn.training.machine.doctor import report

    print("\n".join(report()))
    return OK


def _help(argv: Sequence[str]) -> int:
    print(USAGE, end="")
    return OK


def _version(argv: Sequence[str]) -> int:
    try:
        print(f"functional_nn {version('functional_nn')}")
    except PackageNotFoundError:
        print("functional_nn, not installed: running from its source")
    return OK


def _end_early(command: str, error: Interrupted) -> int:
    gone = isinstance(error, ProcessLost)
    status = _stop(command, str(error), LOST if gone else BY_SIGNAL + (error.signal or SIGINT), everybody=gone)
    if gone or (isinstance(error, InterruptedTwice) and several()):
        sys.stdout.flush()
        os._exit(status)  # at a usual end JAX waits for the other processes, and aborts where they do not come
    return status


def _cannot_write(command: str, error: OSError) -> int:
    """Where it is what was printed that cannot be: what is left of it would fail at exit too, with a traceback."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):  # who reads has read enough, as `| head` does
        return BY_SIGNAL + SIGPIPE
    return _stop(command, str(error), BAD_INPUT, everybody=True)


def _stop(command: str, sentence: str, status: int, *, everybody: bool = False) -> int:
    if everybody or is_first():  # of several processes, which all end with the same sentence
        sys.stderr.write(f"functional-nn {command}: {sentence}\n")  # at once: others may write between two pieces
    return status


COMMANDS = {
    "train": train,
    "experiment": experiment,
    "generate": generate,
    "predict": predict,
    "export": export,
    "check": check,
    "judge": judge,
    "explain": explain,
    "study": study,
    "doctor": doctor,
}
COMMANDS |= {"--help": _help, "-h": _help, "help": _help, "--version": _version}

if __name__ == "__main__":
    sys.exit(main())
