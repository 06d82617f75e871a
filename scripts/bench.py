"""Time our ops and training steps beside Flax NNX, Equinox and PyTorch, interleaved in one run.

    python scripts/bench.py [--platform cpu|gpu|tpu] [--ops] [--quick] [--only TEXT] [--compiled] [--tf32 on|off]
                            [--keep-memory] [--output STEM]
    python scripts/bench.py --scaling | --forms [--quick] [--keep-memory] [--output STEM]
    python scripts/bench.py --attention-memory | --vocabulary [--output STEM]

Prints a line a case as it is done, and then the tables; with --output writes STEM.md, STEM.json and, for training
steps, STEM.png. Ctrl-C ends the run, and what was measured is shown and written. Needs the extra `bench`.

Without --ops it times training steps and a few ops. Where oneDNN or cuDNN's attention is used, our steps without it are
contenders too; a transformer is timed beside one in plain JAX instead of Equinox. On a GPU the steps are larger, with
bfloat16 and torch.compile, and the run ends within ten minutes (docs/gpu.md). --ops times every op in every size, value
and gradients, in float32 and bfloat16.

--compiled adds torch.compile on a CPU too, where a C++ compiler is at hand. --tf32 off lets no library round products
of float32 on a GPU. --keep-memory lets a process keep what is freed, as scripts/train.py does: all contenders then
wait less for the system. --scaling measures instead how a step's time and memory grow, --forms the forms of a
convolution and its gradients beside each other, which needs JAX only. --attention-memory and --vocabulary run nothing:
they ask XLA for the memory of attention as a sequence grows, and of a loss over 50,000 classes, whole and by chunks.

In a round each library runs a step that does not count and then three, or as many as five milliseconds take; on a CPU
each does so in a process of its own. Ratios are of the times of one round, so they bear a machine that does other
things; the load average in the table says whether it did. On Linux `chrt -r 1 python scripts/bench.py` lets a run go
before all other programs, and the table says so. Import, first step and memory are of each training step in a new
process, which --quick leaves out.
"""

import argparse
import math
import os
import shutil
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from benchmarks import plan  # noqa: E402 - the path comes first

from functional_nn.training.machine.memory import keep_freed_memory  # noqa: E402

PLATFORMS = ("cpu", "gpu", "tpu")


class Parser(argparse.ArgumentParser):
    """One sentence about what is wrong, and exit status 2."""

    def error(self, message: str) -> Any:
        """End here."""
        self.exit(2, f"bench: {message}\n")


def flags() -> Parser:
    parser = Parser(
        description="Time our ops and training steps beside Flax NNX, Equinox and PyTorch.", allow_abbrev=False
    )
    parser.add_argument("--quick", action="store_true", help="a second a case instead of eight")
    parser.add_argument("--only", metavar="TEXT", default="", help="the cases whose names contain TEXT")
    parser.add_argument("--platform", choices=PLATFORMS, default="cpu", help="what computes")
    parser.add_argument("--ops", action="store_true", help="every op in every size, float32 and bfloat16")
    parser.add_argument("--tf32", choices=("on", "off"), default="on", help="whether a GPU rounds float32 products")
    parser.add_argument("--compiled", action="store_true", help="torch.compile as well")
    parser.add_argument("--keep-memory", action="store_true", help="keep freed memory, as scripts/train.py does")
    parser.add_argument("--scaling", action="store_true", help="time and memory against batch, size, channels, depth")
    parser.add_argument("--forms", action="store_true", help="the forms of a convolution: of lax, ours, oneDNN")
    parser.add_argument("--attention-memory", action="store_true", help="what attention needs, by XLA's own count")
    parser.add_argument("--vocabulary", action="store_true", help="the memory of a loss over 50,000 classes")
    parser.add_argument("--output", type=Path, metavar="STEM", help="write STEM.md, STEM.json and STEM.png")
    return parser


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """The flags, and what follows from them: the cases, and for how long they may take."""
    parser = flags()
    options = parser.parse_args(argv)
    every = plan.cases(options.platform, options.ops)
    options.cases = [case for case in every if options.only in case.name]
    if not options.cases:
        kinds = dict.fromkeys(case.op if isinstance(case, plan.Op) else case.name for case in every)
        parser.error(f"no case's name contains {options.only!r}; there are: {'; '.join(kinds)}")
    compiler = any(map(shutil.which, ("c++", "g++", "clang++")))
    if options.compiled and not compiler:
        parser.error("--compiled needs a C++ compiler, and none is on the PATH")
    page = options.platform != "cpu" and not options.ops
    options.compiled |= page and compiler
    options.seconds = plan.ACCELERATOR_SECONDS if page else math.inf
    options.tf32 = options.tf32 == "on"
    return options


def prepare(options: argparse.Namespace) -> None:
    """Refuse where something that a run needs is not there, and settle where it computes."""
    # Read when a library first asks for memory: PyTorch and the steps' own processes need some of the device's too.
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    try:
        import jax
        from benchmarks import compared, contenders  # noqa: F401 - all of the extra is here, or a name is
    except ImportError as error:
        raise SystemExit(refused(f"{error}; the extra `bench` must be installed")) from None
    contenders.settle(options.platform, options.tf32)
    try:
        found = jax.devices()[0].platform
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise SystemExit(refused(f"--platform {options.platform}: JAX finds none here: {reason}")) from None
    if found != options.platform:
        raise SystemExit(refused(f"--platform {options.platform}: JAX finds only a {found} here"))


def refused(reason: str) -> int:
    """The exit status, once the reason is said."""
    print(f"bench: {reason}", file=sys.stderr)
    return 2


def main(argv: list[str] | None = None) -> int:
    """The exit status."""
    options = arguments(argv)
    if options.keep_memory and not keep_freed_memory():
        return refused("--keep-memory needs glibc, and no settings for it in the environment")
    from benchmarks import attention_memory, forms, measure, report, scaling, vocabulary

    for asked, kind in ((options.attention_memory, attention_memory), (options.vocabulary, vocabulary)):
        if asked:
            return show({"machine": vocabulary.machine(), "rows": kind.rows()}, kind, options.output)
    if options.forms:
        facts = measure.machine()
        forms_result = {
            "machine": report.heading(facts, measure.roofline()),
            "rows": forms.rows(0.5 if options.quick else 3.0),
        }
        return show(forms_result, forms, options.output)
    prepare(options)
    facts = measure.machine() | {"memory_kept": options.keep_memory}
    if options.scaling:
        roof = measure.roofline()
        grown = {"machine": report.heading(facts, roof), "curves": scaling.curves(0.5 if options.quick else 2.0)}
        return show(grown, scaling, options.output)
    return beside_others(options, facts)


def beside_others(options: argparse.Namespace, facts: dict[str, Any]) -> int:
    """The exit status, once every case was timed, or as many as there was time for."""
    from benchmarks import alone, compared, report
    from benchmarks.ops import table

    facts |= {"platform": options.platform, "tf32": options.tf32}
    result = {"machine": facts} | compared.compared(options)
    if not options.quick and not options.ops and not result["interrupted"]:
        result["jax_import_s"] = alone.in_new_process("none", "jax", options.platform)["import_s"]
    show(result, table if options.ops else report, options.output)
    return 130 if result["interrupted"] else 0


def show(result: dict[str, Any], form: Any, output: Path | None) -> int:
    """The result as a table, and in files where they are asked for."""
    from benchmarks import written

    print(form.table(result))
    if output:
        written.write(result, form, output)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
