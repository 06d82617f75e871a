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


@dataclass(frozen=True)
class Sites:
    """The steps of a forward that its output depends on, and the cotangent that arrives at each."""

    graph: Graph
    cotangent: np.ndarray
    names: tuple[str, ...]
    nodes: list[Node] = field(default_factory=list)

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
    def arriving(self) -> dict[Node, np.ndarray]:
        """The true cotangent of every step."""
        assert self.graph.out is not None
        found = {self.graph.out: np.asarray(self.cotangent, np.float64).reshape(self.graph.out.value.shape)}
        for node in reversed(self.nodes):
            for parent, part in node.sent(found[node]) if node in found else ():
                part = summed_to(part, parent.value.shape)
                found[parent] = found[parent] + part if parent in found else part
        return found

    def leaf_name(self, node: Node) -> str:
        """The name of the argument that a step is, or only moves about; nothing for any other."""
        while node.kind == "moved" and len(node.parents) == 1:
            (node,) = node.parents
        numbers = [i for i, leaf in enumerate(self.graph.leaves) if leaf is node]
        return self.names[numbers[0]] if numbers else ""


def sites_of(graph: Graph, cotangent: np.ndarray, names: tuple[str, ...]) -> Sites:
    """The sites of a graph."""
    reaching = graph.reaching()
    sites = Sites(graph, cotangent, names, [node for node in graph.nodes if node in reaching])
    for node, arriving in sites.arriving.items():
        if node.name in ("max", "amax") and _neutral(sites, node, arriving):
            node.pulls = tuple(lambda ct, p=parent: np.zeros(p.value.shape) for parent in node.parents)
    return sites


def _neutral(sites: Sites, node: Node, arriving: np.ndarray) -> bool:
    """Whether a maximum is only subtracted for safety: it has no influence, and a slip must not give it any."""
    parts = [np.abs(sites.arriving[user]) for user in sites.users[node] if user in sites.arriving]
    size = max((float(np.max(part, initial=0.0)) for part in parts), default=0.0)
    return float(np.max(np.abs(arriving), initial=0.0)) <= 1e-12 * size * max(node.parents[0].value.shape, default=1)


def without(node: Node, slots: Iterable[int]) -> Detour:
    """Nothing is sent to some of the parents."""
    kept = [i for i in range(len(node.parents)) if i not in set(slots)]
    return lambda ct: [(node.parents[i], node.pulls[i](ct)) for i in kept]


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
