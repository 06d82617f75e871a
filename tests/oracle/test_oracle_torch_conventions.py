"""What people write for PyTorch, through `oracle.from_torch`; and how code on tensors is read.

The files conventions/torch_*.py, right and with their mistakes, are judged by the command line in
test_oracle_conventions.py; here their Functions go through the adapter.
"""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from helpers.oracle_command import forgotten, written
from test_oracle_conventions import BUT, WRONG, mistakes, text_of

from reference import oracle
from reference.oracle.command.worker import judge_file

torch = pytest.importorskip("torch")

STEM = "torch_functions"
RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 7))
INPUTS: dict[str, tuple[Any, ...]] = {
    "CrossEntropyFunction": (X, np.array([0, 6, 6])),
    "LinearFunction": (X, RNG.normal(size=(5, 7)), RNG.normal(size=5)),
    "ScaledByTensor": (X, np.array(0.7)),
}
FUNCTIONS = sorted(mistakes(text_of(STEM)))


def module_of(folder: Path, text: str) -> ModuleType:
    """A file of this text, imported as its author does."""
    spec = importlib.util.spec_from_file_location("functions_of_a_test", written(folder, text, "functions.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def report_of(folder: Path, text: str, name: str) -> oracle.Report:
    function = getattr(module_of(folder, text), name)
    inputs = INPUTS.get(name, (X,))
    if name == "SettingsOfEveryKind":
        return oracle.check(oracle.from_torch(lambda x: function.apply(x, 0.2, True)), X)
    return oracle.check(oracle.from_torch(function), *inputs)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_right_function_is_right_through_the_adapter(tmp_path, name):
    report = report_of(tmp_path, text_of(STEM), name)
    but = dict(BUT.findall(text_of(STEM))).get(name)
    if name == "ScaledByTensor":
        assert [found.cause for found in report.findings] == ["missing"], str(report)
        return
    assert report.status == (f"right, but {but}" if but else "right"), str(report)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_its_mistake_is_named_through_the_adapter(tmp_path, name):
    report = report_of(tmp_path, WRONG.sub(r"\1\5", text_of(STEM)), name)
    mistake = mistakes(text_of(STEM))[name]
    assert report.verdict == "fail", str(report)
    assert any(f.cause in mistake.causes and f.argument in (mistake.argument, "x") for f in report.findings), str(
        report
    )


def results_of(folder: Path, text: str) -> dict[str, dict[str, Any]]:
    """What the command says of each subject in a file of this text."""
    results: list[dict[str, Any]] = []
    job = {"file": str(written(folder, text)), "name": None, "op": None, "statics": None, "seeds": [0]}
    with forgotten():
        judge_file({**job, "grade": False, "rich": False, "html": False, "width": 80}, results.append)
    return {result["name"]: result for result in results if result.get("name")}


def test_what_pytorch_draws_leaves_the_generator_of_the_caller_alone():
    subject = oracle.from_torch(lambda x: x * (torch.rand_like(x) > 0.5))
    torch.manual_seed(7)
    before = torch.get_rng_state()
    report = oracle.check(subject, X)
    assert report.verdict == "pass", str(report)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.get_default_dtype() == torch.float32


def test_an_object_that_lives_on_holds_tensors_within_and_arrays_between_its_calls(tmp_path):
    text = """
import torch
class Kept:
    def __init__(self, in_features):
        self.W = torch.ones(in_features)
    def forward(self, x):
        assert isinstance(self.W, torch.Tensor) and isinstance(x, torch.Tensor)
        self.x = x
        return torch.mul(x, self.W)
    def backward(self, dout):
        assert isinstance(self.x, torch.Tensor) and isinstance(dout, torch.Tensor)
        self.dW = torch.sum(dout * self.x, dim=0)
        return torch.mul(dout, self.W)
"""
    result = results_of(tmp_path, text)["Kept"]
    assert result["verdict"] == "pass", result["text"]
    assert [a["name"] for a in result["report"]["arguments"]] == ["x", "W"]


UNCERTAIN = """
import torch
class Odd:
    def __init__(self, in_features):
        self.W = torch.ones(in_features, 5)
    def forward(self, x):
        self.x = x
        return torch.mm(x, self.W)
    def backward(self, dout):
        self.dW = torch.mm(self.x.t(), dout.pow(2))
        return torch.mm(dout.pow(2), self.W.t())

def odd_forward(x, y):
    return torch.sin(x) * y
def odd_backward(dout, x, y):
    return torch.sin(dout) * x, dout.pow(2) * y
"""


@pytest.mark.parametrize("name", ["Odd", "odd"])
def test_the_lines_that_settle_code_on_tensors_settle_it(tmp_path, name):
    unsure = results_of(tmp_path, UNCERTAIN)[name]
    assert "verdict" not in unsure, unsure["text"]
    settled = results_of(tmp_path, f"{UNCERTAIN}\n{unsure['code']}\n")[name]
    assert settled.get("verdict") == "fail", f"{settled}\nafter\n{unsure['code']}"
