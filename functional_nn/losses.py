"""Losses: how far the outputs are from the targets, one value per example; the caller takes the mean."""

import math

import jax
import jax.numpy as jnp

from functional_nn._checks import as_number
from functional_nn._jit import jit_op
from functional_nn._numerics import (
    cross_entropy_of_logistic,
    cross_entropy_of_softmax,
    in_float32,
    surprise_of_labels,
    times_log,
    times_log_complement,
)
from functional_nn._reduced import labelled_cross_entropy
from functional_nn._targets import (
    check_class_weights,
    check_labels,
    check_not_empty,
    check_pair,
    distributions,
    ignored_examples,
    require_scored,
)


@jit_op()
def sum_of_squares_error(predictions: jax.Array, targets: jax.Array) -> jax.Array:
    """Half the sum of the squared differences, over all but the batch axis.

    loss = 1/2 sum (predictions - targets)^2, and predictions_ct = ct (predictions - targets) = -targets_ct.

    The half cancels the 2 of the derivative, so that the gradient is the difference itself.

    Args:
        predictions: (batch, ...), a floating dtype.
        targets: the shape of predictions, a floating dtype.

    Returns: (batch,), the dtype that the two promote to.

    Raises:
        ValueError: the shapes differ, or there is no batch axis.
        TypeError: an argument is not a floating array.

    References: Saito, Deep Learning from Scratch, section 4.2.1; docs/derivations/losses.md.
    """
    check_pair("sum_of_squares_error", predictions=predictions, targets=targets)
    return in_float32(lambda p, t: 0.5 * jnp.sum(jnp.square(p - t), _within(p)), predictions, targets)


@jit_op()
def mean_squared_error(predictions: jax.Array, targets: jax.Array) -> jax.Array:
    """The mean of the squared differences, over all but the batch axis.

    loss = 1/n sum (predictions - targets)^2, and predictions_ct = ct 2/n (predictions - targets) = -targets_ct.

    Args:
        predictions: (batch, ...), a floating dtype.
        targets: the shape of predictions, a floating dtype.

    Returns: (batch,), the dtype that the two promote to.

    Raises:
        ValueError: the shapes differ, there is no batch axis, or an example has no elements.
        TypeError: an argument is not a floating array.

    References: Goodfellow et al., Deep Learning, section 5.1.4; docs/derivations/losses.md.

    >>> print(mean_squared_error(jnp.array([[1.0, 3.0]]), jnp.zeros((1, 2))))
    [5.]
    """
    check_pair("mean_squared_error", predictions=predictions, targets=targets)
    check_not_empty("mean_squared_error", "predictions", predictions)
    return in_float32(lambda p, t: jnp.mean(jnp.square(p - t), _within(p)), predictions, targets)


@jit_op("delta")
def huber_loss(predictions: jax.Array, targets: jax.Array, *, delta: float = 1.0) -> jax.Array:
    """Squared error near 0 and absolute error beyond delta, the mean over all but the batch axis.

    h(d) = d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2), for d = predictions - targets; h'(d) is d cut
    off at -delta and delta. The two pieces meet with equal value and slope, so there is no kink.

    Args:
        predictions: (batch, ...), a floating dtype.
        targets: the shape of predictions, a floating dtype.
        delta: where the square ends, a finite number above 0.

    Returns: (batch,), the dtype that the two promote to.

    Raises:
        ValueError: the shapes differ, there is no batch axis, an example has no elements, or delta is not above 0.
        TypeError: an argument is not a floating array.

    References: Huber, Robust estimation of a location parameter, 1964; docs/derivations/losses.md.

    >>> print(huber_loss(jnp.array([[0.5], [10.0]]), jnp.zeros((2, 1))))
    [0.12 9.5 ]
    """
    check_pair("huber_loss", predictions=predictions, targets=targets)
    check_not_empty("huber_loss", "predictions", predictions)
    width = as_number("huber_loss", "delta", delta, "be a finite number above 0", lambda number: 0 < number < math.inf)
    return in_float32(lambda p, t: jnp.mean(_huber(p - t, width), _within(p)), predictions, targets)


@jit_op(check=check_labels)
def cross_entropy_error(probabilities: jax.Array, targets: jax.Array) -> jax.Array:
    """The mean surprise at the targets, for an observer who holds these probabilities: -sum t log p.

    loss = -sum_j t_j log p_j over the last axis, and probabilities_ct_j = -ct t_j / p_j, targets_ct_j = -ct log p_j.

    Exact where p > 0: unlike the book's, it adds nothing inside the logarithm. A class with t = 0 and p = 0 counts as
    absent: it adds 0 (0 log 0 = 0), and so do its gradients. From logits, softmax_cross_entropy is the better op.

    Args:
        probabilities: (*batch, classes), a floating dtype.
        targets: (*batch,) integer labels; or (*batch, classes) floating, one-hot or soft.

    Returns: batch, the dtype of probabilities (and targets, where those are floating). Infinite where p = 0 and t > 0.

    Raises:
        ValueError: shapes do not fit, there are no classes, or a label is out of range. In a traced computation
            labels have no values yet: there the loss and gradient of an example with such a label are NaN.
        TypeError: probabilities is not a floating array, or targets is neither integer nor floating.

    References: Saito, Deep Learning from Scratch, section 4.2.2; docs/derivations/losses.md.

    >>> print(cross_entropy_error(jnp.array([[0.5, 0.25, 0.25]]), jnp.array([1])))
    [1.39]
    """
    probabilities, targets = require_scored("cross_entropy_error", "probabilities", probabilities, targets)
    if not jnp.issubdtype(targets.dtype, jnp.floating):
        return in_float32(lambda p: surprise_of_labels(p, targets.astype(int)), probabilities)
    return in_float32(lambda p, t: -jnp.sum(times_log(t, p), -1), probabilities, targets)


@jit_op("label_smoothing", "ignore_label", check=check_labels)
def softmax_cross_entropy(
    logits: jax.Array,
    targets: jax.Array,
    *,
    label_smoothing: float = 0.0,
    ignore_label: int | None = None,
    class_weights: jax.Array | None = None,
) -> jax.Array:
    """Cross-entropy of softmax, from the scores before softmax.

    loss = -sum_j t_j log softmax(logits)_j over the last axis, and logits_ct = ct (p sum_j t_j - t): for targets of
    sum 1 the famous p - t. With label_smoothing a, t is (1 - a) t + a / classes; with class_weights w it is then w t,
    whatever that sums to. An example whose label is ignore_label has the loss 0 and the gradient 0. All of it is as in
    PyTorch's cross_entropy with reduction="none"; its "mean" divides by the weights of the labels that count.

    Stable because the logarithm and the exponential cancel on paper: no probability is formed that could be 0. Where
    the right answer is nearly certain, log p comes from log1p and p - 1 from the sum of the other probabilities.

    Args:
        logits: (*batch, classes), a floating dtype.
        targets: (*batch,) integer labels; or (*batch, classes) floating, one-hot or soft.
        label_smoothing: between 0 and 1.
        ignore_label: an int, or None for no such label; it may be no class, as PyTorch's -100.
        class_weights: (classes,), a floating dtype, or None for ones. An array and no static: it has a gradient.

    Returns: batch, the dtype of logits (and targets and class_weights, where those are floating).

    Raises:
        ValueError: shapes do not fit, there are no classes, label_smoothing or a label is out of range, or ignore_label
            stands beside distributions. Traced, an example with a label out of range has NaN for loss and gradient.
        TypeError: an array has the wrong dtype, or ignore_label is no int.

    References:
        Saito, Deep Learning from Scratch, appendix A; Szegedy et al., arXiv:1512.00567; docs/derivations/losses.md.

    >>> print(softmax_cross_entropy(jnp.array([[2.0, 0.0], [0.0, 0.0]]), jnp.array([0, 1])))
    [0.13 0.69]
    """
    op = "softmax_cross_entropy"
    logits, targets = require_scored(op, "logits", logits, targets)
    share = as_number(op, "label_smoothing", label_smoothing, "lie between 0 and 1", lambda number: 0 <= number <= 1)
    ignored = ignored_examples(op, targets, ignore_label)
    check_class_weights(op, class_weights, logits)
    if ignored is None:
        return _softmax_cross_entropy(logits, targets, share, class_weights)
    # Whatever the scores of an ignored example are, NaN included, its loss and gradient are 0.
    logits, targets = jnp.where(ignored[..., None], 0, logits), jnp.where(ignored, 0, targets)
    return jnp.where(ignored, 0, _softmax_cross_entropy(logits, targets, share, class_weights))


@jit_op()
def sigmoid_binary_cross_entropy(logits: jax.Array, targets: jax.Array) -> jax.Array:
    """Cross-entropy of independent yes-or-no decisions, from the scores before sigmoid, the mean over each example.

    loss = mean of -t log sigmoid(z) - (1 - t) log sigmoid(-z), and logits_ct = ct/n (sigmoid(z) - t).

    Stable because it is computed as z (1 - t) for z > 0, else -z t, plus log1p(exp(-|z|)): terms of one sign, none of
    which overflows. The gradient, as (1 - t) sigmoid(z) - t sigmoid(-z), keeps the digits that sigmoid(z) - 1 loses.

    Args:
        logits: (batch, ...), a floating dtype.
        targets: the shape of logits, a floating dtype, values between 0 and 1.

    Returns: (batch,), the dtype that the two promote to.

    Raises:
        ValueError: the shapes differ, there is no batch axis, or an example has no elements.
        TypeError: an argument is not a floating array.

    References: Goodfellow et al., Deep Learning, section 6.2.2.2; docs/derivations/losses.md.

    >>> print(sigmoid_binary_cross_entropy(jnp.array([[2.0, 0.0]]), jnp.array([[1.0, 1.0]])))
    [0.41]
    """
    check_pair("sigmoid_binary_cross_entropy", logits=logits, targets=targets)
    check_not_empty("sigmoid_binary_cross_entropy", "logits", logits)
    return in_float32(lambda z, t: jnp.mean(cross_entropy_of_logistic(z, t), _within(z)), logits, targets)


@jit_op()
def binary_cross_entropy(probabilities: jax.Array, targets: jax.Array) -> jax.Array:
    """Cross-entropy of independent yes-or-no decisions, from their probabilities, the mean over each example.

    loss = mean of -t log p - (1 - t) log(1 - p), and probabilities_ct = ct/n ((1 - t) / (1 - p) - t / p).

    Exact near 0 and near 1: log(1 - p) is log1p(-p), and nothing is added inside a logarithm or cut off. Where a
    factor t or 1 - t is 0 and its logarithm infinite, that term counts as absent, in the gradients too.

    Args:
        probabilities: (batch, ...), a floating dtype, values between 0 and 1.
        targets: the shape of probabilities, a floating dtype, values between 0 and 1.

    Returns: (batch,), the dtype that the two promote to. Infinite for a wrong answer held certain; NaN outside 0 to 1.

    Raises:
        ValueError: the shapes differ, there is no batch axis, or an example has no elements.
        TypeError: an argument is not a floating array.

    References: Goodfellow et al., Deep Learning, section 5.5; docs/derivations/losses.md.
    """
    check_pair("binary_cross_entropy", probabilities=probabilities, targets=targets)
    check_not_empty("binary_cross_entropy", "probabilities", probabilities)
    return in_float32(
        lambda p, t: -jnp.mean(times_log(t, p) + times_log_complement(1 - t, p), _within(p)), probabilities, targets
    )


@jit_op()
def kl_divergence(log_predictions: jax.Array, targets: jax.Array) -> jax.Array:
    """The Kullback-Leibler divergence of the predicted distribution from the target, summed over each example.

    loss = sum t (log t - log q) with log q = log_predictions, over all but the batch axis; log_predictions_ct = -ct t
    and targets_ct = ct (log t + 1 - log q).

    Where t = 0, which adds 0 (0 log 0 = 0), both gradients are 0, though the true one to the target is -infinity.

    Args:
        log_predictions: (batch, ...), a floating dtype, logarithms of probabilities.
        targets: the shape of log_predictions, a floating dtype, probabilities.

    Returns: (batch,), the dtype that the two promote to.

    Raises:
        ValueError: the shapes differ, or there is no batch axis.
        TypeError: an argument is not a floating array.

    References: Kullback and Leibler, 1951; Goodfellow et al., Deep Learning, section 3.13; docs/derivations/losses.md.
    """
    check_pair("kl_divergence", log_predictions=log_predictions, targets=targets)
    return in_float32(lambda q, t: jnp.sum(_relative_entropy(q, t), _within(q)), log_predictions, targets)


def _within(array: jax.Array) -> tuple[int, ...]:
    """The axes inside an example: all but the first."""
    return tuple(range(1, array.ndim))


def _softmax_cross_entropy(logits: jax.Array, targets: jax.Array, share: float, weights: jax.Array | None) -> jax.Array:
    if weights is None and share == 0 and jnp.issubdtype(targets.dtype, jnp.integer):
        return labelled_cross_entropy(logits, targets)
    arrays = [logits, distributions(logits, targets)] + ([] if weights is None else [weights])
    smooth = lambda t: (1 - share) * t + share / logits.shape[-1]  # noqa: E731 (named for the line below)
    return in_float32(lambda z, t, w=1.0: cross_entropy_of_softmax(z, w * smooth(t)), *arrays)


def _huber(difference: jax.Array, delta: float) -> jax.Array:
    size = jnp.abs(difference)
    return jnp.where(size <= delta, 0.5 * difference * difference, delta * (size - 0.5 * delta))


def _relative_entropy(log_q: jax.Array, t: jax.Array) -> jax.Array:
    absent = t == 0
    return t * (jnp.log(jnp.where(absent, 1, t)) - jnp.where(absent, 0, log_q))
