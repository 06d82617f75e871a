"""What a loss accepts as targets: the shape it compares with, or integer labels; never a broadcast."""

import math

import numpy as np

from reference._checks import as_array, as_floating, is_floating, require, require_hashable, require_ints


def unless_labels(targets, targets_ct):
    """The cotangent of the targets, or None for labels, which have no gradient."""
    return targets_ct.astype(targets.dtype) if is_floating(targets.dtype) else None


def check_pair(op, **arrays):
    """The two arrays, targets the second; refused unless they are floating and of one shape, with a batch axis."""
    first, targets = (as_floating(op, name, array) for name, array in arrays.items())
    name = next(iter(arrays))
    got = f"{name}.shape={first.shape}, targets.shape={targets.shape}"
    require(first.shape == targets.shape, op, f"targets.shape must equal {name}.shape", got)
    require(first.ndim > 0, op, f"{name} must have a batch axis", got)
    return first, targets


def check_not_empty(op, name, array):
    """How many elements an example has; refused if none, which have no mean."""
    elements = math.prod(array.shape[1:])
    require(elements > 0, op, "an example must have at least one element", f"{name}.shape={array.shape}")
    return elements


def distributions(op, name, scores, targets, ignore_label=None):
    """The arrays, the targets as one distribution per example (as given, or one-hot from labels), and which count."""
    scores, targets = as_floating(op, name, scores), as_array(op, "targets", targets)
    got = f"{name}.shape={scores.shape}, targets.shape={targets.shape}, targets.dtype={targets.dtype}"
    require(scores.ndim > 0 and scores.shape[-1] > 0, op, f"{name} must have a last axis with at least one class", got)
    if is_floating(targets.dtype):
        require(targets.shape == scores.shape, op, f"floating targets must have the shape of {name}", got)
        return scores, targets, targets, _counted(op, targets, ignore_label)
    if targets.dtype.kind not in "iu":
        raise TypeError(f"{op}: targets must be integer labels or floating distributions; got {got}")
    require(targets.shape == scores.shape[:-1], op, f"integer labels must have the shape of {name} but its last", got)
    classes, counts = scores.shape[-1], _counted(op, targets, ignore_label)
    kept = targets[counts]
    got = f"labels from {kept.min(initial=0)} to {kept.max(initial=0)}, {name}.shape={scores.shape}"
    rule = f"labels must be at least 0 and below {name}.shape[-1]"
    require(bool(np.all((kept >= 0) & (kept < classes))), op, rule, got)
    return scores, targets, (targets[..., np.newaxis] == np.arange(classes)).astype(scores.dtype), counts


def _counted(op, targets, ignore_label):
    """Whether each example counts: all but those whose label is the ignored one."""
    require_hashable(op, "ignore_label", ignore_label)
    named = () if ignore_label is None else (ignore_label,)
    require_ints(op, "ignore_label must be an int or None", f"ignore_label={ignore_label!r}", named)
    soft, got = is_floating(targets.dtype), f"ignore_label={ignore_label}, targets.dtype={targets.dtype}"
    require(not (soft and named), op, "ignore_label must be None where targets are distributions", got)
    return np.ones(targets.shape[:-1], bool) if soft else np.isin(targets, named, invert=True)
