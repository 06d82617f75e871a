"""What mends a wrong backward is called by the mistake, and said in the words of the user's own line."""

import re

import numpy as np
import pytest
from mistakes import corpus, judges

from reference import oracle


def drawn(shapes):
    draw = np.random.default_rng(7).normal
    return [draw(size=shape) for shape in shapes]


def softmax(x):
    raised = np.exp(x - x.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def learned_slope(x, a):
    return np.where(x > 0, x, a * x)


def slope_of_the_other_side(ct, x, a):
    return ct * np.where(x > 0, 1, a), (ct * x * (x > 0)).sum(axis=0)


def entropy(z, t):
    return (np.log1p(np.exp(z)) - t * z).mean(axis=1)


def probability_of_a_probability(ct, z, t):
    p = 1 / (1 + np.exp(-z))
    return ct[:, None] * (1 / (1 + np.exp(-p)) - t) / 3, -ct[:, None] * z / 3


def seen_before(scores, values):
    return softmax(np.where(np.tri(4, 5, 1, bool), scores, -1e30)) @ values


def seen_less(ct, scores, values):
    p = softmax(np.where(np.tri(4, 5, 0, bool), scores, -1e30))
    dp = ct @ values.T
    return p * (dp - (p * dp).sum(axis=1, keepdims=True)), p.T @ ct


def lengths(x):
    return np.sqrt((x * x).sum(axis=2))


def half_too_much(ct, x):
    return (x * (0.5 * ct / lengths(x))[..., None],)


def positive_only(ct, x):
    return (3 * x**2 * np.where(ct > 0, ct, 0),)


def product(x, w):
    return x @ w


def untransposed(ct, x, w):
    return ct @ w, x.T @ ct


WRONG = {
    # The other way round it would tell to do what was done.
    "not transposed": (
        product,
        untransposed,
        [(5, 3), (3, 3)],
        "transposed",
        "x",
        "once it multiplies by w, transposed, in place of w in `return ct @ w",
    ),
    "a mask of another argument": (learned_slope, slope_of_the_other_side, [(5, 3), (3,)], "mask_wrong", "a", "x"),
    "a slope elsewhere": (
        entropy,
        probability_of_a_probability,
        [(5, 3)] * 2,
        "derivative_at_wrong_value",
        "z",
        "z in",
    ),
    "another mask": (seen_before, seen_less, [(4, 5), (5, 3)], "mask_wrong", "scores", "np.tri(4, 5, 1, bool)"),
    "a number that is no count": (lengths, half_too_much, [(5, 2, 3)], "scaled_by_constant", "x", "0.5"),
    "positive cotangents": (lambda x: x**3, positive_only, [(5, 3)], "not_linear", "x", "ct > 0"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mended_mistake_has_its_name_and_the_words_of_its_line(name):
    forward, backward, shapes, cause, argument, words = WRONG[name]
    primals = drawn(shapes)
    report = oracle.check(oracle.from_forward_backward(forward, backward), *primals)
    first = next(found for found in report.findings if found.argument == argument)
    assert first.cause == cause, first.message
    assert words in f"{first.message} {first.evidence}"


def test_two_long_expressions_that_begin_alike_are_told_apart():
    cases = {case.id: case for case in corpus.load("development")}
    case = cases["recurrent_attention/backward_aligns_the_mask_top_left"]
    message = judges.report_of(case, "small", 0, case.judged[-1]).findings[0].message
    mended, written = re.findall("`([^`]*)`", message)[:2]
    assert ("True" in mended, "False" in written) == (True, True), message


def test_what_mends_says_its_line():
    report = oracle.check(oracle.from_forward_backward(entropy, probability_of_a_probability), *drawn([(5, 3)] * 2))
    first = next(found for found in report.findings if found.argument == "z")
    assert first.line == probability_of_a_probability.__code__.co_firstlineno + 2
