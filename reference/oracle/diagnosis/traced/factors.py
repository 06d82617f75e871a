"""Factors inside the forward: left out on the way back, applied twice, or taken from the other operand."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.diagnosis.traced.sites import Group, Sites, Slip, where_in_words
from reference.oracle.tracing.graph import Detour, Node


def factors(sites: Sites) -> Iterator[Slip]:
    """Every product and quotient, operand by operand."""
    for group in sites.groups:
        if group[0].kind == "pointwise" and group[0].name in ("multiply", "divide", "power"):
            yield from _of(sites, group)


def _of(sites: Sites, group: Group) -> Iterator[Slip]:
    first = group[0]
    for slot, partial in enumerate(first.partials):
        if len(first.parents) > 1 and len(set(first.parents)) == 1:
            continue  # a square: its slope is a matter of slopes
        cause, what = _factor(sites, first, slot, partial)
        place = where_in_words(first)
        yield Slip(cause, f"lacks the factor {what} in {place}", _with(group, slot, lambda p: np.ones_like(p)))
        yield Slip(cause, f"has the factor {what} twice in {place}", _with(group, slot, lambda p: p * p))
        if np.ptp(partial) > 0:
            words = f"multiplies by {what} where the forward divides, or the other way round, in {place}"
            yield Slip("wrong_operand", words, _with(group, slot, lambda p: 1 / p))
        if len(first.partials) == 2:
            other = 1 - slot
            words = f"multiplies by the other operand in {place}"
            yield Slip("wrong_operand", words, {n: _sent(n, slot, n.partials[other]) for n in group})


def _factor(sites: Sites, node: Node, slot: int, partial: np.ndarray) -> tuple[str, str]:
    """(cause, words) of a factor that is missing: a mask, a number, an argument, a value."""
    if np.any(partial == 0) and len(np.unique(partial)) <= 2:
        return "mask_missing", "mask"
    if np.ptp(partial) == 0:
        return scaling(node, float(partial.flat[0]))
    others = [sites.leaf_name(parent) for i, parent in enumerate(node.parents) if i != slot]
    argument = next(filter(None, others), "")
    return "argument_factor_missing", argument or "of the other operand"


def scaling(node: Node, value: float) -> tuple[str, str]:
    """The cause of a constant factor that is missing: what it counts, where it counts anything."""
    sizes = {size for parent in node.parents for size in (*parent.value.shape, *node.value.shape) if size > 1}
    if any(abs(value * value * size - 1) < 1e-9 or abs(value * value - size) < 1e-9 for size in sizes):
        return "scaled_by_root", f"{value:.6g}"
    if value in (2.0, 0.5):
        return "scaled_by_two", f"{value:.6g}"
    return "scaled", f"{value:.6g}"


def _with(group: Group, slot: int, change) -> dict[Node, Detour]:
    return {node: _sent(node, slot, change(node.partials[slot])) for node in group if slot < len(node.partials)}


def _sent(node: Node, slot: int, partial: np.ndarray) -> Detour:
    """The right cotangents, but for one operand."""

    def detour(ct: np.ndarray) -> list[tuple[Node, np.ndarray]]:
        return [
            (parent, ct * partial if i == slot else pull(ct))
            for i, (parent, pull) in enumerate(zip(node.parents, node.pulls, strict=True))
        ]

    return detour
