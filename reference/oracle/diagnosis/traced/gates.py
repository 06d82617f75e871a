"""Parts of a forward that multiply cotangents by a slope: an operand of a step, a function of one value, a product."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from reference.oracle.diagnosis.traced.products import with_operand
from reference.oracle.diagnosis.traced.regions import Region, regions_to
from reference.oracle.diagnosis.traced.sites import Group, Sites
from reference.oracle.tracing.graph import Detour, Node, summed_to

# Steps of a part.
LONGEST = 8


@dataclass(frozen=True)
class Gate:
    """A part of the forward, pass by pass, from an entrance to an exit, that multiplies cotangents by its slope."""

    exits: Group
    entrances: Group
    slopes: tuple[np.ndarray, ...]
    # Of one operand of a step: its number. A region with a single entrance has none.
    slot: int | None = None
    region: Region | None = None
    # Of a product: the operand whose cotangent is meant; the slope is the other one.
    operand: int | None = None
    # Where only what one later step sends to the exit is meant: that step.
    sender: Node | None = None
    # Where the way leads through several steps of several operands: the first of them.
    first: Node | None = None

    def weights(self, tangents: dict[Node, np.ndarray], arriving: dict[Node, np.ndarray]) -> np.ndarray:
        """What the slopes are multiplied by in the change of the output along a probe."""
        if self.sender is not None:
            arriving = dict(_sent_by(self.sender, arriving[self.sender]))
        return np.concatenate([self._weigh(tangents[a], arriving[b], b).ravel() for a, b in self.ends()])

    def holds(self, source: Node | None) -> bool:
        """Whether a value is the entrance or the exit of a function of one value."""
        return self.region is not None and source in (self.entrances[0], self.exits[0])

    def ends(self) -> Iterator[tuple[Node, Node]]:
        """The entrance and the exit of every pass."""
        return zip(self.entrances, self.exits, strict=True)

    def _weigh(self, tangent: np.ndarray, cotangent: np.ndarray, exit: Node) -> np.ndarray:
        if self.operand is None:
            return tangent * cotangent * np.ones(exit.value.shape)
        moved = tuple(tangent if i == self.operand else value for i, value in enumerate(exit.operands))
        return exit.contract(1 - self.operand, cotangent, moved)

    def detours(self, slopes: list[np.ndarray], arriving: dict[Node, np.ndarray]) -> dict[Node, Detour]:
        """The same with other slopes."""
        if self.operand is not None:
            return {node: with_operand(node, self.operand, s) for node, s in zip(self.exits, slopes, strict=True)}
        if self.first is not None:
            return {self.first: _shortened(self.first, self.entrances[0], arriving[self.exits[0]] * slopes[0])}
        if self.sender is not None:
            return {self.sender: _past(self.sender, self.exits[0], self.entrances[0], slopes[0])}
        return {
            exit: _sent(exit, entrance, self.slot, slope)
            for exit, entrance, slope in zip(self.exits, self.entrances, slopes, strict=True)
        }


def gates(sites: Sites) -> Iterator[Gate]:
    """Every part, place by place in the code."""
    for node in sites.nodes:
        yield from _chains(sites, node)
    for group in sites.groups:
        if group[0].kind == "pointwise":
            yield from _operands(group)
            yield from _regions(sites, group)
        elif group[0].kind == "product" and all(len(node.operands) == 2 for node in group):
            yield from _products(group)


def _chains(sites: Sites, entrance: Node) -> Iterator[Gate]:
    """The only way on from a value, entry by entry through steps with other operands, as if these were one factor."""
    node, slope, steps = entrance, np.ones(entrance.value.shape), 0
    while len(sites.users[node]) == 1 and steps < LONGEST:
        (user,) = sites.users[node]
        if user.kind != "pointwise" or user.value.shape != entrance.value.shape or user.parents.count(node) != 1:
            return
        slope = slope * user.partials[user.parents.index(node)]
        steps += 1
        if steps > 1:
            yield Gate((user,), (entrance,), (slope,), slot=0, first=sites.users[entrance][0])
        node = user


def _shortened(first: Node, entrance: Node, sent: np.ndarray) -> Detour:
    """The right cotangents, but for the entrance of a chain."""
    return lambda ct: [(node, sent if node is entrance else part) for node, part in first.sent(ct)]


def _operands(group: Group) -> Iterator[Gate]:
    """One operand of a step of several: its derivative is a value of the others."""
    for position in group[-1].positions if len(group[-1].parents) > 1 else ():
        nodes = tuple(node for node in group if node.slot(position) is not None)
        slots = [node.slot(position) or 0 for node in nodes]
        if len(set(slots)) == 1 and len({node.value.shape for node in nodes}) == 1:
            slot = slots[0]
            slopes = tuple(np.broadcast_to(node.partials[slot], node.value.shape) for node in nodes)
            yield Gate(nodes, tuple(node.parents[slot] for node in nodes), slopes, slot)


def _products(group: Group) -> Iterator[Gate]:
    """One operand of a matrix product: its cotangent is made with the other one."""
    for position in (0, 1):
        nodes = tuple(node for node in group if node.slot(position) is not None)
        parents = tuple(node.parents[node.slot(position) or 0] for node in nodes)
        slopes = tuple(node.operands[1 - position] for node in nodes)
        as_they_are = all(p.value.shape == n.operands[position].shape for p, n in zip(parents, nodes, strict=True))
        if nodes and as_they_are and len({slope.shape for slope in slopes}) == 1:
            yield Gate(nodes, parents, slopes, operand=position)


def _regions(sites: Sites, group: Group) -> Iterator[Gate]:
    """Functions of one value, however they are written."""
    found = [{len(r.nodes): r for r in regions_to(sites, node) if r.pointwise} for node in group]
    for length in sorted(set.intersection(*map(set, found))):
        regions = [by_length[length] for by_length in found]
        if length <= LONGEST and len({r.y.shape for r in regions}) == 1:
            slopes = tuple(r.pull(np.ones(r.y.shape)) for r in regions)
            yield Gate(group, tuple(r.entrance for r in regions), slopes, region=regions[0])
            users = sites.users[group[0]] if len(group) == 1 else []
            for user in users if len(users) > 1 else ():
                yield Gate(group, (regions[0].entrance,), slopes, region=regions[0], sender=user)


def _sent_by(sender: Node, cotangent: np.ndarray) -> Iterator[tuple[Node, np.ndarray]]:
    """What a step sends to each of its parents, all of it together."""
    for parent in dict.fromkeys(sender.parents):
        parts = [summed_to(part, parent.value.shape) for node, part in sender.sent(cotangent) if node is parent]
        yield parent, np.sum(parts, axis=0)


def _past(sender: Node, exit: Node, entrance: Node, slope: np.ndarray) -> Detour:
    """What a step sends to the exit of a region goes straight to the entrance."""
    return lambda ct: [
        (entrance, part * slope) if node is exit else (node, part) for node, part in _sent_by(sender, ct)
    ]


def _sent(exit: Node, entrance: Node, slot: int | None, slope: np.ndarray) -> Detour:
    """The right cotangents, but for one operand; from the exit of a region straight to its entrance."""

    def detour(ct: np.ndarray) -> list[tuple[Node, np.ndarray]]:
        sent = [] if slot is None else [pair for i, pair in enumerate(exit.sent(ct)) if i != slot]
        return [*sent, (entrance, ct * slope)]

    return detour
