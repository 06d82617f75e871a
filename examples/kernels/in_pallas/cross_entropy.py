"""Cross-entropy of logits and labels or soft targets, one loss a row, by the logarithm of the sum of exponentials."""

import functools

import jax
import jax.numpy as jnp

from examples.kernels.in_pallas.layout import over_rows, wide


def log_sum_exp(logits):
    """log(sum(exp(logits))) of every row."""
    highest = logits.max(axis=1, keepdims=True)
    return highest + jnp.log(jnp.exp(logits - highest).sum(axis=1, keepdims=True))


def chosen(labels, classes):
    """Where the class of each row stands, true among false."""
    column = jax.lax.broadcasted_iota(labels.dtype, (len(labels), classes), 1)
    return column == labels


def cross_entropy_forward(logits_ref, labels_ref, loss_ref, *, ignored):
    """loss = logsumexp(logits) - logits[label]; 0 where the label is to be ignored."""
    values, labels = wide(logits_ref[...]), labels_ref[...]
    own = jnp.where(chosen(labels, values.shape[1]), values, 0.0).sum(axis=1, keepdims=True)
    loss_ref[...] = jnp.where(labels == ignored, 0.0, log_sum_exp(values) - own).astype(loss_ref.dtype)


def cross_entropy_backward(logits_ref, labels_ref, dloss_ref, dlogits_ref, *, ignored):
    """dlogits = (softmax(logits) - onehot(label)) * dloss of the row."""
    values, labels = wide(logits_ref[...]), labels_ref[...]
    upstream = jnp.where(labels == ignored, 0.0, wide(dloss_ref[...]))
    chances = jnp.exp(values - log_sum_exp(values))
    gradient = (chances - chosen(labels, values.shape[1])) * upstream
    dlogits_ref[...] = gradient.astype(dlogits_ref.dtype)


def soft_cross_entropy_forward(logits_ref, targets_ref, loss_ref):
    """loss = sum(targets * (logsumexp(logits) - logits)); the targets may sum to anything."""
    values, wanted = wide(logits_ref[...]), wide(targets_ref[...])
    surprise = log_sum_exp(values) - values
    loss_ref[...] = (wanted * surprise).sum(axis=1, keepdims=True).astype(loss_ref.dtype)


def soft_cross_entropy_backward(logits_ref, targets_ref, dloss_ref, dlogits_ref, dtargets_ref):
    """dlogits = (softmax(logits) * sum(targets) - targets) * dloss, dtargets = (logsumexp(logits) - logits) * dloss."""
    values, wanted = wide(logits_ref[...]), wide(targets_ref[...])
    upstream = wide(dloss_ref[...])
    surprise = log_sum_exp(values) - values
    gradient = (jnp.exp(-surprise) * wanted.sum(axis=1, keepdims=True) - wanted) * upstream
    dlogits_ref[...] = gradient.astype(dlogits_ref.dtype)
    dtargets_ref[...] = (surprise * upstream).astype(dtargets_ref.dtype)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def cross_entropy(logits: jax.Array, labels: jax.Array, ignored: int = -100) -> jax.Array:
    """One loss a row of logits (rows, classes) and labels (rows,), 0 where the label is the ignored one."""
    kernel = functools.partial(cross_entropy_forward, ignored=ignored)
    (loss,) = over_rows(kernel, [logits, labels[:, None]], outs=[(1, logits.dtype)])
    return loss[:, 0]


def _forward(logits, labels, ignored):
    return cross_entropy(logits, labels, ignored), (logits, labels)


def _backward(ignored, kept, dloss):
    logits, labels = kept
    kernel = functools.partial(cross_entropy_backward, ignored=ignored)
    (dlogits,) = over_rows(
        kernel, [logits, labels[:, None], dloss[:, None]], outs=[(logits.shape[1], logits.dtype)]
    )  # fmt: skip
    return dlogits, None


cross_entropy.defvjp(_forward, _backward)


@jax.custom_vjp
def soft_cross_entropy(logits: jax.Array, targets: jax.Array) -> jax.Array:
    """One loss a row of logits and targets, both (rows, classes); the targets may sum to anything."""
    (loss,) = over_rows(soft_cross_entropy_forward, [logits, targets], outs=[(1, logits.dtype)])
    return loss[:, 0]


def _soft_forward(logits, targets):
    return soft_cross_entropy(logits, targets), (logits, targets)


def _soft_backward(kept, dloss):
    logits, targets = kept
    outs = [(logits.shape[1], logits.dtype), (logits.shape[1], targets.dtype)]
    return tuple(over_rows(soft_cross_entropy_backward, [logits, targets, dloss[:, None]], outs=outs))


soft_cross_entropy.defvjp(_soft_forward, _soft_backward)
