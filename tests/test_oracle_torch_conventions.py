"""What people write for PyTorch: through `oracle.from_torch`, and what is no derivative by design on the command line.

The files conventions/torch_*.py, right and with their mistakes, are judged by the command line in
test_oracle_conventions.py; here their Functions go through the adapter.
"""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from oracle_command import forgotten, written
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

STRAIGHT = """
import numpy as np
import torch
from torch.autograd import Function

class Rounded(Function):
    @staticmethod
    def forward(ctx, x):
        return torch.round(x)
    @staticmethod
    def backward(ctx, grad_output):
        return grad_output

class Sign(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.sign(x)
    @staticmethod
    def backward(ctx, grad_output):
        x, = ctx.saved_tensors
        return grad_output * (x.abs() <= 1)

class Spike(Function):
    @staticmethod
    def forward(ctx, x, steepness=25.0):
        ctx.save_for_backward(x)
        return torch.heaviside(x, torch.zeros_like(x))
    @staticmethod
    def backward(ctx, grad_output):
        x, = ctx.saved_tensors
        return grad_output / (25 * x.abs() + 1) ** 2, None

class Nearest(Function):
    @staticmethod
    def forward(ctx, x, weight):
        places = (x[:, None] - weight[None]).pow(2).sum(-1).argmin(1)
        ctx.mark_non_differentiable(places)
        ctx.save_for_backward(places, weight)
        return weight[places], places
    @staticmethod
    def backward(ctx, grad_output, grad_places):
        places, weight = ctx.saved_tensors
        return grad_output, torch.zeros_like(weight).index_add_(0, places, grad_output)

class SignAndSize(Function):
    @staticmethod
    def forward(ctx, x):
        return x.sign(), x.abs().mean(1, keepdim=True)
    @staticmethod
    def backward(ctx, grad_sign, grad_size):
        return grad_sign.clone()

class ScaledSign(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sign() * x.abs().mean(1, keepdim=True)
    @staticmethod
    def backward(ctx, grad_output):
        x, = ctx.saved_tensors
        return grad_output * (x.abs() <= 1)

class Quantized(Function):
    @staticmethod
    def forward(ctx, x, bits=4):
        size = x.abs().max() / (2 ** (bits - 1) - 1)
        return torch.round(x / size) * size
    @staticmethod
    def backward(ctx, grad_output):
        return grad_output, None

class BinaryLinear:
    def __init__(self, in_features, out_features):
        self.W = np.random.randn(in_features, out_features)
    def forward(self, x):
        self.x = x
        return x @ np.sign(self.W)
    def backward(self, dout):
        self.dW = self.x.T @ dout
        return dout @ np.sign(self.W).T
"""
REVERSED = """
from torch.autograd import Function

class Reversal(Function):
    @staticmethod
    def forward(ctx, x, alpha):
        ctx.alpha = alpha
        return x.view_as(x)
    @staticmethod
    def backward(ctx, grad_output):
        return -ctx.alpha * grad_output, None

class ReversalBySavedTensor(Function):
    @staticmethod
    def forward(ctx, x, alpha):
        ctx.save_for_backward(alpha)
        return x
    @staticmethod
    def backward(ctx, grad_output):
        alpha, = ctx.saved_tensors
        return grad_output.neg() * alpha, None

class TurnedAround:
    def forward(self, x):
        return x
    def backward(self, dout):
        return -dout
"""
MISTAKEN = """
import numpy as np
import torch
from torch.autograd import Function

class Doubled(Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x
    @staticmethod
    def backward(ctx, grad_output):
        return -2 * grad_output

class Floored:
    def forward(self, x):
        self.x = x
        return np.floor(x) + x ** 2
    def backward(self, dout):
        return dout * self.x

class Shrunk(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * (x.abs() > 0.5)
    @staticmethod
    def backward(ctx, grad_output):
        x, = ctx.saved_tensors
        return grad_output * (x > 0.5)

class DroppedTanh:
    def forward(self, x):
        self.x, self.mask = x, np.random.rand(*x.shape) > 0.3
        return np.tanh(x) * self.mask
    def backward(self, dout):
        return dout * self.mask * (1 + self.x ** 3)

class Centered:
    def __init__(self, in_features):
        self.b = np.random.randn(in_features)
    def forward(self, x):
        y = x + self.b
        return y - y.mean(axis=0)
    def backward(self, dout):
        self.db = dout.sum(axis=0)
        return dout - dout.mean(axis=0)

class Twice:
    def forward(self, x):
        return x
    def backward(self, dout):
        return 2 * dout
"""


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


def test_what_goes_straight_through_a_step_is_named_and_not_accused(tmp_path):
    results = results_of(tmp_path, STRAIGHT)
    assert list(results) == [
        "Rounded",
        "Sign",
        "Spike",
        "Nearest",
        "SignAndSize",
        "ScaledSign",
        "Quantized",
        "BinaryLinear",
    ]
    for name, result in results.items():
        assert "verdict" not in result, f"{name} is no derivative by design, and was judged: {result['text']}"
        assert "straight-through estimator: not the derivative, by design?" in result["problem"], result["problem"]


def test_a_gradient_that_is_turned_around_is_named_and_not_accused(tmp_path):
    results = results_of(tmp_path, REVERSED)
    assert list(results) == ["Reversal", "ReversalBySavedTensor", "TurnedAround"]
    for name, result in results.items():
        assert "verdict" not in result, f"{name} is no derivative by design, and was judged: {result['text']}"
        assert "gradient reversal: not the derivative, by design?" in result["problem"], result["problem"]


def test_a_mistake_is_not_taken_for_a_design(tmp_path):
    results = results_of(tmp_path, MISTAKEN)
    assert list(results) == ["Doubled", "Floored", "Shrunk", "DroppedTanh", "Centered", "Twice"]
    for name, result in results.items():
        assert result.get("verdict") == "fail", f"{name} is wrong: {result.get('problem') or result['text']}"
        assert "by design" not in result["text"], result["text"]


def test_a_step_that_a_file_brings_inputs_for_fails_and_says_what_it_may_be(tmp_path):
    examples = '\nEXAMPLES = {"Rounded": (torch.linspace(-2.0, 2.0, 6, dtype=torch.float64),)}\n'
    result = results_of(tmp_path, STRAIGHT + examples)["Rounded"]
    assert result["verdict"] == "fail"
    first = result["report"]["findings"][0]
    assert first["cause"] == "identity", result["text"]
    assert "a straight-through estimator" in first["message"], result["text"]


def test_the_lines_that_settle_a_design_are_valid_code(tmp_path):
    code = results_of(tmp_path, STRAIGHT)["Rounded"]["code"]
    result = results_of(tmp_path, f"{STRAIGHT}\n{code}")["Rounded"]
    assert "straight-through estimator" in result["text"], result


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
