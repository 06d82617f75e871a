"""Functions that are mostly sums, by a library of the CPU where one takes the arrays."""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from functional_nn._by_library import ByLibrary, merge_examples
from functional_nn._numerics import cross_entropy_of_labels, mean_of_members, normalized
from functional_nn.cpu import columns, cross_entropy, row_norm


def norm_of_columns(
    groups: int, batch: tuple[int, ...], x: jax.Array, scale: jax.Array, bias: jax.Array, *, epsilon: float
) -> tuple[jax.Array, jax.Array, jax.Array] | None:
    """x (*batch, ..., columns) normalized by the moments of groups of columns, each example by its own, and these as
    (examples, columns); None where no library takes x."""
    if not columns.takes(x):
        return None
    matrices = x.reshape(math.prod(batch), -1, x.shape[-1])
    y, mean, variance = _COLUMNS(matrices, scale, bias, groups=groups, epsilon=epsilon)
    return y.reshape(x.shape), mean, variance


def mean_of_groups(groups: int, positions: int, x: jax.Array) -> jax.Array:
    """The mean of each group, at each of its channels. Positions come first: along them XLA adds whole vectors."""
    return jnp.expand_dims(mean_of_members(groups, jnp.mean(x, positions)), positions)


def norm_over(axes: tuple[int, ...], x: jax.Array, *parameters: jax.Array, epsilon: float) -> jax.Array:
    """layer_norm over these axes in order, by a scale and a bias that have them alone; rms_norm where no bias is."""
    if axes == tuple(range(x.ndim - len(axes), x.ndim)) and row_norm.takes(x):
        flat = [array.reshape(-1) for array in parameters]
        (y,) = _NORMS[len(flat)](x.reshape(-1, flat[0].size), *flat, epsilon=epsilon)
        return y.reshape(x.shape)
    kept = [size if axis in axes else 1 for axis, size in enumerate(x.shape)]
    return _norm(x, *(array.reshape(kept) for array in parameters), epsilon=epsilon, axes=axes)[0]


def labelled_cross_entropy(scores: jax.Array, labels: jax.Array) -> jax.Array:
    """Cross-entropy of softmax of scores (*batch, classes) for labels of any integer dtype; NaN for no class."""
    if not cross_entropy.takes(scores):
        return cross_entropy_of_labels(scores, labels.astype(int))
    known = (labels >= 0) & (labels < scores.shape[-1])
    (loss,) = _CROSS_ENTROPY(scores, jnp.where(known, labels, -1).astype(jnp.int32))
    return loss


def _columns(x: jax.Array, scale: jax.Array, bias: jax.Array, *, groups: int, epsilon: float) -> tuple[jax.Array, ...]:
    y, mean, variance = normalized(x, partial(mean_of_groups, groups, 1), scale, bias, epsilon)
    return y, mean[:, 0], variance[:, 0]


def _norm(
    x: jax.Array, scale: jax.Array, *bias: jax.Array, epsilon: float, axes: int | tuple[int, ...] = -1
) -> tuple[jax.Array]:
    mean = partial(jnp.mean, axis=axes, keepdims=True)
    if not bias:
        return (x * jax.lax.rsqrt(mean(x * x) + epsilon) * scale,)
    return normalized(x, mean, scale, bias[0], epsilon)[:1]


def _labelled(scores: jax.Array, labels: jax.Array) -> tuple[jax.Array]:
    return (cross_entropy_of_labels(scores, labels),)


def _nothing(*_: Any, **__: Any) -> tuple[Any, ...]:
    return ()


def _a_number_a_column(x: Any, *_: Any, **__: Any) -> tuple[Any, ...]:
    return (jax.ShapeDtypeStruct((x.shape[0], x.shape[2]), x.dtype),)


def _two_numbers_a_row(scores: Any, *_: Any, **__: Any) -> tuple[Any, ...]:
    a_row = jax.ShapeDtypeStruct(scores.shape[:1], scores.dtype)
    return a_row, a_row


_COLUMNS = ByLibrary(
    "norm_of_columns",
    _columns,
    inputs=3,
    differentiable=3,
    statics=("groups", "epsilon"),
    kept=_a_number_a_column,
    first_read=1,
    libraries={"cpu": columns},
)
# By how many parameters they have.
_NORMS = {
    count: ByLibrary(
        library.name,
        _norm,
        inputs=1 + count,
        differentiable=1 + count,
        statics=("epsilon",),
        kept=_nothing,
        first_read=1,
        libraries={"cpu": library},
    )
    for count, library in ((1, row_norm.RMS_NORM), (2, row_norm.LAYER_NORM))
}
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
