"""Submissions in PyTorch and JAX: right ones pass; the framework's own op and its gradients are seen by any name."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from reference.oracle.judging.document import as_dict
from reference.oracle.judging.judging import judge
from reference.oracle.judging.robust_kbench import read_folder
from reference.oracle.judging.task import Task

OWN = "torch.exp(x - x.amax(-1, keepdim=True)) / torch.exp(x - x.amax(-1, keepdim=True)).sum(-1, keepdim=True)"
BY_HAND = "y * (g - (g * y).sum(-1, keepdim=True))"
AUTOMATIC = f"""torch.zeros_like(y)
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            ({OWN} * g).sum().backward()
        return x.grad"""
TEXT = """
import torch
{above}

class Softmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = {forward}
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        found = {backward}
        return found

if __name__ == "__main__":
    print(torch.softmax(torch.zeros(3), -1))
"""
CASES = {
    "by hand": ("", OWN, BY_HAND, None),
    "the op itself": ("", "torch.nn.functional.softmax(x, -1)", BY_HAND, "forbidden_call"),
    "by another name": ("from torch.nn.functional import softmax as other", "other(x, -1)", BY_HAND, "forbidden_call"),
    "through getattr": ("", "getattr(torch, 'soft' + 'max')(x, -1)", BY_HAND, "forbidden_call"),
    "as a method": ("", "x.softmax(-1)", BY_HAND, "forbidden_call"),
    "its logarithm": ("", "x.log_softmax(-1).exp()", BY_HAND, "forbidden_call"),
    "its backward": ("", OWN, "getattr(torch, '_soft' + 'max_backward_data')(g, y, -1, g.dtype)", "forbidden_call"),
    "autograd": ("", OWN, AUTOMATIC, "not_by_hand"),
}
TASK = Task(
    "softmax", op="softmax", framework="torch", forbid=("torch.nn.functional.softmax",), checks=1, seconds_a_call=60.0
)


@pytest.mark.parametrize("name", CASES)
def test_the_frameworks_own_work_is_named(tmp_path: Path, name: str):
    pytest.importorskip("torch")
    above, forward, backward, cause = CASES[name]
    (tmp_path / "kernel.py").write_text(TEXT.format(above=above, forward=forward, backward=backward))
    document = as_dict(judge(TASK, tmp_path / "kernel.py", 0))
    assert document["cause"] == cause, document["message"]
    assert document["verdict"] == ("fail" if cause else "pass")


JAX = """
import jax
import jax.numpy as jnp

@jax.custom_vjp
def softmax(x):
    return {forward}

def fwd(x):
    y = softmax(x)
    return y, y

def bwd(y, g):
    return (y * (g - (g * y).sum(-1, keepdims=True)),)

softmax.defvjp(fwd, bwd)
"""
IN_JAX = {
    "by hand": ("jnp.exp(x) / jnp.exp(x).sum(-1, keepdims=True)", None),
    "the op itself": ("getattr(jax.nn, 'soft' + 'max')(x, -1)", "forbidden_call"),
}


@pytest.mark.parametrize("name", IN_JAX)
def test_a_custom_vjp(tmp_path: Path, name: str):
    pytest.importorskip("jax")
    forward, cause = IN_JAX[name]
    (tmp_path / "kernel.py").write_text(JAX.format(forward=forward))
    forbid = ("jax.nn.softmax",)
    task = Task("softmax", op="softmax", entry="softmax", framework="jax", forbid=forbid, checks=1, seconds_a_call=60.0)
    document = as_dict(judge(task, tmp_path / "kernel.py", 0))
    assert document["cause"] == cause, document["message"]


BENCHMARK = """
import torch

class AutogradFunction(torch.autograd.Function):
    backward_fn = None

    @staticmethod
    def forward(ctx, x, weight, eps):
        ctx.save_for_backward(x, weight)
        ctx.eps = eps
        return forward_fn(x, weight, eps)

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        return *AutogradFunction.backward_fn(grad_output, x, weight, ctx.eps), None

def forward_fn(x, weight, eps):
    wide = x.float()
    return (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + eps)).type_as(x) * weight

class Model(torch.nn.Module):
    def __init__(self, num_features, eps):
        super().__init__()
        self.weight, self.eps = torch.nn.Parameter(torch.randn(num_features)), eps

    def forward(self, x, fn=forward_fn):
        return fn(x, self.weight, self.eps)

def get_inputs(batch_size=16, num_features=4096):
    return [torch.randn(batch_size, num_features, requires_grad=True)]
"""
KERNEL = """
import torch

def backward(g, x, weight, eps):
    rstd = torch.rsqrt((x * x).mean(-1, keepdim=True) + eps)
    own, normal = g * weight, x * rstd
    return rstd * (own - normal * (own * normal).{reduced}(-1, keepdim=True)), (g * normal).sum(0)
"""
CONFIG = {
    "single_init_configs": [{"eps": 1e-6}],
    "single_input_configs": [{"batch_size": 64}],
    "single_shared_configs": [{"num_features": 4096}],
}


@pytest.mark.parametrize(("reduced", "cause"), [("mean", None), ("sum", "scaled_by_count")])
def test_a_task_of_robust_kbench(tmp_path: Path, reduced: str, cause: str | None):
    pytest.importorskip("torch")
    (tmp_path / "func_backward.py").write_text(BENCHMARK)
    (tmp_path / "config_backward.json").write_text(json.dumps(CONFIG))
    (tmp_path / "kernel.py").write_text(KERNEL.format(reduced=reduced))
    task = read_folder(tmp_path)
    document = as_dict(judge(replace(task, checks=1, seconds_a_call=60.0), tmp_path / "kernel.py", 0))
    assert document["cause"] == cause, document["message"]
