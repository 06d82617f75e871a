"""Functions that are mostly sums, by a library of the CPU where one takes the arrays."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from functional_nn._by_library import ByLibrary, merge_examples
from functional_nn._numerics import cross_entropy_of_labels, moments
from functional_nn.cpu import columns, cross_entropy


def batch_norm_of_columns(
    x: jax.Array, scale: jax.Array, bias: jax.Array, epsilon: float
) -> tuple[jax.Array, jax.Array, jax.Array] | None:
    """What the op gives for x (..., columns), the moments as (columns,); None where no library takes x."""
    if not columns.takes(x):
        return None
    y, mean, variance = _BATCH_NORM(x.reshape(-1, x.shape[-1]), scale, bias, epsilon=epsilon)
    return y.reshape(x.shape), mean, variance


def labelled_cross_entropy(scores: jax.Array, labels: jax.Array) -> jax.Array:
    """Cross-entropy of softmax of scores (*batch, classes) for labels of any integer dtype; NaN for no class."""
    if not cross_entropy.takes(scores):
        return cross_entropy_of_labels(scores, labels.astype(int))
    known = (labels >= 0) & (labels < scores.shape[-1])
    (loss,) = _CROSS_ENTROPY(scores, jnp.where(known, labels, -1).astype(jnp.int32))
    return loss


def _batch_norm(x: jax.Array, scale: jax.Array, bias: jax.Array, *, epsilon: float) -> tuple[jax.Array, ...]:
    centred, mean, variance = moments(x, partial(jnp.mean, axis=0, keepdims=True))
    return centred * jax.lax.rsqrt(variance + epsilon) * scale + bias, mean[0], variance[0]


def _labelled(scores: jax.Array, labels: jax.Array) -> tuple[jax.Array]:
    return (cross_entropy_of_labels(scores, labels),)


def _a_number_a_column(x: Any, *_: Any) -> tuple[Any, ...]:
    return (jax.ShapeDtypeStruct(x.shape[1:], x.dtype),)


def _two_numbers_a_row(scores: Any, *_: Any) -> tuple[Any, ...]:
    a_row = jax.ShapeDtypeStruct(scores.shape[:1], scores.dtype)
    return a_row, a_row


_BATCH_NORM = ByLibrary(
    "batch_norm",
    _batch_norm,
    inputs=3,
    differentiable=3,
    statics=("epsilon",),
    kept=_a_number_a_column,
    first_read=1,
    libraries={"cpu": columns},
)
_CROSS_ENTROPY = ByLibrary(
    "cross_entropy",
    _labelled,
    inputs=2,
    differentiable=1,
    statics=(),
    kept=_two_numbers_a_row,
    first_read=1,
    libraries={"cpu": cross_entropy},
    batch=merge_examples,
)
