"""Losses: how far the outputs are from the targets, one value per example; the caller takes the mean.

What each takes, returns and refuses stands with its twin in functional_nn/losses.py.
"""

import math

import numpy as np

from reference._checks import as_floating, as_number, quiet, require
from reference._targets import check_not_empty, check_pair, distributions, unless_labels
from reference.activations import sigmoid


def sum_of_squares_error(predictions, targets):
    """Half the sum of the squared differences, over all but the batch axis.

    L = 1/2 sum (y - t)^2. The half cancels the 2 of the derivative: dL/dy = y - t = -dL/dt.
    Residuals: both arguments. Derivation: docs/derivations/losses.md.
    """
    return sum_of_squares_error_fwd(predictions, targets)[0]


@quiet
def sum_of_squares_error_fwd(predictions, targets):
    predictions, targets = check_pair("sum_of_squares_error", predictions=predictions, targets=targets)
    difference = predictions - targets
    loss = np.sum(difference**2, _within(difference)) / 2
    return loss, (predictions, targets)


@quiet
def sum_of_squares_error_bwd(residuals, cotangent):
    predictions, targets = residuals
    predictions_ct = _beside(cotangent, predictions) * (predictions - targets)
    return predictions_ct.astype(predictions.dtype), -predictions_ct.astype(targets.dtype)


def mean_squared_error(predictions, targets):
    """The mean of the squared differences, over all but the batch axis.

    L = 1/n sum (y - t)^2, so that dL/dy = 2/n (y - t) = -dL/dt.
    Residuals: both arguments, and n. Derivation: docs/derivations/losses.md.
    """
    return mean_squared_error_fwd(predictions, targets)[0]


@quiet
def mean_squared_error_fwd(predictions, targets):
    predictions, targets = check_pair("mean_squared_error", predictions=predictions, targets=targets)
    elements = check_not_empty("mean_squared_error", "predictions", predictions)
    difference = predictions - targets
    loss = np.sum(difference**2, _within(difference)) / elements
    return loss, (predictions, targets, elements)


@quiet
def mean_squared_error_bwd(residuals, cotangent):
    predictions, targets, elements = residuals
    predictions_ct = _beside(cotangent, predictions) * (2 / elements) * (predictions - targets)
    return predictions_ct.astype(predictions.dtype), -predictions_ct.astype(targets.dtype)


def huber_loss(predictions, targets, *, delta=1.0):
    """Squared error near 0 and absolute error beyond delta, the mean over all but the batch axis.

    With d = y - t and c, which is d cut off at -delta and delta: L = 1/n sum c (d - c / 2), so that dL/dy = c / n.
    Residuals: both arguments, c, and n. Derivation: docs/derivations/losses.md.
    """
    return huber_loss_fwd(predictions, targets, delta=delta)[0]


@quiet
def huber_loss_fwd(predictions, targets, *, delta=1.0):
    predictions, targets = check_pair("huber_loss", predictions=predictions, targets=targets)
    elements = check_not_empty("huber_loss", "predictions", predictions)
    width = as_number("huber_loss", "delta", delta, "be a finite number above 0", lambda number: 0 < number < math.inf)
    difference = predictions - targets
    cut = np.clip(difference, -width, width).astype(difference.dtype)
    # d^2 / 2 inside, where c is d; and delta (|d| - delta / 2) outside, where c is delta with the sign of d.
    loss = np.sum(cut * (difference - cut / 2), _within(difference)) / elements
    return loss, (predictions, targets, cut, elements)


@quiet
def huber_loss_bwd(residuals, cotangent):
    predictions, targets, cut, elements = residuals
    predictions_ct = _beside(cotangent, predictions) * cut / elements
    return predictions_ct.astype(predictions.dtype), -predictions_ct.astype(targets.dtype)


def cross_entropy_error(probabilities, targets):
    """The mean surprise at the targets, for an observer who holds these probabilities: -sum t log p.

    dL/dp = -t / p and dL/dt = -log p. Nothing is added inside the logarithm; a class with t = p = 0 counts as absent.
    Residuals: both arguments; t, the targets as distributions; p, with 1 for what is absent; log p.
    Derivation: docs/derivations/losses.md.
    """
    return cross_entropy_error_fwd(probabilities, targets)[0]


@quiet
def cross_entropy_error_fwd(probabilities, targets):
    probabilities, targets, t, _ = distributions("cross_entropy_error", "probabilities", probabilities, targets)
    p = np.where((t == 0) & (probabilities == 0), 1, probabilities)
    log_p = np.log(p)
    loss = -np.sum(t * log_p, -1)
    return loss, (probabilities, targets, t, p, log_p)


@quiet
def cross_entropy_error_bwd(residuals, cotangent):
    probabilities, targets, t, p, log_p = residuals
    each_ct = _beside(cotangent, t)
    probabilities_ct = -each_ct * t / p
    targets_ct = -each_ct * log_p
    return probabilities_ct.astype(probabilities.dtype), unless_labels(targets, targets_ct)


def softmax_cross_entropy(logits, targets, *, label_smoothing=0.0, ignore_label=None, class_weights=None):
    """Cross-entropy of softmax, from the scores before softmax.

    L = -sum t log p with log p = z - log sum exp(z), whose derivative is [i = k] - p_k: so dL/dz = p - t. With weights
    w t takes the place of t: dL/dz = p sum w t - w t, and dL/dw is the sum of -t log p over the examples.
    Residuals: the arguments; the targets as distributions, smoothed, 0 where ignored; t, the same with weights; p times
    the sum of t; log p; and label_smoothing. Derivation: docs/derivations/losses.md.
    """
    statics = {"label_smoothing": label_smoothing, "ignore_label": ignore_label}
    return softmax_cross_entropy_fwd(logits, targets, class_weights=class_weights, **statics)[0]


@quiet
def softmax_cross_entropy_fwd(logits, targets, *, label_smoothing=0.0, ignore_label=None, class_weights=None):
    op, rule = "softmax_cross_entropy", "lie between 0 and 1"
    logits, targets, t, counts = distributions(op, "logits", logits, targets, ignore_label)
    share = as_number(op, "label_smoothing", label_smoothing, rule, lambda number: 0 <= number <= 1)
    weights = _class_weights(op, class_weights, logits)
    counts = counts[..., np.newaxis]
    given = np.where(counts, (1 - share) * t + share / t.shape[-1], 0).astype(t.dtype)
    t = given if weights is None else weights * given
    scores = np.where(counts, logits, 0)
    shifted = scores - np.max(scores, -1, keepdims=True)
    raised = np.exp(shifted)
    total = np.sum(raised, -1, keepdims=True)
    log_p = shifted - np.log(total)
    # A class with t = 0 adds nothing, though its log p be -infinity, as of a class masked by its score.
    loss = np.sum(np.where(t == 0, 0, -t * log_p), -1)
    # Softmax, times the sum of the targets: 1, where they are distributions without weights.
    p = raised / total * np.sum(t, -1, keepdims=True)
    return loss, (logits, targets, weights, given, t, p, log_p, share)


@quiet
def softmax_cross_entropy_bwd(residuals, cotangent):
    logits, targets, weights, given, t, p, log_p, share = residuals
    each_ct = _beside(cotangent, t)
    logits_ct = each_ct * (p - t)
    targets_ct = -each_ct * (1 if weights is None else weights) * (1 - share) * log_p
    cotangents = logits_ct.astype(logits.dtype), unless_labels(targets, targets_ct)
    if weights is None:
        return cotangents
    surprises = np.where(given == 0, 0, -given * log_p).reshape(-1, len(weights))
    weights_ct = cotangent.reshape(-1) @ surprises
    return *cotangents, weights_ct.astype(weights.dtype)


def sigmoid_binary_cross_entropy(logits, targets):
    """Cross-entropy of independent yes-or-no decisions, from the scores before sigmoid, the mean over each example.

    L = 1/n sum -t log sigmoid(z) - (1 - t) log sigmoid(-z), where log sigmoid(z) has the slope sigmoid(-z), so that
    dL/dz = (sigmoid(z) - t) / n and dL/dt = -z / n. Either logarithm is log(1 + exp(-|z|)), and |z| where z is wrong.
    Residuals: both arguments, p = sigmoid(z), and n. Derivation: docs/derivations/losses.md.
    """
    return sigmoid_binary_cross_entropy_fwd(logits, targets)[0]


@quiet
def sigmoid_binary_cross_entropy_fwd(logits, targets):
    logits, targets = check_pair("sigmoid_binary_cross_entropy", logits=logits, targets=targets)
    elements = check_not_empty("sigmoid_binary_cross_entropy", "logits", logits)
    wrong = np.where(logits > 0, 1 - targets, targets)
    each = np.abs(logits) * wrong + np.log1p(np.exp(-np.abs(logits)))
    loss = np.sum(each, _within(each)) / elements
    return loss, (logits, targets, sigmoid(logits), elements)


@quiet
def sigmoid_binary_cross_entropy_bwd(residuals, cotangent):
    logits, targets, p, elements = residuals
    each_ct = _beside(cotangent, logits) / elements
    logits_ct = each_ct * (p - targets)
    targets_ct = -each_ct * logits
    return logits_ct.astype(logits.dtype), targets_ct.astype(targets.dtype)


def binary_cross_entropy(probabilities, targets):
    """Cross-entropy of independent yes-or-no decisions, from their probabilities, the mean over each example.

    L = 1/n sum -t log p - (1 - t) log(1 - p), so that dL/dp = ((1 - t) / (1 - p) - t / p) / n. Where a factor t or
    1 - t is 0 and its logarithm infinite, the term counts as absent.
    Residuals: both arguments; p as it stands in either term, with log 1 for what is absent; and n.
    Derivation: docs/derivations/losses.md.
    """
    return binary_cross_entropy_fwd(probabilities, targets)[0]


@quiet
def binary_cross_entropy_fwd(probabilities, targets):
    probabilities, targets = check_pair("binary_cross_entropy", probabilities=probabilities, targets=targets)
    elements = check_not_empty("binary_cross_entropy", "probabilities", probabilities)
    p_of_yes = np.where((targets == 0) & (probabilities == 0), 1, probabilities)
    p_beside_no = np.where((targets == 1) & (probabilities == 1), 0, probabilities)
    each = -targets * np.log(p_of_yes) - (1 - targets) * np.log1p(-p_beside_no)
    loss = np.sum(each, _within(each)) / elements
    return loss, (probabilities, targets, p_of_yes, p_beside_no, elements)


@quiet
def binary_cross_entropy_bwd(residuals, cotangent):
    probabilities, targets, p_of_yes, p_beside_no, elements = residuals
    each_ct = _beside(cotangent, targets) / elements
    probabilities_ct = each_ct * ((1 - targets) / (1 - p_beside_no) - targets / p_of_yes)
    targets_ct = each_ct * (np.log1p(-p_beside_no) - np.log(p_of_yes))
    return probabilities_ct.astype(probabilities.dtype), targets_ct.astype(targets.dtype)


def kl_divergence(log_predictions, targets):
    """The Kullback-Leibler divergence of the predicted distribution from the target, summed over each example.

    L = sum t (log t - log q), so that dL/d(log q) = -t, and dL/dt = log t - log q + 1. Where t = 0, both are 0.
    Residuals: both arguments; where t = 0; and log t - log q. Derivation: docs/derivations/losses.md.
    """
    return kl_divergence_fwd(log_predictions, targets)[0]


@quiet
def kl_divergence_fwd(log_predictions, targets):
    log_predictions, targets = check_pair("kl_divergence", log_predictions=log_predictions, targets=targets)
    absent = targets == 0
    gain = np.log(np.where(absent, 1, targets)) - np.where(absent, 0, log_predictions)
    loss = np.sum(targets * gain, _within(targets))
    return loss, (log_predictions, targets, absent, gain)


@quiet
def kl_divergence_bwd(residuals, cotangent):
    log_predictions, targets, absent, gain = residuals
    each_ct = _beside(cotangent, targets)
    log_predictions_ct = -each_ct * targets
    targets_ct = each_ct * np.where(absent, 0, gain + 1)
    return log_predictions_ct.astype(log_predictions.dtype), targets_ct.astype(targets.dtype)


def _class_weights(op, class_weights, logits):
    """The weights as an array, or None for none."""
    if class_weights is None:
        return None
    weights = as_floating(op, "class_weights", class_weights)
    got = f"class_weights.shape={weights.shape}, logits.shape={logits.shape}"
    require(weights.shape == logits.shape[-1:], op, "class_weights must have one weight a class", got)
    return weights


def _within(array):
    """The axes inside an example: all but the first."""
    return tuple(range(1, array.ndim))


def _beside(cotangent, array):
    """The cotangent, one value per example, with axes of size 1 until it broadcasts against the array."""
    return cotangent.reshape(cotangent.shape + (1,) * (array.ndim - cotangent.ndim))
