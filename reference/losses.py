"""Losses: how far the outputs are from the targets, one value per example; the caller takes the mean."""

import math

import numpy as np

from reference._checks import as_number, quiet
from reference._numerics import exponentials, like, sum_of_others
from reference._targets import check_not_empty, check_pair, cotangent_of_targets, distributions


def sum_of_squares_error(predictions, targets):
    """Half the sum of the squared differences, over all but the batch axis.

    loss = 1/2 sum (predictions - targets)^2, and predictions_ct = ct (predictions - targets) = -targets_ct.

    The half cancels the 2 of the derivative, so that the gradient is the difference itself.

    Args:
        predictions: (batch, ...), a floating dtype.
        targets: the shape of predictions, a floating dtype.

    Returns:
        (batch,), the dtype that the two promote to.

    Raises:
        ValueError: the shapes differ, or there is no batch axis.
        TypeError: an argument is not a floating array.

    References:
        Saito, Deep Learning from Scratch, section 4.2.1; docs/derivations/losses.md.
    """
    return sum_of_squares_error_fwd(predictions, targets)[0]


@quiet
def sum_of_squares_error_fwd(predictions, targets):
    predictions, targets = check_pair("sum_of_squares_error", predictions=predictions, targets=targets)
    difference = predictions - targets
    loss = 0.5 * np.sum(difference**2, _within(difference))
    return like(difference, loss), (predictions, targets)


@quiet
def sum_of_squares_error_bwd(residuals, cotangent):
    predictions, targets = residuals
    predictions_ct = _beside(cotangent, predictions) * (predictions - targets)
    return like(predictions, predictions_ct), like(targets, -predictions_ct)


def mean_squared_error(predictions, targets):
    """The mean of the squared differences, over all but the batch axis.

    loss = 1/n sum (predictions - targets)^2, and predictions_ct = ct 2/n (predictions - targets) = -targets_ct.

    Args:
        predictions: (batch, ...), a floating dtype.
        targets: the shape of predictions, a floating dtype.

    Returns:
        (batch,), the dtype that the two promote to.

    Raises:
        ValueError: the shapes differ, there is no batch axis, or an example has no elements.
        TypeError: an argument is not a floating array.

    References:
        Goodfellow et al., Deep Learning, section 5.1.4; docs/derivations/losses.md.
    """
    return mean_squared_error_fwd(predictions, targets)[0]


@quiet
def mean_squared_error_fwd(predictions, targets):
    predictions, targets = check_pair("mean_squared_error", predictions=predictions, targets=targets)
    elements = check_not_empty("mean_squared_error", "predictions", predictions)
    difference = predictions - targets
    loss = np.sum(difference**2, _within(difference)) / elements
    return like(difference, loss), (predictions, targets, elements)


@quiet
def mean_squared_error_bwd(residuals, cotangent):
    predictions, targets, elements = residuals
    predictions_ct = _beside(cotangent, predictions) * (2 / elements) * (predictions - targets)
    return like(predictions, predictions_ct), like(targets, -predictions_ct)


def huber_loss(predictions, targets, *, delta=1.0):
    """Squared error near 0 and absolute error beyond delta, the mean over all but the batch axis.

    h(d) = d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2), for d = predictions - targets; h'(d) is d cut
    off at -delta and delta. The two pieces meet with equal value and slope, so there is no kink.

    Args:
        predictions: (batch, ...), a floating dtype.
        targets: the shape of predictions, a floating dtype.
        delta: where the square ends, a finite number above 0.

    Returns:
        (batch,), the dtype that the two promote to.

    Raises:
        ValueError: the shapes differ, there is no batch axis, an example has no elements, or delta is not above 0.
        TypeError: an argument is not a floating array.

    References:
        Huber, Robust estimation of a location parameter, 1964; docs/derivations/losses.md.
    """
    return huber_loss_fwd(predictions, targets, delta=delta)[0]


@quiet
def huber_loss_fwd(predictions, targets, *, delta=1.0):
    predictions, targets = check_pair("huber_loss", predictions=predictions, targets=targets)
    elements = check_not_empty("huber_loss", "predictions", predictions)
    width = as_number("huber_loss", "delta", delta, "be a finite number above 0", lambda number: 0 < number < math.inf)
    difference = predictions - targets
    cut = np.clip(difference, -width, width)
    # Both pieces in one formula: cut is d inside, and delta with the sign of d outside.
    loss = np.sum(cut * (difference - cut / 2), _within(difference)) / elements
    return like(difference, loss), (predictions, targets, cut, elements)


@quiet
def huber_loss_bwd(residuals, cotangent):
    predictions, targets, cut, elements = residuals
    predictions_ct = _beside(cotangent, predictions) * cut / elements
    return like(predictions, predictions_ct), like(targets, -predictions_ct)


def cross_entropy_error(probabilities, targets):
    """The mean surprise at the targets, for an observer who holds these probabilities: -sum t log p.

    loss = -sum_j t_j log p_j over the last axis, and probabilities_ct_j = -ct t_j / p_j, targets_ct_j = -ct log p_j.

    Exact where p > 0: unlike the book's, it adds nothing inside the logarithm. A class with t = 0 and p = 0 counts as
    absent: it adds 0 (0 log 0 = 0), and so do its gradients. From logits, softmax_cross_entropy is the better op.

    Args:
        probabilities: (*batch, classes), a floating dtype.
        targets: (*batch,) integer labels; or (*batch, classes) floating, one-hot or soft.

    Returns:
        batch, the dtype of probabilities (and targets, where those are floating). Infinite where p = 0 and t > 0.

    Raises:
        ValueError: shapes do not fit, there are no classes, or a label is out of range. In a traced computation
            labels have no values yet: there the loss and gradient of an example with such a label are NaN.
        TypeError: probabilities is not a floating array, or targets is neither integer nor floating.

    References:
        Saito, Deep Learning from Scratch, section 4.2.2; docs/derivations/losses.md.
    """
    return cross_entropy_error_fwd(probabilities, targets)[0]


@quiet
def cross_entropy_error_fwd(probabilities, targets):
    probabilities, targets, soft = distributions("cross_entropy_error", "probabilities", probabilities, targets)
    present = np.where((soft == 0) & (probabilities == 0), 1, probabilities)
    log_p = np.log(present)  # the surprise at what was held impossible is infinite
    return like(probabilities + soft, -np.sum(soft * log_p, -1)), (probabilities, targets, soft, present, log_p)


@quiet
def cross_entropy_error_bwd(residuals, cotangent):
    probabilities, targets, soft, present, log_p = residuals
    probabilities_ct = -_beside(cotangent, soft) * soft / present
    return like(probabilities, probabilities_ct), cotangent_of_targets(targets, -_beside(cotangent, soft), log_p)


def softmax_cross_entropy(logits, targets, *, label_smoothing=0.0):
    """Cross-entropy of softmax, from the scores before softmax.

    loss = -sum_j t_j log softmax(logits)_j over the last axis, and logits_ct = ct (p sum_j t_j - t): for targets of
    sum 1 the famous p - t. With label_smoothing a, t is (1 - a) t + a / classes.

    Stable because the logarithm and the exponential cancel on paper: no probability is formed that could be 0. Where
    the right answer is nearly certain, log p comes from log1p and p - 1 from the sum of the other probabilities.

    Args:
        logits: (*batch, classes), a floating dtype.
        targets: (*batch,) integer labels; or (*batch, classes) floating, one-hot or soft.
        label_smoothing: between 0 and 1.

    Returns:
        batch, the dtype of logits (and targets, where those are floating).

    Raises:
        ValueError: shapes do not fit, there are no classes, label_smoothing or a label is out of range. In a traced
            computation labels have no values yet: there the loss and gradient of such an example are NaN.
        TypeError: logits is not a floating array, or targets is neither integer nor floating.

    References:
        Saito, Deep Learning from Scratch, appendix A; Szegedy et al., arXiv:1512.00567; docs/derivations/losses.md.
    """
    return softmax_cross_entropy_fwd(logits, targets, label_smoothing=label_smoothing)[0]


@quiet
def softmax_cross_entropy_fwd(logits, targets, *, label_smoothing=0.0):
    logits, targets, soft = distributions("softmax_cross_entropy", "logits", logits, targets)
    op, rule = "softmax_cross_entropy", "lie between 0 and 1"
    share = as_number(op, "label_smoothing", label_smoothing, rule, lambda number: 0 <= number <= 1)
    soft = like(soft, (1 - share) * soft + share / soft.shape[-1])
    shifted, raised, rest = exponentials(logits, -1)
    log_p = shifted - np.log1p(rest)
    # A class with t = 0 adds nothing, though its log p be -infinity, as of a class masked by its score.
    loss = -np.sum(soft * np.where(soft == 0, 0, log_p), -1)
    return like(logits + soft, loss), (logits, targets, soft, raised / (1 + rest), log_p, share)


@quiet
def softmax_cross_entropy_bwd(residuals, cotangent):
    logits, targets, soft, p, log_p, share = residuals
    # p sum t - t, written without the term p t that the two share and that cancels when p is nearly t.
    logits_ct = _beside(cotangent, p) * (p * sum_of_others(soft) - soft * sum_of_others(p))
    return like(logits, logits_ct), cotangent_of_targets(targets, (share - 1) * _beside(cotangent, p), log_p)


def sigmoid_binary_cross_entropy(logits, targets):
    """Cross-entropy of independent yes-or-no decisions, from the scores before sigmoid, the mean over each example.

    loss = mean of -t log sigmoid(z) - (1 - t) log sigmoid(-z), and logits_ct = ct/n (sigmoid(z) - t).

    Stable because it is computed as z (1 - t) for z > 0, else -z t, plus log1p(exp(-|z|)): terms of one sign, none of
    which overflows. The gradient, as (1 - t) sigmoid(z) - t sigmoid(-z), keeps the digits that sigmoid(z) - 1 loses.

    Args:
        logits: (batch, ...), a floating dtype.
        targets: the shape of logits, a floating dtype, values between 0 and 1.

    Returns:
        (batch,), the dtype that the two promote to.

    Raises:
        ValueError: the shapes differ, there is no batch axis, or an example has no elements.
        TypeError: an argument is not a floating array.

    References:
        Goodfellow et al., Deep Learning, section 6.2.2.2; docs/derivations/losses.md.
    """
    return sigmoid_binary_cross_entropy_fwd(logits, targets)[0]


@quiet
def sigmoid_binary_cross_entropy_fwd(logits, targets):
    logits, targets = check_pair("sigmoid_binary_cross_entropy", logits=logits, targets=targets)
    elements = check_not_empty("sigmoid_binary_cross_entropy", "logits", logits)
    wrong = np.where(logits > 0, 1 - targets, targets)
    each = np.abs(logits) * wrong + np.log1p(np.exp(-np.abs(logits)))
    return like(each, np.sum(each, _within(logits)) / elements), (logits, targets, elements)


@quiet
def sigmoid_binary_cross_entropy_bwd(residuals, cotangent):
    logits, targets, elements = residuals
    shrunk = np.exp(-np.abs(logits))
    yes = np.where(logits >= 0, 1, shrunk) / (1 + shrunk)
    no = np.where(logits >= 0, shrunk, 1) / (1 + shrunk)
    each_ct = _beside(cotangent, logits) / elements
    return like(logits, each_ct * ((1 - targets) * yes - targets * no)), like(targets, -each_ct * logits)


def binary_cross_entropy(probabilities, targets):
    """Cross-entropy of independent yes-or-no decisions, from their probabilities, the mean over each example.

    loss = mean of -t log p - (1 - t) log(1 - p), and probabilities_ct = ct/n ((1 - t) / (1 - p) - t / p).

    Exact near 0 and near 1: log(1 - p) is log1p(-p), and nothing is added inside a logarithm or cut off. Where a
    factor t or 1 - t is 0 and its logarithm infinite, that term counts as absent, in the gradients too.

    Args:
        probabilities: (batch, ...), a floating dtype, values between 0 and 1.
        targets: the shape of probabilities, a floating dtype, values between 0 and 1.

    Returns:
        (batch,), the dtype that the two promote to. Infinite for a wrong answer held certain; NaN outside 0 to 1.

    Raises:
        ValueError: the shapes differ, there is no batch axis, or an example has no elements.
        TypeError: an argument is not a floating array.

    References:
        Goodfellow et al., Deep Learning, section 5.5; docs/derivations/losses.md.
    """
    return binary_cross_entropy_fwd(probabilities, targets)[0]


@quiet
def binary_cross_entropy_fwd(probabilities, targets):
    probabilities, targets = check_pair("binary_cross_entropy", probabilities=probabilities, targets=targets)
    elements = check_not_empty("binary_cross_entropy", "probabilities", probabilities)
    yes = np.where((targets == 0) & (probabilities == 0), 1, probabilities)
    no = np.where((targets == 1) & (probabilities == 1), 0, probabilities)
    log_yes, log_no = np.log(yes), np.log1p(-no)
    loss = -np.sum(targets * log_yes + (1 - targets) * log_no, _within(targets)) / elements
    return like(probabilities + targets, loss), (probabilities, targets, yes, no, log_yes, log_no, elements)


@quiet
def binary_cross_entropy_bwd(residuals, cotangent):
    probabilities, targets, yes, no, log_yes, log_no, elements = residuals
    each_ct = _beside(cotangent, targets) / elements
    probabilities_ct = each_ct * ((1 - targets) / (1 - no) - targets / yes)
    return like(probabilities, probabilities_ct), like(targets, each_ct * (log_no - log_yes))


def kl_divergence(log_predictions, targets):
    """The Kullback-Leibler divergence of the predicted distribution from the target, summed over each example.

    loss = sum t (log t - log q) with log q = log_predictions, over all but the batch axis; log_predictions_ct = -ct t
    and targets_ct = ct (log t + 1 - log q).

    Where t = 0, which adds 0 (0 log 0 = 0), both gradients are 0, though the true one to the target is -infinity.

    Args:
        log_predictions: (batch, ...), a floating dtype, logarithms of probabilities.
        targets: the shape of log_predictions, a floating dtype, probabilities.

    Returns:
        (batch,), the dtype that the two promote to.

    Raises:
        ValueError: the shapes differ, or there is no batch axis.
        TypeError: an argument is not a floating array.

    References:
        Kullback and Leibler, 1951; Goodfellow et al., Deep Learning, section 3.13; docs/derivations/losses.md.
    """
    return kl_divergence_fwd(log_predictions, targets)[0]


@quiet
def kl_divergence_fwd(log_predictions, targets):
    log_predictions, targets = check_pair("kl_divergence", log_predictions=log_predictions, targets=targets)
    absent = targets == 0
    gain = np.log(np.where(absent, 1, targets)) - np.where(absent, 0, log_predictions)
    loss = np.sum(targets * gain, _within(targets))
    return like(log_predictions + targets, loss), (log_predictions, targets, absent, gain)


@quiet
def kl_divergence_bwd(residuals, cotangent):
    log_predictions, targets, absent, gain = residuals
    each_ct = _beside(cotangent, targets)
    return like(log_predictions, -each_ct * targets), like(targets, each_ct * np.where(absent, 0, gain + 1))


def _within(array):
    """The axes inside an example: all but the first."""
    return tuple(range(1, array.ndim))


def _beside(cotangent, array):
    """The cotangent, one value an example, with axes of size 1 until it broadcasts against the array."""
    return cotangent.reshape(cotangent.shape + (1,) * (array.ndim - cotangent.ndim))
