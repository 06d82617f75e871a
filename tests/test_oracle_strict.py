"""Right, but: what leaves the gradient right passes under a status of its own, and fails where strictness is asked."""

import functools
import json
import re
from typing import Any

import numpy as np
import pytest
from oracle_command import TEXTBOOK, judge_here, run_check, written

from reference import oracle
from reference.oracle.causes import BUTS, WITHIN
from reference.oracle.rendering.as_rich import render_rich
from reference.oracle.rendering.text import render_text

RNG = np.random.default_rng(11)
X = RNG.normal(size=(5, 7))
W = RNG.normal(size=(7, 3))
LABELS = np.array([0, 2, 1, 1, 0])
EPSILON, CAST, COTANGENT = "has an epsilon on one side only", "computes in float32", "writes into the cotangent"


def causes(report):
    return [finding.cause for finding in report.findings]


def judge(forward, backward, *primals, **options):
    return oracle.check(oracle.from_forward_backward(forward, backward), *primals, **options)


def relu(x):
    return np.maximum(x, 0)


def relu_in_place(dout, x):
    dout[x < 0] = 0
    return dout


def softmax(x):
    shifted = np.exp(x - x.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def guarded(epsilon):
    """A cross-entropy with a constant inside its logarithm, and the usual backward, which has none."""

    def forward(logits):
        return -np.mean(np.log(softmax(logits)[np.arange(5), LABELS] + epsilon))

    return forward, lambda ct, logits: ct * (softmax(logits) - np.eye(3)[LABELS]) / 5


class Tanh:
    """y = tanh(x @ W); subclasses round somewhere."""

    x: Any
    dW: Any

    def __init__(self, W):
        self.W = W

    def forward(self, x):
        self.x = x
        return np.tanh(x @ self.W)

    def backward(self, dout):
        d = dout * (1 - np.tanh(self.x @ self.W) ** 2)
        self.dW = self.x.T @ d
        return d @ self.W.T


class SinglePrecisionThroughout(Tanh):
    def __init__(self, W):
        super().__init__(W.astype("f"))

    def forward(self, x):
        return super().forward(x.astype("f"))

    def backward(self, dout):
        return super().backward(dout.astype("f"))


class OutputInABuffer(Tanh):
    def forward(self, x):
        out = np.zeros((len(x), self.W.shape[1]), dtype="f")
        out[...] = super().forward(x)
        return out


class DeltaInABuffer(Tanh):
    """The gradients come back in float64, and have the errors of float32."""

    def backward(self, dout):
        d = np.zeros(dout.shape, dtype="f")
        d[...] = dout * (1 - np.tanh(self.x @ self.W) ** 2)
        self.dW = self.x.T @ d
        return d @ self.W.T


class GradientInABuffer(Tanh):
    def backward(self, dout):
        dx = super().backward(dout)
        self.dW = np.zeros_like(self.dW, dtype="f") + self.dW.astype("f")
        return dx


class SavesRounded(Tanh):
    def forward(self, x):
        out = super().forward(x)
        self.x = x.astype("f")
        return out


class NormalizesInSingle:
    """Batch normalization in float32: where digits cancel its errors are many times a rounding."""

    normal: Any
    std: Any

    def forward(self, x):
        x = x.astype("f")
        self.std = np.sqrt(x.var(axis=0) + np.float32(1e-5))
        self.normal = (x - x.mean(axis=0)) / self.std
        return self.normal

    def backward(self, dout):
        dout = dout.astype("f")
        return (dout - dout.mean(axis=0) - self.normal * (dout * self.normal).mean(axis=0)) / self.std


def layer(made, *inputs):
    return oracle.from_layer(made), inputs


def pair(forward, backward, *inputs):
    return oracle.from_forward_backward(forward, backward), inputs


BUT = {
    "relu in place": (*pair(relu, relu_in_place, X), COTANGENT),
    "epsilon of 1e-7 in a logarithm": (*pair(*guarded(1e-7), X[:, :3]), EPSILON),
    "epsilon of 1e-5 in a logarithm": (*pair(*guarded(1e-5), X[:, :3]), EPSILON),
    "casts everything": (*layer(SinglePrecisionThroughout(W), X), CAST),
    "writes its output into float32": (*layer(OutputInABuffer(W), X), CAST),
    "a buffer of float32 in the backward": (*layer(DeltaInABuffer(W), X), CAST),
    "one gradient in float32": (*layer(GradientInABuffer(W), X), CAST),
    "saves its input in float32": (*layer(SavesRounded(W), X), CAST),
    "rounds, and returns float64": (*pair(lambda x: np.tanh(x.astype("f")).astype(float),
                                          lambda ct, x: ct * (1 - np.tanh(x) ** 2), X), CAST),
    "normalizes in float32": (*layer(NormalizesInSingle(), RNG.normal(size=(9, 5))), CAST),
    "normalizes far from zero in float32": (*layer(NormalizesInSingle(), 100 + RNG.normal(size=(9, 5))), CAST),
    "in place and in float32": (*pair(lambda x: np.maximum(x, 0).astype("f"), relu_in_place, X),
                                f"{COTANGENT} and {CAST}"),
}  # fmt: skip


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
    assert "scaled_by_two" in causes(report) or name in UNNAMED, str(report)


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
    assert causes(report)[0] == "scaled_by_batch", str(report)


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


HALF = {
    "the output is": (lambda x: np.tanh(x).astype(np.float16), lambda ct, x: ct * (1 - np.tanh(x) ** 2)),
    "the gradient is": (np.tanh, lambda ct, x: (ct * (1 - np.tanh(x) ** 2)).astype(np.float16)),
    "the saved output is": (np.tanh, lambda ct, x: ct * (1 - np.tanh(x).astype(np.float16).astype(float) ** 2)),
}


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


@pytest.mark.parametrize(
    ("spoil", "status"),
    [
        (lambda saved: np.maximum(saved, 0, out=saved), "right, but writes into what the forward saved"),
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


def plain(text):
    return " ".join(re.sub(r"<[^>]*>|\x1b\[[0-9;]*m", " ", text).split())


RENDERINGS = {"text": render_text, "rich": lambda report: render_rich(report, 80), "html": lambda r: r.to_html()}
EMPTY = pair(lambda x, none: 2 * x, lambda ct, x, none: (2 * ct, np.zeros((0, 2))), X, np.zeros((0, 3)))
HALVED = pair(*HALF["the gradient is"], X)
REJECTED = {**BUT, "an empty argument of another shape": EMPTY, "a gradient in half precision": HALVED}


@functools.cache
def rejected(name):
    subject, inputs, *_ = REJECTED[name]
    return oracle.check(subject, *inputs, strict=True)


@pytest.mark.parametrize("rendering", RENDERINGS)
@pytest.mark.parametrize("name", REJECTED)
def test_wrong_never_stands_beside_no_wrong_entry(name, rendering):
    report = rejected(name)
    shown = plain(RENDERINGS[rendering](report))
    assert report.verdict == "fail", shown
    beside = re.findall(r"WRONG (?:[-\w.]+ ){1,3}?0 of \d+", shown)
    assert not beside, shown


def test_the_command_counts_it_as_right_and_says_so(capfd, monkeypatch):
    judge_here(monkeypatch)
    target = f"{TEXTBOOK / 'broken.py'}:ReluInPlace"
    status, out, _ = run_check(capfd, target)
    assert (status, "pass: right, but the backward changes the cotangent" in out) == (0, True), out
    assert "1 right (1 of them with a but), 0 wrong" in out
    status, out, _ = run_check(capfd, target, "--strict")
    assert (status, "fail: the backward changes the cotangent" in out) == (1, True), out


def test_the_document_holds_the_status(capfd, monkeypatch, tmp_path):
    judge_here(monkeypatch)
    file = written(tmp_path, "import numpy as np\n" + IN_PLACE)
    status, out, _ = run_check(capfd, file, "--json")
    (result,) = json.loads(out)["results"]
    assert (status, result["verdict"], result["status"]) == (0, "pass", f"right, but {COTANGENT}")
    assert result["report"]["status"] == result["status"]


IN_PLACE = """
class Relu:
    def forward(self, x):
        self.mask = x <= 0
        return np.maximum(x, 0)
    def backward(self, dout):
        dout[self.mask] = 0
        return dout
"""
