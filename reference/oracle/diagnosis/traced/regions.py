"""Parts of a forward with one entrance and one exit: an activation, however it is written."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from reference.oracle.diagnosis.traced.sites import Sites
from reference.oracle.tracing.graph import Detour, Node, summed_to

LONGEST = 40


@dataclass(frozen=True, eq=False)
class Region:
    """All steps from one step to a later one that depends on nothing else."""

    entrance: Node
    exit: Node
    # From the exit to the entrance, which is not among them.
    nodes: tuple[Node, ...]

    @property
    def x(self) -> np.ndarray:
        """The value at the entrance."""
        return self.entrance.value

    @property
    def before(self) -> np.ndarray | None:
        """The value that the entrance is with a constant added or multiplied; None for any other entrance."""
        node = self.entrance
        shifted = node.name in ("add", "subtract", "multiply", "divide") and len(node.parents) == 1
        return node.parents[0].value if shifted and node.parents[0].value.shape == node.value.shape else None

    @property
    def y(self) -> np.ndarray:
        """The value at the exit."""
        return self.exit.value

    @property
    def pointwise(self) -> bool:
        """Whether every entry of the exit comes from the same entry of the entrance."""
        return all(node.kind == "pointwise" for node in self.nodes) and self.x.shape == self.y.shape

    def pull(self, cotangent: np.ndarray) -> np.ndarray:
        """The right cotangent of the entrance."""
        arriving = {self.exit: cotangent}
        for node in self.nodes:
            for parent, part in node.sent(arriving[node]):
                part = summed_to(part, parent.value.shape)
                arriving[parent] = arriving[parent] + part if parent in arriving else part
        return arriving[self.entrance]

    def at(self, x: np.ndarray) -> np.ndarray | None:
        """The value at the exit for another value at the entrance; None where a step depends on more than that."""
        values = {self.entrance: x}
        for node in reversed(self.nodes):
            if node.again is None:
                return None
            values[node] = node.again(*(values[parent] for parent in node.parents))
        return values[self.exit]

    def slope_at(self, x: np.ndarray) -> np.ndarray | None:
        """The derivative of a pointwise region at another point, by the four-point difference."""
        h = 1e-4 * np.maximum(1, np.abs(x))
        moved = [self.at(x + k * h) for k in (1, -1, 2, -2)]
        if any(value is None for value in moved):
            return None
        a, b, c, d = (np.asarray(value) for value in moved)
        return (8 * (a - b) - (c - d)) / (12 * h)


def regions_to(sites: Sites, last: Node) -> Iterator[Region]:
    """Every region that ends at a step, the shortest first."""
    frontier, inside = {last}, []
    while frontier and len(inside) < LONGEST:
        latest = max(frontier, key=sites.order.__getitem__)
        if inside and len(frontier) == 1:
            yield Region(latest, last, tuple(inside))
        if latest.kind == "leaf" or not latest.parents:
            return
        frontier.remove(latest)
        inside.append(latest)
        frontier.update(latest.parents)


def with_slope(region: Region, slope: np.ndarray, *behind: Node) -> Detour:
    """From the exit, or a part of it, straight to the entrance, with a slope of the shape that the part has."""

    def detour(ct: np.ndarray) -> list[tuple[Node, np.ndarray]]:
        ct = ct * slope
        for node in behind:
            ((_, ct),) = node.sent(ct)
        return [(region.entrance, ct)]

    return detour
