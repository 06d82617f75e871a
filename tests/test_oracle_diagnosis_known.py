"""Known mistakes of the ops, matched exactly; conventions of a forward; acquittals; lines of the source."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from reference.oracle.causes import CAUSES
from reference.oracle.diagnosis import acquit, diagnose, explain_forward
from reference.oracle.diagnosis.known.recognize import recognize, triple
from reference.oracle.diagnosis.source import line_of
from reference.oracle.evidence import Evidence
from reference.oracle.subject import Subject

IMAGES = (3, 7, 6, 4)
KERNEL = (3, 2, 4, 5)


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def evidence_of(
    op: str,
    statics: dict[str, Any],
    primals: tuple[np.ndarray, ...],
    wrong: Callable | None = None,
    named: bool = False,
) -> Evidence:
    """The op's own forward with a wrong backward, wrong(cotangent, gradients) -> gradients, as the engine sees it."""
    forward, backward, _ = triple(op)
    out, residuals = forward(*primals, **statics)
    several = isinstance(out, tuple)
    first = out[0] if several else out
    rng = np.random.default_rng(3)

    def pulled(cotangent: np.ndarray) -> tuple:
        rest = tuple(np.zeros_like(leaf) for leaf in out[1:]) if several else ()
        return backward(residuals, (cotangent, *rest) if several else cotangent)

    cotangent = rng.normal(size=first.shape)
    expected = pulled(cotangent)
    got = expected if wrong is None else wrong(cotangent, list(expected))
    names = ("x", "kernel", "bias", "mean", "variance")[: len(primals)]
    subject = Subject(
        op,
        lambda *moved: _first(forward(*moved, **statics)[0]),
        lambda *moved: (first, lambda ct: pulled(ct) if wrong is None else wrong(ct, list(pulled(ct)))),
        names,
    )
    noise = tuple(0.0 if e is None else 1e-10 * float(np.abs(e).max()) for e in expected)
    flags = tuple(e is not None and g is not e for e, g in zip(expected, got, strict=True))
    claims = {"op": op, "statics": statics} if named else {}
    return Evidence(subject, names, primals, first, cotangent, tuple(got), tuple(expected), noise, flags, **claims)


def _first(out: Any) -> np.ndarray:
    return out[0] if isinstance(out, tuple) else out


def replaced(position: int, gradient: Callable[[np.ndarray], np.ndarray]) -> Callable:
    """A backward with one gradient replaced by that of a wrong formula in the cotangent."""

    def wrong(ct: np.ndarray, gradients: list) -> list:
        gradients[position] = gradient(ct)
        return gradients

    return wrong


def softmax(z: np.ndarray, axis: int = -1) -> np.ndarray:
    weights = np.exp(z - z.max(axis=axis, keepdims=True))
    return weights / weights.sum(axis=axis, keepdims=True)


Z, LABELS = normal(1, 4, 5), np.array([1, 0, 3, 3])
P, HOT = softmax(Z), np.eye(5)[LABELS]
X, W = normal(2, *IMAGES), normal(3, *KERNEL)
STRIDED = {"strides": 2, "padding": 1}
DILATED = {"dilation": (2, 3)}
GROUPED = {"groups": 2}
GROUPED_KERNEL = normal(4, 3, 2, 2, 6)
POOLED: dict[str, Any] = {"window": 3, "strides": 2, "padding": 1}
ROWS, GAMMA, BETA = normal(5, 5, 7) * 1.5, normal(6, 7), normal(7, 7)


def value(op: str, *primals: np.ndarray, **statics: Any) -> np.ndarray:
    return triple(op)[0](*primals, **statics)[0]


def gradient_of(op: str, ct: np.ndarray, *primals: np.ndarray, position: int = 0, **statics: Any) -> np.ndarray:
    forward, backward, _ = triple(op)
    return backward(forward(*primals, **statics)[1], ct)[position]


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


def of_zeros(ct: np.ndarray) -> np.ndarray:
    """The gradient of max pooling that pads with zeros."""
    padded = np.pad(X, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return gradient_of("max_pool", ct, padded, window=3, strides=2)[:, 1:-1, 1:-1]


KNOWN: tuple[tuple[str, str, dict, tuple, int, Callable], ...] = (
    ("derivative_missing", "sigmoid", {}, (Z,), 0, lambda ct: ct),
    ("sum_term_missing", "silu", {}, (Z,), 0, lambda ct: ct / (1 + np.exp(-Z))),
    ("static_ignored", "leaky_relu", {"negative_slope": 0.2}, (Z,), 0, lambda ct: ct * np.where(Z > 0, 1, 0.01)),
    ("diagonal_only", "softmax", {"axis": -1}, (Z,), 0, lambda ct: ct * P * (1 - P)),
    ("coupled_over_wrong_axis", "softmax", {"axis": -1}, (Z,), 0, lambda ct: P * (ct - (P * ct).sum(0))),
    ("sum_term_missing", "log_softmax", {"axis": -1}, (Z,), 0, lambda ct: ct - P * ct.mean(1, keepdims=True)),
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
    ("not_transposed", "dense", {}, (Z, normal(8, 5, 5)), 0, lambda ct: ct @ normal(8, 5, 5)),
    ("flipped", "conv", {}, (X, W), 0, lambda ct: conv_gradient(0, ct, kernel=W[::-1, ::-1])),
    ("static_ignored", "conv", STRIDED, (X, W), 1, lambda ct: conv_gradient(1, at_stride_one(ct), padding=1)),
    (
        "groups_mixed",
        "conv",
        GROUPED,
        (X, GROUPED_KERNEL),
        1,
        lambda ct: conv_gradient(1, ct, np.concatenate([X[..., 2:], X[..., :2]], -1), GROUPED_KERNEL, groups=2),
    ),
    ("wrong_winner", "max_pool", POOLED, (X,), 0, of_zeros),
    (
        "padding_counted",
        "avg_pool",
        {**POOLED, "count_include_pad": False},
        (X,),
        0,
        lambda ct: gradient_of("avg_pool", ct, X, **POOLED),
    ),
    ("mean_term_missing", "batch_norm", {}, (ROWS, GAMMA, BETA), 0, lambda ct: batch_norm_gradient(ct, mean=0)),
    ("centered_term_missing", "batch_norm", {}, (ROWS, GAMMA, BETA), 0, lambda ct: batch_norm_gradient(ct, variance=0)),
    ("statistics_as_constants", "batch_norm", {}, (ROWS, GAMMA, BETA), 0, lambda ct: batch_norm_gradient(ct, 0, 0)),
    (
        "argument_factor_missing",
        "batch_norm",
        {},
        (ROWS, GAMMA, BETA),
        0,
        lambda ct: batch_norm_gradient(ct, gamma=np.ones(7)),
    ),
    ("variance_correction", "batch_norm", {}, (ROWS, GAMMA, BETA), 0, without_bias_correction),
    ("not_normalized", "batch_norm", {}, (ROWS, GAMMA, BETA), 1, lambda ct: (ct * ROWS).sum(0)),
    (
        "statistics_not_constants",
        "batch_norm_inference",
        {},
        (ROWS, GAMMA, BETA, normal(9, 7), 1 + normal(10, 7) ** 2),
        0,
        lambda ct: batch_norm_gradient(ct),
    ),
)


@pytest.mark.parametrize("named", [False, True], ids=["recognized", "named"])
@pytest.mark.parametrize("known", KNOWN, ids=lambda k: f"{k[1]}-{k[0]}")
def test_a_known_mistake_is_matched_exactly(known, named):
    cause, op, statics, primals, position, gradient = known
    findings = diagnose(evidence_of(op, statics, primals, replaced(position, gradient), named))
    assert findings, f"nothing was said of {op}"
    assert findings[0].cause == cause, [(finding.cause, finding.message) for finding in findings]
    if findings[0].cause != "derivative_missing":
        assert "exact match" in findings[0].evidence, findings[0].evidence


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
)


@pytest.mark.parametrize("case", RECOGNIZED, ids=lambda case: case[0])
def test_an_unnamed_op_is_recognized_with_its_statics(case):
    op, statics, primals = case
    known = recognize(evidence_of(op, statics, primals))
    assert known, f"{op} was not recognized"
    assert known[0].op == op, f"{op} was taken for {known[0].op}"
    for name, value in statics.items():
        assert known[0].statics[name] == value, f"{name} was taken to be {known[0].statics[name]}"


CONVENTIONS: tuple[tuple[str, str, dict, tuple, Callable], ...] = (
    ("convention_reduction", "sum_of_squares_error", {}, (Z, P), lambda y, t: ((y - t) ** 2).sum(1)),
    ("convention_reduction", "mean_squared_error", {}, (Z, P), lambda y, t: ((y - t) ** 2).sum(1)),
    ("convention_axis", "softmax", {}, (Z,), lambda z: softmax(z, 0)),
    ("convention_kernel", "conv", {}, (X, W), lambda x, w: value("conv", x, w[::-1, ::-1])),
    ("convention_static", "conv", {"dilation": 1}, (X, W), lambda x, w: value("conv", x, w, strides=2, padding=1)),
    (
        "convention_variance",
        "batch_norm",
        {},
        (ROWS, GAMMA, BETA),
        lambda x, g, b: (x - x.mean(0)) / np.sqrt(x.var(0, ddof=1) + 1e-5) * g + b,
    ),
    (
        "convention_epsilon",
        "layer_norm",
        {},
        (ROWS, GAMMA, BETA),
        lambda x, g, b: (x - x.mean(1, keepdims=True)) / (x.std(1, keepdims=True) + 1e-5) * g + b,
    ),
    ("convention_epsilon", "cross_entropy_error", {}, (P, HOT), lambda p, t: -(t * np.log(p + 1e-7)).sum(1)),
    ("convention_dropout", "dropout", {"rate": 0.3}, (Z, Z > -0.5), lambda x, mask: x * mask),
    ("convention_approximation", "gelu", {}, (Z,), lambda x: x / (1 + np.exp(-1.702 * x))),
    ("convention_domain", "cross_entropy_error", {}, (P, HOT), lambda p, t: -(t * np.log(softmax(p))).sum(1)),
    (
        "convention_padding",
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


def test_a_gradient_that_was_not_measured_is_taken_from_the_recognized_op():
    """Large arrays are judged along directions: the truth is known only where the op is."""
    op, statics, primals = "softmax", {"axis": -1}, (Z,)
    evidence = evidence_of(op, statics, primals, replaced(0, lambda ct: P * ct))
    unmeasured = dataclasses.replace(evidence, expected=(None,), noise=(0.0,))
    assert [finding.cause for finding in diagnose(unmeasured)][:1] == ["diagonal_only"]


def test_a_right_backward_has_no_finding():
    assert diagnose(evidence_of("layer_norm", {}, (ROWS, GAMMA, BETA))) == []
