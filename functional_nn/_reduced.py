"""Functions that are mostly sums, by a library of the CPU where one takes the arrays."""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from functional_nn._by_library import ByLibrary, merge_examples
from functional_nn._numerics import (
    cross_entropy_of_labels,
    in_float32,
    log_probabilities,
    mean_of_members,
    normalized,
    probabilities,
)
from functional_nn.cpu import columns, row_norm
from functional_nn.cpu import softmax as of_rows


def norm_of_batch(
    x: jax.Array, scale: jax.Array, bias: jax.Array, *, channels: tuple[int, ...], epsilon: float
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """x normalized by the moments of each channel, in its dtype; and these, of the shape of scale, in one that is wide
    enough for sums."""
    wide = jnp.promote_types(jnp.result_type(x, scale, bias), jnp.float32)
    scales, biases = scale.astype(wide), bias.astype(wide)
    found = None
    if channels == (x.ndim - 1,):
        found = norm_of_columns(x.shape[-1], False, x, scales, biases, epsilon=epsilon)
    if not found:
        kept = _kept(channels, x)
        over = partial(jnp.mean, axis=[axis for axis in range(x.ndim) if axis not in channels], keepdims=True)
        found = normalized(x.astype(wide), over, scales.reshape(kept), biases.reshape(kept), epsilon)
    y, mean, variance = found
    return y.astype(x.dtype), mean.reshape(scale.shape), variance.reshape(scale.shape)


def norm_by_statistics(
    x: jax.Array,
    scale: jax.Array,
    bias: jax.Array,
    mean: jax.Array,
    variance: jax.Array,
    *,
    channels: tuple[int, ...],
    epsilon: float,
) -> jax.Array:
    """x normalized by the moments of each channel that are given, in its dtype; the others are in one wide enough."""
    columnwise = channels == (x.ndim - 1,) and columns.takes(x)
    kept = (-1,) if columnwise else _kept(channels, x)
    of_channels = (array.reshape(kept) for array in (scale, bias, mean, variance))
    return (_BY_STATISTICS if columnwise else _by_statistics)(x, *of_channels, epsilon=epsilon)[0]


def norm_of_columns(
    groups: int, each: bool, x: jax.Array, scale: jax.Array, bias: jax.Array, *, epsilon: float
) -> tuple[jax.Array, jax.Array, jax.Array] | None:
    """x (..., columns) normalized by the moments of groups of columns, each example by its own where asked, and these
    as (examples or 1, columns) in the dtype of scale and bias; None where no library takes x."""
    if scale.dtype != jnp.float32 or x.dtype not in columns.DTYPES:
        x = x.astype(scale.dtype)
    if not columns.takes(x):
        return None
    y, mean, variance = _COLUMNS(x, scale, bias, groups=groups, each=each, epsilon=epsilon)
    return y, mean, variance


def mean_of_groups(groups: int, positions: int | tuple[int, ...], x: jax.Array) -> jax.Array:
    """The mean of each group, at each of its channels. Positions come first: along them XLA adds whole vectors."""
    return jnp.expand_dims(mean_of_members(groups, jnp.mean(x, positions)), positions)


def norm_over(axes: tuple[int, ...], x: jax.Array, *parameters: jax.Array, epsilon: float) -> jax.Array:
    """layer_norm over these axes in order, by a scale and a bias that have them alone; rms_norm where no bias is.

    In the dtype of x, computed in that of scale.
    """
    if axes == tuple(range(x.ndim - len(axes), x.ndim)) and row_norm.takes(x):
        flat = [array.reshape(-1) for array in parameters]
        (y,) = _NORMS[len(flat)](x.reshape(-1, flat[0].size), *flat, epsilon=epsilon)
        return y.reshape(x.shape)
    kept = (array.reshape(_kept(axes, x)) for array in parameters)
    return _norm(x, *kept, epsilon=epsilon, axes=axes)[0]


def of_scores(name: str, x: jax.Array, axis: int) -> jax.Array:
    """softmax or log_softmax along an axis."""
    if axis % x.ndim == x.ndim - 1:
        rows = x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
        if of_rows.takes(name, rows):
            return _OF_ROWS[name](rows)[0].reshape(x.shape)
    return _OF_SCORES[name](x, axis=axis)[0]


def labelled_cross_entropy(scores: jax.Array, labels: jax.Array) -> jax.Array:
    """Cross-entropy of softmax of scores (*batch, classes) for labels of any integer dtype; NaN for no class."""
    if not of_rows.takes("cross_entropy", scores):
        return in_float32(lambda scores: cross_entropy_of_labels(scores, labels.astype(int)), scores)
    known = (labels >= 0) & (labels < scores.shape[-1])
    (loss,) = _OF_ROWS["cross_entropy"](scores, jnp.where(known, labels, -1).astype(jnp.int32))
    return loss.astype(scores.dtype)


def _kept(axes: tuple[int, ...], x: jax.Array) -> list[int]:
    """The shape in which what has these axes of x alone broadcasts against it."""
    return [size if axis in axes else 1 for axis, size in enumerate(x.shape)]


def _columns(
    x: jax.Array, scale: jax.Array, bias: jax.Array, *, groups: int, each: bool, epsilon: float
) -> tuple[jax.Array, ...]:
    mean = partial(mean_of_groups, groups, tuple(range(each, x.ndim - 1)))
    y, *both = normalized(x.astype(scale.dtype), mean, scale, bias, epsilon)
    return y.astype(x.dtype), *(moment.reshape(-1, x.shape[-1]) for moment in both)


def _by_statistics(
    x: jax.Array, scale: jax.Array, bias: jax.Array, mean: jax.Array, variance: jax.Array, *, epsilon: float
) -> tuple[jax.Array]:
    # Two factors of which one may be large are made one, before x could overflow by it.
    y = (x.astype(scale.dtype) - mean) * (jax.lax.rsqrt(variance + epsilon) * scale) + bias
    return (y.astype(x.dtype),)


def _norm(
    x: jax.Array, scale: jax.Array, *bias: jax.Array, epsilon: float, axes: int | tuple[int, ...] = -1
) -> tuple[jax.Array]:
    mean, wide = partial(jnp.mean, axis=axes, keepdims=True), x.astype(scale.dtype)
    if bias:
        y = normalized(wide, mean, scale, bias[0], epsilon)[0]
    else:
        y = wide * jax.lax.rsqrt(mean(wide * wide) + epsilon) * scale
    return (y.astype(x.dtype),)


def _softmax(x: jax.Array, *, axis: int = -1) -> tuple[jax.Array]:
    return (in_float32(partial(probabilities, axis=axis), x),)


def _log_softmax(x: jax.Array, *, axis: int = -1) -> tuple[jax.Array]:
    return (in_float32(partial(log_probabilities, axis=axis), x),)


def _labelled(scores: jax.Array, labels: jax.Array) -> tuple[jax.Array]:
    """Losses in float32, whatever the scores are in."""
    return (cross_entropy_of_labels(scores.astype(jnp.float32), labels),)


def _nothing(*_: Any, **__: Any) -> tuple[Any, ...]:
    return ()


def _a_number_a_column(x: Any, scale: Any, *_: Any, each: bool, **__: Any) -> tuple[Any, ...]:
    return (jax.ShapeDtypeStruct((x.shape[0] if each else 1, x.shape[-1]), scale.dtype),)


def _two_numbers_a_row(scores: Any, *_: Any, **__: Any) -> tuple[Any, ...]:
    a_row = jax.ShapeDtypeStruct(scores.shape[:1], jnp.float32)
    return a_row, a_row


_COLUMNS = ByLibrary(
    "norm_of_columns",
    _columns,
    inputs=3,
    differentiable=3,
    statics=("groups", "each", "epsilon"),
    kept=_a_number_a_column,
    first_read=1,
    libraries={"cpu": columns},
)
_BY_STATISTICS = ByLibrary(
    "norm_by_statistics",
    _by_statistics,
    inputs=5,
    differentiable=5,
    statics=("epsilon",),
    kept=_nothing,
    first_read=1,
    libraries={"cpu": columns.BY_STATISTICS},
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
_OF_SCORES = {"softmax": _softmax, "log_softmax": _log_softmax}
_OF_ROWS = {
    name: ByLibrary(
        name,
        meaning,
        inputs=inputs,
        differentiable=1,
        statics=(),
        kept=_two_numbers_a_row,
        first_read=1,
        libraries={"cpu": of_rows.OfScores(name)},
        batch=merge_examples,
    )
    for name, meaning, inputs in (
        ("softmax", _softmax, 1),
        ("log_softmax", _log_softmax, 1),
        ("cross_entropy", _labelled, 2),
    )
}
