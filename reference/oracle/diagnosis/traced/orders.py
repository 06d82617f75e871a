"""Steps that only put entries in another order: the way back forgets one of them."""

from collections.abc import Iterator

from reference.oracle.diagnosis.traced.sites import Sites, Slip, where_in_words
from reference.oracle.tracing.graph import Detour, Node

TURNING = ("transpose", "permute_dims", "matrix_transpose", "swapaxes", "moveaxis", "rollaxis", "flip", "rot90")


def orders(sites: Sites) -> Iterator[Slip]:
    """A transpose (or a reversal) whose cotangent is read in the order of memory."""
    for group in sites.groups:
        if group[0].name in TURNING and len(group[0].parents) == 1 and group[0].value.ndim > 2:
            words = f"has its entries in the order before {where_in_words(group[0])}, in the shape behind it"
            yield Slip("reordered", words, {node: _as_it_lies(node) for node in group})


def _as_it_lies(node: Node) -> Detour:
    (parent,) = node.parents
    return lambda ct: [(parent, ct.reshape(parent.value.shape))]
