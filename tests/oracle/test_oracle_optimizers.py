"""check_optimizer on optimizers as people write them: right ones pass, wrong ones are named."""

import inspect

import numpy as np
import pytest

from reference import optimizers
from reference.oracle.optimizers.check import check_optimizer
from reference.oracle.optimizers.rules import RULES, trajectory
from reference.oracle.optimizers.slips import SLIPS


class TextbookMomentum:
    """Velocity kept with the learning rate and the minus sign in it."""

    def __init__(self, lr=0.01, momentum=0.9):
        self.lr, self.momentum, self.v = lr, momentum, None

    def update(self, params, grads):
        if self.v is None:
            self.v = {key: np.zeros_like(value) for key, value in params.items()}
        for key in params:
            self.v[key] = self.momentum * self.v[key] - self.lr * grads[key]
            params[key] += self.v[key]


class TextbookAdam:
    """The correction folded into the learning rate, as in the Adam paper's section 2."""

    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999, count_inside=False):
        self.lr, self.beta1, self.beta2, self.count_inside = lr, beta1, beta2, count_inside
        self.iter, self.m, self.v = 0, {}, {}

    def update(self, params, grads):
        self.iter += not self.count_inside
        for key in params:
            self.iter += self.count_inside
            rate = self.lr * np.sqrt(1.0 - self.beta2**self.iter) / (1.0 - self.beta1**self.iter)
            self.m[key] = self.beta1 * self.m.get(key, 0) + (1 - self.beta1) * grads[key]
            self.v[key] = self.beta2 * self.v.get(key, 0) + (1 - self.beta2) * grads[key] ** 2
            params[key] -= rate * self.m[key] / (np.sqrt(self.v[key]) + 1e-8)


def functional_adam(*, beta1=0.9, beta2=0.999, correct=True, inside=False, dtype=None, in_place=False):
    def adam(params, grads, state):
        t, m, v = state or (0, {}, {})
        t, new, means, squares = t + 1, {}, {}, {}
        for key, grad in grads.items():
            means[key] = beta1 * m.get(key, 0) + (1 - beta1) * grad
            squares[key] = beta2 * v.get(key, 0) + (1 - beta2) * grad**2
            mean = means[key] / (1 - beta1**t) if correct else means[key]
            square = squares[key] / (1 - beta2**t) if correct else squares[key]
            root = np.sqrt(square + 1e-8) if inside else np.sqrt(square) + 1e-8
            step = 0.001 * mean / root
            new[key] = (params[key] - step).astype(dtype or step.dtype)
            if in_place:
                grad *= 0
        return new, (t, means, squares)

    return adam


def causes(report):
    return [finding.cause for finding in report.findings]


def test_textbook_momentum_passes_and_its_sign_convention_is_named():
    report = check_optimizer(TextbookMomentum(), "momentum")
    assert report.verdict == "pass", str(report)
    assert any("-learning_rate * v" in reason for reason in report.acquittals)


def test_the_object_is_left_as_it_was():
    optimizer = TextbookMomentum()
    check_optimizer(optimizer, "momentum")
    assert optimizer.v is None


def test_adam_with_the_correction_folded_into_the_rate_passes_with_the_reason():
    report = check_optimizer(TextbookAdam(), "adam")
    assert report.verdict == "pass", str(report)
    assert any("folded" in reason for reason in report.acquittals)


def test_functional_adam_passes_without_a_remark():
    report = check_optimizer(functional_adam(), "adam")
    assert (report.verdict, report.findings, report.acquittals) == ("pass", (), ()), str(report)


def test_float32_adam_passes():
    assert check_optimizer(functional_adam(dtype=np.float32), "adam").verdict == "pass"


@pytest.mark.parametrize(
    ("optimizer", "name", "cause", "words"),
    [
        (functional_adam(correct=False), "adam", "optimizer_bias_correction", "neither moment"),
        (functional_adam(inside=True), "adam", "optimizer_epsilon", "inside the square root"),
        (functional_adam(in_place=True), "adam", "changed_in_place", "grads"),
        (TextbookMomentum(lr=0.03), "momentum", "optimizer_scale", "learning_rate=0.03"),
        (TextbookMomentum(), "nesterov", "optimizer_nesterov", "look ahead is missing"),
        (TextbookMomentum(momentum=0.0), "momentum", "optimizer_state", "lost between steps"),
        (lambda p, g, s: (p, s), "sgd", "optimizer", "never moves"),
        (lambda p, g, s: ({k: p[k] + 0.01 * g[k] for k in p}, s), "sgd", "optimizer_scale", "up the gradient"),
        (lambda p, g, s: ({k: p[k] * np.nan for k in p}, s), "sgd", "not_finite", "NaN"),
        (lambda p, g, s: p["other"], "sgd", "raises", "KeyError"),
        (lambda p, g, s: None, "sgd", "raises", "TypeError"),
    ],
    ids=["uncorrected", "epsilon", "grads", "rate", "plain", "forgets", "still", "ascends", "nan", "raises", "none"],
)
def test_a_wrong_optimizer_is_named(optimizer, name, cause, words):
    report = check_optimizer(optimizer, name)
    assert report.verdict == "fail", str(report)
    assert causes(report)[0] == cause, str(report)
    assert words in str(report)


def test_t_counted_per_parameter_and_folded_epsilon_are_named_as_the_one_mistake():
    report = check_optimizer(TextbookAdam(count_inside=True), "adam")
    assert causes(report) == ["optimizer_bias_correction"], str(report)


def sharing(params, grads, state):
    velocity = 0 if state is None else state
    new = {}
    for key in params:
        velocity = 0.9 * velocity + grads[key]
        new[key] = params[key] - 0.01 * velocity
    return new, velocity


def test_a_shared_state_is_named():
    assert causes(check_optimizer(sharing, "momentum")) == ["optimizer_state"]


def committing(name, slips):
    """An optimizer of the functional kind that commits the given slips; `memory` makes it replay the whole path."""

    def step(params, grads, state):
        first, seen = state or (params, [])
        seen = [*seen, grads]
        return trajectory(name, first, seen, hyper, slips)[-1], (first, seen)

    hyper = {key: p.default for key, p in inspect.signature(getattr(optimizers, name)).parameters.items()}
    return step


EVERY = [(name, slip) for name, slips in SLIPS.items() for slip in slips if slip.words != {"starts at 0"}]


@pytest.mark.parametrize(("name", "slip"), EVERY, ids=[f"{name}-{next(iter(slip.words))}" for name, slip in EVERY])
def test_every_known_slip_is_told_from_every_other(name, slip):
    with np.errstate(all="ignore"):
        report = check_optimizer(committing(name, slip.words), name)
    assert report.verdict == "fail", str(report)
    assert slip.says in str(report).replace("\n  ", " ").replace("\n", " "), str(report)


@pytest.mark.parametrize("name", RULES)
def test_the_rule_without_slips_is_the_reference(name):
    report = check_optimizer(committing(name, frozenset()), name)
    assert (report.verdict, report.acquittals) == ("pass", ()), str(report)


@pytest.mark.parametrize("name", RULES)
def test_the_reference_passes_as_a_pair_of_init_and_update(name):
    assert check_optimizer(getattr(optimizers, name)(learning_rate=0.02), name, learning_rate=0.02).verdict == "pass"


def test_a_sum_of_squares_that_starts_elsewhere_is_named():
    report = check_optimizer(optimizers.adagrad(), "adagrad", initial_accumulator=0.5)
    assert causes(report) == ["optimizer_scale"]
    assert "starts at 0 instead" in str(report)


class TextbookAdaGrad:
    def __init__(self, lr=0.01):
        self.lr, self.h = lr, {}

    def update(self, params, grads):
        for key in params:
            self.h[key] = self.h.get(key, 0) + grads[key] * grads[key]
            params[key] -= self.lr * grads[key] / (np.sqrt(self.h[key]) + 1e-7)


def test_epsilon_beside_the_root_is_a_convention_of_adagrad():
    report = check_optimizer(TextbookAdaGrad(), "adagrad")
    assert report.verdict == "pass", str(report)
    assert any("added to the root" in reason for reason in report.acquittals)


def test_two_mistakes_at_once_are_both_named():
    report = check_optimizer(committing("adam", frozenset({"uncorrected", "ascends"})), "adam")
    assert sorted(causes(report)) == ["optimizer_bias_correction", "optimizer_scale"], str(report)


@pytest.mark.parametrize(
    ("name", "hyper", "words"),
    [("adan", {}, "name must be one of"), ("adam", {"lr": 1}, "adam takes learning_rate, beta1")],
    ids=["name", "hyperparameter"],
)
def test_an_unknown_name_is_refused(name, hyper, words):
    with pytest.raises(ValueError, match=words):
        check_optimizer(functional_adam(), name, **hyper)


def test_the_report_can_be_printed_and_drawn():
    report = check_optimizer(functional_adam(correct=False), "adam")
    assert str(report).startswith("fail: neither moment is corrected")
    assert "<svg" in report.to_html()
