"""What is no derivative by design, on the command line: named as what it is, and never merely wrong."""

import pytest
from test_oracle_torch_conventions import results_of

pytest.importorskip("torch")

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
    assert (first["cause"], first["role"]) == ("derivative_missing", "identity"), result["text"]
    assert "a straight-through estimator" in first["message"], result["text"]


def test_the_lines_that_settle_a_design_are_valid_code(tmp_path):
    code = results_of(tmp_path, STRAIGHT)["Rounded"]["code"]
    result = results_of(tmp_path, f"{STRAIGHT}\n{code}")["Rounded"]
    assert "straight-through estimator" in result["text"], result
