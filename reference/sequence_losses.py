"""Losses of sequences: over a vocabulary so large that its scores are never held whole, and without an alignment.

What each takes, returns and refuses stands with its twin in functional_nn/sequence_losses.py.
"""

import numpy as np

from reference._checks import as_array, as_floating, quiet, require, require_hashable, require_ints
from reference.activations import log_softmax


def linear_softmax_cross_entropy(x, kernel, labels, *, chunk):
    """Cross-entropy of softmax of a linear layer, whose scores are never held for more than a chunk of rows.

    L = -log p[label] with p = softmax(x kernel). The scores have the cotangent p - t of softmax_cross_entropy; dense
    hands it on to x, and to the kernel, where the chunks add up. Each chunk's scores are computed again backwards.
    Residuals: the arguments. Derivation: docs/derivations/sequence_losses.md.
    """
    return linear_softmax_cross_entropy_fwd(x, kernel, labels, chunk=chunk)[0]


@quiet
def linear_softmax_cross_entropy_fwd(x, kernel, labels, *, chunk):
    x, kernel, labels = _check_rows(x, kernel, labels, chunk)
    rows, targets = x.reshape(labels.size, x.shape[-1]), labels.reshape(-1)
    losses = np.empty(len(rows), np.result_type(x, kernel))
    for start in range(0, len(rows), chunk):
        part = slice(start, start + chunk)
        log_p = log_softmax(rows[part] @ kernel)
        losses[part] = -log_p[np.arange(len(log_p)), targets[part]]
    return losses.reshape(labels.shape), (x, kernel, labels, chunk)


@quiet
def linear_softmax_cross_entropy_bwd(residuals, cotangent):
    x, kernel, labels, chunk = residuals
    rows, targets, rows_out_ct = x.reshape(labels.size, x.shape[-1]), labels.reshape(-1), cotangent.reshape(-1, 1)
    rows_ct, kernel_ct = np.zeros_like(rows), np.zeros_like(kernel)
    for start in range(0, len(rows), chunk):
        part = slice(start, start + chunk)
        scores_ct = np.exp(log_softmax(rows[part] @ kernel))
        scores_ct[np.arange(len(scores_ct)), targets[part]] -= 1
        scores_ct *= rows_out_ct[part]
        rows_ct[part] = scores_ct @ kernel.T
        kernel_ct += (rows[part].T @ scores_ct).astype(kernel.dtype)
    return rows_ct.reshape(x.shape), kernel_ct, None


def ctc_loss(logits, labels, logit_lengths, label_lengths):
    """The negative log-likelihood of a sequence of labels, over all its alignments with the steps (CTC).

    alpha_t(s) sums the ways to state s at step t, beta_t(s) those from there to the end. exp(alpha + beta - log Z) is
    the chance q of the state given the labels, and dL/dz = p - q, with q added up over the states of each class.
    Residuals: the arguments without the labels; p; and q. Derivation: docs/derivations/sequence_losses.md.
    """
    return ctc_loss_fwd(logits, labels, logit_lengths, label_lengths)[0]


@quiet
def ctc_loss_fwd(logits, labels, logit_lengths, label_lengths):
    logits, labels, logit_lengths, label_lengths = _check_sequences(logits, labels, logit_lengths, label_lengths)
    log_p, q = log_softmax(logits), np.zeros_like(logits)
    losses = np.zeros(len(logits), logits.dtype)
    for example, (steps, count) in enumerate(zip(logit_lengths, label_lengths, strict=True)):
        states = _with_blanks(labels[example, :count])
        emitted = log_p[example, :steps, states].T
        alpha, log_z = _ways_here(emitted, states)
        chances = np.exp(alpha + _ways_on(emitted, states) - log_z)
        for state, label in enumerate(states):
            q[example, :steps, label] += chances[:, state]
        losses[example] = -log_z
    return losses, (logit_lengths, label_lengths, np.exp(log_p), q)


@quiet
def ctc_loss_bwd(residuals, cotangent):
    logit_lengths, _, p, q = residuals
    logits_ct = np.zeros_like(p)
    for example, steps in enumerate(logit_lengths):
        logits_ct[example, :steps] = cotangent[example] * (p[example, :steps] - q[example, :steps])
    return logits_ct, None, None, None


def _with_blanks(labels):
    """The states that an alignment passes through: the labels, with a blank before, between and after them."""
    states = np.zeros(2 * len(labels) + 1, int)
    states[1::2] = labels
    return states


def _skips(states, s):
    """Whether state s may follow s - 2 at once: a label another label, but not its equal, nor a blank a blank."""
    return s >= 2 and states[s] != states[s - 2]


def _ways_here(emitted, states):
    """log alpha[t, s], which contains what is emitted at t; and log Z, the sum over both ends."""
    alpha = np.full(emitted.shape, -np.inf, emitted.dtype)
    # Before the first step one is at the first blank: it leads to that and to the first label.
    before = np.where(np.arange(len(states)) == 0, 0, -np.inf).astype(emitted.dtype)
    for t in range(len(emitted)):
        for s in range(len(states)):
            ways = before[[s, s - 1, s - 2][: 1 + (s >= 1) + _skips(states, s)]]
            alpha[t, s] = np.logaddexp.reduce(ways) + emitted[t, s]
        before = alpha[t]
    return alpha, np.logaddexp.reduce(before[-2:])


def _ways_on(emitted, states):
    """log beta[t, s], which contains what is emitted after t: 0 at the end in the last blank or label."""
    beta = np.full(emitted.shape, -np.inf, emitted.dtype)
    beta[-1:, -2:] = 0
    for t in reversed(range(len(emitted) - 1)):
        further = beta[t + 1] + emitted[t + 1]
        for s in range(len(states)):
            last = s + 2 if s + 2 < len(states) and _skips(states, s + 2) else s + 1
            beta[t, s] = np.logaddexp.reduce(further[s : last + 1])
    return beta


def _as_integers(op, **arrays):
    for name, array in arrays.items():
        array = as_array(op, name, array)
        if array.dtype.kind not in "iu":
            raise TypeError(f"{op}: {name} must have an integer dtype; got {name}.dtype={array.dtype}")
        yield array


def _check_rows(x, kernel, labels, chunk):
    op = "linear_softmax_cross_entropy"
    require_hashable(op, "chunk", chunk)
    x, kernel = as_floating(op, "x", x), as_floating(op, "kernel", kernel)
    (labels,) = _as_integers(op, labels=labels)
    got = f"x.shape={x.shape}, kernel.shape={kernel.shape}, labels.shape={labels.shape}"
    require(kernel.ndim == 2, op, "kernel must have two axes, (in_dim, classes)", got)
    require(kernel.shape[1] > 0, op, "kernel must have at least one class", got)
    require(x.ndim >= 1 and x.shape[-1] == kernel.shape[0], op, "x.shape[-1] must equal kernel.shape[0]", got)
    require(labels.shape == x.shape[:-1], op, "labels must have the shape of x but its last axis", got)
    require_ints(op, "chunk must be an int", f"chunk={chunk!r}", (chunk,))
    require(chunk >= 1, op, "chunk must be at least 1", f"chunk={chunk!r}")
    got = f"labels from {labels.min(initial=0)} to {labels.max(initial=0)}, kernel.shape={kernel.shape}"
    legal = bool(np.all((labels >= 0) & (labels < kernel.shape[1])))
    require(legal, op, "labels must be at least 0 and below kernel.shape[-1]", got)
    return x, kernel, labels


def _check_sequences(logits, labels, logit_lengths, label_lengths):
    op = "ctc_loss"
    logits = as_floating(op, "logits", logits)
    named = {"labels": labels, "logit_lengths": logit_lengths, "label_lengths": label_lengths}
    labels, steps, counts = _as_integers(op, **named)
    got = f"logits.shape={logits.shape}, labels.shape={labels.shape}, logit_lengths.shape={steps.shape}, "
    got += f"label_lengths.shape={counts.shape}"
    require(logits.ndim == 3, op, "logits must have three axes, (batch, time, classes)", got)
    require(logits.shape[-1] > 0, op, "logits must have at least one class", got)
    batch = logits.shape[:1]
    require(labels.ndim == 2 and labels.shape[:1] == batch, op, "labels must be (batch, max_labels)", got)
    require(steps.shape == counts.shape == batch, op, "lengths must be (batch,)", got)
    _check_values(logits, labels, steps, counts)
    return logits, labels, steps, counts


def _check_values(logits, labels, steps, counts):
    op = "ctc_loss"
    got, legal = f"logit_lengths={steps}", np.all((steps >= 0) & (steps <= logits.shape[1]))
    require(bool(legal), op, "logit_lengths must be at least 0 and at most logits.shape[1]", got)
    got, legal = f"label_lengths={counts}", np.all((counts >= 0) & (counts <= labels.shape[1]))
    require(bool(legal), op, "label_lengths must be at least 0 and at most labels.shape[1]", got)
    for row, length, most in zip(labels, counts, steps, strict=True):
        own = row[:length]
        rule = "labels must be at least 1, as 0 is the blank, and below logits.shape[-1]"
        require(bool(np.all((own >= 1) & (own < logits.shape[-1]))), op, rule, f"labels {own} of {logits.shape[-1]}")
        repeats = int(np.sum(own[1:] == own[:-1]))
        rule = "logit_lengths must leave a step for every label, and for a blank between equal ones"
        require(most >= length + repeats, op, rule, f"{most} steps for the labels {own}")
