"""Matrix products inside the forward: not transposed, with an updated weight, with the operand of another pass."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from reference.oracle.diagnosis.structure import axes_in_words
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
        turned = {n: with_operand(n, position, n.operands[other].swapaxes(-1, -2)) for n in group}
        yield Slip("not_transposed", f"multiplies by a matrix where its transpose belongs in {place}", turned)
    slot = group[-1].slot(other)
    weight = None if slot is None else group[-1].parents[slot]
    if weight in sites.arriving and sites.leaf_name(weight) and weight.value.shape == matrix.shape:
        words = f"multiplies by {sites.leaf_name(weight)} after its update in {place}"
        moved = weight.value - sites.arriving[weight]
        yield Slip("updated_weight", words, {n: with_operand(n, position, moved) for n in group}, fitted=True)
    for words, turned in _reversed(sites, weight):
        yield Slip(
            "flipped", f"multiplies by {words} in {place}", {n: with_operand(n, position, turned) for n in group}
        )
    for move, words in ((1, "before"), (-1, "after")) if len(group) > 2 and sites.timed else ():
        paired = {n: with_operand(n, position, _moved(group, k - move, other, n)) for k, n in enumerate(group)}
        yield Slip("time_off_by_one", f"pairs each step with the value of the step {words} in {place}", paired)


def _reversed(sites: Sites, operand: Node | None) -> Iterator[tuple[str, np.ndarray]]:
    """An operand that is an argument with its entries moved, made of that argument reversed along its axes."""
    moves = []
    while operand is not None and operand.kind == "moved" and operand.again and len(operand.parents) == 1:
        moves.append(operand.again)
        (operand,) = operand.parents
    if operand is None or operand.kind != "leaf" or operand.value.ndim < 3:
        return
    axes = [axis for axis, size in enumerate(operand.value.shape) if size > 1]
    for chosen in (*combinations(axes, 1), *combinations(axes, 2)):
        value = np.flip(operand.value, chosen)
        for move in reversed(moves):
            value = move(value)
        yield f"{sites.leaf_name(operand)} reversed along {axes_in_words(chosen)}", value


def _moved(group: Group, number: int, other: int, node: Node) -> np.ndarray:
    inside = 0 <= number < len(group)
    return group[number].operands[other] if inside else np.zeros_like(node.operands[other])


def with_operand(node: Node, position: int, value: np.ndarray) -> Detour:
    """The right cotangents, but for one operand: its own is computed with another value of the other one."""
    operands = tuple(operand if i == position else value for i, operand in enumerate(node.operands))
    return lambda ct: [
        (parent, node.contract(i, ct, operands if i == position else node.operands))
        for i, parent in zip(node.positions, node.parents, strict=True)
    ]
