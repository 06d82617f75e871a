"""Large arrays: a single wrong entry, or a zero gradient, is found and located in fewer than 300 forward calls."""

from itertools import pairwise

import numpy as np
import pytest

from reference import oracle
from reference.convolution import conv_bwd, conv_fwd

RNG = np.random.default_rng(11)
X = RNG.normal(size=(16, 512))
KERNEL = RNG.normal(size=(512, 256)) / 16
BIAS = RNG.normal(size=256)


def hidden(x, kernel, bias):
    return np.tanh(x @ kernel + bias)


def hidden_backward(ct, x, kernel, bias):
    inner = ct * (1 - np.tanh(x @ kernel + bias) ** 2)
    return inner @ kernel.T, x.T @ inner, inner.sum(0)


def spoiled(ct, x, kernel, bias):
    x_ct, kernel_ct, bias_ct = hidden_backward(ct, x, kernel, bias)
    kernel_ct[300, 123] *= 1.5
    return x_ct, kernel_ct, bias_ct


def softmax(x):
    shifted = np.exp(x - x.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def batch_norm(x, scale, bias):
    return (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5) * scale + bias


def batch_norm_backward(ct, x, scale, bias):
    return np.zeros_like(x), (ct * batch_norm(x, 1.0, 0.0)).sum(0), ct.sum(0)


def judge(forward, backward, *primals, **options):
    return oracle.check(oracle.from_forward_backward(forward, backward), *primals, **options)


@pytest.mark.slow
def test_a_right_gradient_passes_by_directions():
    report = judge(hidden, hidden_backward, X, KERNEL, BIAS)
    assert (report.verdict, report.mode) == ("pass", "directional"), str(report)
    assert report.forward_evaluations < 300


@pytest.mark.slow
def test_one_wrong_entry_of_131072_is_found_by_halving():
    report = judge(hidden, spoiled, X, KERNEL, BIAS)
    assert report.verdict == "fail"
    wrong = next(argument for argument in report.arguments if argument.verdict == "fail")
    assert (wrong.name, wrong.worst_index, wrong.wrong_entries) == ("kernel", (300, 123), 1)
    assert report.forward_evaluations < 300


def test_the_evaluations_grow_with_the_logarithm_of_the_size():
    def count(rows):
        x, kernel = RNG.normal(size=(8, rows)), RNG.normal(size=(rows, 32))

        def backward(ct, x, kernel, bias):
            found = hidden_backward(ct, x, kernel, bias)
            found[1][rows // 3, 5] += 1.0
            return found

        return judge(hidden, backward, x, kernel, np.zeros(32), mode="directional").forward_evaluations

    small, large = count(64), count(2048)
    assert large - small < 60, f"{small} evaluations for 2,048 entries, {large} for 65,536"


def test_a_zero_gradient_of_softmax_is_found():
    report = judge(lambda x: 2 * softmax(x), lambda ct, x: np.zeros_like(x), RNG.normal(size=(32, 300)))
    assert [finding.key for finding in report.findings] == ["missing (zero)"]
    assert report.forward_evaluations < 300


def test_a_zero_gradient_of_batch_norm_is_found():
    primals = RNG.normal(size=(32, 256)), RNG.normal(size=256), RNG.normal(size=256)
    report = judge(batch_norm, batch_norm_backward, *primals)
    assert [argument.verdict for argument in report.arguments] == ["fail", "pass", "pass"]
    assert report.forward_evaluations < 300


def test_one_wrong_entry_of_a_convolution_is_found():
    primals = RNG.normal(size=(4, 16, 16, 16)), 0.1 * RNG.normal(size=(3, 3, 16, 32)), RNG.normal(size=32)

    def bwd(residuals, ct):
        x_ct, kernel_ct, bias_ct = conv_bwd(residuals, 1.5 * ct)
        x_ct = x_ct.copy()
        x_ct[3, 12, 3, 7] = 0.0
        return x_ct, kernel_ct, bias_ct

    def fwd(x, kernel, bias):
        out, residuals = conv_fwd(x, kernel, bias, padding="SAME")
        return 1.5 * out, residuals

    report = oracle.check(oracle.from_rule(fwd, bwd), *primals)
    wrong = next(argument for argument in report.arguments if argument.verdict == "fail")
    assert (wrong.name, wrong.worst_index, wrong.wrong_entries) == ("x", (3, 12, 3, 7), 1)
    assert report.forward_evaluations < 300


@pytest.mark.parametrize(("share", "verdict"), [("first", "pass"), ("split", "pass"), ("all", "fail")])
def test_ties_in_a_large_array(share, verdict):
    x = np.round(2 * RNG.normal(size=(400, 11)))

    def backward(ct, x):
        mask = (x == x.max(1, keepdims=True)).astype(float)
        first = np.eye(x.shape[1])[x.argmax(1)]
        return ct[:, None] * {"first": first, "split": mask / mask.sum(1, keepdims=True), "all": mask}[share]

    report = judge(lambda x: x.max(1), backward, x)
    assert (report.verdict, report.mode) == (verdict, "directional"), str(report)


def test_a_recognized_op_gives_the_whole_expected_array():
    def backward(ct, x):
        x_ct = softmax(x) * (ct - (ct * softmax(x)).sum(1, keepdims=True))
        x_ct[3, :] = 0
        return x_ct

    report = judge(softmax, backward, RNG.normal(size=(64, 100)))
    assert (report.op, report.arguments[0].wrong_entries) == ("softmax", 100)


def deep(x, *parameters):
    for kernel, bias in zip(parameters[::2], parameters[1::2], strict=True):
        x = np.tanh(x @ kernel + bias)
    return x


def deep_backward(ct, x, *parameters):
    inputs, gradients = [x], []
    for kernel, bias in zip(parameters[::2], parameters[1::2], strict=True):
        inputs.append(np.tanh(inputs[-1] @ kernel + bias))
    for layer in range(len(parameters) // 2 - 1, -1, -1):
        ct = ct * (1 - inputs[layer + 1] ** 2)
        gradients[:0] = [inputs[layer].T @ ct, ct.sum(0)]
        ct = ct @ parameters[2 * layer].T
    return [ct, *gradients]


WIDTHS = (30, 40, 50, 40, 10)
DEEP = [RNG.normal(size=shape) / 6 for wide in pairwise(WIDTHS) for shape in (wide, wide[1:])]
DEEP_NAMES = ("x", *(f"{kind}{layer}" for layer in range(1, 5) for kind in ("W", "b")))


def judged_deep(position=None, change=None):
    def backward(ct, *primals):
        gradients = deep_backward(ct, *primals)
        if position is not None and change is not None:
            gradients[position] = change(gradients[position])
        return tuple(gradients)

    return oracle.check(oracle.from_forward_backward(deep, backward), RNG.normal(size=(6, 30)), *DEEP, names=DEEP_NAMES)


def test_a_network_of_many_large_arguments_is_tested_in_all_of_them_at_once():
    report = judged_deep()
    assert report.verdict == "pass", report
    assert all("all arguments at once" in line for line in report.power if "random directions" in line), report.power
    # About 20 of them are equal calls, in one memory and another.
    assert report.forward_evaluations < 70, f"{report.forward_evaluations} forward calls"


@pytest.mark.one_in(3)
@pytest.mark.parametrize("position", range(len(DEEP_NAMES)), ids=DEEP_NAMES)
@pytest.mark.parametrize(
    "change",
    [lambda g: 1.001 * g, lambda g: g - g.mean(), lambda g: np.where(g == g.flat[-1], 2 * g, g), np.zeros_like],
    ids=["a thousandth more", "without its mean", "one entry twice", "zero"],
)
def test_no_argument_hides_behind_the_others(position, change):
    report = judged_deep(position, change)
    wrong = [argument.name for argument in report.arguments if argument.verdict != "pass"]
    assert wrong == [DEEP_NAMES[position]], report
