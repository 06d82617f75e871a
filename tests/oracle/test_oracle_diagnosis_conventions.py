"""Conventions of a forward that differ from the reference's, and what is no convention."""

from collections.abc import Callable

import numpy as np
import pytest
from planted.evidence import normal
from planted.known import (
    BETA,
    GAMMA,
    HOT,
    POOLED,
    ROWS,
    P,
    W,
    X,
    Z,
    softmax,
    value,
)

from reference.oracle.causes import CAUSES
from reference.oracle.evidence.evidence import Evidence
from reference.oracle.recognition.conventions import explain_forward
from reference.oracle.recognition.recognize import triple
from reference.oracle.subjects.subject import Subject

CONVENTIONS: tuple[tuple[str, str, dict, tuple, Callable], ...] = (
    ("convention_reduction", "sum_of_squares_error", {}, (Z, P), lambda y, t: ((y - t) ** 2).sum(1)),
    ("convention_reduction", "mean_squared_error", {}, (Z, P), lambda y, t: ((y - t) ** 2).sum(1)),
    ("convention_layout", "softmax", {}, (Z,), lambda z: softmax(z, 0)),
    ("convention_layout", "conv", {}, (X, W), lambda x, w: value("conv", x, w[::-1, ::-1])),
    ("convention_static", "conv", {"dilation": 1}, (X, W), lambda x, w: value("conv", x, w, strides=2, padding=1)),
    (
        "convention_reduction",
        "batch_norm",
        {},
        (ROWS, GAMMA, BETA),
        lambda x, g, b: (x - x.mean(0)) / np.sqrt(x.var(0, ddof=1) + 1e-5) * g + b,
    ),
    (
        "convention_static",
        "layer_norm",
        {},
        (ROWS, GAMMA, BETA),
        lambda x, g, b: (x - x.mean(1, keepdims=True)) / (x.std(1, keepdims=True) + 1e-5) * g + b,
    ),
    ("convention_static", "cross_entropy_error", {}, (P, HOT), lambda p, t: -(t * np.log(p + 1e-7)).sum(1)),
    ("convention_static", "dropout", {"rate": 0.3}, (Z, Z > -0.5), lambda x, mask: x * mask),
    ("convention_approximation", "gelu", {}, (Z,), lambda x: x / (1 + np.exp(-1.702 * x))),
    ("convention_domain", "cross_entropy_error", {}, (P, HOT), lambda p, t: -(t * np.log(softmax(p))).sum(1)),
    (
        "convention_static",
        "max_pool",
        POOLED,
        (X,),
        lambda x: value("max_pool", np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), window=3, strides=2),
    ),
    ("convention_tie", "step", {}, (np.array([-1.0, 0.0, 2.0]),), lambda x: (x > 0) + 0.5 * (x == 0)),
    ("forward", "sigmoid", {}, (Z,), np.tanh),
)


@pytest.mark.parametrize("convention", CONVENTIONS, ids=lambda c: f"{c[1]}-{c[0]}")
def test_a_forward_under_another_convention_is_named(convention):
    cause, op, statics, primals, forward = convention
    evidence = forward_evidence(op, statics, primals, forward(*primals))
    findings = explain_forward(evidence, triple(op)[0](*primals, **statics)[0])
    assert findings, f"nothing was said of {op}"
    assert findings[0].cause == cause, [(finding.cause, finding.message) for finding in findings]
    assert findings[0].cause in CAUSES
    assert findings[0].blame == ("forward" if cause == "forward" else "convention")


def forward_evidence(op: str, statics: dict, primals: tuple, out: np.ndarray) -> Evidence:
    count = len(primals)
    names = ("x", "kernel", "bias")[:count]
    nothing = (None,) * count
    subject = Subject(op, lambda *p: out, lambda *p: (out, lambda ct: nothing), names)
    return Evidence(subject, names, primals, out, None, nothing, nothing, (0.0,) * count, (False,) * count, op, statics)


def test_a_forward_that_overflows_is_not_a_convention():
    primals = (np.array([[900.0, 0.0, 1.0]]),)
    out = np.array([[np.nan, 0.0, 0.0]])
    (finding,) = explain_forward(forward_evidence("softmax", {}, primals, out), triple("softmax")[0](*primals)[0])
    assert (finding.cause, finding.blame, finding.index) == ("not_finite", "forward", (0, 0))


def test_a_random_forward_is_not_explained():
    evidence = forward_evidence("dense", {}, (Z, normal(8, 5, 3)), normal(11, 4, 3))
    assert explain_forward(evidence, Z @ normal(8, 5, 3)) == []
