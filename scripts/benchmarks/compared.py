"""The cases of a run, one after the other: each timed, as a share of the roofline, and told when it is done."""

import sys
import time
from argparse import Namespace
from typing import Any

from benchmarks import alone, measure, plan, processes
from benchmarks.networks import multiplications
from benchmarks.ops import registry, table
from benchmarks.ops.sizes import Op
from benchmarks.plan import Case
from benchmarks.processes import Ended, Place


def compared(options: Namespace) -> dict[str, Any]:
    """Every case, as far as time and the reader's patience go; the roofline is the better one of before and after."""
    dtypes = sorted({"float32", *(plan.dtype(case) for case in options.cases if not options.ops)}, reverse=True)
    roof, end = measure.roofline(dtypes), time.perf_counter() + options.seconds
    results: list[dict[str, Any]] = []
    interrupted = False
    try:
        with (processes.Apart if options.platform == "cpu" else processes.Place)(options) as place:
            for case in options.cases:
                if time.perf_counter() > end:
                    break
                results.append(run_case(case, options, place))
                print(table.line(results[-1]), file=sys.stderr, flush=True)
        apart(options, results, end)
        after = measure.roofline(dtypes)
        roof = {name: max(roof[name], after[name]) for name in roof}
    except KeyboardInterrupt:
        interrupted = True
    for case, result in zip(options.cases, results, strict=False) if not options.ops else ():
        for entry in result["contenders"].values():
            entry["roofline_share"] = least_ms(case, roof) / entry["least_wall_ms"]
    left_out = [case.name for case in options.cases[len(results) :]]
    return {"roofline": roof, "cases": results, "left_out": left_out, "interrupted": interrupted}


def run_case(case: Case, options: Namespace, place: Place) -> dict[str, Any]:
    """A case's contenders, each with its times, and what was refused."""
    entries: dict[str, Any] = {}
    try:
        runs, refused = place.started(case)
        if "ours" in runs:
            entries = measure.summary(measure.rounds(runs, *effort(options)))
    except Ended as error:
        refused = {"all": str(error)}
    found = {"name": case.name, "dtype": plan.dtype(case), "contenders": entries, "refused": refused}
    return found | ({"op": case.op, "shape": case.shape} if isinstance(case, Op) else {})


def apart(options: Namespace, results: list[dict[str, Any]], end: float) -> None:
    """Each training step in a process of its own too, until the time is up, unless all shall be quick."""
    for case, result in zip(options.cases, results, strict=False) if not options.quick else ():
        for name, entry in result["contenders"].items() if not isinstance(case, Op) else ():
            if time.perf_counter() > end:
                return
            print(f"{case.name}: {name} alone ...", file=sys.stderr, flush=True)
            try:
                entry |= alone.in_new_process(case.name, name, options.platform, options.tf32)
            except RuntimeError as error:
                result["refused"][f"{name}, alone"] = str(error)


def effort(options: Namespace) -> tuple[float, int]:
    """For how many seconds a case is timed, and in how many rounds at least."""
    if options.quick:
        return 1.0, 3
    return (2.5, 5) if options.ops or options.platform != "cpu" else (6.0, 9)


def least_ms(case: Case, roof: dict[str, float]) -> float:
    """The milliseconds that a case takes on the roofline."""
    rate = measure.gflops(roof, plan.dtype(case))
    if isinstance(case, Op):
        return max(6 * registry.multiplications(case) / rate, registry.least_bytes(case) / roof["gbytes"]) / 1e6
    return 2 * multiplications(case) / rate / 1e6
