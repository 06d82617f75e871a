"""Equal calls: races, first calls after one of another size, gradients that differ in their last bits only."""

import numpy as np
import pytest

from reference import oracle

X, W = np.random.default_rng(0).normal(size=(3, 7)), np.random.default_rng(1).normal(size=(7, 5))


def causes(report):
    return [finding.cause for finding in report.findings]


def multiply(x, w):
    return x @ w


def transposed_products(g, x, w):
    return g @ w.T, x.T @ g


class Racing:
    """A backward that is wrong in a share of its calls, as one that reads before all blocks have written."""

    def __init__(self, share=0.05, seed=0, size=20_000):
        self.misses, self.calls = np.random.default_rng(seed).random(size) < share, 0

    def backward(self, g, x, w):
        self.calls += 1
        x_ct, w_ct = transposed_products(g, x, w)
        w_ct[-1] *= 1 - self.misses[self.calls]
        return x_ct, w_ct


class Tuned:
    """A kernel that is tuned at its first call for a size, and leaves the results of its trials in the gradient."""

    size = None

    def backward(self, g, x, w):
        x_ct, w_ct = transposed_products(g, x, w)
        if self.size not in (None, x.shape):
            w_ct = 2 * w_ct
        self.size = x.shape
        return x_ct, w_ct


class Atomic:
    """Sums in an order that changes from call to call, as of additions that do not wait for each other."""

    def __init__(self):
        self.order = np.random.default_rng(4)

    def backward(self, g, x, w):
        w_ct = np.zeros_like(w)
        for row in self.order.permutation(len(x)):
            w_ct += np.outer(x[row], g[row])
        return g @ w.T, w_ct


def check(backward, **how):
    return oracle.check(oracle.from_forward_backward(multiply, backward), X, W, **how)


def test_a_race_in_five_calls_of_a_hundred_is_found_as_often_as_the_report_says():
    """At least: the other calls of a check are equal ones too."""
    reports = [check(Racing(seed=seed).backward, repeats=30, mode="directional") for seed in range(40)]
    stated = 1 - 0.95**30
    found = [report for report in reports if report.verdict == "fail"]
    assert len(found) >= 40 * stated
    named = [report for report in found if causes(report)[0] == "not_deterministic"]
    assert len(named) >= 0.9 * len(found), [causes(report) for report in found]


def test_a_single_other_answer_among_many_is_chance():
    racing = Racing(share=0)
    racing.misses[25] = True
    report = check(racing.backward, repeats=40)
    assert (report.verdict, causes(report), report.findings[0].argument) == ("fail", ["not_deterministic"], "w")
    assert "1 of 40 equal calls" in report.findings[0].message


def test_no_race_is_seen_in_calls_that_nobody_makes():
    racing = Racing(share=0)
    racing.misses[500:] = True
    report = check(racing.backward, repeats=10)
    assert report.verdict == "pass"
    assert [sentence for sentence in report.power if "40%" in sentence]


@pytest.mark.parametrize(("repeats", "likely"), [(1, "5%"), (14, "51%"), (59, "95%")])
def test_the_report_says_what_the_calls_that_were_asked_for_would_have_seen(repeats, likely):
    report = check(transposed_products, repeats=repeats)
    said = [sentence for sentence in report.power if sentence.startswith(f"{repeats} equal call")]
    assert len(said) == 1
    assert said[0].endswith(f"with a probability of {likely}.")


def test_a_plain_check_says_nothing_of_it():
    assert not check(transposed_products).power


def test_the_first_call_after_one_of_another_size_is_told_from_chance():
    report = check(Tuned().backward)
    assert (report.verdict, causes(report), report.findings[0].argument) == ("fail", ["stale_state"], "w")
    assert report.findings[0].message == "the first call after one of another size gives another w_ct"


def test_the_very_first_call_of_all_is_told_by_the_second():
    class First(Tuned):
        def backward(self, g, x, w):
            x_ct, w_ct = transposed_products(g, x, w)
            w_ct = w_ct if self.size == x.shape else 2 * w_ct
            self.size = x.shape
            return x_ct, w_ct

    report = check(First().backward)
    assert (report.verdict, causes(report)[0]) == ("fail", "stale_state")


def test_a_forward_that_races_is_to_blame():
    calls = iter(range(100_000))

    def forward(x, w):
        return x @ w * (1 + (next(calls) == 25))

    report = oracle.check(oracle.from_forward_backward(forward, transposed_products), X, W, repeats=20)
    first = report.findings[0]
    assert (first.cause, first.blame) == ("not_deterministic", "forward")


def test_other_bits_within_rounding_are_a_note():
    report = check(Atomic().backward, strict=True)
    assert report.status == "right"
    assert [sentence for sentence in report.power if "up to rounding, not bit for bit" in sentence]


def test_code_that_takes_no_other_size_is_judged_all_the_same():
    def fixed(g, x, w):
        if x.shape != X.shape:
            raise ValueError("one size only")
        return transposed_products(g, x, w)

    assert check(fixed, repeats=3).status == "right"


@pytest.mark.parametrize("repeats", [0, -1, 2.0, True, "4"], ids=repr)
def test_what_is_no_number_of_calls_is_refused(repeats):
    with pytest.raises(ValueError, match=r"^oracle.check: repeats must be an integer of at least 1; got repeats="):
        check(transposed_products, repeats=repeats)
