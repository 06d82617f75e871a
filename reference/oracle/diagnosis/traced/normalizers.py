"""Softmax and log-softmax inside the forward: the known mistakes of their backward, at the cotangent that arrives."""

from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np

from reference.oracle.diagnosis.known.softmaxes import log_softmax_variants, normalized, softmax_variants
from reference.oracle.diagnosis.structure import axes_in_words
from reference.oracle.diagnosis.traced.regions import Region, regions_to
from reference.oracle.diagnosis.traced.sites import Sites, Slip, where_in_words
from reference.oracle.tracing.graph import Detour, Node

Variants = Callable[[np.ndarray, np.ndarray, int], Iterator[tuple[str, str, np.ndarray]]]


# Other values whose probabilities are tried.
MOST = 8


def normalizers(sites: Sites) -> Iterator[Slip]:
    """Every place in the code where scores become probabilities, or their logarithms."""
    for group in sites.groups:
        found = [softmax_at(sites, node) for node in group]
        if all(found):
            yield from _slips(sites, [one for one in found if one])


def softmax_at(sites: Sites, node: Node) -> tuple[Region, int, Variants] | None:
    """(region, axis, mistakes) of the longest region to a step that is a softmax or its logarithm."""
    best = None
    for region in regions_to(sites, node):
        if region.x.shape != region.y.shape or not region.x.ndim:
            continue
        for axis in range(region.x.ndim):
            if np.allclose(p := normalized(region.x, axis), region.y, rtol=1e-9, atol=1e-12):
                best = (region, axis, softmax_variants)
            elif np.allclose(np.log(p), region.y, rtol=1e-9, atol=1e-9):
                best = (region, axis, log_softmax_variants)
    return best


def _slips(sites: Sites, found: list[tuple[Region, int, Variants]]) -> Iterator[Slip]:
    first, axis, variants = found[0]
    place = where_in_words(first.exit)
    for number, (cause, words, _) in enumerate(variants(first.x, np.ones(first.y.shape), axis)):
        detours = {region.exit: _wrong(region, axis, variants, number) for region, axis, variants in found}
        yield Slip(cause, f"{words} in {place}", detours)
    whole = first.entrance.kind == "leaf" and first.exit is sites.graph.out
    cause = "identity" if whole else "derivative_missing"
    yield Slip(cause, f"passes the cotangent unchanged through {place}", {r.exit: _straight(r) for r, _, _ in found})
    log = variants is log_softmax_variants
    yield from _of_other_scores(sites, found, place, log)
    yield from _before_reshaping(found, place, log)
    if first.entrance.kind != "leaf":
        words = f"has the derivative of softmax once too often behind {place}"
        yield Slip("derivative_twice", words, {r.entrance: _again(r, axis, whole=True) for r, axis, _ in found})
        words = f"has a factor p * (1 - p) behind {place}, whose derivative contains it"
        yield Slip("derivative_twice", words, {r.entrance: _again(r, axis, whole=False) for r, axis, _ in found})


def _of_other_scores(sites: Sites, found: list[tuple[Region, int, Variants]], place: str, log: bool) -> Iterator[Slip]:
    """The probabilities of another value of that shape: of the scores before a mask, a noise or a temperature."""
    first, axis, _ = found[0]
    others = [
        node for node in sites.nodes if node.value.shape == first.x.shape and node not in (first.entrance, first.exit)
    ]
    for node in others[:MOST] if len(found) == 1 else ():
        what = sites.leaf_name(node) or f"the value of {where_in_words(node)}"
        for words, q in ((f"takes softmax of {what}", normalized(node.value, axis)), (f"has {what}", node.value)):
            words = f"{words} for the probabilities in {place}"
            yield Slip("wrong_operand", words, {first.exit: _by(first, q, (axis,), log)})


def _before_reshaping(found: list[tuple[Region, int, Variants]], place: str, log: bool) -> Iterator[Slip]:
    """Sums over some of the axes that were flattened into one."""
    first = found[0][0]
    if len(found) != 1 or first.entrance.name != "reshape" or len(first.entrance.parents) != 1:
        return
    shape = first.entrance.parents[0].value.shape
    q = np.exp(first.y) if log else first.y
    for count in range(1, len(shape)):
        for axes in combinations(range(len(shape)), count):
            words = f"sums over {axes_in_words(axes)} in {place}, whose scores are flattened first"
            yield Slip("coupled_over_wrong_axis", words, {first.exit: _by(first, q, axes, log, shape)})


def _by(
    region: Region, p: np.ndarray, axes: tuple[int, ...], log: bool, shape: tuple[int, ...] | None = None
) -> Detour:
    """The way back through softmax or its logarithm with other probabilities, summed over these axes of this shape."""
    shape = shape or region.x.shape

    def detour(ct: np.ndarray) -> list[tuple[Node, np.ndarray]]:
        c, q = ct.reshape(shape), p.reshape(shape)
        back = c - q * c.sum(axes, keepdims=True) if log else q * (c - (q * c).sum(axes, keepdims=True))
        return [(region.entrance, back.reshape(region.x.shape))]

    return detour


def _wrong(region: Region, axis: int, variants: Variants, number: int) -> Detour:
    return lambda ct: [(region.entrance, list(variants(region.x, ct, axis))[number][2])]


def _straight(region: Region) -> Detour:
    return lambda ct: [(region.entrance, ct)]


def _again(region: Region, axis: int, whole: bool) -> Detour:
    """The right way back to the scores, and softmax's derivative (or its diagonal) once more."""
    p = normalized(region.x, axis)

    def detour(ct: np.ndarray) -> list[tuple[Node, np.ndarray]]:
        more = p * (ct - np.sum(p * ct, axis=axis, keepdims=True)) if whole else p * (1 - p) * ct
        return region.entrance.sent(more)

    return detour
