"""Steps that only put entries in another order: the way back forgets one of them."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from reference.oracle.diagnosis.traced.sites import Sites, Slip, where_in_words
from reference.oracle.tracing.graph import Detour, Node

TURNING = ("transpose", "permute_dims", "matrix_transpose", "swapaxes", "moveaxis", "rollaxis", "flip", "rot90")


def orders(sites: Sites) -> Iterator[Slip]:
    """A transpose (or a reversal) whose cotangent is read in the order of memory."""
    for group in sites.groups:
        if group[0].name in TURNING and len(group[0].parents) == 1 and group[0].value.ndim > 2:
            words = f"has its entries in the order before {where_in_words(group[0])}, in the shape behind it"
            yield Slip("reordered", words, {node: _as_it_lies(node) for node in group})


def turns(sites: Sites) -> Iterator[Slip]:
    """Any other move that loses nothing: its entries in the order before, or moved once more; a reshape whose axes
    are taken in the other order."""
    for group in sites.groups:
        if not all(map(_loses_nothing, group)) or not sites.concerns(node.parents[0] for node in group):
            continue
        place = where_in_words(group[-1])
        if group[0].value.shape == group[0].parents[0].value.shape:
            cause = "flipped" if _turned(group[0]) else "reordered"
            cause = "sum_term_missing" if cause == "reordered" and _one_use(sites, group[0].parents[0]) else cause
            yield Slip(cause, f"has its entries in the order before {place}", {n: _as_it_lies(n) for n in group})
        for axis in range(group[0].parents[0].value.ndim - 1) if group[0].name == "reshape" else ():
            words = f"takes axes {axis} and {axis + 1} of the array before {place} in the other order"
            yield Slip("reordered", words, {node: _merged(node, axis) for node in group})
        for axis in range(group[0].value.ndim - 1) if group[0].name == "reshape" else ():
            words = f"takes axes {axis} and {axis + 1} of the array behind {place} in the other order"
            yield Slip("reordered", words, {node: _parted(node, axis) for node in group})
        if group[0].name not in ("reshape", "ravel", "expand_dims", "squeeze"):
            words = f"moves its entries as the forward does, not back, in {place}"
            yield Slip("reordered", words, {node: _once_more(node) for node in group})


def _one_use(sites: Sites, node: Node) -> bool:
    """Whether an argument has other uses besides: the rest of its gradient is in order."""
    return node.kind == "leaf" and len(sites.users[node]) > 1


def _loses_nothing(node: Node) -> bool:
    source = node.source
    return source is not None and source.size == node.parents[0].value.size and _each_once(source)


def _each_once(source: np.ndarray) -> bool:
    return bool(source.min(initial=0) >= 0) and len(np.unique(source)) == source.size


def _turned(node: Node) -> bool:
    """Whether the move reverses some axes."""
    numbers = np.arange(node.value.size).reshape(node.value.shape)
    axes = range(node.value.ndim)
    chosen = (part for count in (1, 2) for part in combinations(axes, count))
    return node.source is not None and any(np.array_equal(np.flip(numbers, part), node.source) for part in chosen)


def _merged(node: Node, axis: int) -> Detour:
    (parent,) = node.parents
    shape = list(parent.value.shape)
    shape[axis], shape[axis + 1] = shape[axis + 1], shape[axis]
    return lambda ct: [(parent, ct.reshape(shape).swapaxes(axis, axis + 1))]


def _parted(node: Node, axis: int) -> Detour:
    (parent,) = node.parents
    return lambda ct: [(parent, ct.swapaxes(axis, axis + 1).reshape(parent.value.shape))]


def _once_more(node: Node) -> Detour:
    (parent,) = node.parents
    source = np.zeros(0, int) if node.source is None else node.source
    return lambda ct: [(parent, ct.ravel()[source].reshape(parent.value.shape))]


def _as_it_lies(node: Node) -> Detour:
    (parent,) = node.parents
    return lambda ct: [(parent, ct.reshape(parent.value.shape))]
