"""Softmax with cross-entropy: labels, smoothing, ignored examples, conventions."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized
from .functions import log_softmax, softmax, softmax_along

family = Family("cross_entropy")


def difference(p, t):
    d = p.copy()
    d[np.arange(len(t)), t] -= 1
    return d


def labelled(size, seed):
    n, k = (5, 7) if size == "small" else (48, 30)
    (z,) = normal(seed, (n, k))
    return 1.5 * z, np.random.default_rng(seed + 1).integers(0, k - 1, n)


def mean_loss(z, t):
    p = softmax(z)
    return -np.log(p[np.arange(len(t)), t]).mean(), (p, t)


mean = partial(family.wrong, forward=mean_loss, inputs=labelled, style="cache", argument="z")


@mean(30, cause="shifted")
def labels_counted_from_one_in_backward(dout, cache):
    p, t = cache
    return dout * difference(p, t + 1) / len(t), None


@mean(30, cause="wrong_index")
def one_subtracted_from_every_class(dout, cache):
    p, t = cache
    d = p.copy()
    d[np.arange(len(t))] -= 1
    return dout * d / len(t), None


@mean(19, cause="ignores_cotangent")
def scale_of_the_loss_never_arrives(dout, cache):
    p, t = cache
    return difference(p, t) / p.shape[0], None


@mean(91, cause="part_missing")
def incomplete_last_chunk_never_computed(dout, cache):
    p, t = cache
    grad, chunk = np.zeros_like(p), 4 if len(t) < 48 else 9
    for k in range(len(t) // chunk):
        part = slice(k * chunk, (k + 1) * chunk)
        grad[part] = difference(p[part], t[part])
    return dout * grad / len(t), None


def each_loss(z, t):
    p = softmax(z)
    return -np.log(p[np.arange(len(t)), t]), {"p": p, "t": t}


each = partial(family.wrong, forward=each_loss, inputs=labelled, style="rule", argument="z", op="softmax_cross_entropy")


@each(31, cause="wrong_axis")
def probabilities_over_the_batch_in_backward(saved, g):
    p = softmax_along(np.log(saved["p"]), axis=0)
    return g[:, None] * difference(p, saved["t"]), None


@each(32, cause="diagonal_only", also="part_missing")
def only_the_labelled_class_is_pushed(saved, g):
    p, t = saved["p"], saved["t"]
    grad, r = np.zeros_like(p), np.arange(len(t))
    grad[r, t] = g * (p[r, t] - 1)
    return grad, None


@each(65, cause="shifted")
def upstream_of_the_neighbouring_example(saved, g):
    return np.roll(g, 1)[:, None] * difference(saved["p"], saved["t"]), None


SMOOTHING, Z_WEIGHT = 0.3, 0.3


def smoothed(z, t):
    logp = log_softmax(z)
    return -(1 - SMOOTHING) * logp[np.arange(len(t)), t] - SMOOTHING * logp.mean(axis=-1)


@family.wrong(
    "",
    smoothed,
    labelled,
    argument="z",
    op="softmax_cross_entropy",
    statics={"label_smoothing": SMOOTHING},
    cause="static_ignored",
)
def smoothing_only_in_the_loss(dout, z, t):
    return dout[:, None] * difference(softmax(z), t), None


def soft_targets(size, seed):
    """Logits, and weights of the classes that sum to anything."""
    z, _ = labelled(size, seed)
    return z, np.random.default_rng(seed + 2).uniform(0.1, 0.9, z.shape)


@family.wrong(
    27,
    lambda z, t: -(t * log_softmax(z)).sum(axis=-1).mean(),
    soft_targets,
    argument="z",
    constants=("t",),
    cause="wrong_factor",
)
def targets_taken_to_sum_to_one(dout, z, t):
    return dout * (softmax(z) - t) / len(z), None


def with_z_loss(z, t):
    log_z = np.log(np.exp(z).sum(axis=-1))
    return (log_z - z[np.arange(len(t)), t] + Z_WEIGHT * log_z**2).mean(), (z, t, log_z)


@family.wrong(
    12, with_z_loss, labelled, style="cache", argument="z", cause="statistics_as_constants", also="term_missing"
)
def normalizer_penalty_without_gradient(dout, cache):
    z, t, _ = cache
    return dout * difference(softmax(z), t) / len(t), None


@family.wrong(43, lambda z, t: np.exp(mean_loss(z, t)[0]), labelled, argument="z", cause="derivative_missing")
def perplexity_with_the_gradient_of_its_logarithm(dout, z, t):
    return dout * difference(softmax(z), t) / len(t), None


def partly_labelled(size, seed):
    """Labels of which some are -1: not to be counted."""
    n, k = (7, 5) if size == "small" else (48, 30)
    (z,) = normal(seed, (n, k))
    t = np.random.default_rng(seed + 1).integers(0, k, n)
    t[1::3] = -1
    return z, t


def counted(z, t):
    p, valid = softmax(z), t >= 0
    picked = p[np.arange(len(t)), np.where(valid, t, 0)]
    return -(np.log(picked) * valid).sum() / valid.sum(), (p, t)


ignoring = partial(family.wrong, forward=counted, inputs=partly_labelled, style="cache", argument="z")


@ignoring(29, cause="mask_missing")
def label_minus_one_read_as_the_last_class(dout, cache):
    p, t = cache
    return dout * difference(p, t) / (t >= 0).sum(), None


@ignoring(29, cause="mask_wrong")
def ignoring_mask_inverted(dout, cache):
    p, t = cache
    return dout * difference(p, t) * (t < 0)[:, None] / (t >= 0).sum(), None


def distributions(size, seed):
    z, t = soft_targets(size, seed)
    return softmax(0.5 * z), t / t.sum(axis=-1, keepdims=True)


@family.wrong_forward(
    24,
    lambda dout, p, t: (-dout[:, None] * t / (p + 0.05), -dout[:, None] * np.log(p + 0.05)),
    distributions,
    op="cross_entropy_error",
    argument="p",
    cause="convention_static",
)
def surprise_with_a_large_floor(p, t):
    return -(t * np.log(p + 0.05)).sum(axis=1)


@family.impure(40, mean_loss, labelled, style="cache", argument="z", cause="changed_in_place")
def saved_probabilities_become_the_gradient(dout, cache):
    p, t = cache
    p[range(len(t)), t] -= 1
    return dout * p / len(t), None


control = partial(family.control, inputs=labelled)


@control("", counted, inputs=partly_labelled, style="cache")
def ignored_labels_excluded_from_gradient_and_count(dout, cache):
    p, t = cache
    valid = t >= 0
    d = difference(p, t)
    return dout * np.where(valid[:, None], d, 0) / np.count_nonzero(valid), None


@control("", lambda z, t: -(t * log_softmax(z)).sum(axis=-1), inputs=soft_targets, op="softmax_cross_entropy")
def soft_targets_of_any_sum(dout, z, t):
    dz = t.sum(axis=-1, keepdims=True) * softmax(z) - t
    return dout[:, None] * dz, -dout[:, None] * log_softmax(z)


@family.wrong(
    24,
    lambda z, t: -np.log(softmax(z)[np.arange(len(t)), t] + 0.03).mean(),
    labelled,
    argument="z",
    cause="epsilon_one_side",
)
def floor_of_the_logarithm_forgotten(g, z, t):
    d = softmax(z)
    d[np.arange(len(t)), t] -= 1
    return g * d / len(t), None


def soft(size, seed):
    z, t = sized(((5, 7), (5, 7)), ((40, 30), (40, 30)))(size, seed)
    return z, softmax(2 * t)


@family.wrong(
    37, lambda z, t: -(t * np.log(softmax(z))).sum(axis=1), soft, argument="z", constants=("t",), cause="term_extra"
)
def uniform_share_subtracted_too(g, z, t):
    return g[:, None] * (softmax(z) - t - 1 / z.shape[1]), None
