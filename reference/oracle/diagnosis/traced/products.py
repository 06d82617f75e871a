"""Matrix products inside the forward: not transposed, with an updated weight, with the operand of another pass."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.diagnosis.traced.sites import Group, Sites, Slip, where_in_words
from reference.oracle.tracing.graph import Detour, Node


def products(sites: Sites) -> Iterator[Slip]:
    """Every product of two, operand by operand."""
    for group in sites.groups:
        if group[0].kind == "product" and len(group[0].operands) == 2:
            for position in (0, 1):
                yield from _of(sites, group, position)


def _of(sites: Sites, group: Group, position: int) -> Iterator[Slip]:
    """The cotangent of one operand, with something else in the place of the other one."""
    other = 1 - position
    place = where_in_words(group[-1])
    matrix = group[-1].operands[other]
    if matrix.ndim >= 2 and matrix.shape[-1] == matrix.shape[-2]:
        turned = {n: _with(n, position, n.operands[other].swapaxes(-1, -2)) for n in group}
        yield Slip("not_transposed", f"multiplies by a matrix where its transpose belongs in {place}", turned)
    slot = group[-1].slot(other)
    weight = None if slot is None else group[-1].parents[slot]
    if weight in sites.arriving and sites.leaf_name(weight) and weight.value.shape == matrix.shape:
        words = f"multiplies by {sites.leaf_name(weight)} after its update in {place}"
        moved = weight.value - sites.arriving[weight]
        yield Slip("updated_weight", words, {n: _with(n, position, moved) for n in group}, fitted=True)
    for move, words in ((1, "before"), (-1, "after")) if len(group) > 2 else ():
        paired = {n: _with(n, position, _moved(group, k - move, other, n)) for k, n in enumerate(group)}
        yield Slip("time_off_by_one", f"pairs each step with the value of the step {words} in {place}", paired)


def _moved(group: Group, number: int, other: int, node: Node) -> np.ndarray:
    inside = 0 <= number < len(group)
    return group[number].operands[other] if inside else np.zeros_like(node.operands[other])


def _with(node: Node, position: int, value: np.ndarray) -> Detour:
    """The right cotangents, but for one operand: its own is computed with another value of the other one."""
    operands = tuple(operand if i == position else value for i, operand in enumerate(node.operands))
    return lambda ct: [
        (parent, node.contract(i, ct, operands if i == position else node.operands))
        for i, parent in zip(node.positions, node.parents, strict=True)
    ]
