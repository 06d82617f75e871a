"""mistakes with labels in cross-entropy: ignored ones, and columns of them (catalogue 29, 30)."""

import numpy as np

from ..case import Family
from .cross_entropy import probabilities, scores_and_labels

family = Family("cross_entropy")

IGNORE = -100


def with_ignored_labels(size, seed):
    scores, labels = scores_and_labels(size, seed)
    labels[1::3] = IGNORE
    return scores, labels


def masked_cross_entropy(logits, labels):
    valid = labels != IGNORE
    p = probabilities(logits)
    safe = np.where(valid, labels, 0)
    nll = -np.log(p[np.arange(len(p)), safe])
    return (nll * valid).sum() / valid.sum(), (p, safe, valid)


def delta(p, safe):
    out = p.copy()
    out[np.arange(len(p)), safe] -= 1
    return out


@family.wrong(29, masked_cross_entropy, with_ignored_labels, style="cache", argument="logits", cause="ignored_rows")
def ignored_rows_in_the_count(dout, cache):
    p, safe, valid = cache
    return dout * delta(p, safe) * valid[:, None] / len(p), None


@family.wrong(
    29,
    masked_cross_entropy,
    with_ignored_labels,
    style="cache",
    argument="logits",
    cause=("ignored_rows", "mask_missing"),
)
def ignored_rows_not_zeroed(dout, cache):
    p, safe, valid = cache
    return dout * delta(p, safe) / valid.sum(), None


@family.wrong(
    29,
    masked_cross_entropy,
    with_ignored_labels,
    style="cache",
    argument="logits",
    cause=("mask_wrong", "ignored_rows"),
)
def ignore_mask_inverted(dout, cache):
    p, safe, valid = cache
    grad = delta(p, safe)
    grad[valid] = 0
    return dout * grad / valid.sum(), None


def column_of_labels(size, seed):
    scores, labels = scores_and_labels(size, seed)
    return scores, labels[:, None]


def column_labelled_loss(x, t):
    p = probabilities(x)
    return -np.log(p[np.arange(len(x)), t.ravel()]).sum(), (p, t)


@family.wrong(30, column_labelled_loss, column_of_labels, style="cache", argument="x", cause="sum_term_missing")
def every_rows_label_subtracted_everywhere(dout, cache):
    p, t = cache
    dx = p.copy()
    dx[np.arange(len(p)), t] -= 1
    return dout * dx, None
