"""Mistakes in losses of probabilities, in binary cross-entropy and divergence, and in forwards of cross-entropies."""

from functools import partial

import numpy as np

from .case import Family, normal
from .cross_entropy import confident, labelled, one_hot, softmax

family = Family("losses")


def distributions(size, seed):
    n, c = (3, 5) if size == "small" else (64, 100)
    rng = np.random.default_rng(seed)
    p, t = rng.uniform(0.1, 1, (2, n, c))
    return p / p.sum(axis=1, keepdims=True), t / t.sum(axis=1, keepdims=True)


def cross_entropy(p, t):
    return -(t * np.log(p)).sum(axis=1)


soft = partial(family.wrong, inputs=distributions)


@soft(23, cross_entropy, op="cross_entropy_error", argument="p", cause=("wrong_operand", "not_linear"))
def probability_gradient_divided_by_upstream(dout, p, t):
    with np.errstate(divide="ignore"):
        return -t / dout[:, None], -dout[:, None] * np.log(p)


@soft(23, cross_entropy, op="cross_entropy_error", argument="p", cause="wrong_derivative")
def fused_gradient_for_probabilities(dout, p, t):
    return dout[:, None] * (p - t), -dout[:, None] * np.log(p)


@soft(23, cross_entropy, op="cross_entropy_error", argument="p", cause="sign")
def probability_gradient_sign(dout, p, t):
    return dout[:, None] * t / p, -dout[:, None] * np.log(p)


def bits(size, seed):
    n, c = (3, 5) if size == "small" else (64, 100)
    rng = np.random.default_rng(seed)
    return rng.uniform(0.1, 0.9, (n, c)), rng.uniform(0.1, 0.9, (n, c))


def binary(p, t):
    return -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean(axis=1)


def target_slope(dout, p):
    return -dout[:, None] * (np.log(p) - np.log(1 - p)) / p.shape[1]


@family.wrong(23, binary, bits, op="binary_cross_entropy", argument="p", cause=("local_factor", "wrong_derivative"))
def binary_denominator_missing(dout, p, t):
    return dout[:, None] * (p - t) / p.shape[1], target_slope(dout, p)


@family.wrong(23, binary, bits, op="binary_cross_entropy", argument="p", cause="sum_term_missing")
def binary_second_term_missing(dout, p, t):
    return -dout[:, None] * (t / p) / p.shape[1], target_slope(dout, p)


def sigmoid_binary(z, t):
    p = 1 / (1 + np.exp(-z))
    return -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean(axis=1), (z, p, t)


def logits_and_bits(size, seed):
    return normal(seed, (3, 5) if size == "small" else (64, 100))[0], bits(size, seed)[1]


@family.wrong(
    28,
    sigmoid_binary,
    logits_and_bits,
    style="rule",
    op="sigmoid_binary_cross_entropy",
    argument="z",
    cause=("derivative_twice", "local_factor"),
)
def squared_error_delta_for_sigmoid(residuals, cotangent):
    z, p, t = residuals
    return cotangent[:, None] * (p - t) * p * (1 - p) / p.shape[1], -cotangent[:, None] * z / z.shape[1]


@family.wrong(
    21,
    sigmoid_binary,
    logits_and_bits,
    style="rule",
    op="sigmoid_binary_cross_entropy",
    argument="z",
    cause="scaled_by_size",
)
def sigmoid_loss_not_averaged_over_features(residuals, cotangent):
    z, p, t = residuals
    return cotangent[:, None] * (p - t), -cotangent[:, None] * z / z.shape[1]


def divergence(logp, t):
    return (t * (np.log(t) - logp)).sum(axis=1)


def log_distributions(size, seed):
    p, t = distributions(size, seed)
    return np.log(p), t


@family.wrong(
    23, divergence, log_distributions, op="kl_divergence", argument="t", cause=("sum_term_missing", "mean_term_missing")
)
def divergence_of_targets_without_its_one(dout, logp, t):
    return -dout[:, None] * t, dout[:, None] * (np.log(t) - logp)


@family.wrong(23, divergence, log_distributions, op="kl_divergence", argument="logp", cause="wrong_derivative")
def divergence_as_if_by_probabilities(dout, logp, t):
    return -dout[:, None] * t / np.exp(logp), dout[:, None] * (np.log(t) - logp + 1)


forward_wrong = partial(family.wrong_forward, argument="z", op="softmax_cross_entropy")


def backward(dout, z, t):
    return dout[:, None] * (softmax(z) - one_hot(t, z.shape[1])), None


def gap(size, seed):
    z, t = labelled(size, seed)
    z[1, (t[1] + 1) % z.shape[1]] += 800
    return z, t


@forward_wrong(26, backward, gap, cause=("not_finite", "forward"))
def logarithm_of_zero(z, t):
    with np.errstate(divide="ignore"):
        return -np.log(softmax(z)[np.arange(len(t)), t])


def crossed_backward(dout, z, t):
    return dout[:, None] * (softmax(z) - one_hot(t, z.shape[1]).mean(axis=0)), None


@forward_wrong(30, crossed_backward, labelled, cause="forward")
def labels_as_a_column_in_the_loss(z, t):
    return -np.log(softmax(z))[np.arange(len(t)), t.reshape(-1, 1)].mean(axis=0)


def epsilon_backward(dout, z, t):
    p = softmax(z)
    chosen = p[np.arange(len(t)), t][:, None]
    return dout[:, None] * chosen / (chosen + 1e-7) * (p - one_hot(t, z.shape[1])), None


@forward_wrong(24, epsilon_backward, confident, cause=("convention_epsilon", "forward"))
def epsilon_in_the_loss_and_its_gradient(z, t):
    return -np.log(softmax(z)[np.arange(len(t)), t] + 1e-7)


def smoothed_wrongly_backward(dout, z, t):
    c = z.shape[1]
    target = 0.9 * one_hot(t, c) + 0.1 / (c - 1) * (1 - one_hot(t, c))
    return dout[:, None] * (softmax(z) - target), None


@forward_wrong(
    24,
    smoothed_wrongly_backward,
    labelled,
    statics={"label_smoothing": 0.1},
    cause=("convention_static", "convention_reduction", "convention_axis", "forward"),
)
def smoothing_shared_among_the_wrong_classes_only(z, t):
    c = z.shape[1]
    target = 0.9 * one_hot(t, c) + 0.1 / (c - 1) * (1 - one_hot(t, c))
    return -(target * np.log(softmax(z))).sum(axis=1)


def certain(size, seed):
    """One-hot targets, and probabilities that are exactly zero where the target is."""
    p, t = distributions(size, seed)
    t = one_hot(t.argmax(axis=1), t.shape[1])
    p[0, (t[0].argmax() + 1) % t.shape[1]] = 0
    return p, t


def guarded_backward(dout, p, t):
    positive = np.where(p > 0, p, 1)
    return -dout[:, None] * t / positive, -dout[:, None] * np.log(positive)


@family.wrong_forward(
    25, guarded_backward, certain, op="cross_entropy_error", argument="p", cause=("not_finite", "forward")
)
def zero_times_the_logarithm_of_zero(p, t):
    with np.errstate(divide="ignore", invalid="ignore"):
        return -(t * np.log(p)).sum(axis=1)
