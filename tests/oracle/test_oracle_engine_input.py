"""Bad input: a clear error or a finding, never a traceback from inside the oracle; the caller's arrays stay."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from reference import oracle

X = np.random.default_rng(5).normal(size=(3, 7))
NOTHING: Any = None
SQUARE = oracle.from_forward_backward(lambda x: x * x, lambda ct, x: 2 * x * ct)
PRODUCT = oracle.from_forward_backward(lambda a, b: a * b, lambda ct, a, b: (ct * b, ct * a))

REFUSED = {
    "a list": ((SQUARE, [1.0, 2.0]), {}, TypeError, "every primal must be an array; got a list for x"),
    "a text": ((SQUARE, "x"), {}, TypeError, "every primal must be an array"),
    "complex numbers": ((SQUARE, X + 1j), {}, TypeError, "real numbers; got x.dtype=complex128"),
    "objects": ((SQUARE, np.array([None, 1])), {}, TypeError, "real numbers"),
    "NaN": ((SQUARE, np.array([1.0, np.nan])), {}, ValueError, "no primal may hold NaN"),
    "no primal": ((SQUARE,), {}, ValueError, "at least one primal"),
    "no subject": ((np.tanh, X), {}, TypeError, "subject must come from"),
    "too few names": ((PRODUCT, X, X), {"names": ("a",)}, ValueError, "names must name every argument"),
    "names twice": ((PRODUCT, X, X), {"names": ("a", "a")}, ValueError, "names must differ"),
    "unknown op": ((SQUARE, X), {"op": "square"}, ValueError, "op must be one of"),
    "unknown static": ((SQUARE, X), {"op": "softmax", "statics": {"axes": 1}}, ValueError, "got 'axes'"),
    "statics without an op": ((SQUARE, X), {"statics": {"axis": 1}}, ValueError, "statics need an op"),
    "primals the op refuses": ((SQUARE, X), {"op": "dense"}, ValueError, "the primals must be what dense takes"),
    "unknown mode": ((SQUARE, X), {"mode": "fast"}, ValueError, "mode must be one of"),
    "negative seed": ((SQUARE, X), {"seed": -1}, ValueError, "seed must be"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_call_that_makes_no_sense_is_refused_in_one_sentence(name):
    arguments, options, error, says = REFUSED[name]
    with pytest.raises(error) as caught:
        oracle.check(*arguments, **options)
    assert str(caught.value).startswith("oracle.check: ")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [lambda: oracle.from_forward_backward(NOTHING, NOTHING), lambda: oracle.from_layer(object()),
     lambda: oracle.from_network(object()), lambda: oracle.from_vjp(NOTHING)],
    ids=["pair", "layer", "network", "vjp"],
)  # fmt: skip
def test_what_is_no_backpropagation_is_refused_by_the_adapters(make):
    with pytest.raises(TypeError, match=r"^oracle\.from_"):
        make()


ODD = {
    "raises": lambda ct, x: 1 / 0,
    "exits": lambda ct, x: sys.exit(3),
    "nothing": lambda ct, x: None,
    "two": lambda ct, x: (ct, ct),
    "an empty tuple": lambda ct, x: (),
    "a dict of strangers": lambda ct, x: {"y": ct},
    "a list of lists": lambda ct, x: [[1.0, 2.0], [3.0, 4.0]],
    "objects": lambda ct, x: np.array([None, 1]),
    "complex numbers": lambda ct, x: 2j * x * ct,
    "integers": lambda ct, x: np.ones(x.shape, int),
    "NaN": lambda ct, x: np.nan * x,
    "infinity": lambda ct, x: np.inf * x,
    "a number": lambda ct, x: 1.0,
    "a 0-d array": lambda ct, x: np.array(2.0),
}


@pytest.mark.parametrize("name", ODD)
def test_whatever_a_backward_returns_is_a_finding(name):
    x = np.array(X)
    report = oracle.check(oracle.from_forward_backward(lambda x: x * x, ODD[name]), x)
    assert report.verdict == "fail"
    assert report.findings
    assert str(report)
    np.testing.assert_array_equal(x, X)


STRANGE = {
    "raises": lambda x: 1 / 0,
    "nothing": lambda x: None,
    "a text": lambda x: "loss",
    "NaN": lambda x: np.nan * x,
    "complex numbers": lambda x: 1j * x,
}


@pytest.mark.parametrize("name", STRANGE)
def test_whatever_a_forward_returns_is_a_finding(name):
    report = oracle.check(oracle.from_forward_backward(STRANGE[name], lambda ct, x: ct), X)
    assert report.verdict == "fail"
    assert report.findings[0].blame == "forward"


def test_a_rule_without_residuals_is_a_finding():
    report = oracle.check(oracle.from_rule(lambda x: x * x, lambda residuals, ct: ct), X)
    assert report.verdict == "fail"
    assert "(out, residuals)" in report.findings[0].message


def test_read_only_and_strided_arrays_are_judged_and_left_alone():
    x = np.array(np.repeat(X, 2, axis=0))
    x.flags.writeable = False
    for view in (x, x[::2], x.T, x[:, ::-3], np.broadcast_to(X[:1], (4, 7))):
        before = view.tobytes()
        assert oracle.check(SQUARE, view).verdict == "pass"
        assert view.tobytes() == before


def test_an_array_is_left_alone_even_when_the_forward_spoils_its_argument_and_raises():
    def forward(x):
        x[...] = 0
        raise ValueError("no")

    x = np.array(X)
    assert oracle.check(oracle.from_forward_backward(forward, lambda ct, x: ct), x).verdict == "fail"
    np.testing.assert_array_equal(x, X)


def test_scalars_and_empty_arrays_are_judged():
    assert oracle.check(SQUARE, 3.0).verdict == "pass"
    assert oracle.check(SQUARE, np.array(3.0)).verdict == "pass"
    assert oracle.check(SQUARE, np.zeros((0, 4))).verdict == "pass"


def test_the_same_seed_gives_the_same_report():
    assert str(oracle.check(SQUARE, X, seed=4)) == str(oracle.check(SQUARE, X, seed=4))


def test_names_come_from_the_signature_or_from_the_caller():
    assert [a.name for a in oracle.check(PRODUCT, X, X + 1).arguments] == ["a", "b"]
    assert [a.name for a in oracle.check(PRODUCT, X, X + 1, names=("left", "right")).arguments] == ["left", "right"]


def test_assert_correct_raises_with_the_report_in_it():
    oracle.assert_correct(SQUARE, X)
    wrong = oracle.from_forward_backward(lambda x: x * x, lambda ct, x: x * ct)
    with pytest.raises(oracle.GradientMismatch) as caught:
        oracle.assert_correct(wrong, X)
    assert caught.value.report.verdict == "fail"
    assert str(caught.value) == str(caught.value.report)


def test_example_inputs_name_their_statics_and_refuse_strangers():
    inputs = oracle.example_inputs("conv")
    assert len(inputs) == len(inputs.names)
    assert inputs.statics
    with pytest.raises(ValueError, match="op must be one of"):
        oracle.example_inputs("square")
    with pytest.raises(ValueError, match="case of relu"):
        oracle.example_inputs("relu", "square")


def test_the_oracle_imports_no_framework():
    code = (
        "import sys; import reference.oracle; "
        "print([name for name in ('jax', 'torch', 'functional_nn', 'pytest', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
