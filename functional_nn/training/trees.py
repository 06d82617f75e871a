"""Nested dictionaries and tuples of arrays as one flat dictionary with dotted names, and back."""

from collections.abc import Mapping
from typing import Any, TypeVar

import jax
import numpy as np

Tree = TypeVar("Tree")


def named_leaves(tree: Any) -> dict[str, Any]:
    """Leaves by dotted name, `conv1.kernel` for example, where they are."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in leaves}


def flatten(tree: Any) -> dict[str, np.ndarray]:
    """Leaves by dotted name, fetched from the device."""
    return {name: np.asarray(leaf) for name, leaf in named_leaves(tree).items()}


def unflatten(leaves: Mapping[str, Any], like: Tree) -> Tree:
    """A tree of the same structure as another, with the leaves of these names."""
    return jax.tree.unflatten(jax.tree.structure(like), [leaves[name] for name in named_leaves(like)])
