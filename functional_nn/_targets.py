"""What a loss accepts as targets: the shape it compares with, or integer labels; never a broadcast."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functional_nn._checks import as_array, known_ints, require, require_floating, require_ints


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


def check_labels(op: str, targets: Any = None, ignore_label: Any = None, **scores_by_name: Any) -> None:
    """Refuse a label that is no class. Only here, before jit, do labels have values."""
    name, scores = next(iter(scores_by_name.items()), ("", 0.0))
    *batch, classes = np.shape(scores) or (0,)
    require_ignorable(op, ignore_label)
    values = known_ints(targets)
    if values is not None and values.shape == tuple(batch) and classes:
        kept = values if ignore_label is None else values[values != ignore_label]
        got = f"labels from {kept.min(initial=0)} to {kept.max(initial=0)}, {name}.shape={np.shape(scores)}"
        legal = bool(np.all((kept >= 0) & (kept < classes)))
        require(legal, op, f"labels must be at least 0 and below {name}.shape[-1]", got)


def require_ignorable(op: str, ignore_label: Any) -> None:
    """Refuse what is neither None nor an int."""
    rule, got = "ignore_label must be an int or None", f"ignore_label={ignore_label!r}"
    require_ints(op, rule, got, () if ignore_label is None else (ignore_label,))


def require_scored(op: str, name: str, scores: Any, targets: Any) -> tuple[jax.Array, jax.Array]:
    """The scores and their targets: refused unless these are a distribution or a label an example."""
    require_floating(op, **{name: scores})
    scores, targets = jnp.asarray(scores), jnp.asarray(as_array(op, "targets", targets))
    got = f"{name}.shape={scores.shape}, targets.shape={targets.shape}, targets.dtype={targets.dtype}"
    require(scores.ndim > 0 and scores.shape[-1] > 0, op, f"{name} must have a last axis with at least one class", got)
    if jnp.issubdtype(targets.dtype, jnp.floating):
        require(targets.shape == scores.shape, op, f"floating targets must have the shape of {name}", got)
        return scores, targets
    if not jnp.issubdtype(targets.dtype, jnp.integer):
        raise TypeError(f"{op}: targets must be integer labels or floating distributions; got {got}")
    require(targets.shape == scores.shape[:-1], op, f"integer labels must have the shape of {name} but its last", got)
    return scores, targets


def distributions(scores: jax.Array, targets: jax.Array) -> jax.Array:
    """One distribution an example: targets as given, or one-hot from labels, NaN for a label that is no class."""
    if jnp.issubdtype(targets.dtype, jnp.floating):
        return targets
    classes = scores.shape[-1]
    legal = (targets >= 0) & (targets < classes)
    hot = targets[..., None] == jnp.arange(classes)
    return jnp.where(legal[..., None], hot, jnp.nan).astype(scores.dtype)


def ignored_examples(op: str, targets: jax.Array, ignore_label: int | None) -> jax.Array | None:
    """Which examples have the label that is ignored; None where there is none."""
    require_ignorable(op, ignore_label)
    if ignore_label is None:
        return None
    rule, got = "ignore_label must be None where targets are distributions", f"{ignore_label=}"
    require(jnp.issubdtype(targets.dtype, jnp.integer), op, rule, f"{got}, targets.dtype={targets.dtype}")
    limits = jnp.iinfo(targets.dtype)
    # A label that the dtype cannot hold stands nowhere.
    found = targets == ignore_label if limits.min <= ignore_label <= limits.max else jnp.zeros_like(targets)
    return found.astype(bool)


def check_class_weights(op: str, class_weights: Any, logits: jax.Array) -> None:
    """Refuse weights, where there are any, unless there is one a class."""
    if class_weights is not None:
        require_floating(op, class_weights=class_weights)
        got = f"class_weights.shape={jnp.shape(class_weights)}, logits.shape={logits.shape}"
        require(jnp.shape(class_weights) == logits.shape[-1:], op, "class_weights must have one weight a class", got)


def require_integers(op: str, **arrays: Any) -> None:
    """Raise a TypeError unless every named argument is an array (or scalar) of an integer dtype."""
    for name, array in arrays.items():
        dtype = jnp.result_type(as_array(op, name, array))
        if not jnp.issubdtype(dtype, jnp.integer):
            raise TypeError(f"{op}: {name} must have an integer dtype; got {name}.dtype={dtype}")


def check_labels_of_rows(op: str, x: Any = None, kernel: Any = None, labels: Any = None) -> None:
    """Refuse a label that is no class of the kernel, where labels have values."""
    values, shape = known_ints(labels), np.shape(kernel)
    if values is not None and values.shape == np.shape(x)[:-1] and len(shape) == 2 and shape[1]:
        got = f"labels from {values.min(initial=0)} to {values.max(initial=0)}, kernel.shape={shape}"
        legal = bool(np.all((values >= 0) & (values < shape[1])))
        require(legal, op, "labels must be at least 0 and below kernel.shape[-1]", got)


def check_alignments(
    op: str, logits: Any = None, labels: Any = None, logit_lengths: Any = None, label_lengths: Any = None
) -> None:
    """Refuse lengths beyond their arrays, labels that are no class, and too few steps, where their values are known."""
    shapes = [np.shape(array) for array in (logits, labels, logit_lengths, label_lengths)]
    if [len(shape) for shape in shapes] != [3, 2, 1, 1] or len({shape[0] for shape in shapes}) > 1 or not shapes[0][2]:
        return  # the op says so
    symbols, steps, counts = (known_ints(array) for array in (labels, logit_lengths, label_lengths))
    for name, lengths, of, most in (
        ("logit_lengths", steps, "logits", shapes[0][1]),
        ("label_lengths", counts, "labels", shapes[1][1]),
    ):
        if lengths is not None:
            legal = bool(np.all((lengths >= 0) & (lengths <= most)))
            rule, got = (
                f"{name} must be at least 0 and at most {of}.shape[1]",
                f"{name}={lengths}, {of}.shape[1]={most}",
            )
            require(legal, op, rule, got)
    if symbols is None or counts is None:
        return
    within = np.arange(shapes[1][1]) < counts[:, None]
    rule = "labels must be at least 1, as 0 is the blank, and below logits.shape[-1]"
    got = f"labels from {symbols[within].min(initial=1)} to {symbols[within].max(initial=1)}, logits.shape={shapes[0]}"
    require(bool(np.all(~within | ((symbols >= 1) & (symbols < shapes[0][2])))), op, rule, got)
    if steps is not None:
        repeats = np.sum((symbols[:, 1:] == symbols[:, :-1]) & within[:, 1:], -1)
        rule = "logit_lengths must leave a step for every label, and for a blank between equal ones"
        got = f"logit_lengths={steps}, label_lengths={counts}, repeats={repeats}"
        require(bool(np.all(steps >= counts + repeats)), op, rule, got)
