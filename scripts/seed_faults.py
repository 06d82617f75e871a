"""Plant the mistakes of tests/faults.toml, one at a time, in a copy of the project, and report which the tests catch.

Exit status 0 when every fault was caught, 1 when one survived, 2 when a fault no longer fits the code.
"""

import argparse
import ast
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("functional_nn", "reference", "tests", "scripts", "pyproject.toml")
# The shared checks first, since they are quick to fail; then what is particular to the family.
SUITE = ("test_ops_derivatives.py", "test_ops_domains.py", "test_ops_transforms.py")


@dataclass(frozen=True)
class Fault:
    """One mistake: within `function` of `file`, the text `before` becomes `after`.

    tests are the files to run instead of those of the op and its family, and options of pytest (-k).
    """

    kind: str
    file: str
    function: str
    before: str
    after: str
    tests: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The fault on one line."""
        return f"{self.kind:14} {self.file}:{self.function}  {self.before}  ->  {self.after}"


class Misfit(Exception):
    """The fault's text is not there exactly once: the code has changed since."""


def read_faults(path: Path) -> list[Fault]:
    """The faults of a TOML file."""
    with path.open("rb") as file:
        rows = tomllib.load(file)["fault"]
    return [Fault(**{**row, "tests": tuple(row.get("tests", ()))}) for row in rows]


def planted(source: str, fault: Fault) -> str:
    """The source with the mistake in its place."""
    lines = source.splitlines(keepends=True)
    spans = (_spans_in_c if fault.file.endswith((".c", ".h")) else _spans_in_python)(source, fault.function)
    if len(spans) != 1:
        raise Misfit(f"{fault.file} has {len(spans)} functions {fault.function}")
    start, end = spans[0]
    body = "".join(lines[start:end])
    if body.count(fault.before) != 1:
        raise Misfit(f"{fault.file}:{fault.function} has {fault.before!r} {body.count(fault.before)} times, not once")
    return "".join(lines[:start]) + body.replace(fault.before, fault.after) + "".join(lines[end:])


def _spans_in_python(source: str, function: str) -> list[tuple[int, int | None]]:
    """The functions of that name: the number of lines before each, and before what follows it."""
    return [
        (node.lineno - 1, node.end_lineno)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and node.name == function
    ]


def _spans_in_c(source: str, function: str) -> list[tuple[int, int | None]]:
    """As `_spans_in_python`: from a line that begins with a type to the next that begins with a brace."""
    definition = re.compile(rf"^\w[^;\n]*\b{function}\([^;]*?\{{$.*?^\}}$", re.MULTILINE | re.DOTALL)
    return [
        (source.count("\n", 0, found.start()), source.count("\n", 0, found.end()) + 1)
        for found in definition.finditer(source)
    ]


def test_commands(fault: Fault, tree: Path) -> list[list[str]]:
    """What to run, in the order most likely to fail early."""
    pytest = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--no-header", "--tb=line"]
    if fault.tests:
        return [[*pytest, *(f"tests/{word}" if word.endswith(".py") else word for word in fault.tests)]]
    op = fault.function.strip("_").removesuffix("_fwd").removesuffix("_bwd").removesuffix("_jvp")
    family = Path(fault.file).stem
    commands = [[*pytest, f"tests/ops/{name}", "-k", op] for name in SUITE]
    if (tree / f"tests/ops/test_{family}.py").exists():
        commands.append([*pytest, f"tests/ops/test_{family}.py"])
    return [*commands, [*pytest, "tests/ops/test_accuracy.py", "-k", op]]


def first_failure(fault: Fault, tree: Path, seconds: float) -> str | None:
    """The name of the first test that fails, or None when all of them pass."""
    for command in test_commands(fault, tree):
        try:
            run = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=seconds, check=False)
        except subprocess.TimeoutExpired:
            return f"no end after {seconds:.0f} s"
        if run.returncode == 1:
            failed = [line for line in run.stdout.splitlines() if line.startswith("FAILED")]
            return (failed or ["FAILED ?"])[0].removeprefix("FAILED ").split(" - ")[0]
        if run.returncode not in (0, 5):
            raise Misfit(f"{fault.file}:{fault.function}: the tests did not run: {(run.stdout + run.stderr)[-300:]}")
    return None


def try_fault(fault: Fault, trees: "Queue[Path]", seconds: float) -> tuple[str, str]:
    """Plant, run, restore; the outcome is "caught", "SURVIVED" or "misfit"."""
    tree = trees.get()
    path = tree / fault.file
    original = path.read_text()
    try:
        path.write_text(planted(original, fault))
        failure = first_failure(fault, tree, seconds)
    except Misfit as misfit:
        return "misfit", str(misfit)
    finally:
        path.write_text(original)
        trees.put(tree)
    return ("caught", failure) if failure else ("SURVIVED", "no test failed")


def copy_of_the_project(folder: Path) -> Path:
    """A copy that the faults may damage."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    return folder


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="only faults whose file or function contains this text")
    parser.add_argument("--workers", type=int, default=2, help="how many faults to try at once")
    parser.add_argument("--seconds", type=float, default=300, help="time limit of one run of the tests")
    parser.add_argument("--list", action="store_true", help="list the faults and check that they fit, without running")
    options = parser.parse_args(arguments)
    faults = [f for f in read_faults(ROOT / "tests" / "faults.toml") if options.only in f"{f.file}:{f.function}"]
    if not faults:
        print(f"seed_faults: no fault's file or function contains {options.only!r}", file=sys.stderr)
        return 2
    if options.list:
        return list_faults(faults)
    started = time.perf_counter()
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.workers) as pool:
        trees: Queue[Path] = Queue()
        for worker in range(options.workers):
            (copy := Path(folder) / str(worker)).mkdir()
            trees.put(copy_of_the_project(copy))
        jobs = [pool.submit(try_fault, fault, trees, options.seconds) for fault in faults]
        for fault, job in zip(faults, jobs, strict=True):
            outcome, detail = job.result()
            outcomes[outcome] += 1
            print(f"{outcome:9}{fault.title}\n         {detail}", flush=True)
    counts = ", ".join(f"{outcomes[key]} {key}" for key in ("caught", "SURVIVED", "misfit"))
    print(f"\n{len(faults)} faults: {counts} ({time.perf_counter() - started:.0f} s)")
    return 2 if outcomes["misfit"] else 1 if outcomes["SURVIVED"] else 0


def list_faults(faults: list[Fault]) -> int:
    """Print every fault; exit status 2 when one does not fit the code."""
    status = 0
    for fault in faults:
        print(fault.title)
        try:
            planted((ROOT / fault.file).read_text(), fault)
        except Misfit as misfit:
            print(f"         misfit: {misfit}")
            status = 2
    print(f"{len(faults)} faults; by kind: {dict(Counter(fault.kind for fault in faults))}")
    return status


if __name__ == "__main__":
    sys.exit(main())
