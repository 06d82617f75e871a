"""The engine's verdicts on gradients: planted faults are found where they are, correct code passes at every kink."""

import numpy as np
import pytest

from reference import oracle

X = np.random.default_rng(5).normal(size=(3, 7))
KERNEL = np.random.default_rng(6).normal(size=(7, 5))
BIAS = np.random.default_rng(7).normal(size=5)
TIES = np.round(X)


def affine(x, kernel, bias):
    return x @ kernel + bias


def affine_backward(cotangent, x, kernel, bias):
    return cotangent @ kernel.T, x.T @ cotangent, cotangent.sum(0)


def judge(forward, backward, *primals, **options):
    return oracle.check(oracle.from_forward_backward(forward, backward), *primals, **options)


def causes(report):
    return [finding.key for finding in report.findings]


def relu(x):
    return np.maximum(x, 0)


def row_max(x):
    return x.max(axis=1)


def winners(x):
    return (x == x.max(axis=1, keepdims=True)).astype(float)


def softmax(x):
    shifted = np.exp(x - x.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


CORRECT = {
    "affine": (affine, affine_backward, (X, KERNEL, BIAS)),
    "one array, bare": (np.tanh, lambda ct, x: ct * (1 - np.tanh(x) ** 2), (X,)),
    "relu, zero at the kink": (relu, lambda ct, x: ct * (x > 0), (TIES,)),
    "relu, one at the kink": (relu, lambda ct, x: ct * (x >= 0), (TIES,)),
    "relu, half at the kink": (relu, lambda ct, x: ct * np.where(x == 0, 0.5, x > 0), (TIES,)),
    "absolute value, zero at the kink": (np.abs, lambda ct, x: ct * np.sign(x), (TIES,)),
    "maximum, tie to the first": (row_max, lambda ct, x: ct[:, None] * np.eye(7)[x.argmax(1)], (TIES,)),
    "maximum, tie split": (row_max, lambda ct, x: ct[:, None] * winners(x) / winners(x).sum(1, keepdims=True), (TIES,)),
    "step, zero everywhere": (lambda x: (x > 0).astype(float), lambda ct, x: 0 * ct, (TIES,)),
    "logarithm near its edge": (np.log, lambda ct, x: ct / x, (np.array([1e-9, 1e-3, 1.0, 1e5]),)),
    "large argument": (np.sin, lambda ct, x: ct * np.cos(x), (1e5 + X,)),
    "tiny argument": (lambda x: x**3, lambda ct, x: 3 * ct * x**2, (1e-9 * X,)),
    "dict of outputs": (
        lambda x: {"twice": 2 * x, "sum": x.sum()},
        lambda ct, x: 2 * ct["twice"] + ct["sum"],
        (X,),
    ),
    "tuple of outputs": (lambda x: (x.sum(0), x * x), lambda ct, x: ct[0] + 2 * x * ct[1], (X,)),
    "scalar in, scalar out": (lambda x: x * x, lambda ct, x: 2 * x * ct, (3.0,)),
    "view returned": (lambda x: x.T, lambda ct, x: ct.T, (X,)),
    "one array for two arguments": (lambda a, b: a + b, lambda ct, a, b: (ct, ct), (X, X + 1)),
    "integer argument without a gradient": (
        lambda x, index: x[index],
        lambda ct, x, index: (np.add.at(grad := np.zeros_like(x), index, ct), (grad, None))[1],
        (X, np.array([0, 2, 2])),
    ),
    "gradient of the floating argument alone": (
        lambda x, index: x[index],
        lambda ct, x, index: (np.add.at(grad := np.zeros_like(x), index, ct), grad)[1],
        (X, np.array([0, 2, 2])),
    ),
    "optional argument not given": (
        lambda x, kernel, bias: x @ kernel,
        lambda ct, x, kernel, bias: (ct @ kernel.T, x.T @ ct, None),
        (X, KERNEL, None),
    ),
    "identically zero term": (
        lambda x, shift: (x + shift) - (x + shift).mean(0),
        lambda ct, x, shift: (ct - ct.mean(0), np.zeros(7)),
        (X, KERNEL[:, 0]),
    ),
    "empty batch": (affine, affine_backward, (X[:0], KERNEL, BIAS)),
}


@pytest.mark.parametrize("name", CORRECT)
def test_correct_code_passes(name):
    forward, backward, primals = CORRECT[name]
    report = judge(forward, backward, *primals)
    assert report.verdict == "pass", str(report)


def test_correct_code_passes_whatever_the_seed():
    for seed in range(8):
        report = judge(affine, affine_backward, X, KERNEL, BIAS, seed=seed)
        assert report.verdict == "pass", f"seed {seed}:\n{report}"


def one_entry_wrong(ct, x, kernel, bias):
    x_ct, kernel_ct, bias_ct = affine_backward(ct, x, kernel, bias)
    kernel_ct[4, 2] += 1e-6
    return x_ct, kernel_ct, bias_ct


def test_a_single_wrong_entry_is_named_with_both_values():
    report = judge(affine, one_entry_wrong, X, KERNEL, BIAS)
    verdicts = {argument.name: argument.verdict for argument in report.arguments}
    assert verdicts == {"x": "pass", "kernel": "fail", "bias": "pass"}
    wrong = report.arguments[1]
    assert (wrong.worst_index, wrong.wrong_entries) == ((4, 2), 1)
    assert wrong.got is not None
    assert wrong.expected is not None
    assert wrong.got - wrong.expected == pytest.approx(1e-6, rel=1e-4)


WRONG = {
    "above the slope at a kink": (relu, lambda ct, x: ct * ((x > 0) + 2.0 * (x == 0)), (TIES,), "all_ties (kink)"),
    "whole gradient to every winner": (row_max, lambda ct, x: ct[:, None] * winners(x), (TIES,), "all_ties"),
    "nothing to any winner": (row_max, lambda ct, x: ct[:, None] * winners(x) * (winners(x).sum(1) == 1)[:, None],
                              (TIES,), "all_ties"),
    "no gradient": (np.tanh, lambda ct, x: None, (X,), "missing"),
    "integers": (relu, lambda ct, x: (x > 0).astype(int), (X,), "downcast (form)"),
    "too few": (affine, lambda ct, x, k, b: (ct @ k.T, x.T @ ct), (X, KERNEL, BIAS), "wrong_shape (number)"),
    "strings": (np.tanh, lambda ct, x: "gradient", (X,), "downcast (form)"),
    "not a number": (np.tanh, lambda ct, x: ct * np.where(x > 1, np.nan, 1 - np.tanh(x) ** 2), (X,), "not_finite"),
    "downcast bits": (np.tanh, lambda ct, x: (ct * (1 - np.tanh(x) ** 2)).astype(np.float32).astype(float), (X,),
                      "downcast"),
    "downcast dtype": (np.tanh, lambda ct, x: (ct * (1 - np.tanh(x) ** 2)).astype(np.float32), (X,), "downcast"),
    "forward downcast": (lambda x: np.tanh(x.astype(np.float32)).astype(float),
                         lambda ct, x: ct * (1 - np.tanh(x) ** 2), (X,), "downcast"),
    "upstream ignored": (np.tanh, lambda ct, x: 1 - np.tanh(x) ** 2, (X,), "ignores_cotangent"),
    "mask from the cotangent": (relu, lambda ct, x: ct * (ct > 0), (X,), "not_linear"),
    "forward gives NaN": (lambda x: np.log(x), lambda ct, x: ct / x, (X,), "not_finite"),
    "forward gives nothing": (lambda x: None, lambda ct, x: ct, (X,), "raises"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_planted_faults_fail_under_their_name(name):
    forward, backward, primals, cause = WRONG[name]
    report = judge(forward, backward, *primals, strict=True)
    assert report.verdict == "fail", str(report)
    assert cause in causes(report), str(report)


def test_a_gradient_of_another_shape_fails():
    report = judge(affine, lambda ct, x, k, b: (ct @ k.T, x.T @ ct, ct), X, KERNEL, BIAS)
    assert report.verdict == "fail"
    assert causes(report)[0] in ("wrong_reduction", "wrong_shape")


def test_what_the_subject_raises_is_a_finding_with_its_line():
    def backward(ct, x):
        raise RuntimeError("out of chalk")

    report = judge(np.tanh, backward, X)
    (finding,) = report.findings
    assert (report.verdict, finding.cause, finding.blame) == ("fail", "raises", "backward")
    assert "out of chalk" in finding.message
    assert finding.line == backward.__code__.co_firstlineno + 1


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_low_precision_that_is_right_within_it_passes(dtype):
    np.dtype(pytest.importorskip("ml_dtypes").bfloat16)
    primals = [array.astype(dtype) for array in (X, KERNEL, BIAS)]
    report = judge(affine, affine_backward, *primals)
    assert report.verdict == "pass", str(report)
    assert all(argument.ulp is not None for argument in report.arguments)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_low_precision_that_is_wrong_beyond_it_fails(dtype):
    primals = [array.astype(dtype) for array in (X, KERNEL, BIAS)]
    report = judge(affine, lambda ct, x, k, b: (ct @ k.T, x.T @ ct, ct.mean(0)), *primals)
    assert [argument.verdict for argument in report.arguments] == ["pass", "pass", "fail"]


def test_a_forward_that_works_in_single_precision_inside_is_measured_with_its_own_noise():
    def forward(x):
        return np.tanh(np.float32(1.5) * x.astype(np.float32)) ** 2

    def backward(ct, x):
        t = np.tanh(np.float32(1.5) * x)
        return (ct * 2 * t * (1 - t * t) * np.float32(1.5)).astype(np.float32)

    x = X.astype(np.float32)
    assert judge(forward, backward, x).verdict == "pass"
    assert judge(forward, lambda ct, x: np.float32(1.05) * backward(ct, x), x).verdict == "fail"


def test_noise_above_the_gradient_cannot_tell_and_says_what_to_change():
    report = judge(lambda x: 1e17 + x.sum(), lambda ct, x: ct * np.ones_like(x), X)
    assert report.verdict == "cannot tell"
    assert "float64" in report.findings[0].fix


def test_a_zero_gradient_that_this_input_could_not_test_is_no_pass():
    report = judge(relu, lambda ct, x: ct * (x > 0), -np.abs(X))
    assert report.verdict == "cannot tell"
    assert causes(report) == ["power"]


def test_the_forward_is_held_against_a_named_op():
    right = judge(relu, lambda ct, x: ct * (x > 0), X, op="relu")
    assert right.verdict == "pass"
    wrong = judge(np.tanh, lambda ct, x: ct * (1 - np.tanh(x) ** 2), X, op="sigmoid")
    assert wrong.verdict == "fail"
    assert {finding.blame for finding in wrong.findings} <= {"forward", "convention"}


def test_a_loss_that_takes_the_mean_itself_is_the_named_op_by_convention():
    logits, labels = X, np.array([1, 0, 4])

    def loss(logits, labels):
        return -np.mean(np.log(softmax(logits))[np.arange(3), labels])

    def backward(ct, logits, labels):
        return ct * (softmax(logits) - np.eye(7)[labels]) / 3, None

    report = judge(loss, backward, logits, labels, op="softmax_cross_entropy")
    assert report.verdict == "pass", str(report)
    assert any("mean" in sentence for sentence in report.acquittals)


def test_a_naive_forward_that_hides_nan_is_found_when_the_op_is_named():
    x = np.array(X)
    x[1, 2] = np.nan
    report = judge(lambda x: np.where(x > 0, x, 0.0), lambda ct, x: ct * (x > 0), x, op="relu")
    assert causes(report) == ["forward"]


def test_the_probes_do_not_collide_with_the_users_generators():
    for seeded in (np.random.RandomState(0), np.random.default_rng(0)):
        x = seeded.normal(size=(64, 100))
        for _ in range(2):
            report = judge(lambda x: x / np.linalg.norm(x), lambda ct, x: 0 * x, x, seed=0)
            assert report.verdict == "fail", "a zero gradient of a scale-invariant function"


def test_an_argument_gets_three_findings_at_most_and_no_cause_twice():
    def forward(x):
        return np.maximum(x, 0.0)

    def backward(cotangent, x):
        return cotangent * (cotangent > 0)

    x = np.random.default_rng(3).normal(size=(3, 7))
    report = oracle.check(oracle.from_forward_backward(forward, backward), x, op="relu")
    causes = [found.cause for found in report.findings if found.argument == "x"]
    assert report.verdict == "fail"
    assert 1 <= len(causes) <= 3, causes
    assert len(set(causes)) == len(causes), causes


def test_without_a_gradient_to_judge_nothing_passes():
    report = judge(lambda index: X[index], lambda ct, index: None, np.array([0, 2]))
    assert str(report).startswith("cannot tell: there was nothing to judge"), str(report)
