"""Outputs beside the gradient's: whole numbers, several dtypes; and draws, whether they change the output or not."""

import numpy as np
import pytest

from reference import oracle

RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(3, 5)), RNG.normal(size=(5, 4))


def check(forward, backward, *primals):
    return oracle.check(oracle.from_forward_backward(forward, backward), *primals)


# A forward that returns something of whole numbers or booleans too, and where in its output the floating part stands.
MIXED = {
    "values-labels": (lambda x: (x**2, x.argmax(axis=1)), 0),
    "labels-values": (lambda x: (x.argmax(axis=1), x**2), 1),
    "loss-count": (lambda x: ((x**2).sum(), 3), 0),
    "mask-values": (lambda x: (x > 0, x**2), 1),
    "dict": (lambda x: {"count": len(x), "y": x**2}, "y"),
    "two-precisions-and-labels": (lambda x: (x.argmax(), x**2, x.astype(int)), 1),
}


@pytest.mark.parametrize("name", MIXED)
@pytest.mark.parametrize(("factor", "verdict"), [(2.0, "pass"), (1.0, "fail")], ids=["right", "wrong"])
def test_outputs_of_whole_numbers_beside_floating_ones_are_judged(name, factor, verdict):
    forward, place = MIXED[name]
    report = check(forward, lambda ct, x: factor * x * ct[place], X)
    assert report.verdict == verdict, str(report)
    assert [finding.cause for finding in report.findings[:1]] == ["scaled_by_constant"][: verdict == "fail"], str(
        report
    )
    assert not any("upstream gradient is zero" in sentence for sentence in report.power), str(report)


class Affine:
    """Draws weights that somebody may replace."""

    def __init__(self, rows, columns):
        self.W = np.random.randn(rows, columns)  # noqa: NPY002 - as textbooks write it

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, ct):
        return ct @ self.W.T, self.x.T @ ct


def built_inside(factor):
    def made(x, w):
        layer = Affine(*w.shape)
        layer.W = w
        return layer, layer.forward(x)

    def backward(ct, x, w):
        dx, dw = made(x, w)[0].backward(ct)
        return factor * dx, dw

    return lambda x, w: made(x, w)[1], backward


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, "pass"), (3.0, "fail")], ids=["right", "wrong"])
def test_draws_that_change_nothing_do_not_make_a_forward_random(factor, verdict):
    report = check(*built_inside(factor), X, W)
    assert report.verdict == verdict, str(report)
    assert not any("generator held fixed" in sentence for sentence in report.acquittals), str(report)


def kept_mask(scale):
    kept = {}

    def forward(x):
        kept["mask"] = np.random.rand(*x.shape) > 0.3  # noqa: NPY002
        return x * kept["mask"] / 0.7

    return forward, lambda ct, x: ct * kept["mask"] * scale


def noisy(factor):
    return lambda x: x**2 + np.random.randn(*x.shape), lambda ct, x: factor * x * ct  # noqa: NPY002


# Forwards whose draws change the output, judged with the generator held fixed: right code, and wrong code.
HELD = {
    "mask-kept": (kept_mask(1 / 0.7), "pass", None),
    "mask-kept-without-the-scale": (kept_mask(1.0), "fail", "scaled_by_constant"),
    "noise": (noisy(2.0), "pass", None),
    "noise-and-half-the-gradient": (noisy(1.0), "fail", "scaled_by_constant"),
    "mask-left-out": (
        (lambda x: x * (np.random.rand(*x.shape) > 0.3), lambda ct, x: ct),  # noqa: NPY002
        "fail",
        "mask_missing",
    ),
}


@pytest.mark.parametrize("name", HELD)
def test_a_forward_that_draws_is_judged_with_the_generator_held_fixed(name):
    pair, verdict, cause = HELD[name]
    report = check(*pair, X)
    assert report.verdict == verdict, str(report)
    assert [finding.cause for finding in report.findings[:1]] == [cause][: verdict == "fail"], str(report)
    assert any("generator held fixed" in sentence for sentence in report.acquittals), str(report)


def drawn_again(share):
    def masked(x):
        return x * (np.random.rand(*x.shape) > share)  # noqa: NPY002

    return masked, lambda ct, x: masked(ct)


# Backwards that draw anew what the forward drew: wrong in most draws, and nobody can say which.
ANEW = {
    "mask": drawn_again(0.3),
    "mask-that-is-nearly-whole": drawn_again(0.05),
    "weights": (lambda x: Affine(5, 4).forward(x), lambda ct, x: ct @ Affine(5, 4).W.T),
    "own-generators": (lambda x: x * np.random.default_rng().normal(size=x.shape), lambda ct, x: ct),
}


@pytest.mark.parametrize("name", ANEW)
def test_a_backward_that_draws_anew_is_neither_passed_nor_accused(name):
    report = check(*ANEW[name], X)
    assert report.verdict == "cannot tell", str(report)
    assert [finding.cause for finding in report.findings] == ["not_deterministic"]


def test_a_forward_that_seeds_its_own_draws_is_judged():
    def masked(seed, x):
        np.random.seed(seed)  # noqa: NPY002
        return x * (np.random.rand(*x.shape) > 0.3)  # noqa: NPY002

    assert check(lambda x: masked(0, x), lambda ct, x: masked(0, ct), X).verdict == "pass"
    assert check(lambda x: masked(0, x), lambda ct, x: masked(1, ct), X).verdict == "fail"


def test_a_backward_that_adds_noise_is_still_found_where_the_forward_draws_what_does_not_matter():
    forward, backward = built_inside(1.0)
    noise = lambda ct, x, w: (backward(ct, x, w)[0] + 1e-3 * np.random.randn(*x.shape), x.T @ ct)  # noqa: E731, NPY002
    report = check(forward, noise, X, W)
    assert report.verdict == "fail", str(report)
    assert report.findings[0].cause == "not_deterministic"
