"""Right, but: what leaves the gradient right passes under a status of its own, and fails where strictness is asked."""

import numpy as np
import pytest
from helpers.right_but import (
    BUT,
    CAST,
    HALF,
    DeltaInABuffer,
    SinglePrecisionThroughout,
    Tanh,
    W,
    X,
    guarded,
    judge,
    rejected,
    relu,
    relu_in_place,
)

from reference import oracle
from reference.oracle.causes import BUTS, WITHIN


def causes(report):
    return [finding.cause for finding in report.findings]


@pytest.mark.parametrize("name", BUT)
def test_what_leaves_the_gradient_right_passes_under_a_status_of_its_own(name):
    subject, inputs, but = BUT[name]
    report = oracle.check(subject, *inputs)
    assert (report.verdict, report.status) == ("pass", f"right, but {but}"), str(report)
    assert {argument.verdict for argument in report.arguments} == {"pass"}, str(report)
    assert str(report).startswith("pass: right, but "), str(report)


@pytest.mark.parametrize("name", BUT)
def test_the_same_fails_strictly_and_keeps_its_status(name):
    but = BUT[name][2]
    report = rejected(name)
    assert (report.verdict, report.status) == ("fail", f"right, but {but}"), str(report)


def doubled(subject, position):
    """The subject with one of its gradients doubled."""

    def vjp(*primals):
        out, pullback = subject.vjp(*primals)
        return out, lambda ct: tuple((1 + (i == position)) * g for i, g in enumerate(tupled(pullback(ct))))

    return oracle.from_vjp(vjp)


def tupled(value):
    return value if isinstance(value, tuple) else (value,)


# An epsilon and a factor are two mistakes; and in single precision far from zero nothing can be told to many digits.
UNNAMED = ("epsilon of 1e-7 in a logarithm", "epsilon of 1e-5 in a logarithm", "normalizes far from zero in float32")


@pytest.mark.parametrize("name", BUT)
def test_a_wrong_gradient_beside_it_is_wrong_all_the_same_and_named(name):
    subject, inputs, _ = BUT[name]
    if subject.bind is not None:
        subject, held = subject.bind(*inputs)
        inputs += tuple(held.values())
    report = oracle.check(doubled(subject, len(inputs) - 1), *inputs)
    assert (report.verdict, report.status) == ("fail", "wrong"), str(report)
    # In single precision the factor is 2 to a few digits only.
    assert "scaled_by_constant" in causes(report) or name in UNNAMED, str(report)


class MeanOfTheGradient(SinglePrecisionThroughout):
    def backward(self, dout):
        dx = super().backward(dout)
        self.dW = self.dW / np.float32(len(self.x))
        return dx


class MeanInABuffer(DeltaInABuffer):
    def backward(self, dout):
        dx = super().backward(dout)
        self.dW = self.dW / len(self.x)
        return dx


@pytest.mark.parametrize("wrong", [MeanOfTheGradient, MeanInABuffer])
def test_a_mistake_in_single_precision_is_named_and_nothing_else_accused(wrong):
    report = oracle.check(oracle.from_layer(wrong(W)), X)
    verdicts = {argument.name: argument.verdict for argument in report.arguments}
    assert (report.status, verdicts) == ("wrong", {"x": "pass", "W": "fail"}), str(report)
    assert causes(report)[0] == "scaled_by_count", str(report)


@pytest.mark.parametrize("dtypes", [("d", "f"), ("f", "d"), ("f", "f")], ids=["W", "x", "both"])
def test_given_single_precision_a_layer_that_computes_in_what_it_is_given_is_right(dtypes):
    x, weights = X.astype(dtypes[0]), W.astype(dtypes[1])
    report = oracle.check(oracle.from_layer(Tanh(weights)), x, strict=True)
    assert (report.verdict, report.status) == ("pass", "right"), str(report)


def test_a_module_that_takes_float32_only_is_judged_in_float32():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    report = oracle.check(oracle.from_torch(torch.nn.Linear(7, 3)), X)
    assert (report.verdict, report.status) == ("pass", f"right, but {CAST}"), str(report)
    assert "takes float32 only" in str(report)


def test_a_layer_that_rounds_only_what_it_is_given_is_right():
    class CastsItsInput(Tanh):
        def forward(self, x):
            return super().forward(x.astype("f"))

    report = oracle.check(oracle.from_layer(CastsItsInput(W)), X)
    assert report.status == "right", str(report)


def test_code_that_raises_in_every_precision_raises():
    report = judge(lambda x: x @ np.ones(2), lambda ct, x: ct, X)
    assert (report.status, causes(report)) == ("wrong", ["raises"]), str(report)


@pytest.mark.parametrize("name", HALF)
def test_half_precision_inside_a_run_in_float64_is_wrong(name):
    report = judge(*HALF[name], X)
    assert (report.verdict, report.status) == ("fail", "wrong"), str(report)
    assert causes(report)[0] == "downcast", str(report)


def test_an_epsilon_that_shows_is_wrong():
    report = judge(*guarded(1e-7), 8 * X[:, :3])
    assert (report.verdict, report.status, causes(report)[0]) == ("fail", "wrong", "epsilon_one_side"), str(report)
    assert report.findings[0].off is not None
    assert report.findings[0].off > WITHIN["epsilon_one_side"]


def test_an_error_of_the_size_of_single_precision_that_is_no_rounding_is_wrong():
    def backward(ct, x):
        slope = ct * (1 - np.tanh(x) ** 2)
        slope[2, 3] += 1e-7
        return slope

    report = judge(np.tanh, backward, X)
    assert (report.verdict, report.status) == ("fail", "wrong"), str(report)


def test_writing_into_the_cotangent_does_not_hide_that_calls_add_up():
    class Adds(Tanh):
        dW = 0.0

        def backward(self, dout):
            dout *= 1 - np.tanh(self.x @ self.W) ** 2
            self.dW = self.dW + self.x.T @ dout
            return dout @ self.W.T

    report = oracle.check(oracle.from_layer(Adds(W)), X)
    assert (report.verdict, report.status) == ("fail", "wrong"), str(report)
    assert causes(report)[0] == "accumulates", str(report)


def test_writing_into_the_cotangent_does_not_hide_that_a_result_is_overwritten():
    """Both are `changed_in_place`, and one of them is wrong."""
    buffer = np.empty_like(X)

    def backward(dout, x):
        dout *= x > 0
        return np.add(dout, 0, out=buffer)

    report = judge(relu, backward, X)
    assert (report.verdict, report.status) == ("fail", "wrong"), str(report)
    assert {finding.key for finding in report.findings} >= {"changed_in_place (cotangent)", "changed_in_place (buffer)"}


@pytest.mark.parametrize(
    ("spoil", "status"),
    [
        (lambda saved: np.maximum(saved, 0, out=saved), "right, but writes into an array that others still use"),
        (lambda saved: np.negative(saved, out=saved), "wrong"),
    ],
    ids=["the second backward is right", "the second backward is wrong"],
)
def test_writing_into_what_was_saved_is_strict_where_a_second_backward_is_right(spoil, status):
    def forward(x):
        return relu(x), np.array(x)

    def backward(saved, ct):
        gradient = ct * (saved > 0)
        spoil(saved)
        return gradient

    assert oracle.check(oracle.from_rule(forward, backward), X).status == status


def test_a_gradient_that_this_input_cannot_test_is_no_pass_because_of_a_but():
    report = judge(relu, relu_in_place, -np.abs(X))
    assert (report.verdict, report.status) == ("cannot tell", "cannot tell"), str(report)


def test_the_rule_stands_in_the_vocabulary_alone():
    assert set(WITHIN) == set(BUTS) <= set(oracle.CAUSES)
    assert all(0 <= share <= 1e-3 for share in WITHIN.values())
    assert {name for name in BUTS if "a matter of strictness" not in oracle.CAUSES[name]} == set()
