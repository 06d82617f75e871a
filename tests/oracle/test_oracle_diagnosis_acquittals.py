"""Right code that people report as wrong is acquitted by name."""

import numpy as np
import pytest
from planted.known import (
    BETA,
    GAMMA,
    LABELS,
    ROWS,
    P,
    X,
    Z,
    evidence_of,
    value,
)

from reference.oracle.evidence.evidence import Evidence
from reference.oracle.recognition.acquittals import acquit
from reference.oracle.subjects.subject import Subject


def sigmoid_backward(cotangent, y):
    return cotangent * y * (1 - y)


def test_the_output_formula_of_sigmoid_is_acquitted():
    evidence = evidence_of("sigmoid", {}, (Z,))
    object.__setattr__(evidence.subject, "source", sigmoid_backward)
    assert any("y * (1 - y) is right" in sentence for sentence in acquit(evidence)), acquit(evidence)


ACQUITTED = (
    ("batch_norm", {}, (ROWS, GAMMA, BETA), "it is zero"),
    ("softmax_cross_entropy", {}, (Z, LABELS), "needs no softmax derivative"),
    ("sum_of_squares_error", {}, (Z, P), "the half"),
    ("mean_squared_error", {}, (Z, P), "factor 2 is right"),
    ("mean_squared_error", {}, (Z, P), "no 1/N"),
    ("max_pool", {"window": 2}, (np.round(X),), "ties"),
    ("relu", {}, (np.round(Z),), "kink"),
    ("dropout", {"rate": 0.3}, (Z, Z > -0.5), "inverted dropout"),
)


@pytest.mark.parametrize("case", ACQUITTED, ids=lambda case: f"{case[0]}-{case[3]}")
def test_right_code_that_people_report_as_wrong_is_acquitted(case):
    op, statics, primals, words = case
    sentences = acquit(evidence_of(op, statics, primals, named=True))
    assert any(words in sentence for sentence in sentences), sentences


def test_a_mean_loss_is_told_where_its_1_over_n_belongs():
    evidence = evidence_of("mean_squared_error", {}, (Z, P))
    mean = np.asarray(value("mean_squared_error", Z, P).mean())
    subject = Subject("mean", lambda y, t: value("mean_squared_error", y, t).mean(), evidence.subject.vjp, ("y", "t"))
    nothing = (None, None)
    moved = Evidence(subject, ("y", "t"), (Z, P), mean, np.asarray(1.0), nothing, nothing, (0.0, 0.0), (False, False))
    assert any("takes the mean over the batch" in sentence for sentence in acquit(moved)), acquit(moved)


def test_a_function_that_nobody_knows_needs_no_acquittal():
    subject = Subject("odd", lambda x: x**5, lambda x: (x**5, lambda ct: (5 * ct * x**4,)), ("x",))
    evidence = Evidence(subject, ("x",), (Z,), Z**5, Z, (None,), (None,), (0.0,), (False,))
    assert acquit(evidence) == ()


def test_a_smooth_loss_has_no_kink_where_a_prediction_is_zero():
    sentences = acquit(evidence_of("huber_loss", {}, (np.round(Z), P), named=True))
    assert not any("kink" in sentence for sentence in sentences), sentences
