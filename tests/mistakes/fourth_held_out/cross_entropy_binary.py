"""Binary cross-entropies, sequences with padding, and ignored labels (catalogue 20 to 31)."""

from functools import partial

import numpy as np

from ..case import Family, normal
from .cross_entropy import difference, softmax

family = Family("cross_entropy")
POSITIVE = 3.0


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def decisions(size, seed):
    """Logits and hard yes-or-no targets."""
    shape = (5, 7) if size == "small" else (48, 30)
    (z,) = normal(seed, shape)
    t = (np.random.default_rng(seed + 1).random(shape) < 0.4).astype(float)
    t[:, :2] = [0.0, 1.0]
    return z, t


def chances(size, seed):
    z, t = decisions(size, seed)
    return sigmoid(z), 0.1 + 0.7 * t


def from_logits(z, t):
    return np.mean(np.logaddexp(0, z) - t * z, axis=1)


def from_probabilities(p, t):
    return -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean(axis=1), (p, t)


logits = partial(family.wrong, forward=from_logits, inputs=decisions, argument="z", constants=("t",))
chance = partial(
    family.wrong, forward=from_probabilities, inputs=chances, style="cache", op="binary_cross_entropy", argument="p"
)


@logits(28, cause=("other_loss", "derivative_twice", "local_factor"))
def delta_of_the_squared_error(dout, z, t):
    y = sigmoid(z)
    return dout[:, None] * (y - t) * y * (1 - y) / z.shape[1], None


@logits(17, cause="scaled_by_size")
def decisions_summed_instead_of_averaged(dout, z, t):
    return dout[:, None] * (sigmoid(z) - t), None


@logits(41, cause=("derivative_at_output", "sum_term_missing"))
def sigmoid_taken_of_the_prediction(dout, z, t):
    y = sigmoid(z)
    return dout[:, None] * (sigmoid(y) - t) / z.shape[1], None


@chance(23, cause=("wrong_operand", "local_factor"))
def complement_left_out_of_the_denominator(dout, cache):
    p, t = cache
    dt = -np.log(p / (1 - p)) / p.shape[1]
    return dout[:, None] * (p - t) / p / p.shape[1], dout[:, None] * dt


@chance(23, cause=("sum_term_missing", "local_factor"))
def second_term_without_its_inner_minus(dout, cache):
    p, t = cache
    dt = -np.log(p / (1 - p)) / p.shape[1]
    return dout[:, None] * -(t / p + (1 - t) / (1 - p)) / p.shape[1], dout[:, None] * dt


@chance(18, argument="t", cause=("use_dropped", "sum_term_missing", "local_factor"))
def target_gradient_from_the_first_term_only(dout, cache):
    p, t = cache
    return dout[:, None] * (p - t) / (p * (1 - p)) / p.shape[1], -dout[:, None] * np.log(p) / p.shape[1]


def weighing_positives(z, t):
    return (POSITIVE * t * np.logaddexp(0, -z) + (1 - t) * np.logaddexp(0, z)).sum()


positives = partial(family.wrong, forward=weighing_positives, inputs=decisions, argument="z", constants=("t",))


@positives(49, cause="partly_scaled")
def positive_weight_on_negatives_too(dout, z, t):
    return dout * POSITIVE * (sigmoid(z) - t), None


@positives(49, cause=("static_ignored", "partly_scaled"))
def positive_weight_only_in_the_loss(dout, z, t):
    return dout * (sigmoid(z) - t), None


def certain(size, seed):
    z, t = decisions(size, seed)
    z[0, :3] = [800.0, -800.0, 30.0]
    return z, t


@logits(44, inputs=certain, cause="not_finite")
def slope_by_a_quotient_that_overflows(dout, z, t):
    with np.errstate(over="ignore", invalid="ignore"):
        y = np.exp(z) / (1 + np.exp(z))
    return dout[:, None] * (y - t) / z.shape[1], None


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


@ignoring(29, cause=("ignored_rows", "mask_missing"))
def label_minus_one_read_as_the_last_class(dout, cache):
    p, t = cache
    return dout * difference(p, t) / (t >= 0).sum(), None


@ignoring(29, cause=("ignored_rows", "scaled"))
def ignored_rows_counted_in_the_mean(dout, cache):
    p, t = cache
    d = difference(p, t)
    d[t == -1] = 0
    return dout * d / len(t), None


@ignoring(29, cause=("ignored_rows", "mask_wrong"))
def ignoring_mask_inverted(dout, cache):
    p, t = cache
    return dout * difference(p, t) * (t < 0)[:, None] / (t >= 0).sum(), None


def sentences(size, seed):
    """Logits of tokens, their labels, and the mask of tokens that are no padding."""
    b, s, v = (3, 5, 7) if size == "small" else (8, 17, 25)
    rng = np.random.default_rng(seed + 1)
    lengths = rng.integers(2, s - 1, b)
    return *normal(seed, (b, s, v)), rng.integers(0, v, (b, s)), np.arange(s) < lengths[:, None]


def sentence_loss(z, t, mask):
    p = softmax(z)
    nll = -np.log(np.take_along_axis(p, t[..., None], axis=-1)[..., 0])
    return (nll * mask).sum(axis=1) / mask.sum(axis=1), (p, t, mask)


def token_gradient(p, t):
    return p - np.eye(p.shape[-1])[t]


sentence = partial(family.wrong, forward=sentence_loss, inputs=sentences, style="rule", argument="z")


@sentence(29, cause=("ignored_rows", "mask_missing"))
def padding_tokens_receive_a_gradient(saved, g):
    p, t, mask = saved
    return g[:, None, None] * token_gradient(p, t) / mask.sum(axis=1)[:, None, None], None, None


@sentence(29, cause=("ignored_rows", "wrong_operand"))
def sentences_divided_by_the_padded_length(saved, g):
    p, t, mask = saved
    return g[:, None, None] * token_gradient(p, t) * mask[..., None] / mask.shape[1], None, None


@sentence(104, cause=("mask_wrong", "ignored_rows"))
def padding_mask_moved_by_one_token(saved, g):
    p, t, mask = saved
    moved = np.roll(mask, 1, axis=1)
    return g[:, None, None] * token_gradient(p, t) * moved[..., None] / mask.sum(axis=1)[:, None, None], None, None


@sentence(103, cause=("entries_not_written", "time_overwritten"))
def gradient_of_the_first_token_only(saved, g):
    p, t, mask = saved
    dz = np.zeros_like(p)
    for step in reversed(range(t.shape[1])):
        dz = np.zeros_like(p)
        dz[:, step] = (g / mask.sum(axis=1))[:, None] * token_gradient(p, t)[:, step] * mask[:, step, None]
    return dz, None, None


@sentence(104, cause=("time_off_by_one", "sum_term_missing"))
def targets_of_the_next_token_in_backward(saved, g):
    p, t, mask = saved
    scale = (g / mask.sum(axis=1))[:, None, None] * mask[..., None]
    return scale * token_gradient(p, np.roll(t, -1, axis=1)), None, None
