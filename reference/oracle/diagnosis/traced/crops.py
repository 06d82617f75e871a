"""Arrays placed inside larger ones, or repeated along an axis: cut out elsewhere, or one contribution kept."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.diagnosis.traced.sites import Sites, Slip, where_in_words
from reference.oracle.tracing.graph import Detour, Node


def crops(sites: Sites) -> Iterator[Slip]:
    """Padding cropped at the wrong end, and what is broadcast assigned instead of added."""
    for group in sites.groups:
        place = where_in_words(group[-1])
        if group[0].name in ("pad", "setitem", "concatenate") and all(map(_pads, group)):
            for end in ("start", "end"):
                words = f"is cropped at the {end} of the array that is padded in {place}"
                yield Slip("shifted", words, {node: _cropped(node, end) for node in group})
        for slot, parent in enumerate(group[0].parents) if group[0].kind == "pointwise" else ():
            if all(len(node.parents) > slot and _repeats(node, node.parents[slot]) for node in group):
                what = sites.leaf_name(parent) or "a value"
                words = f"keeps one contribution where {what} is used along an axis in {place}: assigned, not added"
                use = "use_dropped" if sites.leaf_name(parent) else "sum_term_missing"
                cause = "last_sample_only" if _over_examples(group[0], parent) else use
                yield Slip(cause, words, {node: _last(node, slot) for node in group})


def broadcasts(sites: Sites) -> Iterator[Slip]:
    """What is broadcast, summed over another axis of the same size than the one it was repeated along."""
    for group in sites.groups:
        for slot, parent in enumerate(group[0].parents) if group[0].kind == "pointwise" else ():
            if parent.value.ndim != 1 or not sites.concerns(
                node.parents[slot] for node in group if len(node.parents) > slot
            ):
                continue
            shape = group[0].value.shape
            for axis, size in enumerate(shape[:-1]):
                if size == parent.value.size > 1:
                    words = f"is summed over the other axes than axis {axis} in {where_in_words(group[-1])}"
                    detours = {node: _summed(node, slot, axis) for node in group}
                    yield Slip("reduced_over_wrong_axis", words, detours)


def _summed(node: Node, slot: int, axis: int) -> Detour:
    partial = np.broadcast_to(node.partials[slot], node.value.shape)
    others = tuple(a for a in range(node.value.ndim) if a != axis)
    return lambda ct: [
        (parent, (ct * partial).sum(axis=others) if i == slot else pull(ct))
        for i, (parent, pull) in enumerate(zip(node.parents, node.pulls, strict=True))
    ]


def _pads(node: Node) -> bool:
    if node.kind != "moved" or len(node.parents) != 1:
        return False
    inner, outer = node.parents[0].value.shape, node.value.shape
    return len(inner) == len(outer) and inner != outer and all(a <= b for a, b in zip(inner, outer, strict=True))


def _cropped(node: Node, end: str) -> Detour:
    (parent,) = node.parents
    pairs = list(zip(parent.value.shape, node.value.shape, strict=True))
    part = tuple(slice(0, a) if end == "start" else slice(b - a, b) for a, b in pairs)
    return lambda ct: [(parent, ct[part])]


def _repeats(node: Node, parent: Node) -> bool:
    return parent.value.ndim > 0 and parent.value.size > 1 and parent.value.size < node.value.size


def _over_examples(node: Node, parent: Node) -> bool:
    shape = (1,) * (node.value.ndim - parent.value.ndim) + parent.value.shape
    return shape[0] == 1 and node.value.shape[0] > 1


def _last(node: Node, slot: int) -> Detour:
    """The right cotangents, but of one parent the last contribution that is not zero in the place of their sum."""

    def detour(ct: np.ndarray) -> list[tuple[Node, np.ndarray]]:
        sent = node.sent(ct)
        parent, part = sent[slot]
        sent[slot] = parent, _kept(part, parent.value.shape)
        return sent

    return detour


def _kept(part: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    padded = (1,) * (part.ndim - len(shape)) + shape
    for axis, size in enumerate(padded):
        if size == 1 and part.shape[axis] > 1:
            last = part.shape[axis] - 1 - np.argmax(np.flip(part != 0, axis), axis=axis, keepdims=True)
            part = np.take_along_axis(part, last, axis)
    return part.reshape(shape)
