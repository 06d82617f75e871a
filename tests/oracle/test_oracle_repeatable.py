"""The same check says the same, byte for byte: no clock decides anything, whatever else the machine does."""

import ast
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from reference import oracle
from reference.oracle.numerics import budget

ROOT = Path(__file__).resolve().parents[2]
ORACLE = ROOT / "reference" / "oracle"
# These end files and submissions that never end by themselves: limits of time and memory, and said to be limits.
LIMITED = ("command", "judging/asked.py", "judging/child.py", "judging/inside/memory.py")
ENGINE = [path for path in sorted(ORACLE.rglob("*.py")) if not path.relative_to(ORACLE).as_posix().startswith(LIMITED)]


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_no_file_of_the_engine_can_ask_for_the_time():
    clocks = {"time", "timeit", "datetime", "resource"}
    asking = {str(path.relative_to(ROOT)): clocks & set(imported(path)) for path in ENGINE}
    assert {name: found for name, found in asking.items() if found} == {}
    assert len(ENGINE) > 50, "the engine was not found"


def started(seed: int, *arguments: str) -> subprocess.Popen[str]:
    """A process that judges, whose sets have an order of their own."""
    environment = {**os.environ, "PYTHONHASHSEED": str(seed), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, str(ROOT / "tests" / "helpers" / "oracle_reports.py"), *arguments]
    return subprocess.Popen(command, env=environment, stdout=-1, stderr=-1, text=True)


def reports(process: subprocess.Popen[str]) -> list[str]:
    out, err = process.communicate(timeout=900)
    assert process.returncode == 0, err[-2000:]
    return out.splitlines()


PARTS = {
    "a few small": ("11", "84"),
    "a few realistic": ("40", "150", "realistic"),
    "small": ("11", "28"),
    "realistic": ("40", "75", "realistic"),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "part", [pytest.param(part, id=id, marks=() if "few" in id else pytest.mark.thorough) for id, part in PARTS.items()]
)
def test_three_runs_print_the_same_reports_two_of_them_beside_each_other(part):
    first = reports(started(1, *part))
    beside = [started(seed, *part) for seed in (2, 3)]  # each keeps the machine busy while the other runs
    others = [reports(process) for process in beside]
    assert len(first) > 5
    for other in others:
        differing = [(a, b) for a, b in zip(first, other, strict=True) if a != b]
        assert not differing, f"{len(differing)} reports differ, the first: {differing[0]}"


def slow_forward(steps: int):
    """So many operations for an answer that takes one."""

    def forward(x):
        total = x * 0.0
        for _ in range(steps):
            total = total + x * x / steps
        return total

    return forward


def test_work_counts_operations_and_entries():
    x = np.ones((3, 5))
    few, many = (budget.work(slow_forward(steps), (x,), x) for steps in (10, 100))
    assert 8 * few < many < 12 * few
    wide = np.ones((300, 500))
    assert budget.work(slow_forward(10), (wide,), wide) > 2 * few
    assert budget.affordable(10, 10)
    assert not budget.affordable(1 + budget.BUDGET // 10, 10)
    assert not budget.affordable(budget.BUDGET // 10, 10, share=0.5)


def doubled_wrongly(steps: int):
    return oracle.from_forward_backward(slow_forward(steps), lambda ct, x: 2 * x * ct * (1 + 0.3 * np.sin(5 * x)))


@pytest.mark.parametrize("steps", [120, pytest.param(450, marks=pytest.mark.thorough)])
def test_a_forward_of_many_steps_is_asked_fewer_questions(steps):
    """What is too dear is left out by count: the report of a slow forward says so every time in the same way."""
    x = np.random.default_rng(0).normal(size=(4, 6))
    few, many = (oracle.check(doubled_wrongly(count), x) for count in (1, steps))
    assert (few.verdict, many.verdict) == ("fail", "fail"), f"{few}\n\n{many}"
    assert many.forward_evaluations < few.forward_evaluations


@pytest.mark.parametrize("steps", [100, pytest.param(250, marks=pytest.mark.thorough)])
def test_a_program_of_hundreds_of_steps_is_searched_to_its_end(steps):
    """No deeper than Python's stack, and in a time that does not grow with a power of the steps."""
    report = oracle.check(doubled_wrongly(steps), np.random.default_rng(0).normal(size=(4, 6)))
    assert report.findings[0].cause == "wrong_derivative", str(report)


class Noisy:
    """A layer that draws anew in every forward, from a generator that nobody has seeded."""

    def __init__(self, generator):
        self.rng = generator

    def forward(self, x):
        self.mask = np.reshape([self.rng.random() < 0.5 for _ in range(x.size)], x.shape)
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


@pytest.mark.parametrize("made", [np.random.default_rng, np.random.RandomState, random.Random])
def test_a_generator_of_its_own_makes_no_two_reports(made):
    x, layer = np.random.default_rng(0).normal(size=(4, 6)), Noisy(made())
    reports = {str(oracle.check(oracle.from_layer(one, gradients={}), x)) for one in (layer, Noisy(made()))}
    assert len(reports) == 1, "\n\n".join(reports)
    assert [layer.rng.random() for _ in range(2)] != [Noisy(made()).rng.random() for _ in range(2)]
