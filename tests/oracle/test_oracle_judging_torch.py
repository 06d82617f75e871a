"""Submissions in PyTorch and JAX: right ones pass; the framework's own op and its gradients are seen by any name."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reference import oracle
from reference.oracle.judging import source
from reference.oracle.judging.document import as_dict
from reference.oracle.judging.inputs import drawn, maker
from reference.oracle.judging.inside.entry import loaded, within
from reference.oracle.judging.inside.forbidden import Forbidden
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
FORBIDDEN = "torch.nn.functional.softmax"
TASK = Task("softmax", op="softmax", framework="torch", forbid=(FORBIDDEN,), checks=1, seconds_a_call=60.0)
# One name of the op each, the lines above it, and whether it stands in the text.
CALLS = {
    "the op itself": ("", "torch.nn.functional.softmax(x, -1)", True),
    "by another name": ("from torch.nn.functional import softmax as other", "other(x, -1)", True),
    "through getattr": ("", "getattr(torch, 'soft' + 'max')(x, -1)", False),
    "as a method": ("", "x.softmax(-1)", False),
    "its logarithm": ("", "x.log_softmax(-1).exp()", False),
    "its backward": ("", "getattr(torch, '_soft' + 'max_backward_data')(x, x, -1, x.dtype)", False),
}


@pytest.mark.parametrize("name", CALLS)
def test_the_op_is_seen_while_it_is_called_and_in_the_text(name: str):
    torch = pytest.importorskip("torch")
    above, call, in_text = CALLS[name]
    code = f"import torch\n{above}\ndef forward(x):\n    return {call}\n"
    seen = list(source.breaches(code, [FORBIDDEN], by_hand=True))
    assert {(one.name, one.line) for one in seen if one.line == 4} == ({("forbidden_call", 4)} if in_text else set())
    held: dict[str, Any] = {}
    exec(code, held)
    forbidden = Forbidden([FORBIDDEN])
    with forbidden.watching():
        held["forward"](torch.ones(2, 3))
    told = forbidden.taken()
    assert told
    assert {breach for breach, _ in told} == {"forbidden_call"}
    assert all(said.startswith(f"{FORBIDDEN} was called") for _, said in told)
    assert not forbidden.taken()


def test_code_by_hand_calls_nothing_that_is_forbidden(tmp_path: Path):
    pytest.importorskip("torch")
    (tmp_path / "kernel.py").write_text(TEXT.format(forward=OWN, backward=BY_HAND))
    document = as_dict(judge(TASK, tmp_path / "kernel.py", 0))
    assert (document["verdict"], document["breaches"]) == ("pass", []), document["message"]


def test_the_frameworks_own_work_is_named(tmp_path: Path):
    pytest.importorskip("torch")
    forward = CALLS["through getattr"][1]
    (tmp_path / "kernel.py").write_text(TEXT.format(forward=forward, backward=AUTOMATIC))
    document = as_dict(judge(TASK, tmp_path / "kernel.py", 0))
    assert (document["verdict"], document["cause"]) == ("fail", "forbidden_call"), document["message"]
    assert {breach["name"] for breach in document["breaches"]} == {"forbidden_call", "not_by_hand"}


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


def benchmark(folder: Path, reduced: str) -> tuple[Task, Path]:
    (folder / "func_backward.py").write_text(BENCHMARK)
    (folder / "config_backward.json").write_text(json.dumps(CONFIG))
    (folder / "kernel.py").write_text(KERNEL.format(reduced=reduced))
    return read_folder(folder), folder / "kernel.py"


def test_a_task_of_robust_kbench(tmp_path: Path):
    pytest.importorskip("torch")
    task, kernel = benchmark(tmp_path, "mean")
    document = as_dict(judge(replace(task, checks=1, seconds_a_call=60.0), kernel, 0))
    assert document["verdict"] == "pass", document["message"]


def test_a_mistake_in_a_task_of_robust_kbench_is_named(tmp_path: Path):
    pytest.importorskip("torch")
    task, kernel = benchmark(tmp_path, "sum")
    assert task.around is not None
    subject = within(task.around, loaded(kernel), "AutogradFunction", task.settled)
    primals = drawn(maker(task, subject.names), {}, "float32", 0)
    report = oracle.check(subject, *primals, reference=task.reference, dtype="float32")
    assert "scaled_by_count" in [found.cause for found in report.findings]


def test_small_sizes_of_a_benchmark_stay_and_no_other_is_like_them(tmp_path: Path):
    pytest.importorskip("torch")
    (tmp_path / "config_backward.json").write_text(
        json.dumps({**CONFIG, "single_shared_configs": [{"num_features": 3}]})
    )
    (tmp_path / "func_backward.py").write_text(BENCHMARK)
    assert maker(read_folder(tmp_path), None).ordinary == {"num_features": 3, "batch_size": 5}
