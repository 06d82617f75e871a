"""The benchmark of all ops: every contender computes the same, every op has a row, and what the table says."""

import importlib
import json
import math
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import functional_nn

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
# Of the public functions, those that nobody times: derivatives of functions, and the drawing of a mask.
NOT_TIMED = {"derivative", "directional_derivative", "gradient", "gradient_descent", "partial_derivative"}
NOT_TIMED |= {"dropout_mask"}
# Every number of a size, small; so that kernels overlap, heads differ, and no two axes are as long.
SMALL = {"batch": 2, "pixels": 8, "channels": 4, "filters": 6, "window": 3, "strides": 1, "groups": 2}
SMALL |= {"width": 6, "hidden": 5, "length": 7, "heads": 3, "head_dim": 8, "classes": 9, "rows": 11}
SMALL |= {"labels": 3, "steps": 12, "inputs": 5, "outputs": 4}
# Where a size must keep to a rule: a transposed convolution's window is its stride more than twice an edge.
SMALL_OF = {"conv_transpose": {"window": 4, "strides": 2}, "max_pool": {"strides": 2}, "avg_pool": {"strides": 2}}


@pytest.fixture(autouse=True)
def scripts_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))


@pytest.fixture
def sizes(scripts_on_the_path: None) -> Any:
    return importlib.import_module("benchmarks.ops.sizes")


@pytest.fixture
def registry(scripts_on_the_path: None) -> Any:
    for library in ("flax", "equinox", "torch"):
        pytest.importorskip(library)
    return importlib.import_module("benchmarks.ops.registry")


OPS = sorted(set(functional_nn.__all__) - NOT_TIMED)


def small(sizes: Any, op: str, dtype: str = "float32") -> Any:
    numbers = SMALL | SMALL_OF.get(op, {})
    return sizes.Op(op, tuple(numbers[name] for name in sizes.SIZES[op].names), dtype)


def apart(registry: Any, op: Any) -> dict[tuple[str, str], float]:
    """By contender and array, how far it lies from ours, as a share of the largest entry."""
    found = {
        name: registry.in_our_axes(op, build()(), foreign=name not in ("ours", "flax"))
        for name, build in registry.builders(op, "cpu").items()
    }
    ours = found.pop("ours")
    distances = {}
    for name, theirs in found.items():
        assert {key: array.shape for key, array in theirs.items()} == {key: array.shape for key, array in ours.items()}
        for key, array in ours.items():
            distances[name, key] = float(np.abs(theirs[key] - array).max() / np.abs(array).max())
    return distances


def test_every_op_has_sizes_and_a_row(sizes, registry):
    assert sorted(sizes.SIZES) == sorted(registry.ROWS) == OPS
    assert set(sizes.CHOSEN) <= set(OPS)
    names = [case.name for case in sizes.every()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("op", OPS)
def test_every_contender_computes_what_ours_does(sizes, registry, op: str):
    distances = apart(registry, small(sizes, op))
    assert {"flax", "torch"} <= {name for name, _ in distances}
    assert {key: far for key, far in distances.items() if not far < 1e-5} == {}


def test_other_mathematics_is_noticed(sizes, registry, monkeypatch: pytest.MonkeyPatch):
    def with_other_epsilon(s: Any, x: Any, scale: Any) -> Any:
        return scale * x / (x.square().mean(-1, keepdim=True) + 1e-2).sqrt()

    monkeypatch.setitem(registry.ROWS, "rms_norm", replace(registry.ROWS["rms_norm"], torch=with_other_epsilon))
    wrong = {key for key, far in apart(registry, small(sizes, "rms_norm")).items() if not far < 1e-5}
    assert wrong == {("torch", ""), ("torch", "x"), ("torch", "scale")}


def test_names_of_sizes(sizes):
    assert sizes.Op("conv", (32, 28, 64, 64, 3, 1, 64)).name == "conv 32x28x28x64 to 64, 3x3, 64 groups"
    assert (
        sizes.Op("conv", (1, 224, 3, 64, 7, 2, 1), "bfloat16").name == "conv 1x224x224x3 to 64, 7x7, stride 2, bfloat16"
    )


def test_the_least_work_by_hand(sizes, registry):
    strided = sizes.Op("conv", (2, 8, 3, 5, 3, 2, 1))
    assert registry.multiplications(strided) == 2 * 4 * 4 * 9 * 3 * 5
    # x and its gradient, the result and what comes back of it: 48 and 12 numbers.
    pool = sizes.Op("max_pool", (1, 4, 3, 2, 2))
    assert (registry.multiplications(pool), registry.least_bytes(pool)) == (0, 4 * (2 * 48 + 2 * 12))
    halved = sizes.Op("max_pool", (1, 4, 3, 2, 2), "bfloat16")
    assert registry.least_bytes(halved) == 2 * (2 * 48 + 2 * 12)


def entry(*ratio: float) -> dict[str, Any]:
    return {"wall_ms": 2.0, "least_wall_ms": 1.5, "processor_ms": 3.0, "wall_ratio": list(ratio)}


@pytest.fixture
def table(scripts_on_the_path: None) -> Any:
    return importlib.import_module("benchmarks.ops.table")


def test_the_table_marks_what_is_behind(table):
    contenders = {"ours": entry(1, 1, 1), "flax": entry(0.99, 0.9, 1.2), "equinox": entry(0.5, 0.4, 0.6)}
    contenders |= {"torch": entry(1.4, 1, 2), "torch channels-last": entry(0.91, 0.8, 12.4)}
    case = {"name": "relu 2", "op": "relu", "shape": "2", "dtype": "float32", "contenders": contenders}
    assert table.behind(case) == ["Flax"]
    contenders["flax"]["processor_ms"] = 1.9
    assert table.busy(case) == ["1.5", "0.9"]
    ratios = "Flax 0.99 (0.9 to 1.2), Equinox 0.50 (0.4 to 0.6), PyTorch 0.91 (0.8 to 12)"
    assert table.line(case) == f"relu 2: 2 ms; {ratios}; behind Flax"
    contenders["torch channels-last"] = entry(0.89, 0.8, 1)
    assert table.behind(case) == ["Flax", "PyTorch"]
    contenders |= {"flax": entry(1, 1, 1), "torch channels-last": entry(0.9, 0.8, 1)}
    assert table.behind(case) == table.busy(case) == []


def ran(case: Any) -> dict[str, Any]:
    contenders = {"ours": entry(1, 1, 1), "flax": entry(0.5, 0.4, 0.6)}
    return {"name": case.name, "op": case.op, "shape": case.shape, "dtype": case.dtype, "contenders": contenders}


@pytest.fixture
def bench(registry: Any, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The script, which asks for no roofline and takes no more rounds than there must be."""
    names = (
        "bench",
        "benchmarks.compared",
        "benchmarks.processes",
        "benchmarks.contenders",
        "benchmarks.measure",
        "benchmarks.plan",
    )
    found = SimpleNamespace(**{name.split(".")[-1]: importlib.import_module(name) for name in names})
    rounds = found.measure.rounds
    roof = {"gflops": 100.0, "bfloat16 gflops": 100.0, "gbytes": 10.0}
    monkeypatch.setattr(found.measure, "roofline", lambda *_: roof)
    monkeypatch.setattr(found.measure, "rounds", lambda runs, seconds, least: rounds(runs, 0.0, least))
    return found


def test_what_was_measured_before_an_interruption_is_written(bench, monkeypatch, tmp_path: Path, capsys):
    def interrupted(case: Any, options: Any, place: Any) -> dict[str, Any]:
        if case.size == (32, 28, 64):
            raise KeyboardInterrupt
        return ran(case) | {"refused": {}}

    monkeypatch.setattr(bench.compared, "run_case", interrupted)
    assert bench.bench.main(["--ops", "--only", "relu", "--output", str(tmp_path / "ops")]) == 130
    page = (tmp_path / "ops.md").read_text()
    assert "| **relu** |" in page
    assert "| 1x224x224x16 | 2 | 0.50 (0.4 to 0.6) |  |  | Flax | 1.5 1.5 |" in page
    assert "- relu 32x28x28x64\n" in page
    assert len(json.loads((tmp_path / "ops.json").read_text())["cases"]) == 2
    assert capsys.readouterr().err.count("\n") == 2


def test_a_library_that_refuses_ends_nothing(bench):
    def refuses() -> Any:
        raise RuntimeError('"ctc_loss" not implemented\nfor this dtype')

    runs, refused = bench.contenders.started({"ours": lambda: (lambda: None, None), "torch": refuses})
    assert list(runs) == ["ours"]
    assert refused == {"torch": 'RuntimeError: "ctc_loss" not implemented'}


@pytest.mark.slow
def test_every_op_runs_through(bench, capsys: pytest.CaptureFixture, monkeypatch):
    cases = [bench.plan.sizes.Op("max_pool", (2, 8, 4, 2, 2), dtype) for dtype in ("float32", "bfloat16")]
    monkeypatch.setattr(bench.plan.sizes, "every", lambda: tuple(cases))
    assert bench.bench.main(["--ops", "--quick"]) == 0
    printed = capsys.readouterr()
    assert "## float32\n" in printed.out
    assert "## bfloat16\n" in printed.out
    assert "Not" not in printed.out.split("## float32")[1]
    assert [line.split(":")[0] for line in printed.err.splitlines()] == [case.name for case in cases]


@pytest.mark.slow
def test_where_the_process_of_a_library_ends_the_next_case_gets_a_new_one(bench, monkeypatch):
    options, case = bench.bench.arguments(["--ops", "--quick"]), bench.plan.sizes.Op("relu", (2, 4, 3))
    monkeypatch.setattr(bench.contenders, "builders", lambda *_: {"ours": None})  # in this process: which to ask for
    with bench.processes.Apart(options) as place:
        first = bench.compared.run_case(case, options, place)
        with pytest.raises(bench.processes.Ended, match="the process of ours ended"):
            place._asked("ours", os._exit, 1)
        begun = bench.compared.run_case(case, options, place)
        monkeypatch.setattr(place, "started", lambda _: place._asked("ours", os._exit, 1))
        ended = bench.compared.run_case(case, options, place)
    assert set(first["contenders"]) == set(begun["contenders"]) == {"ours"}
    assert (ended["contenders"], ended["refused"]) == ({}, {"all": "the process of ours ended"})


@pytest.mark.slow
def test_the_page_of_an_accelerator_runs_through_on_a_cpu(bench, tmp_path: Path, capsys, monkeypatch):
    large = bench.plan.LARGE_TRANSFORMERS[0]
    small = large.__class__("small", 2, 8, 5, 8, 2, 1, hidden=6, dtype="bfloat16")
    cases = (small, bench.plan.sizes.Op("attention", (2, 8, 2, 4), "bfloat16"))
    monkeypatch.setattr(bench.plan, "ON_CPU", cases)
    assert bench.bench.main(["--platform", "cpu", "--quick", "--output", str(tmp_path / "page")]) == 0
    page = (tmp_path / "page.md").read_text()
    assert "100 GFLOP/s in bfloat16" in page
    for title in ("## small\n", "## attention 2x8x2x4, bfloat16\n"):
        assert title in page
    assert "Not" not in page.split("## small")[1]


def test_what_is_not_reached_in_time_is_named(bench, capsys: pytest.CaptureFixture, monkeypatch):
    options = bench.bench.arguments(["--platform", "gpu", "--only", "transformer"])
    assert options.seconds < 600
    options.seconds = -1.0
    assert bench.compared.compared(options)["left_out"] == [case.name for case in bench.plan.LARGE_TRANSFORMERS]


def test_a_page_of_an_accelerator_says_what_its_numbers_are(scripts_on_the_path):
    report = importlib.import_module("benchmarks.report")
    assert report.accelerated({"platform": "cpu"}) == []
    (on,), (off,) = (report.accelerated({"platform": "gpu", "tf32": tf32}) for tf32 in (True, False))
    assert "TF32 is on" in on
    assert "TF32 is off" in off


def test_steps_run_apart_as_far_as_the_time_goes(bench, monkeypatch):
    def in_new_process(step: str, contender: str, *_: Any) -> dict[str, float]:
        if contender == "flax":
            raise RuntimeError("flax of mlp failed alone: MemoryError")
        return {"peak_mb": 1.5}

    monkeypatch.setattr(bench.compared.alone, "in_new_process", in_new_process)
    options = bench.bench.arguments(["--only", "mlp"])

    def after(end: float) -> dict[str, Any]:
        result: dict[str, Any] = {"contenders": {"ours": {}, "flax": {}}, "refused": {}}
        bench.compared.apart(options, [result], end)
        return result

    failed = {"flax, alone": "flax of mlp failed alone: MemoryError"}
    assert after(math.inf) == {"contenders": {"ours": {"peak_mb": 1.5}, "flax": {}}, "refused": failed}
    assert after(-math.inf) == {"contenders": {"ours": {}, "flax": {}}, "refused": {}}
