"""The grammar read backwards: a wrong backward of one's own is recorded, and the edit that mends it is named."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import pytest

from reference import oracle

torch = pytest.importorskip("torch")

# One mistake in every style that people write in: the sum of softmax's backward runs down the batch.


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def pooled(x, w):
    return softmax(x) @ w


def down_the_batch(ct, x, w):
    p = softmax(x)
    dp = ct @ w.T
    return p * (dp - (p * dp).sum(axis=0)), p.T @ ct


def from_cache():
    def forward(x, w):
        p = softmax(x)
        return p @ w, (p, w)

    def backward(dout, cache):
        p, w = cache
        dp = dout @ w.T
        return p * (dp - (p * dp).sum(axis=0)), p.T @ dout

    return oracle.from_cache(forward, backward)


class Pooled:
    """A textbook's layer."""

    def __init__(self, w):
        self.w = w

    def forward(self, x):
        self.p = softmax(x)
        return self.p @ self.w

    def backward(self, dout):
        dp = dout @ self.w.T
        self.dw = self.p.T @ dout
        return self.p * (dp - (self.p * dp).sum(axis=0))


class InTorch(torch.autograd.Function):
    """The same of PyTorch."""

    @staticmethod
    def forward(ctx, x, w):
        p = torch.softmax(x, dim=1)
        ctx.save_for_backward(p, w)
        return p @ w

    @staticmethod
    def backward(ctx, dout):
        p, w = ctx.saved_tensors
        dp = dout @ w.T
        return p * (dp - (p * dp).sum(dim=0)), p.T @ dout


@jax.custom_vjp
def in_jax(x, w):
    return jax.nn.softmax(x) @ w


def in_jax_fwd(x, w):
    p = jax.nn.softmax(x)
    return p @ w, (p, w)


def in_jax_bwd(residuals, ct):
    p, w = residuals
    dp = ct @ w.T
    return p * (dp - (p * dp).sum(axis=0)), p.T @ ct


in_jax.defvjp(in_jax_fwd, in_jax_bwd)


def drawn(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


W = drawn(2, 7, 3)
STYLES = {
    "pair": lambda: oracle.from_forward_backward(pooled, down_the_batch),
    "rule": lambda: oracle.from_rule(lambda x, w: (pooled(x, w), (x, w)), lambda kept, ct: down_the_batch(ct, *kept)),
    "cache": from_cache,
    "vjp": lambda: oracle.from_vjp(lambda x, w: (pooled(x, w), lambda ct: down_the_batch(ct, x, w))),
    "layer": lambda: oracle.from_layer(Pooled(W)),
    "torch": lambda: oracle.from_torch(InTorch),
    "jax": lambda: oracle.from_jax(in_jax),
}


def first_of(subject, *primals, names=None):
    report = oracle.check(subject, *primals, names=names)
    assert report.verdict == "fail", str(report)
    return report.findings[0]


@pytest.mark.parametrize("style", STYLES)
def test_a_mistake_is_mended_in_the_line_where_it_was_made(style):
    given = (drawn(1, 5, 7),) if style == "layer" else (drawn(1, 5, 7), W)
    found = first_of(STYLES[style](), *given)
    assert (found.cause, found.argument) == ("wrong_axis", "x"), found.message
    assert "axis 1 in place of axis 0" in found.message, found.message
    assert "p * dp).sum(" in found.message, found.message


# --- mistakes that no edit of the true backward shows, for it is written in another way ---


@dataclass(frozen=True)
class Planted:
    """A forward, a wrong backward of it, and what is wrong."""

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    shapes: tuple
    cause: str
    argument: str


def sandwich(p, f):
    return f @ p @ f.T


def entry_by_entry(ct, p, f):
    return (f.T @ ct) * f, ct @ f @ p.T + ct.T @ f @ p


def averaged(x):
    return sum(np.tanh(x * m) for m in (1.0, 0.5, 2.0)) / 3


def of_the_last(ct, x):
    for m in (1.0, 0.5, 2.0):
        dx = ct * m * (1 - np.tanh(x * m) ** 2) / 3
    return (dx,)


def residual(x, w):
    return x + np.tanh(x @ w)


def without_the_skip(ct, x, w):
    da = ct * (1 - np.tanh(x @ w) ** 2)
    return da @ w.T, x.T @ da


def masked(x, a):
    return np.where(x > 0, x, a * x)


def of_both_sides(ct, x, a):
    return ct * np.where(x > 0, 1, a), (ct * x).sum(axis=0)


PLANTED = {
    "a product entry by entry": Planted(sandwich, entry_by_entry, ((3, 3), (3, 3)), "elementwise_product", "p"),
    "the last pass alone": Planted(averaged, of_the_last, ((5, 7),), "not_accumulated", "x"),
    "a skip left out": Planted(residual, without_the_skip, ((5, 7), (7, 7)), "term_missing", "x"),
    "a slope learnt from both sides": Planted(masked, of_both_sides, ((5, 7), (7,)), "mask_missing", "a"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_what_a_backward_lacks_is_named(name):
    planted = PLANTED[name]
    subject = oracle.from_forward_backward(planted.forward, planted.backward)
    report = oracle.check(subject, *(drawn(i, *shape) for i, shape in enumerate(planted.shapes)))
    found = next((one for one in report.findings if one.argument == planted.argument), None)
    assert found is not None, str(report)
    assert found.cause == planted.cause, str(report)


def test_what_mends_a_backward_that_is_not_linear_is_called_so():
    found = first_of(oracle.from_forward_backward(np.tanh, lambda ct, x: (np.abs(ct) * (1 - np.tanh(x) ** 2),)), W)
    assert found.cause == "not_linear", found.message
    assert "np.abs(ct)" in found.evidence, found.evidence


def test_a_backward_that_looks_at_its_numbers_is_still_judged():
    def backward(ct, x):
        return (np.array([[float(c) * 2 for c in row] for row in ct]),)

    found = first_of(oracle.from_forward_backward(lambda x: 5 * x, backward), W)
    assert found.cause == "scaled_by_constant", found.message
    assert found.got is not None
