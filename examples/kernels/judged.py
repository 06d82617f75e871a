"""Every right kernel judged: in every dtype, memory, size and regime, at several seeds; nothing may be accused.

`python -m examples.kernels.judged` prints a line a judgment and their count; `--help` says what to leave out. A check
holds the memory battery; a sweep visits sizes and values, up to `--checks` inputs.
"""

import argparse
import importlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from examples.kernels.cases import CASE, CASES, Case, drawn
from reference import oracle

FRAMEWORKS = ("in_triton", "in_pallas")
# In these two an answer is held to the last digits; in the others to a plain computation in the same dtype.
EXACT, LOW = ("float64", "float32"), ("bfloat16", "float16")


@dataclass(frozen=True)
class Judged:
    """One judgment of one kernel: what was asked, the verdict, and how many inputs it rests on."""

    asked: str
    verdict: str
    status: str
    inputs: int = 1


def subject_of(framework: str, case: Case, module: ModuleType) -> oracle.Subject:
    """A kernel of a module as the oracle takes it."""
    adapter = oracle.from_torch if framework == "in_triton" else oracle.from_jax
    return adapter(case.subject(module))


def held(case: Case) -> dict[str, Any]:
    """What a kernel should be, an op or else a function, as arguments of a check."""
    return {"op": case.op, "statics": case.statics} if case.op else {"reference": case.reference}


def checked(framework: str, case: Case, dtype: str, seed: int) -> oracle.Report:
    """A kernel at arguments of its own, drawn with a seed."""
    subject, primals, asked = question(framework, case, dtype, seed)
    return oracle.check(subject, *primals, **asked)


def swept(framework: str, case: Case, dtype: str, seed: int, **bounds: Any) -> oracle.SweepReport:
    """A kernel at inputs of other sizes and values than its own."""
    subject, primals, asked = question(framework, case, dtype, seed)
    return oracle.sweep(subject, primals, **bounds, **asked)


def question(
    framework: str, case: Case, dtype: str, seed: int
) -> tuple[oracle.Subject, tuple[Any, ...], dict[str, Any]]:
    """A kernel, arguments of its own, drawn with a seed, and what is asked of it."""
    subject = subject_of(framework, case, importlib.import_module(f"examples.kernels.{framework}.{case.file}"))
    arguments = drawn(case.arguments, "float64" if dtype in LOW else dtype, seed)
    low: dict[str, Any] = {"dtype": dtype} if dtype in LOW else {}
    return subject, tuple(arguments.values()), {"names": tuple(arguments), "seed": seed, **held(case), **low}


def judgments(
    frameworks: Sequence[str],
    cases: Sequence[Case],
    dtypes: Sequence[str],
    seeds: Sequence[int],
    swept_in: Sequence[str],
    **bounds: Any,
) -> Iterator[Judged]:
    """Every one that is asked for, one after the other; `bounds` are of the sweeps."""
    for framework in frameworks:
        for case in cases:
            for seed in seeds:
                for dtype in dtypes:
                    report = checked(framework, case, dtype, seed)
                    yield Judged(f"{framework} {case.function} {dtype} seed {seed}", report.verdict, report.status)
                for dtype in swept_in:
                    sweep = swept(framework, case, dtype, seed, **bounds)
                    seen = Counter(visit.seen for visit in sweep.visited)
                    told = ", ".join(f"{count} {word}" for word, count in seen.items())
                    asked = f"{framework} {case.function} {dtype} sweep seed {seed}"
                    yield Judged(asked, sweep.verdict, told, len(sweep.visited))


def main() -> None:
    """Judge what the command line asks for, and count."""
    parser = argparse.ArgumentParser(prog="python -m examples.kernels.judged", description=__doc__)
    parser.add_argument("--frameworks", nargs="+", choices=FRAMEWORKS, default=FRAMEWORKS)
    parser.add_argument("--functions", nargs="+", choices=CASE, default=list(CASE))
    parser.add_argument("--dtypes", nargs="*", choices=(*EXACT, *LOW), default=(*EXACT, *LOW))
    parser.add_argument("--seeds", nargs="+", type=int, default=(0, 1, 2))
    parser.add_argument("--swept", nargs="*", choices=(*EXACT, *LOW), default=("float64",), help="dtypes to sweep in")
    parser.add_argument("--largest", type=int, default=32, help="size to which sizes go")
    parser.add_argument("--checks", type=int, default=40, help="of each sweep")
    parser.add_argument("--without", nargs="+", default=(), help="regimes that sweeps leave out")
    asked = parser.parse_args()
    cases = [case for case in CASES if case.function in asked.functions]
    verdicts: Counter[str] = Counter()
    inputs = 0
    bounds = {"largest": asked.largest, "checks": asked.checks, "without": asked.without}
    for judged in judgments(asked.frameworks, cases, asked.dtypes, asked.seeds, asked.swept, **bounds):
        print(f"{judged.verdict:12s} {judged.asked:44s} {judged.status}", flush=True)
        verdicts[judged.verdict] += 1
        inputs += judged.inputs
    told = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
    print(f"{sum(verdicts.values())} judgments of {inputs} inputs: {told}.")
    raise SystemExit(1 if verdicts["fail"] else 0)


if __name__ == "__main__":
    main()
