"""A forward whose calls are dear is called less often, as often on every machine, and judged as well."""

import sys

import numpy as np
import pytest

from reference import oracle
from reference.oracle.numerics import budget

X = np.random.default_rng(0).normal(size=(10, 20))


def nothing():
    """What an interpreter does beside the numbers."""


def opaque(calls):
    """A forward on the memory of its argument alone, which therefore cannot be followed."""

    def forward(x):
        for _ in range(calls):
            nothing()
        return np.frombuffer(np.asarray(x).tobytes()).reshape(x.shape) ** 3

    return forward


def check(calls, factor=3.0):
    subject = oracle.from_forward_backward(opaque(calls), lambda cotangent, x: factor * x * x * cotangent)
    return oracle.check(subject, X)


def test_the_calls_of_a_call_are_counted():
    few, many = (budget.python_calls(opaque(calls), (X,)) for calls in (0, 5000))
    assert many - few == 5000
    assert sys.getprofile() is None
    assert 100 < budget.work(opaque(5000), (X,), X) - budget.work(opaque(0), (X,), X) < 200


def test_somebody_elses_profile_is_left_alone():
    seen = []
    sys.setprofile(lambda frame, event, argument: seen.append(event))
    try:
        counted = budget.python_calls(opaque(10), (X,))
        kept = sys.getprofile()
    finally:
        sys.setprofile(None)
    assert counted == 0
    assert kept is not None


def test_what_a_forward_raises_is_no_matter():
    assert budget.python_calls(lambda x: nothing() or 1 / 0, (X,)) > 0
    assert sys.getprofile() is None


@pytest.mark.parametrize(("factor", "verdict"), [(3.0, "pass"), (2.0, "fail")])
def test_dear_calls_are_few_and_cheap_ones_look_at_every_entry(monkeypatch, factor, verdict):
    cheap = check(0, factor)
    monkeypatch.setattr(budget, "BUDGET", 30_000)
    dear = check(5000, factor)
    assert cheap.verdict == dear.verdict == verdict
    assert dear.forward_evaluations < 2 * X.size < cheap.forward_evaluations
    assert [found.cause for found in dear.findings] == [found.cause for found in cheap.findings]
    assert verdict == "pass" or dear.findings[0].cause != "unexplained"


def test_the_same_check_says_the_same(monkeypatch):
    monkeypatch.setattr(budget, "BUDGET", 30_000)
    assert check(5000, 2.0).to_json() == check(5000, 2.0).to_json()
