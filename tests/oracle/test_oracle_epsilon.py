"""A small number inside the logarithm of a loss that the backward does without: right up to that number, and named."""

from dataclasses import replace

import numpy as np
import pytest

from reference import oracle

N, D, K = 5, 3, 4
ROWS = np.arange(N)


def normal(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape)


LABELS = np.random.default_rng(1).integers(0, K, N)
HOT = np.eye(K)[LABELS]
BITS = (np.random.default_rng(2).random((N, K)) < 0.5) * 1.0


def softmax(z):
    shifted = np.exp(z - z.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def of_labels(delta):
    def forward(z, t):
        return -np.sum(np.log(softmax(z)[ROWS, t] + delta)) / N

    return forward, lambda ct, z, t: (ct * (softmax(z) - HOT) / N, None), (normal(N, K), LABELS)


def of_shares(delta):
    def forward(z, t):
        return -np.sum(t * np.log(softmax(z) + delta)) / N

    return forward, lambda ct, z, t: (ct * (softmax(z) - t) / N, None), (normal(N, K), HOT)


def clipped(delta):
    def forward(z, t):
        return -np.sum(t * np.log(np.clip(softmax(z), delta, 1 - delta))) / N

    return forward, lambda ct, z, t: (ct * (softmax(z) - t) / N, None), (normal(N, K), HOT)


def of_bits(delta):
    def forward(z, t):
        p = sigmoid(z)
        return -np.mean(t * np.log(p + delta) + (1 - t) * np.log(1 - p + delta))

    return forward, lambda ct, z, t: (ct * (sigmoid(z) - t) / z.size, None), (normal(N, K), BITS)


def clipped_bits(delta):
    def forward(z, t):
        p = np.clip(sigmoid(z), delta, 1 - delta)
        return -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))

    return forward, lambda ct, z, t: (ct * (sigmoid(z) - t) / z.size, None), (normal(N, K), BITS)


def with_a_layer(delta):
    def forward(x, W, b, t):
        return -np.mean(np.log(softmax(x @ W + b)[ROWS, t] + delta)) + 0.05 * np.sum(W**2)

    def backward(ct, x, W, b, t):
        dz = ct * (softmax(x @ W + b) - HOT) / N
        return dz @ W.T, x.T @ dz + 0.1 * ct * W, dz.sum(axis=0), None

    return forward, backward, (normal(N, D), normal(D, K), normal(K), LABELS)


def of_probabilities(delta):
    return (
        lambda p, t: -np.sum(t * np.log(p + delta)),
        lambda ct, p, t: (-ct * t / p, None),
        (softmax(normal(N, K)), HOT),
    )


def in_the_backward(delta):
    return (
        lambda p, t: -np.sum(t * np.log(p)),
        lambda ct, p, t: (-ct * t / (p + delta), None),
        (softmax(normal(N, K)), HOT),
    )


def in_another_place(delta):
    return (
        lambda p, t: -np.sum(t * np.log(p + delta) + (1 - t) * np.log(1 - p + delta)),
        lambda ct, p, t: (ct * (p - t) / (p * (1 - p) + delta), None),
        (softmax(normal(N, K)), HOT),
    )


def check(made, delta, scale=1.0, strict=False):
    forward, backward, primals = made(delta)
    subject = replace(oracle.from_forward_backward(forward, backward), constants=("t",))
    if made in (of_labels, of_shares, of_bits, clipped, clipped_bits):
        primals = (scale * primals[0], *primals[1:])
    if made is with_a_layer:
        primals = (primals[0], scale * primals[1], scale * primals[2], primals[3])
    return oracle.check(subject, *primals, strict=strict)


ADDED = (of_labels, of_shares, of_bits, with_a_layer, of_probabilities, in_the_backward, in_another_place)
# Causes that so small an error has been called before.
OTHERS = {"downcast", "regularization", "scaled_by_constant", "scaled_by_count"}
OTHERS |= {"static_ignored", "unexplained", "wrong_derivative"}


def wrong_arguments(report):
    return [argument.name for argument in report.arguments if argument.wrong_entries]


@pytest.mark.one_in(3)
@pytest.mark.parametrize("delta", [1e-7, 1e-8, 1e-6])
@pytest.mark.parametrize("made", ADDED, ids=lambda made: made.__name__)
def test_a_backward_without_the_small_number_is_right_but_for_it(made, delta):
    report = check(made, delta)
    assert report.verdict == "pass", str(report)
    assert report.status.startswith("right, but"), report.status
    named = {finding.argument: finding.cause for finding in reversed(report.findings)}
    assert named == dict.fromkeys(wrong_arguments(report), "epsilon_one_side"), str(report)
    assert not OTHERS & {finding.cause for finding in report.findings}, str(report)
    assert all(f"{delta:g}" in finding.message for finding in report.findings), str(report)
    assert check(made, delta, strict=True).verdict == "fail"


@pytest.mark.parametrize("made", [of_labels, of_shares, of_bits, clipped, clipped_bits], ids=lambda made: made.__name__)
def test_a_number_too_small_for_these_scores_is_not_seen(made):
    report = check(made, 1e-15)
    assert (report.verdict, report.status, report.findings) == ("pass", "right", ()), str(report)


# Where a chance is 1 to the last digit, log(1 - p) has no gradient without the number: no edit gives what came back.
UNTOLD = (of_bits, clipped_bits)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("delta", [1e-5, 1e-7, 1e-12])
@pytest.mark.parametrize(
    "made", [of_labels, of_shares, of_bits, clipped, clipped_bits, with_a_layer], ids=lambda made: made.__name__
)
def test_scores_at_which_the_small_number_rules_are_wrong_and_named(made, delta):
    report = check(made, delta, scale=40.0)
    assert report.verdict == "fail", str(report)
    if made in UNTOLD:
        return
    named = {finding.argument: finding.cause for finding in reversed(report.findings)}
    assert named == dict.fromkeys(wrong_arguments(report), "epsilon_one_side"), str(report)
    assert all(f"{delta:g}" in finding.message for finding in report.findings), str(report)


def test_the_finding_says_how_far_off_and_at_which_entry():
    report = check(of_labels, 1e-7)
    (finding,) = report.findings
    assert finding.off is not None
    assert 0 < finding.off < 1e-5
    assert finding.index is not None
    assert f"got {finding.got:.6g}, expected {finding.got:.6g}" not in str(report), "got equals expected as printed"


@pytest.mark.parametrize("slip", [1e-6, 1e-3, 0.5])
def test_another_mistake_beside_a_small_number_is_no_matter_of_it(slip):
    forward, backward, primals = with_a_layer(1e-7)

    def wrong(ct, x, W, b, t):
        dx, dW, db, none = backward(ct, x, W, b, t)
        return dx, dW + slip * np.sin(W), db, none

    report = oracle.check(oracle.from_forward_backward(forward, wrong), *primals)
    of_weights = [finding.cause for finding in report.findings if finding.argument == "W"]
    assert report.verdict == "fail", str(report)
    assert "epsilon_one_side" not in of_weights, str(report)


@pytest.mark.parametrize(("scale", "verdict"), [(0.1, "pass"), (8.0, "fail")], ids=["usual", "saturated"])
def test_a_large_gradient_is_right_but_for_the_small_number_too(scale, verdict):
    rows, classes = np.arange(32), np.random.default_rng(4).integers(0, 50, 32)

    def forward(x, W, t):
        return -np.mean(np.log(softmax(x @ W)[rows, t] + 1e-7))

    def backward(ct, x, W, t):
        dz = ct * (softmax(x @ W) - np.eye(50)[t]) / 32
        return dz @ W.T, x.T @ dz, None

    primals = normal(32, 70), scale * normal(70, 50), classes
    report = oracle.check(oracle.from_forward_backward(forward, backward), *primals)
    assert report.verdict == verdict, str(report)
    assert {finding.cause for finding in report.findings} == {"epsilon_one_side"}, str(report)
