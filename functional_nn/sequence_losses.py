"""Losses of sequences: over a vocabulary so large that its scores are never held whole, and without an alignment."""

import jax
import jax.numpy as jnp
from jax import lax

from functional_nn._checks import require, require_floating, require_ints
from functional_nn._jit import jit_op
from functional_nn._numerics import in_float32, log_probabilities, log_sum_of_exponentials, without_slope
from functional_nn._reduced import labelled_cross_entropy
from functional_nn._targets import check_alignments, check_labels_of_rows, require_integers


@jit_op("chunk", check=check_labels_of_rows)
def linear_softmax_cross_entropy(x: jax.Array, kernel: jax.Array, labels: jax.Array, *, chunk: int) -> jax.Array:
    """Cross-entropy of softmax of a linear layer, whose scores are never held for more than a chunk of rows.

    loss = -log softmax(x @ kernel)[label] for every row of x, as softmax_cross_entropy(dense(x, kernel), labels). With
    p = softmax(x @ kernel), t the one-hot row of the label and e = ct (p - t), x_ct = e kernel^T and kernel_ct = x^T e.

    The scores of one chunk after another are computed, and computed again in the backward pass, where the gradients of
    the kernel add up in at least 32 bits. So the memory is that of chunk * classes scores and of the gradients; the
    price is a third matrix product of the forward's size. Stable as softmax_cross_entropy is.

    Args:
        x: (*rows, in_dim), a floating dtype.
        kernel: (in_dim, classes).
        labels: (*rows,) integer labels.
        chunk: the most rows whose scores are held at a time, an int of at least 1. The rows are shared out evenly
            among as few chunks as that allows.

    Returns:
        (*rows,), the dtype that x and kernel promote to.

    Raises:
        ValueError: shapes do not fit, there are no classes, chunk is below 1, or a label is out of range. In a traced
            computation labels have no values yet: there the loss of such a row, and what it touches of the gradients,
            are NaN.
        TypeError: x or kernel is not a floating array, labels are not integers, or chunk is no int.

    References:
        Wijmans et al., Cut your losses in large-vocabulary language models, arXiv:2411.09009;
        docs/derivations/sequence_losses.md.

    >>> print(linear_softmax_cross_entropy(jnp.eye(2), jnp.eye(2), jnp.array([0, 1]), chunk=1))
    [0.31 0.31]
    """
    op = "linear_softmax_cross_entropy"
    require_floating(op, x=x, kernel=kernel)
    require_integers(op, labels=labels)
    x, kernel, labels = jnp.asarray(x), jnp.asarray(kernel), jnp.asarray(labels)
    got = f"x.shape={x.shape}, kernel.shape={kernel.shape}, labels.shape={labels.shape}"
    require(kernel.ndim == 2, op, "kernel must have two axes, (in_dim, classes)", got)
    require(kernel.shape[1] > 0, op, "kernel must have at least one class", got)
    require(x.ndim >= 1 and x.shape[-1] == kernel.shape[0], op, "x.shape[-1] must equal kernel.shape[0]", got)
    require(labels.shape == x.shape[:-1], op, "labels must have the shape of x but its last axis", got)
    require_ints(op, "chunk must be an int", f"{chunk=}", (chunk,))
    require(chunk >= 1, op, "chunk must be at least 1", f"{chunk=}")
    rows, losses = x.reshape(labels.size, x.shape[-1]), jnp.zeros(0, jnp.result_type(x, kernel))
    return (_by_chunks(rows, kernel, labels.reshape(-1), chunk) if labels.size else losses).reshape(labels.shape)


def _by_chunks(rows: jax.Array, kernel: jax.Array, labels: jax.Array, chunk: int) -> jax.Array:
    """The losses of the rows, in chunks of equal size: the last one is filled up with rows that are cut off again."""
    dtype = jnp.result_type(rows, kernel)
    wide = jnp.promote_types(dtype, jnp.float32)
    count = -(-len(rows) // chunk)
    size = -(-len(rows) // count)
    missing = count * size - len(rows)
    parts = jnp.pad(rows, ((0, missing), (0, 0))).reshape(count, size, -1), jnp.pad(labels, (0, missing))

    @jax.checkpoint
    def losses(kernel: jax.Array, rows: jax.Array, labels: jax.Array) -> jax.Array:
        return labelled_cross_entropy(rows.astype(wide) @ kernel, labels)

    # Wide already here: the scan adds up the kernel's gradients in the dtype of the kernel that it is given.
    whole = kernel.astype(wide)
    _, out = lax.scan(lambda _, part: (None, losses(whole, *part)), None, (parts[0], parts[1].reshape(count, size)))
    return out.reshape(-1)[: len(rows)].astype(dtype)


@jit_op(check=check_alignments)
def ctc_loss(logits: jax.Array, labels: jax.Array, logit_lengths: jax.Array, label_lengths: jax.Array) -> jax.Array:
    """The negative log-likelihood of a sequence of labels, over all its alignments with the steps (CTC).

    An alignment gives every step a label or the blank, class 0; what is left of it once repetitions are merged and
    blanks are struck out are the labels. loss = -log sum over alignments of prod over steps of softmax(logits)[step].
    logits_ct = ct (p - q), where q is the chance of each class at each step, given the labels.

    Stable because sums of products of many probabilities are formed of their logarithms, in at least 32 bits.

    Args:
        logits: (batch, time, classes), a floating dtype; class 0 is the blank.
        labels: (batch, max_labels) integers from 1 on; what stands behind an example's length does not matter.
        logit_lengths: (batch,) integers, the steps of each example; what stands behind has the gradient 0.
        label_lengths: (batch,) integers, the labels of each example.

    Returns:
        (batch,), the dtype of logits.

    Raises:
        ValueError: shapes do not fit, there are no classes, a length reaches beyond its array, a label is the blank or
            no class, or an example has fewer steps than labels and blanks between equal ones, so that it has no
            alignment. In a traced computation none of these values is known: there the last gives a loss of infinity
            and a gradient of NaN, as in PyTorch, and each of the others NaN for both. (To leave such examples out, set
            their label_lengths to 0 and give their losses no weight: NaN times 0 is NaN.)
        TypeError: logits is not a floating array, or one of the others not of integers.

    References:
        Graves et al., Connectionist temporal classification, ICML 2006; docs/derivations/sequence_losses.md.

    >>> print(ctc_loss(jnp.zeros((1, 2, 2)), jnp.array([[1]]), jnp.array([2]), jnp.array([1])))
    [0.29]
    """
    require_floating("ctc_loss", logits=logits)
    require_integers("ctc_loss", labels=labels, logit_lengths=logit_lengths, label_lengths=label_lengths)
    logits = jnp.asarray(logits)
    labels, *lengths = (jnp.asarray(array).astype(int) for array in (labels, logit_lengths, label_lengths))
    shapes = [logits.shape, labels.shape, *(array.shape for array in lengths)]
    got = "logits.shape={}, labels.shape={}, logit_lengths.shape={}, label_lengths.shape={}".format(*shapes)
    require(logits.ndim == 3, "ctc_loss", "logits must have three axes, (batch, time, classes)", got)
    require(logits.shape[-1] > 0, "ctc_loss", "logits must have at least one class", got)
    batch = logits.shape[:1]
    require(labels.ndim == 2 and labels.shape[:1] == batch, "ctc_loss", "labels must be (batch, max_labels)", got)
    require(all(array.shape == batch for array in lengths), "ctc_loss", "lengths must be (batch,)", got)
    return in_float32(lambda z: _ctc(z, labels, *lengths), logits)


def _ctc(logits: jax.Array, labels: jax.Array, logit_lengths: jax.Array, label_lengths: jax.Array) -> jax.Array:
    within = jnp.arange(labels.shape[1]) < label_lengths[:, None]
    legal = jnp.all(~within | ((labels > 0) & (labels < logits.shape[-1])), -1)
    for lengths, most in ((logit_lengths, logits.shape[1]), (label_lengths, labels.shape[1])):
        legal &= (lengths >= 0) & (lengths <= most)
    seen = (jnp.arange(logits.shape[1]) < logit_lengths[:, None]) | ~legal[:, None]
    # A factor, so that the gradient is NaN as well; 0 before, so that no NaN behind the length comes in.
    factor = jnp.where(legal, 1, jnp.nan).astype(logits.dtype)
    log_p = log_probabilities(jnp.where(seen[..., None], logits, 0) * factor[:, None, None], -1)
    # Blanks between the labels and around them.
    states = jnp.zeros((len(labels), 2 * labels.shape[1] + 1), int).at[:, 1::2].set(jnp.where(within, labels, 0))
    emitted = jnp.take_along_axis(log_p, states[:, None, :], -1)
    last = _alphas(emitted, seen, states)
    ends = [jnp.take_along_axis(last, (2 * label_lengths - back)[:, None], -1)[:, 0] for back in (0, 1)]
    losses = -factor * log_sum_of_exponentials(ends[0], jnp.where(label_lengths > 0, ends[1], -jnp.inf))
    # Where no alignment is possible.
    return without_slope(losses, logits, jnp.isposinf(losses)[:, None, None] & seen[..., None])


def _alphas(emitted: jax.Array, seen: jax.Array, states: jax.Array) -> jax.Array:
    """log of the probability of all ways through an example's steps that end in each state."""
    # A label may follow another label at once, but not its equal, nor a blank a blank.
    skips = states != _shifted(states, 2, 0)

    def step(alpha: jax.Array, now: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        emitted, seen = now
        skipped = jnp.where(skips, _shifted(alpha, 2, -jnp.inf), -jnp.inf)
        ways = log_sum_of_exponentials(alpha, _shifted(alpha, 1, -jnp.inf), skipped)
        return jnp.where(seen[:, None], ways + emitted, alpha), None

    # Before the first step one is at the first blank: it leads to that and to the first label, as it should.
    start = jnp.where(jnp.arange(states.shape[1]) == 0, 0, -jnp.inf).astype(emitted.dtype)
    return lax.scan(step, jnp.broadcast_to(start, states.shape), (jnp.moveaxis(emitted, 1, 0), seen.T))[0]


def _shifted(array: jax.Array, by: int, fill: float) -> jax.Array:
    """Every row moved to the right, as far as it is long, with what is new on the left filled."""
    return jnp.pad(array, ((0, 0), (by, 0)), constant_values=fill)[:, : array.shape[1]]
