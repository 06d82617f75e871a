"""A recorded forward as the diagnosis reads it: steps that stand at one place in the code belong together."""

import linecache
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from reference.oracle.tracing.graph import Detour, Graph, Node, summed_to

Group = tuple[Node, ...]


@dataclass(frozen=True)
class Slip:
    """One mistake: which steps send back something else.

    scalable: the slip leaves out a contribution, and the contribution with any other factor is a mistake, too.
    fitted: the slip is right up to one unknown number, such as a learning rate.
    """

    cause: str
    words: str
    detours: Mapping[Node, Detour]
    scalable: bool = False
    fitted: bool = False
    # The error that measured numbers (a slope by differences) bring in.
    noise: float = 0.0
    # The cause where the contribution is not left out but counts another number of times, if that has another name.
    otherwise: str = ""


@dataclass(frozen=True)
class Sites:
    """The steps of a forward that its output depends on, and the cotangent that arrives at each."""

    graph: Graph
    cotangent: np.ndarray
    names: tuple[str, ...]
    nodes: list[Node] = field(default_factory=list)
    # Which arguments have a wrong gradient.
    wrong: tuple[bool, ...] = ()

    @cached_property
    def order(self) -> dict[Node, int]:
        """The number of every step."""
        return {node: number for number, node in enumerate(self.graph.nodes)}

    @cached_property
    def users(self) -> dict[Node, list[Node]]:
        """The steps that use each step."""
        live = set(self.nodes)
        return {node: [user for user in users if user in live] for node, users in self.graph.users().items()}

    @cached_property
    def groups(self) -> list[Group]:
        """The steps at each place in the code, in the order of the first visit."""
        found: dict[tuple, list[Node]] = {}
        for node in self.nodes:
            if node.kind != "leaf":
                found.setdefault((node.place, node.name), []).append(node)
        return [tuple(group) for group in found.values()]

    @cached_property
    def entering(self) -> list[Group]:
        """What the steps of a loop take from the pass before, and from elsewhere in the first: one value a pass."""
        found: dict[Group, None] = {}
        for group in self.groups:
            for slot in range(min(len(node.parents) for node in group)) if len(group) > 1 else ():
                parents = tuple(node.parents[slot] for node in group)
                if len({(parent.place, parent.name) for parent in parents}) == 2 and parents[0].turn == parents[1].turn:
                    found[parents] = None
        return list(found)

    @cached_property
    def arriving(self) -> dict[Node, np.ndarray]:
        """The true cotangent of every step."""
        assert self.graph.out is not None
        found = {self.graph.out: np.asarray(self.cotangent, np.float64).reshape(self.graph.out.value.shape)}
        for node in reversed(self.nodes):
            for parent, part in node.sent(found[node]) if node in found else ():
                part = summed_to(part, parent.value.shape)
                found[parent] = found[parent] + part if parent in found else part
        return found

    @cached_property
    def only_moves(self) -> bool:
        """Whether the forward computes nothing: then what it takes for another entry is an entry in another place."""
        return all(node.kind in ("leaf", "moved") for node in self.nodes)

    @cached_property
    def timed(self) -> bool:
        """Whether a loop hands something from one pass to the next, and uses an argument in several passes."""
        handed = any(from_before(node, parent) for node in self.nodes for parent in node.parents)
        return handed and any(
            len({(user.place, user.name) for user in self.users[leaf]}) < len(self.users[leaf])
            for leaf in self.graph.leaves
            if leaf in self.users
        )

    @cached_property
    def _below(self) -> dict[Node, int]:
        """The arguments that each step depends on, a bit each."""
        bits = {leaf: 1 << number for number, leaf in enumerate(self.graph.leaves) if leaf}
        for node in self.nodes:
            for parent in node.parents:
                bits[node] = bits.get(node, 0) | bits.get(parent, 0)
        return bits

    def concerns(self, nodes: Iterable[Node]) -> bool:
        """Whether cotangents of these steps reach a wrong gradient, and no right one."""
        reached = 0
        for node in nodes:
            reached |= self._below.get(node, 0)
        wrong = sum(1 << number for number, one in enumerate(self.wrong) if one)
        return bool(reached & wrong) and not reached & ~wrong

    def entries(self, node: Node) -> np.ndarray | None:
        """The numbers of an argument's entries that a step holds, where it only moves some of them."""
        moves = []
        while node.source is not None and len(node.parents) == 1:
            moves.append(node.source)
            (node,) = node.parents
        if node.kind != "leaf":
            return None
        found = np.arange(node.value.size)
        for source in reversed(moves):
            found = found.ravel()[source]
        return found

    def argument(self, node: Node) -> Node | None:
        """The argument that a step is, or only moves about; None for any other."""
        while node.kind == "moved" and len(node.parents) == 1:
            (node,) = node.parents
        return node if node in self.graph.leaves else None

    def leaf_name(self, node: Node) -> str:
        """The name of that argument, or nothing."""
        leaf = self.argument(node)
        return self.names[self.graph.leaves.index(leaf)] if leaf else ""


def sites_of(graph: Graph, cotangent: np.ndarray, names: tuple[str, ...], wrong: tuple[bool, ...] = ()) -> Sites:
    """The sites of a graph."""
    reaching = graph.reaching()
    sites = Sites(graph, cotangent, names, [node for node in graph.nodes if node in reaching], wrong)
    for node, arriving in sites.arriving.items():
        if node.name in ("max", "amax") and _neutral(sites, node, arriving):
            node.pulls = tuple(lambda ct, p=parent: np.zeros(p.value.shape) for parent in node.parents)
    return sites


def _neutral(sites: Sites, node: Node, arriving: np.ndarray) -> bool:
    """Whether a maximum is only subtracted for safety: it has no influence, and a slip must not give it any."""
    parts = [np.abs(sites.arriving[user]) for user in sites.users[node] if user in sites.arriving]
    size = max((float(np.max(part, initial=0.0)) for part in parts), default=0.0)
    return float(np.max(np.abs(arriving), initial=0.0)) <= 1e-12 * size * max(node.parents[0].value.shape, default=1)


def from_before(node: Node, parent: Node) -> bool:
    """Whether a step uses a value of the pass before."""
    return parent.turn == node.turn - 1 and bool(parent.place) and parent.kind != "leaf" and node.name != "setitem"


def without(node: Node, slots: Iterable[int]) -> Detour:
    """Nothing is sent to some of the parents."""
    kept = [i for i in range(len(node.parents)) if i not in set(slots)]
    return lambda ct: [(node.parents[i], node.pulls[i](ct)) for i in kept]


def replaced(node: Node, position: int, other: int, value: np.ndarray | None) -> Detour:
    """The right cotangents, but that of one operand of a product is computed with another value of the other one."""
    if value is None:
        return without(node, [node.slot(position) or 0])
    if not node.operands:
        slot = node.slot(position)
        return lambda ct: [
            (parent, ct * value if i == slot else pull(ct))
            for i, (parent, pull) in enumerate(zip(node.parents, node.pulls, strict=True))
        ]
    operands = tuple(value if i == other else operand for i, operand in enumerate(node.operands))
    return lambda ct: [
        (parent, node.contract(i, ct, operands if i == position else node.operands))
        for i, parent in zip(node.positions, node.parents, strict=True)
    ]


def where_in_words(node: Node) -> str:
    """The line of code that a step stands in."""
    code = node.code
    if code is None:
        return f"the step {node.name}"
    text = linecache.getline(code.co_filename, node.line).strip().rstrip(":")
    text = text if len(text) <= 60 else text[:57] + "..."
    if "oracle" in code.co_filename.split(os.sep):
        return f"`{text}` of a known forward with the same values"
    return f"`{text}` (line {node.line} of the forward)" if text else f"{node.name} in {code.co_name}"
