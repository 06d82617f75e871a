"""Products on the way back: an operand taken from another step, another pass or another group of channels."""

from collections.abc import Iterator
from itertools import permutations

import numpy as np

from reference.oracle.diagnosis.traced.sites import Group, Sites, Slip, replaced, where_in_words
from reference.oracle.tracing.graph import Detour, Node

# A value for each step of a group, None where there is none.
Values = list[np.ndarray | None]
# Of a loop of so many passes each pass is tried alone, too: it may run over different things.
FEW = 4
JOINING = ("concatenate", "hstack", "column_stack", "stack")


def operands(sites: Sites) -> Iterator[Slip]:
    """Every product that concerns wrong gradients alone, with every other value in the place of an operand."""
    for group in sites.groups:
        if group[0].kind == "product" or (group[0].name == "multiply" and group[0].partials):
            for nodes in (group, *((node,) for node in group if 1 < len(group) <= FEW)):
                for slot, position in enumerate(nodes[0].positions):
                    fit = all(node.slot(position) == slot for node in nodes)
                    if fit and sites.concerns(node.parents[slot] for node in nodes):
                        yield from _of(sites, nodes, position)


def _of(sites: Sites, group: Group, position: int) -> Iterator[Slip]:
    place = where_in_words(group[-1])
    others = [other for other in range(len(group[0].operands)) if other != position]
    for other in others or [1 - position]:
        own = [_operand(node, position, other) for node in group]
        found = [*_elsewhere(sites, group, own, other), *_groups(sites, group, position, own, other)]
        for cause, words, values in sorted(found, key=lambda one: one[0]):
            if any(v is not None and not np.array_equal(v, o) for v, o in zip(values, own, strict=True)):
                detours = {n: replaced(n, position, other, v) for n, v in zip(group, values, strict=True)}
                yield Slip(cause, f"multiplies by {words} in {place}", detours)
    turned = group[0].value
    if group[0].operands and turned.ndim > 1 and turned.shape[-1] == turned.shape[-2]:
        words = f"multiplies by a matrix where its transpose belongs, the cotangent of {place}"
        yield Slip("not_transposed", words, {node: _turned(node, position) for node in group})


def _turned(node: Node, position: int) -> Detour:
    return lambda ct: [
        (parent, node.contract(i, ct.swapaxes(-1, -2) if i == position else ct, node.operands))
        for i, parent in zip(node.positions, node.parents, strict=True)
    ]


def _operand(node: Node, position: int, other: int) -> np.ndarray:
    """What the cotangent of one operand is multiplied with."""
    if node.operands:
        return node.operands[other]
    return node.partials[node.slot(position) or 0]


def _elsewhere(sites: Sites, group: Group, own: list[np.ndarray], other: int) -> Iterator[tuple[str, str, Values]]:
    """The values of other steps, of the same pass or the pass before."""
    first = group[0]
    several = [] if len(group) > 1 else [(n,) for steps in sites.groups for n in steps if 1 < len(steps) <= FEW]
    for steps in (*sites.groups, *sites.entering, *several, *((leaf,) for leaf in sites.graph.leaves if leaf)):
        if steps[0].value.shape != own[0].shape or len(steps) not in (1, len(group)) or steps[0] is first:
            continue
        what = sites.leaf_name(steps[0]) or f"the value of {where_in_words(steps[0])}"
        if len(steps) == 1:
            raw = _normalizes(own[0], steps[0].value)
            yield "not_normalized" if raw else "wrong_operand", what, [steps[0].value] * len(group)
            continue
        late = any(_is(node, other, step) for node, step in zip(group[1:], steps, strict=False))
        yield "time_off_by_one" if late and sites.timed else "wrong_operand", what, [step.value for step in steps]
        now = all(_is(node, other, step) for node, step in zip(group, steps, strict=True))
        before: Values = [np.zeros_like(own[0]), *(step.value for step in steps[:-1])]
        yield "time_off_by_one" if now and sites.timed else "wrong_operand", f"{what} of the pass before", before
    yield from _reread(sites, group, own, other)
    yield from _reshaped(own) if first.operands else ()
    yield from _rejoined(sites, group, other)
    if len(group) <= FEW and first.operands and own[0].ndim > 1 and own[0].shape[-1] == own[0].shape[-2]:
        yield "not_transposed", "a matrix where its transpose belongs", [value.swapaxes(-1, -2) for value in own]


def _normalizes(value: np.ndarray, raw: np.ndarray) -> bool:
    """Whether a value is another one divided by a scale along some axes, each row by its own or without its mean."""
    for axis in range(value.ndim):
        for others in ((axis,), tuple(a for a in range(value.ndim) if a != axis)):
            a, b = (array - array.mean(axis=others, keepdims=True) for array in (value, raw))
            power = np.sum(b * b, axis=others, keepdims=True)
            factor = np.sum(a * b, axis=others, keepdims=True) / np.where(power > 0, power, 1)
            centered = np.allclose(a, value, rtol=1e-6, atol=1e-9)
            divided = np.allclose(value, factor * raw, rtol=1e-6, atol=1e-9) and np.ptp(factor) > 1e-9
            if (
                power.size < value.size / 2
                and (centered or divided)
                and np.min(factor) > 0
                and np.allclose(a, factor * b, rtol=1e-6, atol=1e-9)
            ):
                return True
    return False


def _rejoined(sites: Sites, group: Group, other: int) -> Iterator[tuple[str, str, Values]]:
    """An operand that joins several values, with another value in the place of one of them."""
    slots = [node.slot(other) for node in group]
    joined = [node.parents[slot] for node, slot in zip(group, slots, strict=True) if slot is not None]
    if len(joined) < len(group) or any(node.name not in JOINING or node.again is None for node in joined):
        return
    for steps in (*sites.groups, *sites.entering):
        for number in range(min(len(node.parents) for node in joined)) if len(steps) == len(group) else ():
            if all(n.parents[number].value.shape == s.value.shape for n, s in zip(joined, steps, strict=True)):
                values: Values = [_with_part(n, number, s) for n, s in zip(joined, steps, strict=True)]
                yield "wrong_operand", f"the value of {where_in_words(steps[-1])} joined to the rest", values


def _with_part(node: Node, number: int, other: Node) -> np.ndarray | None:
    parts = [other.value if i == number else parent.value for i, parent in enumerate(node.parents)]
    return node.again(*parts) if node.again else None


def _reread(sites: Sites, group: Group, own: list[np.ndarray], other: int) -> Iterator[tuple[str, str, Values]]:
    """An argument that is reshaped on its way into the product, with its axes in another order."""
    slot = group[0].slot(other)
    leaf = None if slot is None else group[0].parents[slot]
    while leaf is not None and leaf.kind == "moved" and len(leaf.parents) == 1:
        (leaf,) = leaf.parents
    if leaf is None or leaf.kind != "leaf" or not 2 < leaf.value.ndim < 5 or leaf.value.size != own[0].size:
        return
    for order in permutations(range(leaf.value.ndim)):
        moved = leaf.value.transpose(order).reshape(own[0].shape)
        words = f"{sites.leaf_name(leaf)} with its axes in the order {order}"
        yield "reordered", words, [moved] * len(group)


def _reshaped(own: list[np.ndarray]) -> Iterator[tuple[str, str, Values]]:
    """The operand reshaped to the axes of a transpose, where it should have been transposed."""
    shape = own[0].shape
    for order in permutations(range(len(shape))) if 1 < len(shape) < 5 else ():
        if order != tuple(range(len(shape))):
            back = np.argsort(order)
            moved = [value.reshape([shape[axis] for axis in order]).transpose(back) for value in own]
            yield "wrong_operand", f"the operand reshaped where its axes belong in the order {order},", list(moved)


def _is(node: Node, other: int, step: Node) -> bool:
    slot = node.slot(other)
    return slot is not None and node.parents[slot] is step


def _groups(
    sites: Sites, group: Group, position: int, own: list[np.ndarray], other: int
) -> Iterator[tuple[str, str, Values]]:
    """Along an axis that operands and output share, or through a loop: the first in the place of all, or exchanged."""
    shared = _shared(group[0], position, other)
    for axis in shared:
        count = own[0].shape[axis]
        for order, words in ((np.zeros(count, int), "the first"), *_orders(count)):
            yield _mixed(group[0], other, axis), f"{words} of {count} groups", [np.take(v, order, axis) for v in own]
    if len(group) > 1 and len({value.shape for value in own}) == 1:
        count = len(group)
        parted = _parted(sites, group)
        alone = ((np.zeros(count, int), "the first"), (np.full(count, count - 1), "the last"))
        for order, words in (*alone, *_orders(count)):
            mirrored = bool(count > 1 and order[0] == count - 1 and order[-1] == 0)
            cause = (
                "groups_mixed" if parted else "flipped" if mirrored and _named(sites, group, other) else "wrong_operand"
            )
            yield cause, f"{words} of {count} operands in a loop", [own[k] for k in order]


def _orders(count: int) -> Iterator[tuple[np.ndarray, str]]:
    yield np.arange(count)[::-1], "the mirrored one"
    if count > 2:
        yield np.roll(np.arange(count), 1), "the one before"
        yield np.roll(np.arange(count), -1), "the one after"


def _shared(node: Node, position: int, other: int) -> list[int]:
    if not node.letters:
        return []
    mine, output = node.letters[position], node.letters[-1]
    return [a for a, letter in enumerate(node.letters[other]) if letter in mine and letter in output]


def _mixed(node: Node, other: int, axis: int) -> str:
    """Examples stand along the first axis of the output, groups along others."""
    return "wrong_operand" if node.letters[-1].startswith(node.letters[other][axis]) else "groups_mixed"


def _parted(sites: Sites, group: Group) -> bool:
    """Whether every pass takes its own part of two arguments."""
    if any(len(node.parents) != 2 for node in group):
        return False
    for slot in range(2):
        read = [sites.entries(node.parents[slot]) for node in group]
        if any(entries is None for entries in read):
            return False
        seen = np.concatenate([np.unique(entries) for entries in read if entries is not None])
        if len(np.unique(seen)) < seen.size:
            return False
    return True


def _named(sites: Sites, group: Group, other: int) -> bool:
    """Whether the operand is part of an argument in every pass."""
    slots = [node.slot(other) for node in group]
    return all(slot is not None and sites.leaf_name(n.parents[slot]) for n, slot in zip(group, slots, strict=True))
