"""A small number inside the logarithm of probabilities that the backward does without, or has where none is."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from reference.oracle.diagnosis.known.softmaxes import softmax_variants
from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.traced.normalizers import softmax_at
from reference.oracle.diagnosis.traced.numbers import EPSILON
from reference.oracle.diagnosis.traced.regions import Region, regions_to
from reference.oracle.diagnosis.traced.sites import Sites
from reference.oracle.diagnosis.traced.slopes import named
from reference.oracle.diagnosis.view import View
from reference.oracle.tracing.graph import Detour, Node

# What people add for safety in the backward.
USUAL = tuple(10.0**-power for power in range(3, 16))
# Digits that all wrong entries together must agree in, and the largest share of the error that may be left.
DIGITS, LEFT = 5.0, 1e-3


@dataclass(frozen=True)
class Logarithm:
    """log(q + small), or with q clipped at small, where q is some of the entries of p, or of 1 - p."""

    node: Node
    # Back from the logarithm to p.
    chain: tuple[Node, ...]
    p: Node
    turned: bool
    small: float
    # Where p comes from scores: that part of the forward, and the axis over which it sums, none for a sigmoid.
    region: Region | None = None
    axis: int | None = None

    @property
    def q(self) -> np.ndarray:
        """What the logarithm is taken of, in the shape of p."""
        return 1 - self.p.value if self.turned else self.p.value

    def arriving(self, ct: np.ndarray) -> np.ndarray:
        """The cotangent of the logarithm, entry by entry of p."""
        for step in self.chain:
            ct = step.pulls[0](ct) if step.kind == "moved" else ct
        return ct

    def whole(self, ct: np.ndarray) -> list[tuple[Node, np.ndarray]]:
        """The way back of log q, with its scores where it has some: no division, and so no number for safety."""
        ct, p = self.arriving(ct), self.p.value
        if self.region is None:
            return [(self.p, (-ct if self.turned else ct) / self.q)]
        scores = self.region.x
        if self.axis is None:
            return [(self.region.entrance, -ct * p if self.turned else ct / (1 + np.exp(scores)))]
        ct = -ct * p / self.q if self.turned else ct
        return [(self.region.entrance, ct - p * ct.sum(axis=self.axis, keepdims=True))]

    def divided(self, number: float, ct: np.ndarray) -> list[tuple[Node, np.ndarray]]:
        """The way back that divides by q and a number."""
        ct = self.arriving(ct)
        return [(self.p, (-ct if self.turned else ct) / (self.q + number))]

    def together(self, number: float, ct: np.ndarray) -> list[tuple[Node, np.ndarray]]:
        """The way back of log p and log(1 - p) that divides by p * (1 - p) and a number."""
        ct, p = self.arriving(ct), self.p.value
        return [(self.p, (-ct * p if self.turned else ct * (1 - p)) / (p * (1 - p) + number))]


def logarithms(view: View, sites: Sites) -> Iterator[Model]:
    """The gradients with another small number, or none, in all logarithms of probabilities."""
    found = [one for node in sites.nodes if node.name == "log" and (one := _read(sites, node))]
    small = list(dict.fromkeys(f"{one.small:.3g}" for one in found if one.small))
    if small:
        words = f"is the gradient without the {' and '.join(small)} that the forward has inside its logarithm"
        yield from _if_it_fits(view, sites, found, words, {one.node: one.whole for one in found})
    inside = f"{small[0]} inside its logarithm" if small else "none"
    for number in USUAL if found and not _tiny(found) else ():
        words = f"divides by a probability and {number:g}; the forward has {inside}"
        yield from _if_it_fits(view, sites, found, words, {one.node: _dividing(one, number) for one in found})
        if {one.turned for one in found} == {True, False}:
            words = f"divides by p * (1 - p) and {number:g}; the forward has {inside}"
            yield from _if_it_fits(view, sites, found, words, {one.node: _joint(one, number) for one in found})


def _tiny(found: list[Logarithm]) -> bool:
    return any(np.any(one.q <= 0) for one in found)


def _dividing(one: Logarithm, number: float) -> Detour:
    return lambda ct: one.divided(number, ct)


def _joint(one: Logarithm, number: float) -> Detour:
    return lambda ct: one.together(number, ct)


def _read(sites: Sites, node: Node) -> Logarithm | None:
    """A logarithm down to the probabilities, through what moves, shifts or clips them."""
    chain, turned, small, at = [], False, 0.0, node
    while len(at.parents) == 1:
        (below,) = at.parents
        number = _safety(at, turned)
        if number is not None:
            small = max(small, number)
        elif at.name == "subtract" and np.array_equal(at.value, 1 - below.value):
            turned = not turned
        elif at.kind != "moved" and at is not node:
            break
        chain, at = [*chain, at], below
    if at is node or not (np.all(at.value >= 0) and np.all(at.value <= 1 + 1e-9)):
        return None
    region, axis = _scores(sites, at)
    return Logarithm(node, tuple(chain[1:]), at, turned, small, region, axis)


def _safety(node: Node, turned: bool) -> float | None:
    """The small number that a step adds, or how far from 0 and 1 it clips; None for any other step."""
    (below,) = node.parents
    if node.name == "add" and node.value.shape == below.value.shape:
        more = node.value - below.value
        number = float(np.median(more))
        return number if 0 < number <= EPSILON and np.ptp(more) <= 1e-9 * np.max(np.abs(node.value)) else None
    if node.name not in ("maximum", "minimum") or node.again is None or node.value.shape != below.value.shape:
        return None
    far = -np.inf if node.name == "maximum" else np.inf
    bound = node.again(np.full(below.value.shape, far))
    number = float(np.max(bound)) if node.name == "maximum" else float(1 - np.min(bound))
    return number if np.ptp(bound) == 0 and 0 <= number <= EPSILON else None


def _scores(sites: Sites, p: Node) -> tuple[Region | None, int | None]:
    found = softmax_at(sites, p)
    if found and found[2] is softmax_variants:
        return found[0], found[1]
    sigmoids = [region for region in regions_to(sites, p) if region.pointwise and named(region) == "sigmoid"]
    return (sigmoids[-1] if sigmoids else None), None


def _if_it_fits(
    view: View, sites: Sites, found: list[Logarithm], words: str, detours: dict[Node, Detour]
) -> Iterator[Model]:
    """The prediction, where what it leaves of the error is nothing beside it.

    The error is that to the recorded steps' own gradient: the one measured may be too coarse for so small a number.
    """
    own = sites.graph.backward(sites.cotangent)[view.position]
    predicted = sites.graph.backward(sites.cotangent, detours)[view.position]
    if own is None or predicted is None or not view.same_shape or not np.isfinite(predicted).all():
        return
    left, before = np.max(np.abs(view.got - predicted), initial=0.0), np.abs(view.got - own)
    largest = float(np.max(before, initial=0.0))
    floor = max(float(left), np.finfo(float).eps * view.scale)
    digits = np.log10(np.maximum(before[before > LEFT * largest], floor) / floor).sum()
    if left <= LEFT * largest and digits >= DIGITS:
        least = min(float(np.min(one.q[one.arriving(np.ones(one.node.value.shape)) != 0])) for one in found)
        share = f"{largest / view.scale:.1e} of the largest true entry" if view.scale else "all there is"
        shown = (
            f"undoing it leaves {left:.1e} of an error of {largest:.1e}, which is {share}; the smallest probability "
        )
        shown += f"that the logarithm is taken of is {least:.3g}"
        yield Model("epsilon_one_side", words, predicted, exact=True, shown=shown, proven=True)
