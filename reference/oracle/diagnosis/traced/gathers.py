"""Entries that are read several times, in windows or by an index: what comes back is assigned, or sent in part."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.diagnosis.traced.sites import Group, Sites, Slip, where_in_words
from reference.oracle.tracing.graph import Detour, Node

# Steps that make copies of entries side by side, which is no overlap.
COPYING = ("repeat", "tile", "broadcast_to")


def gathers(sites: Sites) -> Iterator[Slip]:
    """Every place in the code that reads entries which it, or another, reads again."""
    reads = [group for group in sites.groups if all(_reads(node) for node in group) and sites.concerns(_read(group))]
    for group in reads:
        words = where_in_words(group[-1])
        if _meets(group):
            yield from _assigned(sites, group, f"in {words}")
        for node in group[:1] if len(group) == 1 else ():
            yield from _parts(node, words)
    for group in sites.groups:
        if group[0].parents[0].kind == "moved" and (sources := _repeating(sites, group)):
            yield from _assigned(sites, group, f"in {where_in_words(group[-1])}", sources)
    for leaf in (leaf for leaf in sites.graph.leaves if leaf):
        several = [group for group in reads if _read(group) == {leaf}]
        if len(several) > 1:
            yield from _assigned(sites, tuple(n for group in several for n in group), "wherever it is read", apart=True)


def _repeating(sites: Sites, group: Group) -> list[np.ndarray]:
    """The entries of an argument that moves, one behind the other, read more than once; nothing where they do not."""
    read = [sites.entries(node) if _reads(node) and sites.concerns([node]) else None for node in group]
    sources = [entries for entries in read if entries is not None]
    repeated = len(sources) == len(read) and all(len(np.unique(entries)) < entries.size for entries in sources)
    return sources if repeated else []


def _reads(node: Node) -> bool:
    return node.source is not None and node.name not in ("setitem", "pad") and node.value.size > 0


def _read(group: Group) -> set[Node]:
    return {node.parents[0] for node in group}


def _meets(group: Group) -> bool:
    """Whether an entry of one array is read more than once."""
    if len(_read(group)) > 1:
        return False
    entries = np.concatenate([node.source[node.source >= 0] for node in group if node.source is not None])
    return len(np.unique(entries)) < entries.size


def _assigned(
    sites: Sites, group: Group, place: str, sources: list[np.ndarray] | None = None, apart: bool = False
) -> Iterator[Slip]:
    """The last contribution in the place of the sum, or the first where the way back runs through the loop backwards.

    apart: each read for itself, and their results added.
    """
    cause = "repeated_index_dropped" if _by_index(group) else "overlap_dropped"
    cause = "use_dropped" if all(node.name in COPYING for node in group) else cause
    for last in (True, False):
        detours = {}
        for nodes in [(node,) for node in group] if apart else [group]:
            detours |= _keeping(nodes, last, sources)
        which = "last" if last else "first"
        yield Slip(
            cause, f"holds the {which} of several contributions to an entry {place}: assigned, not added", detours
        )


def _by_index(group: Group) -> bool:
    """Whether the same read meets an entry more than once, as an index does that repeats."""
    return any(
        node.name in ("getitem", "take") and node.source is not None and len(np.unique(node.source)) < node.source.size
        for node in group
    )


def _keeping(nodes: Group, last: bool, read: list[np.ndarray] | None = None) -> dict[Node, Detour]:
    """Of all reads of an entry, one after the other, only the last (or the first) sends back."""
    order = nodes if last else nodes[::-1]
    own = read or [node.source for node in nodes if node.source is not None]
    sources = [source.ravel() if last else source.ravel()[::-1] for source in (own if last else own[::-1])]
    joined = np.concatenate(sources)
    owner = np.full(int(joined.max(initial=0)) + 1, -1)
    places = np.arange(joined.size)
    owner[joined[joined >= 0]] = places[joined >= 0]
    kept = (joined >= 0) & (owner[joined] == places)
    detours, start = {}, 0
    for node, source in zip(order, sources, strict=True):
        mine = kept[start : start + source.size]
        start += source.size
        detours[node] = _masked(node, (mine if last else mine[::-1]).reshape(node.value.shape))
    return detours


def _masked(node: Node, mask: np.ndarray) -> Detour:
    (parent,), (pull,) = node.parents, node.pulls
    return lambda ct: [(parent, pull(np.where(mask, ct, 0.0)))]


def _parts(node: Node, words: str) -> Iterator[Slip]:
    """One index along an axis of what is read sends back, or all but one."""
    for axis, size in enumerate(node.value.shape) if node.value.size > node.parents[0].value.size / 2 else ():
        along = np.arange(size).reshape(tuple(size if a == axis else 1 for a in range(node.value.ndim)))
        alone = "last_sample_only" if axis == 0 else "use_dropped"
        for number, which in ((size - 1, "last"), (0, "first")) if 2 < size <= 64 else ():
            text = f"holds what comes back through the {which} of {size} positions of axis {axis} of {words} only"
            yield Slip(alone, text, {node: _masked(node, np.broadcast_to(along == number, node.value.shape))})
            text = f"lacks what comes back through the {which} of {size} positions of axis {axis} of {words}"
            mask = np.broadcast_to(along != number, node.value.shape)
            yield Slip("samples_missing", text, {node: _masked(node, mask)})
