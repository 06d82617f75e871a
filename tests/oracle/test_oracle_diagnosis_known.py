"""Known mistakes of the ops, matched exactly; ops recognized by what they compute."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from planted.evidence import normal
from planted.known import (
    BETA,
    GAMMA,
    GROUPED,
    GROUPED_KERNEL,
    HOT,
    LABELS,
    POOLED,
    ROWS,
    STRIDED,
    P,
    W,
    X,
    Z,
    evidence_of,
    gradient_of,
    replaced,
    value,
)

from reference.oracle.diagnosis import diagnose
from reference.oracle.evidence.evidence import Evidence
from reference.oracle.recognition.recognize import recognize
from reference.oracle.subjects.subject import Subject


def conv_gradient(position: int, ct: np.ndarray, x=X, kernel=W, **statics: Any) -> np.ndarray:
    return gradient_of("conv", ct, x, kernel, position=position, **statics)


def at_stride_one(ct: np.ndarray) -> np.ndarray:
    """A cotangent of strided positions, placed as if the stride were one."""
    out = value("conv", X, W, padding=1)
    spread = np.zeros_like(out)
    spread[:, : ct.shape[1], : ct.shape[2]] = ct
    return spread


def batch_norm_gradient(ct: np.ndarray, mean: float = 1, variance: float = 1, gamma: np.ndarray = GAMMA) -> np.ndarray:
    inverse = 1 / np.sqrt(ROWS.var(0) + 1e-5)
    xhat, g = (ROWS - ROWS.mean(0)) * inverse, ct * gamma
    return (g - mean * g.mean(0) - variance * xhat * (g * xhat).mean(0)) * inverse


def without_bias_correction(ct: np.ndarray) -> np.ndarray:
    inverse = 1 / np.sqrt(ROWS.var(0) + 1e-5)
    xhat, g = (ROWS - ROWS.mean(0)) * inverse, ct * GAMMA
    return (g - g.mean(0) - xhat * (g * xhat).sum(0) / (len(ROWS) - 1)) * inverse


KNOWN: tuple[tuple[str, str, dict, tuple, int, Callable], ...] = (
    ("derivative_missing", "sigmoid", {}, (Z,), 0, lambda ct: ct),
    ("term_missing", "silu", {}, (Z,), 0, lambda ct: ct / (1 + np.exp(-Z))),
    ("scaled_by_constant", "leaky_relu", {"negative_slope": 0.2}, (Z,), 0, lambda ct: ct * np.where(Z > 0, 1, 0.01)),
    ("diagonal_only", "softmax", {"axis": -1}, (Z,), 0, lambda ct: ct * P * (1 - P)),
    ("wrong_axis", "softmax", {"axis": -1}, (Z,), 0, lambda ct: P * (ct - (P * ct).sum(0))),
    ("scaled_by_count", "log_softmax", {"axis": -1}, (Z,), 0, lambda ct: ct - P * ct.mean(1, keepdims=True)),
    ("derivative_twice", "softmax_cross_entropy", {}, (Z, LABELS), 0, lambda ct: ct[:, None] * (P - HOT) * P * (1 - P)),
    (
        "static_ignored",
        "softmax_cross_entropy",
        {"label_smoothing": 0.1},
        (Z, LABELS),
        0,
        lambda ct: ct[:, None] * (P - HOT),
    ),
    ("wrong_derivative", "cross_entropy_error", {}, (P, HOT), 0, lambda ct: ct[:, None] * (P - HOT)),
    ("transposed", "dense", {}, (Z, normal(8, 5, 5)), 0, lambda ct: ct @ normal(8, 5, 5)),
    ("flipped", "conv", {}, (X, W), 0, lambda ct: conv_gradient(0, ct, kernel=W[::-1, ::-1])),
    ("static_ignored", "conv", STRIDED, (X, W), 1, lambda ct: conv_gradient(1, at_stride_one(ct), padding=1)),
    (
        "wrong_index",
        "conv",
        GROUPED,
        (X, GROUPED_KERNEL),
        1,
        lambda ct: conv_gradient(1, ct, np.concatenate([X[..., 2:], X[..., :2]], -1), GROUPED_KERNEL, groups=2),
    ),
    (
        "scaled_by_count",
        "avg_pool",
        {**POOLED, "count_include_pad": False},
        (X,),
        0,
        lambda ct: gradient_of("avg_pool", ct, X, **POOLED),
    ),
    ("statistics_as_constants", "batch_norm", {}, (ROWS, GAMMA, BETA), 0, lambda ct: batch_norm_gradient(ct, mean=0)),
    (
        "statistics_as_constants",
        "batch_norm",
        {},
        (ROWS, GAMMA, BETA),
        0,
        lambda ct: batch_norm_gradient(ct, variance=0),
    ),
    ("statistics_as_constants", "batch_norm", {}, (ROWS, GAMMA, BETA), 0, lambda ct: batch_norm_gradient(ct, 0, 0)),
    (
        "wrong_factor",
        "batch_norm",
        {},
        (ROWS, GAMMA, BETA),
        0,
        lambda ct: batch_norm_gradient(ct, gamma=np.ones(7)),
    ),
    ("scaled_by_count", "batch_norm", {}, (ROWS, GAMMA, BETA), 0, without_bias_correction),
    ("wrong_operand", "batch_norm", {}, (ROWS, GAMMA, BETA), 1, lambda ct: (ct * ROWS).sum(0)),
)


@pytest.mark.slow
@pytest.mark.parametrize("named", [False, True], ids=["recognized", "named"])
@pytest.mark.parametrize("known", KNOWN, ids=lambda k: f"{k[1]}-{k[0]}")
def test_a_known_mistake_is_matched_exactly(known, named):
    cause, op, statics, primals, position, gradient = known
    findings = diagnose(evidence_of(op, statics, primals, replaced(position, gradient), named))
    assert findings, f"nothing was said of {op}"
    assert findings[0].cause == cause, [(finding.cause, finding.message) for finding in findings]


def test_a_network_is_recognized_and_its_slip_named():
    """Two layers with a sigmoid between them: no op of the reference, and the derivative of the sigmoid is missing."""
    x, first, second = normal(1, 3, 5), normal(2, 5, 7), normal(3, 7, 4)

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    h = sigmoid(x @ first)
    ct = normal(4, 3, 4)

    def gradients(ct, slope):
        inner = ct @ second.T * slope
        return inner @ first.T, x.T @ inner, h.T @ ct

    got, expected = gradients(ct, 1.0), gradients(ct, h * (1 - h))
    subject = Subject(
        "network",
        lambda x, a, b: sigmoid(x @ a) @ b,
        lambda *p: (h @ second, lambda ct: gradients(ct, 1.0)),
        ("x", "a", "b"),
    )
    flags, noise = (True, True, False), (1e-11,) * 3
    evidence = Evidence(subject, ("x", "a", "b"), (x, first, second), h @ second, ct, got, expected, noise, flags)
    found = {finding.argument: finding for finding in reversed(diagnose(evidence))}
    assert found["x"].cause == found["a"].cause == "derivative_missing", found
    assert "derivative of sigmoid" in found["a"].message, found["a"].message


RECOGNIZED = (
    ("dense", {}, (Z, normal(8, 5, 3), normal(9, 3))),
    ("conv", {"strides": (2, 2), "dilation": (1, 1), "padding": ((1, 1), (1, 1))}, (X, W)),
    ("max_pool", {"window": 2, "strides": (2, 2), "padding": ((0, 0), (0, 0))}, (X,)),
    ("layer_norm", {"axis": 1, "epsilon": 1e-6}, (ROWS, GAMMA, BETA)),
    ("gelu", {"approximate": True}, (Z,)),
    ("softmax_cross_entropy", {"label_smoothing": 0.1}, (Z, LABELS)),
    ("rms_norm", {"axis": 1, "epsilon": 1e-8}, (ROWS, GAMMA)),
    ("group_norm", {"groups": 2, "layout": "channels_last", "epsilon": 1e-6}, (X, normal(8, 4), normal(9, 4))),
    ("glu", {"activation": "silu"}, (Z, normal(8, *Z.shape))),
    ("rotary_embedding", {"base": 500000.0, "interleaved": True}, (normal(8, 3, 5, 2, 6),)),
    ("embedding", {}, (LABELS, normal(8, 11, 2))),
)


@pytest.mark.parametrize("case", RECOGNIZED, ids=lambda case: case[0])
def test_an_unnamed_op_is_recognized_with_its_statics(case):
    op, statics, primals = case
    known = recognize(evidence_of(op, statics, primals))
    assert known, f"{op} was not recognized"
    assert known[0].op == op, f"{op} was taken for {known[0].op}"
    for name, static in statics.items():
        assert known[0].statics[name] == static, f"{name} was taken to be {known[0].statics[name]}"


def evidence_on(forward: Callable[..., np.ndarray], primals: tuple[np.ndarray, ...]) -> Evidence:
    """A forward whose backward was not asked."""
    out, names, none = forward(*primals), ("a", "b")[: len(primals)], (None,) * len(primals)
    subject = Subject("forward alone", forward, lambda *p: (forward(*p), lambda ct: none), names)
    noise, wrong = (0.0,) * len(primals), (False,) * len(primals)
    return Evidence(subject, names, primals, out, np.cos(out), none, none, noise, wrong)


@pytest.mark.parametrize(
    ("op", "forward", "primals"),
    [
        ("rotary_embedding", lambda x: 1.0 * x, (normal(9, 3, 1, 2, 6),)),
        ("glu", lambda x, y: x * y, (Z, normal(8, *Z.shape))),
    ],
)
def test_plain_arithmetic_is_not_taken_for_an_op(op, forward, primals):
    """A rotation at position 0 changes nothing, and the bilinear unit is a product."""
    assert op not in {known.op for known in recognize(evidence_on(forward, primals))}


@pytest.mark.parametrize(
    ("op", "forward", "primals"),
    [
        ("embedding", lambda table, ids: table[ids], (normal(8, 11, 2), LABELS)),
        ("glu", lambda gate, x: x / (1 + np.exp(-gate)), (Z, normal(8, *Z.shape))),
    ],
)
def test_an_op_is_recognized_in_another_order_of_its_arguments(op, forward, primals):
    evidence = evidence_on(forward, primals)
    known, *_ = recognize(evidence)
    in_order = gradient_of(op, evidence.cotangent, primals[1], primals[0], position=0 if op == "glu" else 1)
    assert (known.op, known.order) == (op, (1, 0))
    np.testing.assert_array_equal(known.gradients()[1 if op == "glu" else 0], in_order)


def test_a_gradient_that_was_not_measured_is_taken_from_the_recognized_op():
    """Large arrays are judged along directions: the truth is known only where the op is."""
    op, statics, primals = "softmax", {"axis": -1}, (Z,)
    evidence = evidence_of(op, statics, primals, replaced(0, lambda ct: P * ct))
    unmeasured = dataclasses.replace(evidence, expected=(None,), noise=(0.0,))
    assert [finding.cause for finding in diagnose(unmeasured)][:1] == ["statistics_as_constants"]


def test_a_right_backward_has_no_finding():
    assert diagnose(evidence_of("layer_norm", {}, (ROWS, GAMMA, BETA))) == []
