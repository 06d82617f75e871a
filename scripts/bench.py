"""Time our ops and training steps beside Flax NNX, Equinox and PyTorch, interleaved in one run.

    python scripts/bench.py [--quick] [--only TEXT] [--device cpu|gpu|tpu] [--compiled] [--keep-memory] [--output STEM]
    python scripts/bench.py --scaling | --forms [--quick] [--keep-memory] [--output STEM]
    python scripts/bench.py --attention-memory | --vocabulary [--output STEM]

Prints a table; with --output writes STEM.md, STEM.json and STEM.png. Needs the extra `bench`. Where oneDNN is used, our
convolutions without it are contenders too; a transformer is timed beside one in plain JAX instead of Equinox.
--compiled adds torch.compile to the training steps, where a C++ compiler is at hand. --keep-memory lets this process
keep what is freed, as scripts/train.py does: all contenders then wait less for the system. --scaling measures instead
how a step's time and memory grow, --forms the forms of a convolution and its gradients beside each other, which needs
JAX only. --attention-memory and --vocabulary run nothing: they ask XLA for the memory of attention as a sequence grows,
and of a loss over 50,000 classes, whole and by chunks.

In a round each library runs four steps, one after the other, and the last three count. Ratios are of the times of one
round, so they bear a machine that does other things; the load average in the table says whether it did. Import, first
step and memory are of each training step in a process of its own, which --quick leaves out.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from benchmarks.networks import (  # noqa: E402 - the path comes first
    NETWORKS,
    OPS,
    TRANSFORMERS,
    Network,
    Op,
    Transformer,
    multiplications,
)

from functional_nn.training.machine.memory import keep_freed_memory  # noqa: E402

Case = Op | Network | Transformer
CASES: tuple[Case, ...] = (*OPS, *NETWORKS, *TRANSFORMERS)


class Parser(argparse.ArgumentParser):
    """One sentence about what is wrong, and exit status 2."""

    def error(self, message: str) -> Any:
        """End here."""
        self.exit(2, f"bench: {message}\n")


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = Parser(
        description="Time our ops and training steps beside Flax NNX, Equinox and PyTorch.", allow_abbrev=False
    )
    parser.add_argument("--quick", action="store_true", help="a second a case instead of eight")
    parser.add_argument("--only", metavar="TEXT", default="", help="the cases whose names contain TEXT")
    parser.add_argument("--device", choices=("cpu", "gpu", "tpu"), default="cpu")
    parser.add_argument("--compiled", action="store_true", help="torch.compile as well")
    parser.add_argument("--keep-memory", action="store_true", help="keep freed memory, as scripts/train.py does")
    parser.add_argument("--scaling", action="store_true", help="time and memory against batch, size, channels, depth")
    parser.add_argument("--forms", action="store_true", help="the forms of a convolution: of lax, ours, oneDNN")
    parser.add_argument("--attention-memory", action="store_true", help="what attention needs, by XLA's own count")
    parser.add_argument("--vocabulary", action="store_true", help="the memory of a loss over 50,000 classes")
    parser.add_argument("--output", type=Path, metavar="STEM", help="write STEM.md, STEM.json and STEM.png")
    options = parser.parse_args(argv)
    options.cases = [case for case in CASES if options.only in case.name]
    if not options.cases:
        parser.error(f"no case's name contains {options.only!r}; there are: {'; '.join(c.name for c in CASES)}")
    if options.compiled and not any(map(shutil.which, ("c++", "g++", "clang++"))):
        parser.error("--compiled needs a C++ compiler, and none is on the PATH")
    return options


def contenders(case: Case, options: argparse.Namespace) -> dict[str, Any]:
    """What runs a case, by name."""
    from benchmarks import jax_side, torch_side, transformer_steps

    device = torch_device(options.device)
    if isinstance(case, Transformer):
        builders = transformer_steps.builders(case, device, options.compiled)
        return {name: build()[0] for name, build in builders.items()}
    if isinstance(case, Op):
        return jax_side.op_steps(case) | (torch_side.op_steps(case, device) if device else {})
    found = {"ours": jax_side.ours(case)[0]}
    if jax_side.uses_onednn({layer[0] for layer in case.layers}):
        found[jax_side.WITHOUT_ONEDNN] = jax_side.without_onednn(jax_side.ours(case)[0])
    found |= {"flax": jax_side.flax(case)[0], "equinox": jax_side.equinox(case)}
    found |= torch_side.steps(case, options.compiled, device) if device else {}
    return {name: run for name, run in found.items() if run}


def torch_device(device: str) -> str | None:
    """PyTorch's name of a device, or None where the installed PyTorch cannot use it."""
    import torch

    return {"cpu": "cpu", "gpu": "cuda" if torch.cuda.is_available() else None}.get(device)


def run_case(case: Case, options: argparse.Namespace) -> dict[str, Any]:
    from benchmarks import alone, measure

    runs = contenders(case, options)
    measure.first_calls(runs)
    entries = measure.summary(measure.rounds(runs, 1.0 if options.quick else 6.0, 3 if options.quick else 9))
    for name, entry in entries.items():
        if not isinstance(case, Op) and not options.quick:
            entry |= alone.in_new_process(case.name, name, torch_device(options.device) or options.device)
    return {"name": case.name, "contenders": entries}


def least_ms(case: Case, roof: dict[str, float]) -> float:
    """The milliseconds that a case takes on the roofline."""
    if isinstance(case, Op):
        return max(6 * case.multiplications / roof["gflops"], case.bytes / roof["gbytes"]) / 1e6
    return 2 * multiplications(case) / roof["gflops"] / 1e6


def prepare(options: argparse.Namespace) -> dict[str, float]:
    """The roofline, once everything that a run needs was found to be there."""
    os.environ["JAX_PLATFORMS"] = "cuda,cpu" if options.device == "gpu" else options.device
    try:
        import jax
        import torch
        from benchmarks import jax_side, measure, torch_side  # noqa: F401 - all of the extra is here, or a name is

        torch.set_num_threads(measure.cores())
    except ImportError as error:
        raise SystemExit(refused(f"{error}; the extra `bench` must be installed")) from None
    try:
        found = jax.devices()[0].platform
    except RuntimeError as error:
        raise SystemExit(refused(f"--device {options.device}: {str(error).splitlines()[0]}")) from None
    if found != options.device:
        raise SystemExit(refused(f"--device {options.device}: JAX finds only a {found} here"))
    return measure.roofline()


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
    roof = prepare(options)
    facts = measure.machine() | {"memory_kept": options.keep_memory}
    if options.scaling:
        grown = {"machine": report.heading(facts, roof), "curves": scaling.curves(0.5 if options.quick else 2.0)}
        return show(grown, scaling, options.output)
    return show({"machine": facts} | compared(options, roof), report, options.output)


def compared(options: argparse.Namespace, roof: dict[str, float]) -> dict[str, Any]:
    """Every case, as a share of the roofline too: of the better one of before and after."""
    from benchmarks import alone, measure

    cases = []
    for case in options.cases:
        print(f"{case.name} ...", file=sys.stderr, flush=True)
        cases.append(run_case(case, options))
    after = measure.roofline()
    roof = {name: max(roof[name], after[name]) for name in roof}
    for case, result in zip(options.cases, cases, strict=True):
        for entry in result["contenders"].values():
            entry["roofline_share"] = least_ms(case, roof) / entry["least_wall_ms"]
    jax_import = None if options.quick else alone.in_new_process("none", "jax", options.device)["import_s"]
    return {"roofline": roof, "jax_import_s": jax_import, "cases": cases}


def show(result: dict[str, Any], form: Any, output: Path | None) -> int:
    """The result as a table, and in files where they are asked for."""
    print(form.table(result))
    if output:
        form.write(result, output)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
