"""Cross-entropies that are not the named op, change their arguments, or are right in unusual forms."""

from functools import partial

import numpy as np

from ..case import Family
from .cross_entropy import difference, distributions, labelled, log_softmax, soft_targets, softmax, surprise
from .cross_entropy_binary import (
    POSITIVE,
    chances,
    counted,
    decisions,
    partly_labelled,
    sentence_loss,
    sentences,
    sigmoid,
    token_gradient,
    weighing_positives,
)

family = Family("cross_entropy")


@family.wrong_forward(
    16,
    lambda dout, z, t: (dout * (sigmoid(z) - t), -dout * z),
    decisions,
    op="sigmoid_binary_cross_entropy",
    argument="z",
    cause="convention_reduction",
)
def binary_cross_entropy_of_the_whole_batch(z, t):
    return (np.logaddexp(0, z) - t * z).sum()


@family.wrong_forward(
    26,
    lambda dout, p, t: (-dout[:, None] * t / p, -dout[:, None] * np.log(p)),
    distributions,
    op="softmax_cross_entropy",
    argument="p",
    cause="convention_domain",
)
def surprise_of_what_should_be_logits(p, t):
    return surprise(p, t)


@family.wrong_forward(
    24,
    lambda dout, p, t: (-dout[:, None] * t / (p + 0.05), -dout[:, None] * np.log(p + 0.05)),
    distributions,
    op="cross_entropy_error",
    argument="p",
    cause=("convention_epsilon", "forward"),
)
def surprise_with_a_large_floor(p, t):
    return -(t * np.log(p + 0.05)).sum(axis=1)


def one_sided_backward(dout, p, t):
    return -dout[:, None] * t / p / p.shape[1], -dout[:, None] * np.log(p) / p.shape[1]


@family.wrong_forward(30, one_sided_backward, chances, op="binary_cross_entropy", argument="p", cause="forward")
def binary_cross_entropy_of_the_positives_only(p, t):
    return -(t * np.log(p)).mean(axis=1)


def keep_probabilities(z, t):
    p = softmax(z)
    return -np.log(p[np.arange(len(t)), t]).mean(), (p, t)


@family.impure(40, keep_probabilities, labelled, style="cache", argument="z", cause="residuals_changed")
def saved_probabilities_become_the_gradient(dout, cache):
    p, t = cache
    p[range(len(t)), t] -= 1
    return dout * p / len(t), None


def shifting_its_argument(z, t):
    z -= z.max(axis=1, keepdims=True)
    return np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(t)), t]


@family.impure(36, shifting_its_argument, labelled, argument="z", op="softmax_cross_entropy", cause="input_changed")
def cross_entropy_shifts_the_logits_in_place(dout, z, t):
    return dout[:, None] * difference(softmax(z), t), None


control = partial(family.control, inputs=labelled)


@family.whole("F4", "control", "layer", decisions, inputs_of_layer=2, ends_in_loss=True)
class SigmoidAndCrossEntropyAveragedOverTheBatch:
    """Summed over the decisions, averaged over the examples; the slope of sigmoid cancels."""

    def forward(self, z, t):
        self.y, self.t = sigmoid(z), t
        loss = -t * np.log(self.y) - (1 - t) * np.log(1 - self.y)
        return loss.sum() / len(z)

    def backward(self, dout=1):
        return dout * (self.y - self.t) / self.y.shape[0]


@control("F4", lambda z, t: ((sigmoid(z) - t) ** 2).sum() / 2, inputs=decisions, constants=("t",))
def sigmoid_and_squared_error_keep_the_slope(dout, z, t):
    y = sigmoid(z)
    return dout * (y - t) * y * (1 - y), None


@control("", counted, inputs=partly_labelled, style="cache")
def ignored_labels_excluded_from_gradient_and_count(dout, cache):
    p, t = cache
    valid = t >= 0
    d = difference(p, t)
    return dout * np.where(valid[:, None], d, 0) / np.count_nonzero(valid), None


@control("", sentence_loss, inputs=sentences, style="rule")
def padded_sentences_by_einsum(saved, g):
    p, t, mask = saved
    return np.einsum("b,bs,bsv->bsv", g / mask.sum(axis=1), mask, token_gradient(p, t)), None, None


@control("", lambda z, t: -(t * log_softmax(z)).sum(axis=-1), inputs=soft_targets, op="softmax_cross_entropy")
def soft_targets_of_any_sum(dout, z, t):
    dz = t.sum(axis=-1, keepdims=True) * softmax(z) - t
    return dout[:, None] * dz, -dout[:, None] * log_softmax(z)


@control("", weighing_positives, inputs=decisions, constants=("t",))
def positives_weighed_in_both(dout, z, t):
    y = sigmoid(z)
    return dout * np.where(t == 1, POSITIVE * (y - 1), y), None
