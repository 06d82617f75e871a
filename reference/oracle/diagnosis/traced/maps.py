"""Parts of the forward that keep a shape: skipped on the way back, or gone through in the forward's direction."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.diagnosis.traced.regions import Region, regions_to
from reference.oracle.diagnosis.traced.sites import Sites, Slip, where_in_words
from reference.oracle.tracing.graph import Detour


def maps(sites: Sites) -> Iterator[Slip]:
    """Every part with one entrance and one exit of the same shape that is more than a move of entries."""
    for group in sites.groups:
        found = [{len(r.nodes): r for r in regions_to(sites, node) if r.x.shape == r.y.shape} for node in group]
        for length in sorted(set.intersection(*map(set, found)), reverse=True) if len(found) <= 64 else ():
            regions = [by_length[length] for by_length in found]
            if not any(r.pointwise for r in regions) and sites.concerns(r.entrance for r in regions):
                yield from _of(sites, regions)


def _of(sites: Sites, regions: list[Region]) -> Iterator[Slip]:
    first = regions[0]
    place = f"from {where_in_words(first.nodes[-1])} to {where_in_words(first.exit)}"
    whole = first.entrance.kind == "leaf" and first.exit is sites.graph.out
    cause = "identity" if whole else "derivative_missing"
    yield Slip(cause, f"passes the cotangent unchanged {place}", {r.exit: _straight(r) for r in regions})
    if _linear(first):
        words = f"multiplies by a matrix where its transpose belongs {place}"
        yield Slip("not_transposed", words, {r.exit: _forwards(r) for r in regions})


def _straight(region: Region) -> Detour:
    return lambda ct: [(region.entrance, ct)]


def _forwards(region: Region) -> Detour:
    def detour(ct: np.ndarray):
        there, origin = region.at(ct), region.at(np.zeros_like(ct))
        if there is None or origin is None:
            raise ValueError("the part cannot be run again")
        return [(region.entrance, there - origin)]

    return detour


def _linear(region: Region) -> bool:
    """Whether the forward through the part is its own derivative."""
    probe = np.cos(np.arange(region.x.size)).reshape(region.x.shape)
    there, twice, origin = (region.at(k * probe) for k in (1.0, 2.0, 0.0))
    if there is None or twice is None or origin is None:
        return False
    return np.allclose(twice - origin, 2 * (there - origin), rtol=1e-9, atol=1e-12)
