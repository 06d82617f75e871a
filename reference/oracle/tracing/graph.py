"""The recorded steps of a forward, and their backward, in which single steps may take a detour."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, Literal

import numpy as np

Kind = Literal["leaf", "pointwise", "moved", "summed", "product"]
Pull = Callable[[np.ndarray], np.ndarray]
# Code objects and offsets from the forward down to the step: one place in the code, however often it is reached.
Place = tuple[tuple[Any, int], ...]
# A forward of more steps (loops over every position of an image) is not worth following; one that does more with its
# arrays, looks and comparisons included, or computes more entries, may never end.
MOST_STEPS, MOST_OPERATIONS, MOST_ENTRIES = 4000, 20_000, 50_000_000


class TooLong(BaseException):
    """The forward does more than is worth following; no `except Exception` in a loop of its own holds that up."""


@dataclass(eq=False, repr=False)
class Node:
    """One step: its value, the steps it was computed from, and how a cotangent goes back to each of them.

    turn counts the visits of the same place in the code before this one: the number of the pass through a loop.
    """

    kind: Kind
    name: str
    value: np.ndarray
    parents: tuple["Node", ...] = ()
    pulls: tuple[Pull, ...] = ()
    # Of a pointwise step: its derivative to each parent, and the step at other values of the parents.
    partials: tuple[np.ndarray, ...] = ()
    again: Callable[..., np.ndarray] | None = None
    # Which of the step's operands the parents are, where some are constants (as a state is that begins at zero).
    positions: tuple[int, ...] = ()
    # Of a product: all that it multiplies.
    operands: tuple[np.ndarray, ...] = ()
    # contract(position, cotangent, operands) -> the cotangent of one operand, for these operands.
    contract: Callable[..., np.ndarray] = lambda position, cotangent, operands: cotangent
    # Of a product: the letters of each operand's axes, and of the output's.
    letters: tuple[str, ...] = ()
    # Of a move of one array: the number of the entry that each entry was, -1 for a constant.
    source: np.ndarray | None = None
    # Of a maximum or minimum: the axes that it runs over.
    axes: tuple[int, ...] = ()
    place: Place = ()
    # The user's code and line.
    code: CodeType | None = None
    line: int = 0
    turn: int = 0

    def slot(self, position: int) -> int | None:
        """The number of the parent that is this operand; None where the operand is a constant."""
        positions = self.positions or tuple(range(len(self.parents)))
        return positions.index(position) if position in positions else None

    def sent(self, cotangent: np.ndarray) -> list[tuple["Node", np.ndarray]]:
        """The right cotangents of the parents."""
        return [(parent, pull(cotangent)) for parent, pull in zip(self.parents, self.pulls, strict=True)]


# What a step sends back in place of the right cotangents.
Detour = Callable[[np.ndarray], Iterable[tuple[Node, np.ndarray]]]


@dataclass(eq=False, repr=False)
class Graph:
    """All steps in the order they were taken; leaf number i is argument number i (None where it is no float array)."""

    nodes: list[Node] = field(default_factory=list)
    leaves: list[Node | None] = field(default_factory=list)
    out: Node | None = None
    # How often each function was called at each place.
    visits: dict[tuple[Place, str], int] = field(default_factory=dict)
    # What the forward has done with its arrays so far, whether it is recorded as a step or not.
    operations: int = 0
    entries: int = 0
    # Whether the forward still runs; what it keeps of its arrays afterwards are arrays like any other.
    recording: bool = True

    def count(self, entries: int = 1) -> None:
        """One more operation, of so many entries."""
        if not self.recording:
            return
        self.operations += 1
        self.entries += entries
        if self.operations > MOST_OPERATIONS or self.entries > MOST_ENTRIES or len(self.nodes) > MOST_STEPS:
            raise TooLong

    def backward(self, cotangent: np.ndarray, detours: Mapping[Node, Detour] | None = None) -> list[np.ndarray | None]:
        """The gradient of every leaf."""
        assert self.out is not None
        detours = detours or {}
        arriving: dict[Node, np.ndarray] = {self.out: np.asarray(cotangent, np.float64).reshape(self.out.value.shape)}
        for node in reversed(self.nodes):
            if node.kind == "leaf" or node not in arriving:
                continue
            cotangent = arriving.pop(node)
            for parent, part in detours[node](cotangent) if node in detours else node.sent(cotangent):
                part = summed_to(part, parent.value.shape)
                arriving[parent] = arriving[parent] + part if parent in arriving else part
        return [None if leaf is None else arriving.get(leaf, np.zeros_like(leaf.value)) for leaf in self.leaves]

    def users(self) -> dict[Node, list[Node]]:
        """The steps that use each step, in order."""
        found: dict[Node, list[Node]] = {node: [] for node in self.nodes}
        for node in self.nodes:
            for parent in dict.fromkeys(node.parents):
                found[parent].append(node)
        return found

    def reaching(self) -> set[Node]:
        """The steps that the output depends on."""
        assert self.out is not None
        seen, waiting = set(), [self.out]
        while waiting:
            node = waiting.pop()
            if node not in seen:
                seen.add(node)
                waiting += node.parents
        return seen


def summed_to(cotangent: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A cotangent summed over the axes that broadcasting added or stretched."""
    if cotangent.shape == shape:
        return cotangent
    added = cotangent.ndim - len(shape)
    if added < 0:
        raise ValueError(f"a cotangent of shape {cotangent.shape} does not fit a step of shape {shape}")
    cotangent = cotangent.sum(axis=tuple(range(added))) if added else cotangent
    stretched = tuple(a for a, size in enumerate(shape) if size == 1 and cotangent.shape[a] != 1)
    cotangent = cotangent.sum(axis=stretched, keepdims=True) if stretched else cotangent
    return np.broadcast_to(cotangent, shape)
