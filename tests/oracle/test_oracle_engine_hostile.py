"""Hostile and unusual code: a finding or a clear error that says what is wrong, and nobody's arrays changed."""

import threading

import ml_dtypes
import numpy as np
import pytest

from reference import oracle

RNG = np.random.default_rng(3)
X, KERNEL = RNG.normal(size=(3, 5)), RNG.normal(size=(5, 7))


def forward(x, kernel):
    return x @ kernel


def backward(ct, x, kernel):
    return ct @ kernel.T, x.T @ ct


class Unreadable:
    def __array__(self, *arguments, **keywords):
        raise RuntimeError("no array")


class BrokenError(Exception):
    def __str__(self):
        raise ValueError("no words")


def raising(*arguments):
    raise BrokenError


def resized(x, kernel):
    x.resize((0,))
    return kernel


FORWARDS = {
    "an object that cannot be read": lambda x, kernel: Unreadable(),
    "a broken exception": raising,
    "integers": lambda x, kernel: (x @ kernel).astype(int),
    "booleans": lambda x, kernel: x @ kernel > 0,
    "a generator": lambda x, kernel: (row for row in x),
    "a set": lambda x, kernel: {1.0, 2.0},
    "a record": lambda x, kernel: np.zeros(3, [("a", float)]),
    "an array resized in place": resized,
}

BACKWARDS = {
    "objects that cannot be read": lambda ct, x, kernel: (Unreadable(), Unreadable()),
    "one that cannot be read": lambda ct, x, kernel: Unreadable(),
    "such by name": lambda ct, x, kernel: {"x": Unreadable(), "kernel": None},
    "a broken exception": raising,
    "ragged lists": lambda ct, x, kernel: [[1.0, 2.0], [3.0]],
    "dates": lambda ct, x, kernel: (np.array(["2001-01-01"], "M8[D]"), x.T @ ct),
    "huge values": lambda ct, x, kernel: tuple(1e308 * part for part in backward(ct, x, kernel)),
    "bfloat16": lambda ct, x, kernel: tuple(part.astype(ml_dtypes.bfloat16) for part in backward(ct, x, kernel)),
}


def judge(forward, backward, *primals, **options):
    before = [primal.tobytes() for primal in primals]
    report = oracle.check(oracle.from_forward_backward(forward, backward), *primals, **options)
    assert [primal.tobytes() for primal in primals] == before
    assert str(report)
    assert report.to_json()
    assert report.to_html()
    return report


@pytest.mark.parametrize("name", FORWARDS)
def test_a_hostile_forward_is_a_finding(name):
    report = judge(FORWARDS[name], backward, X, KERNEL)
    assert report.verdict == "fail"
    assert report.findings[0].blame == "forward"


@pytest.mark.parametrize("name", BACKWARDS)
def test_a_hostile_backward_is_a_finding(name):
    report = judge(forward, BACKWARDS[name], X, KERNEL)
    assert report.verdict == "fail"
    assert report.findings


@pytest.mark.parametrize("factor", [1e-310, 1e-200, 1e-20, 1e20, 1e100, 1e150])
def test_right_code_passes_whatever_the_size_of_its_numbers(factor):
    assert judge(forward, backward, factor * X, KERNEL).verdict == "pass"


@pytest.mark.parametrize("scale", [1e-60, 1e-20, 1e-9, 1e9, 1e20, 1e60])
def test_a_function_with_a_scale_of_its_own_is_measured_at_that_scale(scale):
    def bent(x, kernel):
        return np.tanh(x @ kernel / scale)

    def slope(ct, x, kernel):
        return backward(ct * (1 - bent(x, kernel) ** 2) / scale, x, kernel)

    assert judge(bent, slope, scale * X, KERNEL).verdict == "pass"


def test_values_that_overflow_cannot_be_judged():
    assert judge(forward, backward, 1e300 * X, 1e300 * KERNEL).verdict == "cannot tell"


def test_a_gradient_of_another_shape_for_an_empty_argument_is_a_finding():
    report = judge(forward, lambda ct, x, kernel: (1.0, 2.0), np.zeros((0, 5)), KERNEL)
    assert report.verdict == "fail"


def test_nan_is_said_to_be_nan_before_anything_else():
    report = judge(lambda x: x * x, lambda ct, x: np.nan * ct, X)
    assert [finding.cause for finding in report.findings] == ["not_finite"]
    assert "where: x[0, 0]: got nan, expected " in str(report)


def test_nested_lists_are_told_that_an_array_is_needed():
    report = judge(lambda x: x * x, lambda ct, x: (2 * x * ct).tolist(), X)
    assert report.findings[0].message == "the backward returns nested lists; a gradient must be an array"


def test_a_layer_that_cannot_be_copied_is_refused_with_the_reason():
    class Locked:
        def __init__(self):
            self.lock = threading.Lock()

        def forward(self, x):
            return x

        def backward(self, dout):
            return dout

    with pytest.raises(TypeError, match=r"layer must be something that copy.deepcopy can copy.*got a Locked"):
        oracle.check(oracle.from_layer(Locked()), X)


class BatchNorm:
    def __init__(self, gamma, beta):
        self.gamma, self.beta = gamma, beta

    def forward(self, x):
        self.deviation = np.sqrt(x.var(0) + 1e-5)
        self.normalized = (x - x.mean(0)) / self.deviation
        return self.gamma * self.normalized + self.beta

    def backward(self, dout):
        self.dgamma, self.dbeta = (dout * self.normalized).sum(0), dout.sum(0)
        d = dout * self.gamma
        return (d - d.mean(0) - self.normalized * (d * self.normalized).mean(0)) / self.deviation


@pytest.mark.parametrize("named", [{}, {"op": "batch_norm"}], ids=["recognized", "named"])
def test_a_layer_that_returns_the_first_of_an_ops_outputs_is_that_op(named):
    report = oracle.check(oracle.from_layer(BatchNorm(KERNEL[0, :5], KERNEL[1, :5])), X, **named)
    assert (report.verdict, report.op, report.findings) == ("pass", "batch_norm", ()), str(report)


def test_a_right_entry_is_not_called_the_worst():
    report = judge(lambda x: np.maximum(x, 0), lambda ct, x: ct * (x > 0), X)
    assert (report.arguments[0].max_error, report.arguments[0].worst_index) == (0.0, None)


def by_the_batch(ct, x, kernel):
    return ct @ kernel.T, x.T @ ct / len(x)


def test_the_first_line_says_what_happened_and_where():
    text = str(judge(forward, by_the_batch, X, KERNEL))
    line = by_the_batch.__code__.co_firstlineno + 1
    sentence = (
        f"kernel_ct is 1/N of the true gradient (N = 3): you divided by the batch size once too often; line {line}"
    )
    assert " ".join(text.split()).startswith(f"fail: {sentence} forward, judged as dense"), text
    assert "pairwise different primes" not in text
    assert "fits equally" not in text
