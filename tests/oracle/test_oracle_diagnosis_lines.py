"""The line of the source that computes a gradient is named where it is certain, and only there."""

import numpy as np
import pytest
from planted.evidence import AFFINE, affine, evidence_of

from reference.oracle.diagnosis import diagnose
from reference.oracle.diagnosis.values import whose_once
from reference.oracle.evidence.source import line_of


def test_the_line_that_computes_the_gradient_is_named():
    findings = diagnose(evidence_of(affine, kernel_after_assignment, *AFFINE))
    assert [finding.line for finding in findings][:1] == [kernel_after_assignment.__code__.co_firstlineno + 2]


def kernel_after_assignment(ct, x, w, b):
    dx = ct @ w.T
    dw = -x.T @ ct
    return dx, dw, ct.sum(0)


class Layer:
    def backward(self, dout):
        self.dW = dout.T @ dout
        self.db = dout.sum(0)
        return dout


def returns_expressions(ct, x, w):
    return (
        ct @ w.T,
        x.T @ ct,
    )


def returns_twice(ct, x, w):
    if ct.size:
        return ct @ w.T, x.T @ ct
    return ct, ct


def test_lines_are_named_where_they_are_certain_and_only_there():
    first = Layer.backward.__code__.co_firstlineno
    assert line_of(Layer.backward, "W", 1, 3) == first + 1
    assert line_of(Layer.backward, "b", 2, 3) == first + 2
    assert line_of(returns_expressions, "w", 1, 2) == returns_expressions.__code__.co_firstlineno + 3
    assert line_of(returns_twice, "w", 1, 2) is None
    assert line_of(np.add, "w", 1, 2) is None
    assert line_of(None, "w", 1, 2) is None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            "lacks the factor the reference's `1 - y` in the reference's `ct * y * (1 - y)`",
            "lacks the factor `1 - y` in the reference's `ct * y * (1 - y)`",
        ),
        ("applies f(u) with u = the reference's `y` besides", "applies f(u) with u = the reference's `y` besides"),
        ("has `a` in place of `b` in `a * b`", "has `a` in place of `b` in `a * b`"),
    ],
    ids=["twice", "once", "the user's"],
)
def test_that_a_line_is_the_references_is_said_once(words: str, told: str):
    assert whose_once(words) == told
