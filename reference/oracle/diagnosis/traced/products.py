"""Matrix products inside the forward: not transposed, with an updated weight, with the operand of another pass."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.diagnosis.traced.sites import Group, Sites, Slip, where_in_words
from reference.oracle.tracing.graph import Detour, Node


def products(sites: Sites) -> Iterator[Slip]:
    """Every matrix product, operand by operand."""
    for group in sites.groups:
        first = group[0]
        if first.kind == "product" and len(first.operands) == 2:
            for slot in range(len(first.parents)):
                yield from _of(sites, group, slot)


def _of(sites: Sites, group: Group, slot: int) -> Iterator[Slip]:
    place = where_in_words(group[0])
    other = _other(group[0], slot)
    matrix = group[0].operands[other]
    if matrix.ndim >= 2 and matrix.shape[-1] == matrix.shape[-2]:
        words = f"multiplies by a matrix where its transpose belongs in {place}"
        yield Slip("not_transposed", words, {n: _with(n, slot, n.operands[other].swapaxes(-1, -2)) for n in group})
    weight = group[0].parents[1 - slot] if len(group[0].parents) == 2 else None
    if weight in sites.arriving and sites.leaf_name(weight):
        words = f"multiplies by {sites.leaf_name(weight)} after its update in {place}"
        moved = weight.value - sites.arriving[weight]
        yield Slip("updated_weight", words, {n: _with(n, slot, moved) for n in group}, fitted=True)
    for move, words in ((1, "before"), (-1, "after")) if len(group) > 2 else ():
        yield Slip(
            "time_off_by_one",
            f"pairs each step with the value of the step {words} in {place}",
            {n: _with(n, slot, _moved(group, k - move, other, n)) for k, n in enumerate(group)},
        )


def _moved(group: Group, number: int, other: int, node: Node) -> np.ndarray:
    inside = 0 <= number < len(group)
    return group[number].operands[other] if inside else np.zeros_like(node.operands[other])


def _other(node: Node, slot: int) -> int:
    """The number of the operand that is not this parent's."""
    if len(node.parents) == 2:
        return 1 - slot
    return 0 if node.parents[0].value.shape == node.operands[1].shape else 1


def _with(node: Node, slot: int, value: np.ndarray) -> Detour:
    """The pull to one operand with another value of the other one."""
    other = _other(node, slot)
    operands = tuple(value if i == other else operand for i, operand in enumerate(node.operands))
    return lambda ct: [
        (parent, node.contract(i, ct, operands if i == slot else node.operands)) for i, parent in enumerate(node.parents)
    ]
