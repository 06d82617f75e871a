"""Every cause that the diagnosis can name from behaviour alone: planted once, named in the first place."""

from collections.abc import Callable

import numpy as np
import pytest
from planted import arrays, slopes, sums
from planted.evidence import AFFINE, ENTRIES, ROWS, affine, cubes, evidence_of, mixed, normal, said, standardized

from reference.oracle.causes import CAUSES
from reference.oracle.diagnosis import diagnose

PLANTED = [*arrays.MISTAKES, *sums.MISTAKES, *slopes.MISTAKES]


@pytest.mark.parametrize("planted", PLANTED, ids=lambda p: f"{p.cause}-{p.backward.__name__.strip('<>')}")
def test_a_planted_mistake_is_named_first(planted):
    findings = planted.findings
    first = next((finding.cause for finding in findings if finding.argument == planted.argument), None)
    assert first == planted.cause, f"{planted.argument} should be {planted.cause}; said:\n{said(findings)}"


@pytest.mark.parametrize("planted", PLANTED, ids=lambda p: f"{p.cause}-{p.backward.__name__.strip('<>')}")
def test_at_most_three_explanations_each_documented_with_evidence_and_repair(planted):
    findings = planted.findings
    for argument in {finding.argument for finding in findings}:
        own = [finding for finding in findings if finding.argument == argument]
        assert len(own) <= 3, said(own)
        assert len({finding.key for finding in own}) == len(own), f"a cause is named twice:\n{said(own)}"
    for finding in findings:
        assert finding.cause in CAUSES, f"{finding.cause} is not in the vocabulary"
        assert finding.evidence, f"{finding.cause} has no evidence"
        assert finding.fix, f"{finding.cause} has no repair"
        assert (finding.argument or "") in finding.message, f"the message does not name the argument: {finding.message}"


def random_map(seed: int, size: int) -> np.ndarray:
    return np.random.default_rng([seed, 77]).normal(size=(size, size))


RANDOM: dict[str, tuple[Callable, Callable, tuple[np.ndarray, ...]]] = {
    "kernel": (affine, lambda ct, x, w, b: (ct @ w.T, (x.T @ ct) @ random_map(1, 7), ct.sum(0)), AFFINE),
    "bias": (affine, lambda ct, x, w, b: (ct @ w.T, x.T @ ct, random_map(2, 7) @ ct.sum(0)), AFFINE),
    "elementwise": (
        cubes,
        lambda ct, x: ((random_map(3, 15) @ ct.ravel()).reshape(x.shape),),
        ENTRIES,
    ),
    "normalization": (
        standardized,
        lambda ct, x: ((random_map(4, 33) @ ct.ravel()).reshape(x.shape),),
        ROWS,
    ),
    "two-entries": (lambda x: x * np.array([2.0, 3.0]), lambda ct, x: (ct * [1.37, 4.19],), (np.array([0.4, -1.1]),)),
    "one-entry": (lambda x: cubes(x), lambda ct, x: (ct * 1.2345678,), (np.array([0.4]),)),
    "table": (
        lambda table, index: table[index],
        lambda ct, table, index: (normal(9, 7, 5) * ct.sum(), None),
        sums.LOOKUP,
    ),
}


@pytest.mark.parametrize("name", RANDOM)
def test_silence_where_the_error_has_no_structure(name):
    forward, backward, primals = RANDOM[name]
    findings = diagnose(evidence_of(forward, backward, *primals))
    assert not findings, f"nothing should be claimed of a random error; said:\n{said(findings)}"


def halved(ct, x, w, b):
    if len(x) != 2:
        raise ValueError("a batch of two")
    return ct @ w.T, x.T @ ct / len(x), ct.sum(0)


@pytest.mark.parametrize(("count", "cause"), [(len, "scaled_by_count (batch)"), (lambda x: 2, "scaled_by_constant")])
def test_one_example_more_tells_a_batch_of_two_from_a_two(count, cause):
    findings = diagnose(
        evidence_of(
            affine, lambda ct, x, w, b: (ct @ w.T, x.T @ ct / count(x), ct.sum(0)), normal(1, 2, 5), *AFFINE[1:]
        )
    )
    assert {finding.key for finding in findings} == {cause}, said(findings)


def test_explanations_that_fit_equally_are_both_said():
    """A batch of two, and code that takes no other: 1/N and 1/2 are the same number."""
    findings = diagnose(evidence_of(affine, halved, normal(1, 2, 5), *AFFINE[1:]))
    assert {finding.key for finding in findings} >= {"scaled_by_count (batch)", "scaled_by_constant"}, said(findings)
    assert all("fits equally" in finding.evidence and "primes" in finding.evidence for finding in findings)


def test_the_evidence_gives_the_residual_beside_the_noise_floor():
    (finding, *_) = diagnose(evidence_of(cubes, arrays.sign, *ENTRIES))
    assert "undoing it leaves" in finding.evidence, finding.evidence
    assert "noise floor" in finding.evidence, finding.evidence


def test_nothing_is_asked_of_a_right_backward():
    evidence = evidence_of(affine, lambda ct, x, w, b: (ct @ w.T, x.T @ ct, ct.sum(0)), *AFFINE)
    assert diagnose(evidence) == []


def test_the_arrays_of_the_caller_stay_as_they_are():
    evidence = evidence_of(mixed, sums.coupled_over_the_batch, *ENTRIES)
    before = [array.copy() for array in (*evidence.primals, *(g for g in evidence.got if g is not None))]
    diagnose(evidence)
    after = [*evidence.primals, *(g for g in evidence.got if g is not None)]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True)), (
        "the diagnosis wrote into its evidence"
    )
