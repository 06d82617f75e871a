"""A grade names gradients that nobody wrote by hand: numerical ones, the library's own, those of a framework."""

import json

import pytest
from helpers.oracle_command import judge_here, run_check, written

NUMERICAL = """
import numpy as np
def numerical(f, x, times, h=2.0**-8):
    gradient = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        kept = x[at]
        x[at] = kept + h
        above = f()
        x[at] = kept - h
        below = f()
        x[at] = kept
        gradient[at] = ((above - below) * times).sum() / (2 * h)
    return gradient
class Affine:
    def __init__(self, W, b):
        self.W, self.b = W.copy(), b.copy()
    def forward(self, x):
        self.x = x.copy()
        return self.x @ self.W + self.b
    def backward(self, dout):
        x, W, b = self.x, self.W, self.b
        def again():
            out, self.x = self.forward(x), x
            return out
        self.dW = {W}
        self.db = {b}
        return {x}
"""
BY_HAND = {"x": "dout @ W.T", "W": "x.T @ dout", "b": "dout.sum(0)"}
LINEAR = """
{imports}
import numpy as np
def linear_forward(x, w):
    return x @ w, (x, w)
def linear_backward(dout, cache):
    x, w = cache
    {backward}
"""
LEANS = {
    "reference": (
        "from reference.linear import dense_bwd, dense_fwd",
        "return dense_bwd(dense_fwd(x, w)[1], dout)[:2]",
        "by reference.dense_bwd.",
    ),
    "the oracle's numerical gradient": (
        "from reference.calculus import gradient",
        "return gradient(lambda x: (dout * (x @ w)).sum())(x), x.T @ dout",
        "by reference.gradient.",
    ),
    "functional_nn": (
        "import functional_nn",
        "return np.asarray(functional_nn.dense(dout, w.T)), np.asarray(functional_nn.dense(x.T, dout))",
        "by functional_nn.dense.",
    ),
    "jax.vjp": (
        "import jax, jax.numpy as jnp",
        "return tuple(map(np.asarray, jax.vjp(jnp.matmul, x, w)[1](dout)))",
        "by jax's automatic differentiation.",
    ),
    "jax.grad, compiled": (
        "import jax\nslopes = jax.jit(jax.grad(lambda x, w, dout: (dout * (x @ w)).sum(), (0, 1)))",
        "return tuple(map(np.asarray, slopes(x, w, dout)))",
        "by jax's automatic differentiation.",
    ),
    "torch.autograd": (
        "import torch",
        "x, w = (torch.tensor(a, requires_grad=True) for a in (x, w)); "
        "(x @ w).backward(torch.tensor(dout)); return x.grad.numpy(), w.grad.numpy()",
        "by torch.autograd.backward.",
    ),
}
FRAMEWORK = """
import torch
class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x
    @staticmethod
    def backward(ctx, dout):
        (x,) = ctx.saved_tensors
        return 2 * x * dout
"""
RULE = """
import jax
@jax.custom_vjp
def square(x):
    return x * x
square.defvjp(lambda x: (x * x, x), lambda x, dout: (2 * x * dout,))
"""
# What a backward may well do: call the forward again, its helpers for each row, or a step of the forward many times.
HONEST = {
    "forward again": """
import numpy as np
class Tanh:
    def forward(self, x):
        self.x = x
        return np.tanh(x)
    def backward(self, dout):
        return dout * (1 - self.forward(self.x) ** 2)
""",
    "a helper for each row": """
import numpy as np
def soft(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)
def softmax_forward(x):
    return soft(x), x
def softmax_backward(dout, cache):
    dx = np.zeros_like(cache)
    for i in range(len(cache)):
        for j in range(cache.shape[1]):
            s = soft(cache[i])
            dx[i, j] = s[j] * (dout[i, j] - (dout[i] * s).sum())
    return dx
""",
    "a rule of JAX": RULE,
    "a function of PyTorch": FRAMEWORK,
}


@pytest.fixture
def graded(capfd, monkeypatch, tmp_path):
    judge_here(monkeypatch)

    def grade(text):
        _, out, _ = run_check(capfd, written(tmp_path, text), "--grade", "--seed", 5, "--json")
        (result,) = json.loads(out)["results"]
        parts = result["grade"]
        return {part["name"].removeprefix("gradient of "): (part["earned"], part["why"]) for part in parts}

    return grade


@pytest.mark.parametrize("by_number", ["x", "W", "b", "xW", "xWb"])
def test_the_gradients_that_are_numerical_are_named_and_earn_nothing(graded, by_number):
    numerical = {name: f"numerical(again, {name}, dout)" for name in by_number}
    parts = graded(NUMERICAL.format(**{**BY_HAND, **numerical}))
    named = {name for name in "xWb" if parts[name][1].startswith("by numerical differentiation: Affine.forward runs")}
    assert named == set(by_number), parts
    assert {name for name in "xWb" if not parts[name][0]} == set(by_number), parts


@pytest.mark.slow
def test_what_cannot_be_graded_says_so_too(capfd, monkeypatch, tmp_path):
    judge_here(monkeypatch)
    wrong = {n: f"numerical(again, {n}, dout) + np.cos(np.arange({n}.size)).reshape({n}.shape)" for n in "xWb"}
    _, out, _ = run_check(capfd, written(tmp_path, NUMERICAL.format(**wrong)), "--grade", "--seed", 5)
    said = " ".join(out.split())
    assert "cannot tell" in said
    assert "The gradient of W is not by hand: by numerical differentiation" in said


@pytest.mark.parametrize("name", LEANS)
def test_a_gradient_by_somebody_else_is_named_and_earns_nothing(graded, name):
    imports, backward, says = LEANS[name]
    pytest.importorskip("torch" if "torch" in imports else "jax")
    parts = graded(LINEAR.format(imports=imports, backward=backward))
    assert parts["x"] == parts["w"] == (0, says), parts


@pytest.mark.parametrize("name", HONEST)
def test_what_is_written_by_hand_earns_its_point(graded, name):
    pytest.importorskip("torch" if "torch" in HONEST[name] else "jax")
    parts = graded(HONEST[name])
    assert parts["x"] == (1, ""), parts
