"""Every cause that the diagnosis can name from behaviour alone: planted once, named in the first place."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from reference.oracle.causes import CAUSES
from reference.oracle.diagnosis import diagnose
from reference.oracle.diagnosis.pullbacks import differentiate, flat
from reference.oracle.evidence import Evidence
from reference.oracle.report import Finding
from reference.oracle.subject import from_forward_backward


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def evidence_of(forward: Callable, backward: Callable, *primals: np.ndarray, wrong: str | None = None) -> Evidence:
    """One pullback beside the numerical gradient, as the engine hands it over."""
    subject = from_forward_backward(forward, backward)
    out = forward(*primals)
    cotangent = np.random.default_rng(3).normal(size=np.shape(out)) if np.ndim(out) else np.float64(1.7)
    got = backward(cotangent, *primals)
    expected, noise, flags = [], [], []
    for position, primal in enumerate(primals):
        if primal.dtype.kind != "f":
            expected, noise, flags = [*expected, None], [*noise, 0.0], [*flags, False]
            continue
        jacobian = differentiate(lambda moved: flat(forward(*moved)), primals, position)
        expected.append((flat(cotangent) @ jacobian).reshape(primal.shape))
        noise.append(1e-9 * float(np.abs(expected[-1]).max()))
        same = np.shape(got[position]) == primal.shape
        flags.append(not same or float(np.abs(got[position] - expected[-1]).max()) > 10 * noise[-1])
    arrays = tuple(None if g is None else np.asarray(g) for g in got)
    names = subject.names or ()
    return Evidence(subject, names, primals, out, cotangent, arrays, tuple(expected), tuple(noise), tuple(flags))


def said(findings: list[Finding]) -> str:
    return "\n".join(f"{f.argument}: {f.cause}: {f.message} ({f.evidence})" for f in findings) or "nothing"


@dataclass(frozen=True)
class Planted:
    """A backward with one mistake, and the cause that must come first for the argument."""

    cause: str
    argument: str
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    primals: tuple[np.ndarray, ...]


PLANTED: list[Planted] = []


def plant(cause: str, argument: str, forward: Callable, *primals: np.ndarray):
    def add(backward: Callable) -> Callable:
        PLANTED.append(Planted(cause, argument, forward, backward, primals))
        return backward

    return add


def affine(x, w, b):
    return x @ w + b


def cubes(x):
    """An elementwise function that no op of the reference computes."""
    return x**3 + np.exp(x / 2)


def slope(x):
    return 3 * x**2 + np.exp(x / 2) / 2


AFFINE = (normal(0, 3, 5), normal(1, 5, 7), normal(2, 7))
SQUARE = (normal(0, 3, 5), normal(1, 5, 5), normal(2, 5))
ENTRIES = (normal(4, 3, 5),)


@plant("sign", "x", cubes, *ENTRIES)
def sign(ct, x):
    return (-ct * slope(x),)


@plant("scaled_by_two", "x", cubes, *ENTRIES)
def doubled(ct, x):
    return (2 * ct * slope(x),)


@plant("scaled_by_batch", "w", affine, *AFFINE)
def kernel_divided_by_batch(ct, x, w, b):
    return ct @ w.T, x.T @ ct / 3, ct.sum(0)


@plant("scaled_by_batch", "b", affine, *AFFINE)
def bias_is_a_mean(ct, x, w, b):
    return ct @ w.T, x.T @ ct, ct.mean(0)


@plant("scaled_by_size", "x", lambda x: np.mean(cubes(x)), *ENTRIES)
def sum_for_mean(ct, x):
    return (ct * slope(x),)


@plant("scaled_by_root", "q", lambda q, k: q @ k.T / np.sqrt(7), normal(1, 3, 7), normal(2, 5, 7))
def scale_missing(ct, q, k):
    return ct @ k, ct.T @ q / np.sqrt(7)


@plant("scaled", "x", cubes, *ENTRIES)
def some_constant(ct, x):
    return (0.7310585 * ct * slope(x),)


@plant("zero", "w", affine, *AFFINE)
def kernel_forgotten(ct, x, w, b):
    return ct @ w.T, np.zeros_like(w), ct.sum(0)


@plant("transposed", "w", affine, *SQUARE)
def kernel_transposed(ct, x, w, b):
    return ct @ w.T, ct.T @ x, ct.sum(0)


@plant("transposed", "w", affine, *AFFINE)
def kernel_transposed_in_shape(ct, x, w, b):
    return ct @ w.T, ct.T @ x, ct.sum(0)


@plant("not_transposed", "x", affine, *SQUARE)
def kernel_not_transposed(ct, x, w, b):
    return ct @ w, x.T @ ct, ct.sum(0)


@plant("elementwise_product", "w", lambda x, w: x @ w, normal(1, 5, 5), normal(2, 5, 5))
def product_entry_by_entry(ct, x, w):
    return ct @ w.T, x * ct


@plant("updated_weight", "x", lambda x, w: x @ w, *AFFINE[:2])
def kernel_after_its_update(ct, x, w):
    kernel_ct = x.T @ ct
    return ct @ (w - 0.05 * kernel_ct).T, kernel_ct


@plant("axes_permuted", "x", lambda x: cubes(x).sum(0), normal(1, 3, 3, 3))
def axes_permuted(ct, x):
    return (np.moveaxis(ct * slope(x), 0, 1),)


@plant("reordered", "x", lambda x: x.transpose(2, 0, 1), normal(1, 3, 4, 5))
def reshaped_for_transposed(ct, x):
    return (ct.reshape(x.shape),)


@plant("flipped", "x", lambda x: np.cumsum(x, axis=1), *ENTRIES)
def reversed_once(ct, x):
    return (np.cumsum(ct[:, ::-1], axis=1),)


@plant("arguments_swapped", "x", lambda x, y: x * y, normal(1, 3, 5), normal(2, 3, 5))
def swapped(ct, x, y):
    return ct * x, ct * y


@plant("shifted", "x", lambda x: x[:, 1:] * x[:, :-1], normal(1, 3, 11))
def moved_by_one(ct, x):
    right = np.zeros_like(x)
    right[:, 1:] += ct * x[:, :-1]
    right[:, :-1] += ct * x[:, 1:]
    return (np.concatenate([0 * right[:, :1], right[:, :-1]], axis=1),)


@plant("row_permuted", "table", lambda table, index: table[index], normal(1, 7, 5), np.array([1, 4, 1, 6, 0]))
def scattered_by_another_index(ct, table, index):
    table_ct = np.zeros_like(table)
    np.add.at(table_ct, (3 * index + 1) % 7, ct)
    return table_ct, None


@plant("entries_not_written", "x", cubes, normal(1, 7, 5))
def loop_ends_early(ct, x):
    x_ct = ct * slope(x)
    x_ct[-1] = 0
    return (x_ct,)


@plant("isolated_entries", "x", cubes, normal(1, 7, 5))
def one_entry_wrong(ct, x):
    x_ct = ct * slope(x)
    x_ct[2, 3] *= 1.25
    return (x_ct,)


@plant("partly_scaled", "x", cubes, normal(1, 7, 5))
def half_of_it_scaled(ct, x):
    return (ct * slope(x) * np.where(x > 0, 1, 0.3),)


@plant("ignores_cotangent", "x", cubes, *ENTRIES)
def upstream_ignored(ct, x):
    return (slope(x),)


@plant("not_linear", "x", cubes, *ENTRIES)
def absolute_upstream(ct, x):
    return (np.abs(ct) * slope(x),)


@plant("clipped", "x", cubes, normal(1, 7, 5))
def clipped_in_the_backward(ct, x):
    return (np.clip(ct * slope(x), -1.5, 1.5),)


@plant("identity", "x", lambda x: np.cumsum(x, axis=1), *ENTRIES)
def passed_through(ct, x):
    return (ct,)


@plant("not_reduced", "b", affine, *AFFINE)
def bias_not_summed(ct, x, w, b):
    return ct @ w.T, x.T @ ct, ct


@plant("reduced_too_far", "b", affine, *AFFINE)
def bias_summed_to_one_number(ct, x, w, b):
    return ct @ w.T, x.T @ ct, np.full_like(b, ct.sum())


@plant("reduced_over_wrong_axis", "b", lambda x, b: x + b, normal(1, 5, 5), normal(2, 5))
def bias_summed_over_features(ct, x, b):
    return ct, ct.sum(1)


@plant("last_sample_only", "w", affine, *AFFINE)
def kernel_of_the_last_example(ct, x, w, b):
    return ct @ w.T, np.outer(x[-1], ct[-1]), ct.sum(0)


@plant("samples_missing", "w", lambda x, w: x @ w, normal(1, 7, 5), normal(2, 5, 3))
def last_block_missing(ct, x, w):
    return ct @ w.T, x[:4].T @ ct[:4]


@plant("one_sample_repeated", "x", cubes, normal(1, 3, 5))
def first_example_for_all(ct, x):
    return (np.repeat((ct * slope(x))[:1], 3, axis=0),)


def mixed(x):
    """Couples the entries of a row, as a softmax does, without being an op of the reference."""
    return x * np.sum(x, axis=1, keepdims=True)


@plant("diagonal_only", "x", mixed, *ENTRIES)
def jacobian_diagonal(ct, x):
    return (ct * (x.sum(1, keepdims=True) + x),)


@plant("coupled_over_wrong_axis", "x", mixed, *ENTRIES)
def coupled_over_the_batch(ct, x):
    return (ct * x.sum(1, keepdims=True) + (ct * x).sum(0, keepdims=True),)


def standardized(x):
    """A normalization without parameters, with an epsilon of its own."""
    return (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 0.1)


def standardized_backward(ct, x, mean=1, variance=1):
    inverse = 1 / np.sqrt(x.var(1, keepdims=True) + 0.1)
    xhat = (x - x.mean(1, keepdims=True)) * inverse
    through = mean * ct.mean(1, keepdims=True) + variance * xhat * (ct * xhat).mean(1, keepdims=True)
    return (inverse * (ct - through),)


ROWS = (normal(5, 3, 11),)
plant("mean_term_missing", "x", standardized, *ROWS)(lambda ct, x: standardized_backward(ct, x, mean=0))
plant("centered_term_missing", "x", standardized, *ROWS)(lambda ct, x: standardized_backward(ct, x, variance=0))
plant("statistics_as_constants", "x", standardized, *ROWS)(
    lambda ct, x: standardized_backward(ct, x, mean=0, variance=0)
)


def windows(x):
    """Sums over overlapping windows of three, weighted."""
    return np.stack([x[:, i : i + 3] @ np.array([1.0, -2.0, 0.5]) for i in range(0, 9, 2)], axis=1)


@plant("overlap_dropped", "x", windows, normal(1, 3, 11))
def assigned_where_windows_overlap(ct, x):
    x_ct = np.zeros_like(x)
    for number, i in enumerate(range(0, 9, 2)):
        x_ct[:, i : i + 3] = ct[:, number, None] * np.array([1.0, -2.0, 0.5])
    return (x_ct,)


LOOKUP = (normal(1, 7, 5), np.array([1, 3, 3, 6, 1]))


@plant("repeated_index_dropped", "table", lambda table, index: table[index], *LOOKUP)
def fancy_addition(ct, table, index):
    table_ct = np.zeros_like(table)
    table_ct[index] += ct
    return table_ct, None


@plant("mean_instead_of_sum", "table", lambda table, index: table[index], *LOOKUP)
def averaged_repeats(ct, table, index):
    table_ct = np.zeros_like(table)
    np.add.at(table_ct, index, ct)
    return table_ct / np.maximum(np.bincount(index, minlength=7), 1)[:, None], None


@plant("use_dropped", "w", lambda x, w: (x @ w) @ w.T, normal(1, 3, 5), normal(2, 5, 7))
def second_use_only(ct, x, w):
    return ct @ w @ w.T, ct.T @ (x @ w)


@plant("skip_dropped", "x", lambda x: x + cubes(x), *ENTRIES)
def skip_forgotten(ct, x):
    return (ct * slope(x),)


@plant("regularization", "w", lambda x, w: np.sum(cubes(x @ w)) + 0.3 * np.sum(w**2), *AFFINE[:2])
def penalty_halved(ct, x, w):
    delta = ct * slope(x @ w)
    return delta @ w.T, x.T @ delta + 0.3 * ct * w


@plant("argument_factor_missing", "x", lambda x, gain: cubes(x) * gain, normal(1, 3, 5), 2 + normal(2, 5) ** 2)
def gain_missing(ct, x, gain):
    return ct * slope(x), (ct * cubes(x)).sum(0)


@plant("not_normalized", "gain", lambda x, gain: standardized(x) * gain, normal(1, 3, 11), normal(2, 11))
def gain_by_the_raw_input(ct, x, gain):
    return standardized_backward(ct * gain, x)[0], (ct * x).sum(0)


@plant("derivative_missing", "x", cubes, *ENTRIES)
def no_derivative(ct, x):
    return (ct,)


@plant("derivative_twice", "x", cubes, *ENTRIES)
def derivative_squared(ct, x):
    return (ct * slope(x) ** 2,)


@plant("derivative_at_output", "x", cubes, *ENTRIES)
def derivative_of_the_output(ct, x):
    return (ct * slope(cubes(x)),)


@plant("derivative_at_input", "x", lambda x: 1 / (1 + np.exp(-x)), *ENTRIES)
def formula_of_the_output_at_the_input(ct, x):
    return (ct * x * (1 - x),)


@plant("wrong_derivative", "x", cubes, *ENTRIES)
def derivative_of_tanh(ct, x):
    return (ct * (1 - np.tanh(x) ** 2),)


@plant("approximation_one_side", "x", lambda x: x / (1 + np.exp(-1.702 * x)), *ENTRIES)
def quick_forward_tanh_backward(ct, x):
    root = np.sqrt(2 / np.pi)
    inner = np.tanh(root * (x + 0.044715 * x**3))
    return (ct * ((1 + inner) / 2 + x / 2 * (1 - inner**2) * root * (1 + 3 * 0.044715 * x**2)),)


@plant("epsilon_one_side", "x", lambda x: np.log(x + 1e-2), 0.1 + normal(1, 3, 5) ** 2)
def epsilon_lost(ct, x):
    return (ct / x,)


MASKED = (normal(1, 3, 7), np.arange(21).reshape(3, 7) % 3 != 0)


@plant("mask_missing", "x", lambda x, mask: cubes(x) * mask, *MASKED)
def mask_forgotten(ct, x, mask):
    return ct * slope(x), None


@plant("mask_wrong", "x", lambda x, mask: 2.5 * x * mask, *MASKED)
def another_mask(ct, x, mask):
    return 2.5 * ct * np.roll(mask, 1, axis=1), None


@plant("downcast", "x", cubes, *ENTRIES)
def rounded_to_single(ct, x):
    return ((ct * slope(x)).astype(np.float32).astype(np.float64),)


def recurrent(x, w, u, b):
    """A recurrence (not tanh, so that no template knows it), batch first."""
    state, states = np.zeros((len(x), len(u))), []
    for step in range(x.shape[1]):
        state = np.arctan(x[:, step] @ w + state @ u + b)
        states.append(state)
    return np.stack(states, axis=1)


def unrolled(ct, x, w, u, b, carry=True, add=True, new=False):
    out = recurrent(x, w, u, b)
    states = [np.zeros((len(x), len(u))), *np.moveaxis(out, 1, 0)]
    x_ct, w_ct, u_ct, b_ct = (np.zeros_like(a) for a in (x, w, u, b))
    carried = np.zeros_like(states[0])
    for step in reversed(range(x.shape[1])):
        before = (ct[:, step] + carried) * np.cos(states[step + 1]) ** 2
        x_ct[:, step] = before @ w.T
        if not add:
            w_ct, u_ct, b_ct = (np.zeros_like(a) for a in (w, u, b))
        w_ct = w_ct + x[:, step].T @ before
        u_ct = u_ct + states[step + new].T @ before
        b_ct = b_ct + before.sum(0)
        carried = before @ u.T if carry else 0 * carried
    return x_ct, w_ct, u_ct, b_ct


SEQUENCE = (normal(1, 3, 4, 2), 0.6 * normal(2, 2, 5), 0.5 * normal(3, 5, 5), 0.3 * normal(4, 5))
plant("time_not_carried", "x", recurrent, *SEQUENCE)(lambda ct, x, w, u, b: unrolled(ct, x, w, u, b, carry=False))
plant("time_overwritten", "w", recurrent, *SEQUENCE)(lambda ct, x, w, u, b: unrolled(ct, x, w, u, b, add=False))
plant("time_off_by_one", "u", recurrent, *SEQUENCE)(lambda ct, x, w, u, b: unrolled(ct, x, w, u, b, new=True))


@pytest.mark.parametrize("planted", PLANTED, ids=lambda p: f"{p.cause}-{p.backward.__name__.strip('<>')}")
def test_a_planted_mistake_is_named_first(planted):
    evidence = evidence_of(planted.forward, planted.backward, *planted.primals)
    findings = diagnose(evidence)
    first = next((finding.cause for finding in findings if finding.argument == planted.argument), None)
    assert first == planted.cause, f"{planted.argument} should be {planted.cause}; said:\n{said(findings)}"


@pytest.mark.parametrize("planted", PLANTED, ids=lambda p: f"{p.cause}-{p.backward.__name__.strip('<>')}")
def test_at_most_three_explanations_each_documented_with_evidence_and_repair(planted):
    findings = diagnose(evidence_of(planted.forward, planted.backward, *planted.primals))
    for argument in {finding.argument for finding in findings}:
        own = [finding for finding in findings if finding.argument == argument]
        assert len(own) <= 3, said(own)
        assert len({finding.cause for finding in own}) == len(own), f"a cause is named twice:\n{said(own)}"
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
    "table": (lambda table, index: table[index], lambda ct, table, index: (normal(9, 7, 5) * ct.sum(), None), LOOKUP),
}


@pytest.mark.parametrize("name", RANDOM)
def test_silence_where_the_error_has_no_structure(name):
    forward, backward, primals = RANDOM[name]
    findings = diagnose(evidence_of(forward, backward, *primals))
    assert not findings, f"nothing should be claimed of a random error; said:\n{said(findings)}"


def halved(ct, x, w, b):
    if len(x) != 2:
        raise ValueError("a batch of two")
    return ct @ w.T, x.T @ ct / 2, ct.sum(0)


@pytest.mark.parametrize(("count", "cause"), [(len, "scaled_by_batch"), (lambda x: 2, "scaled_by_two")])
def test_one_example_more_tells_a_batch_of_two_from_a_two(count, cause):
    findings = diagnose(
        evidence_of(
            affine, lambda ct, x, w, b: (ct @ w.T, x.T @ ct / count(x), ct.sum(0)), normal(1, 2, 5), *AFFINE[1:]
        )
    )
    assert {finding.cause for finding in findings} == {cause}, said(findings)


def test_explanations_that_fit_equally_are_both_said():
    """A batch of two, and code that takes no other: 1/N and 1/2 are the same number."""
    findings = diagnose(evidence_of(affine, halved, normal(1, 2, 5), *AFFINE[1:]))
    assert {finding.cause for finding in findings} >= {"scaled_by_batch", "scaled_by_two"}, said(findings)
    assert all("fits equally" in finding.evidence and "primes" in finding.evidence for finding in findings)


def test_the_evidence_gives_the_residual_beside_the_noise_floor():
    (finding, *_) = diagnose(evidence_of(cubes, sign, *ENTRIES))
    assert "undoing it leaves" in finding.evidence, finding.evidence
    assert "noise floor" in finding.evidence, finding.evidence


def test_the_line_that_computes_the_gradient_is_named():
    findings = diagnose(evidence_of(affine, kernel_after_assignment, *AFFINE))
    assert [finding.line for finding in findings][:1] == [kernel_after_assignment.__code__.co_firstlineno + 2]


def kernel_after_assignment(ct, x, w, b):
    dx = ct @ w.T
    dw = -x.T @ ct
    return dx, dw, ct.sum(0)


def test_nothing_is_asked_of_a_right_backward():
    evidence = evidence_of(affine, lambda ct, x, w, b: (ct @ w.T, x.T @ ct, ct.sum(0)), *AFFINE)
    assert diagnose(evidence) == []


def test_the_arrays_of_the_caller_stay_as_they_are():
    evidence = evidence_of(mixed, coupled_over_the_batch, *ENTRIES)
    before = [array.copy() for array in (*evidence.primals, *(g for g in evidence.got if g is not None))]
    diagnose(evidence)
    after = [*evidence.primals, *(g for g in evidence.got if g is not None)]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True)), (
        "the diagnosis wrote into its evidence"
    )
