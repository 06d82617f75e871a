"""Time our ops and training steps beside Flax NNX, Equinox and PyTorch, interleaved in one run.

    python scripts/bench.py [--quick] [--only TEXT] [--device cpu|gpu|tpu] [--compiled] [--output STEM]

Prints a table; with --output writes STEM.md, STEM.json and STEM.png. Needs the extra `bench`. --compiled adds
torch.compile to the training steps, where a C++ compiler is at hand. Ratios are of the two times of one round, so they
bear a machine that does other things; the load average in the table says whether it did.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from benchmarks.networks import NETWORKS, OPS, Network, Op, multiplications  # noqa: E402 - the path comes first


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
    parser.add_argument("--output", type=Path, metavar="STEM", help="write STEM.md, STEM.json and STEM.png")
    options = parser.parse_args(argv)
    options.cases = [case for case in (*OPS, *NETWORKS) if options.only in case.name]
    if not options.cases:
        parser.error(
            f"no case's name contains {options.only!r}; there are: {'; '.join(c.name for c in (*OPS, *NETWORKS))}"
        )
    if options.compiled and not any(map(shutil.which, ("c++", "g++", "clang++"))):
        parser.error("--compiled needs a C++ compiler, and none is on the PATH")
    return options


def contenders(case: Op | Network, options: argparse.Namespace) -> tuple[dict[str, Any], dict[str, float]]:
    """What runs a case, by name, and the megabytes that XLA reserves for our program."""
    from benchmarks import jax_side, torch_side

    device = "cuda" if options.device == "gpu" else options.device
    if isinstance(case, Op):
        found = jax_side.op_steps(case)
        return found | (torch_side.op_steps(case, device) if device != "tpu" else {}), {}
    step, program = jax_side.ours(case)
    flax_step = jax_side.flax(case)
    found = {"ours": step, "flax": flax_step, "equinox": jax_side.equinox(case)}
    found |= torch_side.steps(case, options.compiled, device) if device != "tpu" else {}
    return {name: run for name, run in found.items() if run}, {"ours": megabytes(program)}


def megabytes(program: Any) -> float:
    memory = program.memory_analysis()
    return (memory.temp_size_in_bytes + memory.output_size_in_bytes + memory.argument_size_in_bytes) / 1e6


def run_case(case: Op | Network, options: argparse.Namespace, roof: dict[str, float]) -> dict[str, Any]:
    from benchmarks import measure

    runs, memory = contenders(case, options)
    first = measure.first_calls(runs)
    entries = measure.summary(measure.rounds(runs, 1.0 if options.quick else 8.0, 3 if options.quick else 9))
    if isinstance(case, Op):
        least = max(6 * case.multiplications / roof["gflops"], case.bytes / roof["gbytes"]) / 1e6
    else:
        least = 2 * multiplications(case) / roof["gflops"] / 1e6
    for name, entry in entries.items():
        entry |= {"first_call_s": first[name], "roofline_share": least / entry["least_wall_ms"]}
        entry |= {"megabytes": memory[name]} if name in memory else {}
    return {"name": case.name, "contenders": entries}


def main(argv: list[str] | None = None) -> int:
    """The exit status."""
    options = arguments(argv)
    os.environ["JAX_PLATFORMS"] = "cuda,cpu" if options.device == "gpu" else options.device
    try:
        import torch
        from benchmarks import jax_side, measure, report, torch_side  # noqa: F401 - all of the extra is here, or a name is

        roof = measure.roofline()
    except (ImportError, RuntimeError) as error:
        print(
            f"bench: {str(error).splitlines()[0]} (is the extra `bench` installed, and the device there?)",
            file=sys.stderr,
        )
        return 2
    facts = measure.machine()
    torch.set_num_threads(facts["cores"])
    cases = []
    for case in options.cases:
        print(f"{case.name} ...", file=sys.stderr, flush=True)
        cases.append(run_case(case, options, roof))
    result = {"machine": facts, "roofline": roof, "cases": cases}
    print(report.table(result))
    if options.output:
        report.write(result, options.output)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
