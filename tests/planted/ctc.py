"""Connectionist temporal classification by sums over all ways, ahead and behind, as kernels compute it."""

import numpy as np


def _log_sums(log_p, labels):
    """Logarithms of the sums over all ways to each state, for one example; states are blanks and labels in turn."""
    states = np.zeros(2 * len(labels) + 1, int)
    states[1::2] = labels
    skips = np.array([place > 1 and label != states[place - 2] and label > 0 for place, label in enumerate(states)])
    sums = np.full((len(log_p), len(states)), -np.inf)
    sums[0, :2] = log_p[0, states[:2]]
    for time in range(1, len(log_p)):
        one, two = (np.concatenate([np.full(lag, -np.inf), sums[time - 1]])[: len(states)] for lag in (1, 2))
        ways = np.logaddexp(np.logaddexp(sums[time - 1], one), np.where(skips, two, -np.inf))
        sums[time] = ways + log_p[time, states]
    return states, sums


def _log_softmax(logits):
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def ctc(logits, labels, logit_lengths, label_lengths):
    losses = []
    for scores, marks, steps, count in zip(logits, labels, logit_lengths, label_lengths, strict=True):
        _, sums = _log_sums(_log_softmax(scores[:steps]), marks[:count])
        losses.append(-np.logaddexp.reduce(sums[-1, -2:]))
    return np.array(losses)


def ctc_backward(most):
    """most is how many labels' states a kernel's block holds."""

    def backward(cotangent, logits, labels, logit_lengths, label_lengths):
        logits_ct = np.zeros_like(logits)
        for place, (steps, count) in enumerate(zip(logit_lengths, label_lengths, strict=True)):
            log_p, marks = _log_softmax(logits[place, :steps]), labels[place, :count]
            states, ahead = _log_sums(log_p, marks)
            behind = _log_sums(log_p[::-1], marks[::-1])[1][::-1, ::-1]
            joint = ahead + behind - log_p[:, states]
            shares = np.exp(joint - np.logaddexp.reduce(ahead[-1, -2:]))[:, : 2 * most + 1]
            logits_ct[place, :steps] = np.exp(log_p)
            for state, label in enumerate(states[: 2 * most + 1]):
                logits_ct[place, :steps, label] -= shares[:, state]
        return logits_ct * cotangent[:, None, None], None, None, None

    return backward
