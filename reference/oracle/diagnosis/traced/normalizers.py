"""Softmax and log-softmax inside the forward: the known mistakes of their backward, at the cotangent that arrives."""

from collections.abc import Callable, Iterator

import numpy as np

from reference.oracle.diagnosis.known.softmaxes import log_softmax_variants, normalized, softmax_variants
from reference.oracle.diagnosis.traced.regions import Region, regions_to
from reference.oracle.diagnosis.traced.sites import Sites, Slip, where_in_words
from reference.oracle.tracing.graph import Detour, Node

Variants = Callable[[np.ndarray, np.ndarray, int], Iterator[tuple[str, str, np.ndarray]]]


def normalizers(sites: Sites) -> Iterator[Slip]:
    """Every place in the code where scores become probabilities, or their logarithms."""
    for group in sites.groups:
        found = [_softmax(sites, node) for node in group]
        if all(found):
            yield from _slips([one for one in found if one])


def _softmax(sites: Sites, node: Node) -> tuple[Region, int, Variants] | None:
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


def _slips(found: list[tuple[Region, int, Variants]]) -> Iterator[Slip]:
    first, axis, variants = found[0]
    place = where_in_words(first.exit)
    for number, (cause, words, _) in enumerate(variants(first.x, np.ones(first.y.shape), axis)):
        detours = {region.exit: _wrong(region, axis, variants, number) for region, axis, variants in found}
        yield Slip(cause, f"{words} in {place}", detours)
    yield Slip(
        "identity", f"passes the cotangent unchanged through {place}", {r.exit: _straight(r) for r, _, _ in found}
    )
    if first.entrance.kind != "leaf":
        words = f"has the derivative of softmax once too often behind {place}"
        yield Slip("derivative_twice", words, {r.entrance: _again(r, axis, whole=True) for r, axis, _ in found})
        words = f"has a factor p * (1 - p) behind {place}, whose derivative contains it"
        yield Slip("derivative_twice", words, {r.entrance: _again(r, axis, whole=False) for r, axis, _ in found})


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
