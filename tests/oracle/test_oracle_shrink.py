"""Large inputs: the cause is found on the same code cut down to a small input, and said to be."""

import numpy as np
import pytest

import reference
from reference import oracle
from reference.convolution import conv_bwd, conv_fwd
from reference.oracle.questions import shrink
from reference.oracle.subjects.vjp import Trial

RNG = np.random.default_rng(5)


def layer(x, kernel):
    return np.tanh(x @ kernel) ** 3


def block(x, kernel):
    return x + layer(x, kernel)


def without_the_skip(ct, x, kernel):
    y = np.tanh(x @ kernel)
    inner = ct * 3 * y**2 * (1 - y**2)
    return inner @ kernel.T, x.T @ inner


def check(forward, backward, *primals, **options):
    return oracle.check(oracle.from_forward_backward(forward, backward), *primals, **options)


def test_a_cause_that_needs_every_entry_is_named_on_a_smaller_input():
    report = check(block, without_the_skip, RNG.normal(size=(32, 64)), RNG.normal(size=(64, 64)) / 8)
    finding = report.findings[0]
    assert (finding.cause, finding.argument) == ("term_missing", "x"), str(report)
    assert "the same code on a smaller input (x (3, 5), kernel" in finding.evidence
    assert finding.index is not None
    assert np.all(np.array(finding.index) < (32, 64))
    assert report.forward_evaluations < 300 < report.forward_evaluations + report.small_evaluations


def test_code_that_refuses_every_other_size_stays_unexplained():
    def only_this_size(x, kernel):
        assert x.shape == (32, 64)
        return block(x, kernel)

    report = check(only_this_size, without_the_skip, RNG.normal(size=(32, 64)), RNG.normal(size=(64, 64)) / 8)
    assert [finding.cause for finding in report.findings] == ["unexplained"]


def test_a_mistake_that_shows_at_large_sizes_only_is_not_explained_by_a_smaller_input():
    def backward(ct, x):
        return 2 * x * ct + (np.sin(7 * x) * ct if len(x) > 50 else 0)

    report = check(lambda x: x**2, backward, RNG.normal(size=(60, 70)))
    assert report.verdict == "fail"
    assert all("smaller input" not in finding.evidence for finding in report.findings), str(report)


def test_a_factor_is_named_by_the_sizes_of_the_large_input():
    def backward(ct, x, kernel):
        inner = ct * 3 * np.tanh(x @ kernel) ** 2 * (1 - np.tanh(x @ kernel) ** 2)
        return inner @ kernel.T, x.T @ inner / len(x)

    report = check(layer, backward, RNG.normal(size=(37, 64)), RNG.normal(size=(64, 32)) / 8)
    assert [finding.cause for finding in report.findings] == ["scaled_by_count"], str(report)
    assert report.findings[0].message.startswith("kernel_ct is 1/N of the true gradient (N = 37): you divided by")


def trial(*primals):
    names = tuple(f"argument_{position}" for position in range(len(primals)))
    return Trial(oracle.from_forward_backward(lambda *a: a[0], lambda ct, *a: (ct, *a[1:])), names, primals)


def offers(*primals):
    return list(shrink._offers(trial(*primals)))


def test_axes_of_equal_size_stay_equal_and_windows_stay():
    x, kernel = offers(RNG.normal(size=(16, 20, 20, 12)), RNG.normal(size=(3, 3, 12, 24)))[0]
    assert x.shape == (5, 6, 6, 4)
    assert kernel.shape == (3, 3, 4, 7)


def test_a_matrix_behind_a_flattened_image_fits_the_smaller_image():
    x, kernel = offers(RNG.normal(size=(16, 9, 9, 12)), RNG.normal(size=(972, 10)))[0]
    assert kernel.shape[0] == np.prod(x.shape[1:])


@pytest.mark.parametrize("shapes", [((32, 16), (32, 24), (40, 96), (96,))], ids=["gates"])
def test_sums_and_multiples_of_sizes_are_offered(shapes):
    offered = offers(*(RNG.normal(size=shape) for shape in shapes))
    assert any(
        kernel.shape == (x.shape[1] + h.shape[1], 4 * h.shape[1]) and bias.shape == (4 * h.shape[1],)
        for x, h, kernel, bias in offered
    )


def test_labels_and_probabilities_stay_what_they_are():
    labels, hot = RNG.integers(0, 10, size=64), np.eye(10)[RNG.integers(0, 10, size=64)]
    shares = RNG.dirichlet(np.ones(10), size=64)
    for logits, classes, rows, parts in offers(RNG.normal(size=(64, 10)), labels, hot, shares):
        assert classes.max() < logits.shape[1]
        np.testing.assert_array_equal(rows.sum(1), 1)
        assert set(np.unique(rows)) == {0, 1}
        np.testing.assert_allclose(parts.sum(1), 1)


@pytest.mark.slow
def test_a_smaller_input_that_the_op_refuses_is_passed_over():
    def used(x, kernel):
        # As many groups as the shapes allow, whatever is left over: this code takes sizes that the op refuses.
        groups = max(1, x.shape[-1] // kernel.shape[-2])
        return x[..., : groups * kernel.shape[-2]], groups

    def forward(x, kernel):
        part, groups = used(x, kernel)
        return reference.conv(part, kernel, groups=groups)

    def backward(cotangent, x, kernel):
        part, groups = used(x, kernel)
        part_ct, kernel_ct, _ = conv_bwd(conv_fwd(part, kernel, groups=groups)[1], cotangent)
        x_ct = np.zeros_like(x)
        x_ct[..., : part.shape[-1]] = part_ct
        return x_ct, np.where(np.arange(kernel.shape[-1]) < 6, kernel_ct, kernel_ct[::-1])

    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(4, 12, 11, 8)), rng.normal(size=(3, 3, 4, 12))
    subject = oracle.from_forward_backward(forward, backward)
    report = oracle.check(subject, x, kernel, op="conv", statics={"groups": 2})
    assert report.verdict == "fail"
    assert {found.argument for found in report.findings} == {"kernel"}
