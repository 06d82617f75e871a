"""What a loss accepts as targets: the shape it compares with, or integer labels; never a broadcast."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functional_nn._checks import as_array, known_range, require, require_floating


def check_pair(op: str, **arrays: Any) -> None:
    """Refuse two arrays, targets the second, unless they have one shape, with a batch axis, and floating dtypes."""
    require_floating(op, **arrays)
    (name, shape), (_, targets_shape) = ((name, jnp.shape(array)) for name, array in arrays.items())
    got = f"{name}.shape={shape}, targets.shape={targets_shape}"
    require(shape == targets_shape, op, f"targets.shape must equal {name}.shape", got)
    require(len(shape) > 0, op, f"{name} must have a batch axis", got)


def check_not_empty(op: str, name: str, array: Any) -> None:
    """Refuse examples without elements, which have no mean."""
    shape = jnp.shape(array)
    require(0 not in shape[1:], op, "an example must have at least one element", f"{name}.shape={shape}")


def check_labels(op: str, targets: Any = None, **scores_by_name: Any) -> None:
    """Refuse a label that is no class. Only here, before jit, do labels have values."""
    name, scores = next(iter(scores_by_name.items()), ("", 0.0))
    *batch, classes = np.shape(scores) or (0,)
    ends = known_range(targets) if np.shape(targets) == tuple(batch) and classes else None
    if ends:
        low, high = ends
        got = f"labels from {low} to {high}, {name}.shape={np.shape(scores)}"
        require(low >= 0 and high < classes, op, f"labels must be at least 0 and below {name}.shape[-1]", got)


def distributions(op: str, name: str, scores: Any, targets: Any) -> jax.Array:
    """One distribution an example: targets as given, or one-hot from labels, NaN for a label that is no class."""
    require_floating(op, **{name: scores})
    scores, targets = jnp.asarray(scores), jnp.asarray(as_array(op, "targets", targets))
    got = f"{name}.shape={scores.shape}, targets.shape={targets.shape}, targets.dtype={targets.dtype}"
    require(scores.ndim > 0 and scores.shape[-1] > 0, op, f"{name} must have a last axis with at least one class", got)
    if jnp.issubdtype(targets.dtype, jnp.floating):
        require(targets.shape == scores.shape, op, f"floating targets must have the shape of {name}", got)
        return targets
    if not jnp.issubdtype(targets.dtype, jnp.integer):
        raise TypeError(f"{op}: targets must be integer labels or floating distributions; got {got}")
    require(targets.shape == scores.shape[:-1], op, f"integer labels must have the shape of {name} but its last", got)
    classes = scores.shape[-1]
    legal = (targets >= 0) & (targets < classes)
    hot = targets[..., None] == jnp.arange(classes)
    return jnp.where(legal[..., None], hot, jnp.nan).astype(scores.dtype)
