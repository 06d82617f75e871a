"""Judging the whole corpus in several processes; what scripts/kill_matrix.py runs."""

import argparse
import importlib.metadata
import json
import os
import platform
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from . import page, table
from .case import Mistake, Size
from .corpus import load
from .judges import Run, by_oracle
from .peers import PEERS, available, by_peer

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "kill_matrix.md"
DETAILS = ROOT / "runs" / "kill_matrix"
SETS = ("development", "held-out")
SEEDS: dict[Size, tuple[int, ...]] = {"small": (0, 1), "realistic": (0,)}


def judged(which: str, id: str, quick: bool, peers: bool) -> list[Run]:
    """All runs of one case; a worker finds the case by its id, since code does not travel between processes."""
    case = next(case for case in load(which) if case.id == id)
    return [*_by_oracle(case, quick), *(_by_peers(case, quick) if peers else ())]


def _by_oracle(case: Mistake, quick: bool) -> list[Run]:
    sizes: tuple[Size, ...] = ("small",) if quick else case.sizes
    return [
        by_oracle(case, size, seed, manner)
        for size in sizes
        for seed in (SEEDS[size][:1] if quick else SEEDS[size])
        for manner in case.judged
    ]


def _by_peers(case: Mistake, quick: bool) -> list[Run]:
    sizes: tuple[Size, ...] = ("small",) if quick else case.sizes
    return [
        by_peer(case, size, 0, judge)
        for size in sizes
        for judge in available()
        if size == "small" or "slow" not in judge
    ]


def measure(which: str, family: str | None, quick: bool, peers: bool, workers: int) -> table.Results:
    """Judge every case of a set, in several processes."""
    cases = tuple(case for case in load(which) if family in (None, case.family))
    with ProcessPoolExecutor(workers) as pool:
        work = [pool.submit(judged, which, case.id, quick, peers) for case in cases]
        runs = tuple(run for done in work for run in done.result())
    return table.Results(which, cases, runs)


def versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "machine": platform.machine(), "cores": str(os.cpu_count())}
    return found | {name: _version(name) for name in ("numpy", "jax", "torch", "autograd")}


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def main() -> int:
    arguments = parsed()
    sets = SETS if arguments.set == "all" else (arguments.set,)
    started = time.perf_counter()
    peers = not arguments.no_peers
    if peers and len(available()) < len(PEERS):
        print(f"not installed, and left out: {', '.join(sorted(set(PEERS) - set(available())))}")
    measured = [measure(s, arguments.family, arguments.quick, peers, arguments.workers) for s in sets]
    results = [one for one in measured if one.cases]
    seconds = time.perf_counter() - started
    for one in results:
        print(page.plain(one))
    print(f"{sum(len(one.runs) for one in results)} judgments in {seconds:.0f} s")
    whole = not arguments.family and arguments.set == "all"
    write_details(results, arguments.out)
    if whole and peers and len(available()) == len(PEERS):
        PAGE.write_text(page.document(results, versions(), seconds), encoding="utf-8")
    return 0 if results and all(holds for one in results for _, holds in table.promises(one)) else 1


def write_details(results: list[table.Results], folder: Path) -> None:
    """All tables and misses, and every judgment: one line each, so that a change reads well as a difference."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "details.md").write_text(page.details(results), encoding="utf-8")
    lines = [json.dumps({"versions": versions(), "columns": COLUMNS})]
    lines += [json.dumps([one.which, *_row(run)]) for one in results for run in one.runs]
    (folder / "judgments.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


COLUMNS = ["set", "case", "judge", "manner", "size", "seed", "outcome", "causes", "arguments", "evaluations"]


def _row(run: Run) -> list[Any]:
    where = [run.case, run.judge, run.manner, run.size, run.seed]
    return [*where, run.outcome, run.causes[:1], run.arguments[:1], run.evaluations]


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the oracle on real mistakes and on correct code.")
    parser.add_argument("--quick", action="store_true", help="small sizes, one seed")
    parser.add_argument("--family", help="one family only, for example softmax")
    parser.add_argument("--set", default="all", choices=(*SETS, "all"))
    parser.add_argument("--no-peers", action="store_true", help="the oracle alone")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, metavar="FOLDER", default=DETAILS, help="for what is not on the page")
    return parser.parse_args()
