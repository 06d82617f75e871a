"""Outputs of every structure (an array, nested tuples, lists, dicts) as one float64 vector, and back."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from reference._checks import is_floating


def leaves(tree: Any) -> list[Any]:
    """The leaves of nested tuples, lists and mappings, in order."""
    if isinstance(tree, Mapping):
        return [leaf for value in tree.values() for leaf in leaves(value)]
    if isinstance(tree, tuple | list):
        return [leaf for value in tree for leaf in leaves(value)]
    return [tree]


def arrays(tree: Any) -> list[np.ndarray]:
    """The leaves that are arrays (not copies of them)."""
    return [leaf for leaf in leaves(tree) if isinstance(leaf, np.ndarray)]


def mapped(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """The same structure with every leaf replaced by the function of it (and of the leaves of trees like it)."""
    if isinstance(tree, Mapping):
        return {key: mapped(function, value, *(other[key] for other in others)) for key, value in tree.items()}
    if isinstance(tree, tuple | list):
        values = [mapped(function, *parts) for parts in zip(tree, *others, strict=True)]
        if isinstance(tree, list):
            return values
        return type(tree)(*values) if hasattr(tree, "_fields") else tuple(values)
    return function(tree, *others)


def is_numeric(leaf: Any) -> bool:
    """Whether a leaf is a real number or an array of them."""
    dtype = np.asarray(leaf).dtype
    return dtype.kind in "biu" or is_floating(dtype)


def carries_cotangent(leaf: Any) -> bool:
    return is_floating(np.asarray(leaf).dtype)


def vector(tree: Any) -> np.ndarray:
    """Every floating entry of an output, as one float64 vector."""
    parts = [np.asarray(leaf, dtype=np.float64).ravel() for leaf in leaves(tree) if carries_cotangent(leaf)]
    return np.concatenate(parts) if parts else np.zeros(0)


def like(tree: Any, values: np.ndarray) -> Any:
    """A vector in the structure, shapes and dtypes of an output: its cotangent (zeros for integer leaves)."""
    position = 0

    def take(leaf: Any) -> Any:
        nonlocal position
        array = np.asarray(leaf)
        if not is_floating(array.dtype):
            return np.zeros(array.shape)
        piece = values[position : position + array.size]
        position += array.size
        shaped = piece.reshape(array.shape).astype(array.dtype)
        return shaped if isinstance(leaf, np.ndarray) else shaped[()]

    return mapped(take, tree)


def given(tree: Any, cotangent: Any) -> np.ndarray:
    """A cotangent that a caller gives for an output, as one float64 vector; zeros where None stands in it.

    Raises:
        ValueError: it has not the floating leaves of the output.
    """
    wanted = [np.shape(leaf) for leaf in leaves(tree) if carries_cotangent(leaf)]
    found = [leaf for leaf in leaves(cotangent) if leaf is None or carries_cotangent(leaf)]
    shapes = [None if leaf is None else np.shape(leaf) for leaf in found]
    if len(shapes) != len(wanted) or any(own not in (None, shape) for own, shape in zip(shapes, wanted, strict=True)):
        raise ValueError(f"oracle.check: cotangent must have the shapes of the output, {wanted}; got {shapes}")
    pairs = zip(found, wanted, strict=True)
    return vector([np.zeros(shape) if leaf is None else leaf for leaf, shape in pairs])


def snapshot(tree: Any) -> list[np.ndarray]:
    """Copies of all arrays, to see later whether somebody wrote into them."""
    return [np.array(array) for array in arrays(tree)]


def same(left: np.ndarray, right: np.ndarray) -> bool:
    """Bitwise equality of two arrays, NaN included."""
    return left.shape == right.shape and left.dtype == right.dtype and left.tobytes() == right.tobytes()


def unchanged(before: list[np.ndarray], tree: Any) -> bool:
    """Whether the arrays are, bit for bit, those of the snapshot (arrays added since then do not count)."""
    after = arrays(tree)
    return len(after) >= len(before) and all(map(same, before, after[: len(before)]))
