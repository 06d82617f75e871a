"""Forwards in PyTorch and JAX as NumPy forwards: the same values, and programs with the framework's own gradients."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.drawn import normal, positive
from helpers.forwards_in_jax import JAX
from helpers.forwards_in_torch import TORCH

from reference.oracle.diagnosis.forms import forms, of_forward
from reference.oracle.diagnosis.values import source_line
from reference.oracle.evidence.evidence import Evidence
from reference.oracle.recording.frameworks.as_numpy import as_numpy
from reference.oracle.subjects import trees
from reference.oracle.subjects.frameworks import from_jax, from_torch
from reference.oracle.subjects.subject import from_forward_backward
from reference.oracle.subjects.vjp import Trial

NAMES = tuple("abcdefgh")


def followed(subject, primals):
    """The forward in NumPy, which has the subject's values here and at other arguments; and its program."""
    forward = as_numpy(subject, primals)
    assert forward is not None, "could not be followed"
    for point in (primals, tuple(0.9 * p if p.dtype.kind == "f" else p for p in primals)):
        for ours, theirs in zip(trees.leaves(forward(*point)), trees.leaves(subject.forward(*point)), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)
    size = sum(np.size(leaf) for leaf in trees.leaves(subject.forward(*primals)))
    program = of_forward(forward, primals, NAMES[: len(primals)], np.cos(np.arange(size) + 0.3))
    assert program is not None, "there is no program"
    return forward, program


def agrees(program, primals, gradients):
    for position, (primal, wanted) in enumerate(zip(primals, gradients, strict=True)):
        if primal.dtype.kind == "f":
            step = program.gradients.get(position)
            got = np.zeros(primal.shape) if step is None else step.value
            np.testing.assert_allclose(got, wanted, rtol=1e-8, atol=1e-8)


def flat(function, *given):
    return jnp.concatenate([jnp.ravel(leaf) for leaf in trees.leaves(function(*given))])


@pytest.mark.one_in(2)
@pytest.mark.parametrize("name", JAX)
def test_a_jax_forward_is_followed(name):
    function, *primals = JAX[name]
    _, program = followed(from_jax(function), tuple(primals))
    if name == "while":  # JAX itself has no gradient of it
        return
    with jax.enable_x64(True):
        out, pull = jax.vjp(partial(flat, function), *map(jnp.asarray, primals))
        agrees(program, primals, pull(jnp.cos(jnp.arange(out.size) + 0.3)))


@pytest.mark.parametrize("name", TORCH)
def test_a_torch_forward_is_followed(name):
    torch = pytest.importorskip("torch")
    function, *primals = TORCH[name]
    subject = from_torch(partial(function, torch))
    _, program = followed(subject, tuple(primals))
    tensors = [torch.tensor(p, requires_grad=p.dtype.kind == "f") for p in primals]
    torch.set_default_dtype(torch.float64)
    try:
        out = function(torch, *tensors)
    finally:
        torch.set_default_dtype(torch.float32)
    flat = torch.cat([leaf.flatten() for leaf in (out if isinstance(out, tuple) else (out,))])
    (flat * torch.cos(torch.arange(len(flat), dtype=torch.float64) + 0.3)).sum().backward()
    agrees(program, primals, [np.zeros(t.shape) if t.grad is None else t.grad.numpy() for t in tensors])


def with_planted_mistake():
    """A layer in PyTorch whose backward forgets a factor."""
    torch = pytest.importorskip("torch")

    class Layer(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w):
            ctx.save_for_backward(x, w)
            hidden = torch.tanh(x @ w)
            for _ in range(3):
                hidden = torch.sin(hidden) * 2
            return hidden.mean(0)

        @staticmethod
        def backward(ctx, ct):
            x, w = ctx.saved_tensors
            return (ct / len(x)).expand(len(x), -1) @ w.T, x.T @ (ct / len(x)).expand(len(x), -1)

    def plain(x, w):
        hidden = torch.tanh(x @ w)
        for _ in range(3):
            hidden = torch.sin(hidden) * 2
        return hidden.mean(0)

    return from_torch(Layer), from_torch(plain)


def squashed(x, w):
    hidden = jnp.tanh(x @ w)
    for _ in range(3):
        hidden = jnp.sin(hidden) * 2
    return jax.nn.softmax(hidden)


def in_jax():
    """The same in JAX."""
    layer = jax.custom_vjp(squashed)
    layer.defvjp(lambda x, w: (squashed(x, w), (x, w)), lambda kept, ct: (ct @ kept[1].T, kept[0].T @ ct))
    return from_jax(layer), from_jax(squashed)


LINES = ["hidden = jnp.tanh(x @ w)", "hidden = jnp.sin(hidden) * 2", "return jax.nn.softmax(hidden)"]


@pytest.mark.parametrize("make", [with_planted_mistake, in_jax], ids=["torch", "jax"])
def test_the_true_backward_of_a_layer_with_a_mistake_is_found(make):
    mistaken, right = make()
    primals = (normal(4, 3), normal(3, 2))
    _, program = followed(Trial(mistaken, ("x", "w"), primals, 0).answering(), primals)
    out, pull = right.vjp(*primals)
    cotangent = np.cos(np.arange(out.size) + 0.3).reshape(out.shape)
    wanted = pull(cotangent)
    agrees(program, primals, wanted)
    assert not np.allclose(mistaken.vjp(*primals)[1](cotangent)[0], wanted[0])
    evidence = Evidence(mistaken, ("x", "w"), primals, out, cotangent, wanted, wanted, (0.0, 0.0), (True, True))
    assert any(np.allclose(form.gradients[1].value, wanted[1]) for form in forms(evidence, []))


@pytest.mark.parametrize("make", [with_planted_mistake, in_jax], ids=["torch", "jax"])
def test_steps_stand_in_the_lines_of_the_user_and_turn_in_the_loop(make):
    _, program = followed(make()[0], (normal(4, 3), normal(3, 2)))
    lines = dict.fromkeys(source_line(step) for step in program.tape.steps if step.part == "forward")
    expected = (
        LINES if make is in_jax else [*(line.replace("jnp", "torch") for line in LINES[:2]), "return hidden.mean(0)"]
    )
    assert list(lines) == expected
    turns = [step.turn for step in program.tape.steps if step.part == "forward" and step.name == "sin"]
    assert turns == [0, 1, 2]


def outside_of_torch(torch, x):
    return torch.from_numpy(np.sin(x.detach().numpy()))


def by_a_number(torch, x):
    return x * float(x.max())


def drawn(torch, x):
    return x * (torch.rand(len(x)) > 0.5)


def inverted(torch, x):
    return torch.linalg.inv(x.diag())


@pytest.mark.parametrize("function", [outside_of_torch, by_a_number, drawn, inverted])
def test_what_cannot_be_followed_in_torch_is_not(function):
    torch = pytest.importorskip("torch")
    assert as_numpy(from_torch(partial(function, torch)), (positive(4),)) is None


@pytest.mark.parametrize(
    "function",
    [
        lambda x: jnp.linalg.inv(jnp.diag(x)),
        lambda x: jax.pure_callback(np.sin, x, x),
        lambda x: x * float(x.max()),
    ],
)
def test_what_cannot_be_followed_in_jax_is_not(function):
    assert as_numpy(from_jax(function), (positive(4),)) is None


def test_a_numpy_forward_needs_no_other():
    assert as_numpy(from_forward_backward(np.sin, lambda ct, x: ct * np.cos(x)), (positive(4),)) is None


def test_single_precision_is_followed_within_its_own():
    x = normal(3, 4).astype(np.float32)
    forward = as_numpy(from_jax(lambda x: jnp.tanh(x) * 3), (x,))
    assert forward is not None
    np.testing.assert_allclose(forward(x), np.tanh(x) * 3, rtol=1e-4)
