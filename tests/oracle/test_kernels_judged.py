"""Kernels in Triton and Pallas, interpreted: the right ones are judged right, the released mistakes found and named."""

import importlib
import importlib.util
import inspect
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from examples.kernels.cases import CASE, CASES, Case, drawn
from examples.kernels.judged import held, subject_of
from examples.kernels.mistakes import MISTAKES, Mistake
from reference import oracle

# Before any test imports Triton, which reads it once.
os.environ.setdefault("TRITON_INTERPRET", "1")
THERE = {
    "plain": True,
    "layouts": "wrong_strides" in oracle.CAUSES,
    "sweep": hasattr(oracle, "sweep"),
    "accuracy": "reference" in inspect.signature(oracle.check).parameters,
}
QUICK = ("softmax", "soft_cross_entropy")
# What Triton's interpreter is done with in seconds. Of the others `make test` judges the twins in Pallas, and
# `test_the_twins_agree` holds the kernels of Triton against their twins.
LIGHT = (*QUICK, "cross_entropy")


def kernels(framework: str) -> None:
    """Skip where a framework is not installed; the kernels import Triton, and say first that it interprets."""
    if framework == "in_triton" and not all(map(importlib.util.find_spec, ("torch", "triton"))):
        pytest.skip("PyTorch or Triton is not installed")


def module_of(framework: str, case: Case) -> ModuleType:
    kernels(framework)
    return importlib.import_module(f"examples.kernels.{framework}.{case.file}")


def judged(framework: str, case: Case, module: ModuleType, arguments: dict[str, Any]) -> oracle.Report:
    subject = subject_of(framework, case, module)
    return oracle.check(subject, *arguments.values(), names=tuple(arguments), **held(case))


def answers(framework: str, case: Case, dtype: str) -> list[np.ndarray]:
    """Outputs and gradients at the case's arguments, in float64 to compare them."""
    subject = subject_of(framework, case, module_of(framework, case))
    out, pullback = subject.vjp(*drawn(case.arguments, dtype).values())
    outs = out if isinstance(out, tuple) else (out,)
    rng = np.random.default_rng(3)
    upstream = tuple(rng.normal(size=leaf.shape).astype(leaf.dtype) for leaf in outs)
    gradients = pullback(upstream if isinstance(out, tuple) else upstream[0])
    return [np.asarray(one, np.float64) for one in (*outs, *gradients) if one is not None]


def marks(framework: str, function: str, quick: bool, sweeps: bool = False) -> tuple[pytest.MarkDecorator, ...]:
    if framework == "in_triton" and (sweeps or function not in LIGHT):
        return pytest.mark.slow, pytest.mark.thorough
    return () if quick else (pytest.mark.slow,)


RIGHT = [
    pytest.param(
        framework, case, id=f"{case.function}-{framework}",
        marks=marks(framework, case.function, case.function in QUICK),
    )
    for framework in ("in_triton", "in_pallas")
    for case in CASES
]  # fmt: skip


@pytest.mark.one_in(2)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("framework", "case"), RIGHT)
def test_a_right_kernel_is_judged_right(framework: str, case: Case, dtype: str):
    """More than one block in float64; what another dtype changes, it changes in every block."""
    arguments = case.arguments if dtype == "float64" else case.short or case.arguments
    report = judged(framework, case, module_of(framework, case), drawn(arguments, dtype))
    assert report.status in ("right", "as accurate as can be"), str(report)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.function)
def test_the_twins_agree(case: Case, dtype: str):
    """Both round the output once, and what they keep for the backward."""
    triton, pallas = answers("in_triton", case, dtype), answers("in_pallas", case, dtype)
    within = 1e-13 if dtype == "float64" else 2**-5
    for one, other in zip(triton, pallas, strict=True):
        assert np.max(np.abs(one - other)) <= within * max(1.0, np.max(np.abs(other)))


def parameters(*needs: str, without: str = "") -> list[Any]:
    wanted = [mistake for mistake in MISTAKES if mistake.needs in needs and without not in mistake.causes]
    return [pytest.param(mistake, id=mistake.name, marks=_marks(mistake)) for mistake in wanted]


def _marks(mistake: Mistake) -> tuple[pytest.MarkDecorator, ...]:
    return marks(framework_of(mistake), mistake.function, _quick(mistake), mistake.needs == "sweep")


def framework_of(mistake: Mistake) -> str:
    return mistake.file.split("/")[0]


def _quick(mistake: Mistake) -> bool:
    return mistake.needs == "plain" and (mistake.function in QUICK or mistake.name.startswith("pallas_swiglu"))


def report_on(mistake: Mistake, folder: Path, *, friendly: bool = False) -> oracle.Report:
    framework, case = framework_of(mistake), CASE[mistake.function]
    kernels(framework)
    arguments = drawn(case.friendly if friendly else case.short or case.arguments, "float64")
    return judged(framework, case, mistake.module(folder), arguments)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("mistake", parameters("plain"))
def test_a_released_mistake_is_found_and_named(mistake: Mistake, tmp_path: Path):
    report = report_on(mistake, tmp_path)
    assert report.verdict == "fail", str(report)
    assert report.findings[0].cause in mistake.causes, str(report)


# What is not written may by chance hold what it should.
@pytest.mark.parametrize("mistake", parameters("sweep", without="entries_not_written"))
def test_a_mistake_of_size_hides_in_friendly_sizes_alone(mistake: Mistake, tmp_path: Path):
    assert report_on(mistake, tmp_path, friendly=True).verdict == "pass"
    assert report_on(mistake, tmp_path).verdict == "fail"


# Plain code rounds products before it adds them up, too, so these are right, though not as accurate as can be.
AS_PLAIN = ("attention_along_rounded", "pallas_layer_norm_rounded_products")
FOUND = [one for one in parameters("layouts", "sweep", "accuracy") if one.id not in AS_PLAIN]


@pytest.mark.parametrize("mistake", FOUND)
def test_a_mistake_is_found_by_what_it_needs(mistake: Mistake, tmp_path: Path):
    if not THERE[mistake.needs]:
        pytest.skip(f"this oracle has nothing for {mistake.needs}")
    framework, case = framework_of(mistake), CASE[mistake.function]
    kernels(framework)
    subject = subject_of(framework, case, mistake.module(tmp_path))
    if mistake.needs == "sweep":
        friendly, sweep = drawn(case.friendly, "float64"), vars(oracle)["sweep"]
        swept = sweep(subject, tuple(friendly.values()), names=tuple(friendly), **held(case))
        assert swept.verdict == "fail", str(swept)
        return
    low = {"reference": case.op, "dtype": "bfloat16"} if mistake.needs == "accuracy" else {}
    arguments = drawn(case.long if low and case.long else case.short or case.arguments, "float64")
    report = oracle.check(subject, *arguments.values(), names=tuple(arguments), **held(case), **low)
    assert report.findings, str(report)
    assert report.findings[0].cause in mistake.causes, str(report)


def in_bfloat16(function: str, module: ModuleType) -> oracle.Report:
    case = CASE[function]
    arguments = drawn(case.arguments, "float64")
    low = {"reference": case.op, "dtype": "bfloat16"}
    subject = subject_of("in_pallas", case, module)
    return oracle.check(subject, *arguments.values(), names=tuple(arguments), **held(case), **low)


@pytest.mark.slow
def test_what_plain_code_rounds_too_is_right_but_not_as_accurate_as_can_be(tmp_path: Path):
    mistake = next(one for one in MISTAKES if one.name == "pallas_layer_norm_rounded_products")
    right = in_bfloat16("layer_norm", module_of("in_pallas", CASE["layer_norm"]))
    rounded = in_bfloat16("layer_norm", mistake.module(tmp_path))
    assert (right.verdict, right.status) == ("pass", "as accurate as can be")
    assert (rounded.verdict, rounded.status) == ("pass", "right")


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_one_change_of_a_kernel_that_is_there(mistake: Mistake):
    text = (Path(__file__).parents[2] / "examples/kernels" / f"{mistake.file}.py").read_text()
    assert mistake.changed() != text
    assert set(mistake.causes) <= {*oracle.CAUSES, *BY_OTHERS}


# Causes that the other parts of the oracle bring with them.
BY_OTHERS = {"wrong_strides", "entries_not_written", "accumulated_in_low_precision", "rounded_before_sum"}


def test_a_mistake_whose_line_is_gone_says_so():
    with pytest.raises(ValueError, match="its right line must stand in softmax_forward"):
        Mistake("gone", "in_pallas/softmax", "softmax", "softmax_forward", "not there", "", (), "plain", "").changed()


def test_a_pallas_kernel_is_compiled_once_a_check():
    case = CASE["softmax"]
    module, traced = module_of("in_pallas", case), []

    def counted(x: Any) -> Any:
        traced.append(1)
        return module.softmax(x)

    x = drawn(case.arguments, "float64")["x"]
    report = oracle.check(oracle.from_jax(counted), x)
    assert report.verdict == "pass"
    assert len(traced) < 12 < report.forward_evaluations
