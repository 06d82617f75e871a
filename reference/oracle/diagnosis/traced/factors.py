"""Factors inside the forward: left out on the way back, applied twice, or taken from the other operand."""

from collections.abc import Callable, Iterator

import numpy as np

from reference.oracle.diagnosis.traced.sites import Group, Sites, Slip, where_in_words
from reference.oracle.tracing.graph import Detour, Node

# A window at the edge of an image has so many different numbers of entries at most.
MOST_COUNTS = 16


def factors(sites: Sites) -> Iterator[Slip]:
    """Every product and quotient, operand by operand."""
    for group in sites.groups:
        if group[0].kind == "pointwise" and group[0].name in ("multiply", "divide", "power"):
            yield from _of(sites, group)
        elif group[0].kind == "pointwise" and all(len(node.partials) == 2 and _choice(node) for node in group):
            yield from _branches(group)


def _choice(node: Node) -> bool:
    """Whether every entry is one of two values: a maximum, a minimum, a condition."""
    a, b = node.partials
    return bool(np.all(np.isin(a, (0, 1))) and np.all(a + b == 1) and 0 < a.sum() < a.size)


def _branches(group: Group) -> Iterator[Slip]:
    """The two branches exchanged, or one of them everywhere."""
    place = where_in_words(group[-1])
    swapped = {node: _both(node, node.partials[1], node.partials[0]) for node in group}
    yield Slip("mask_wrong", f"has the two branches exchanged in {place}", swapped)
    for number, words in ((0, "first"), (1, "second")):
        alone = {n: _both(n, np.full_like(n.value, 1 - number), np.full_like(n.value, number)) for n in group}
        yield Slip("wrong_derivative", f"has the derivative of the {words} branch everywhere in {place}", alone)


def _both(node: Node, first: np.ndarray, second: np.ndarray) -> Detour:
    return lambda ct: [(node.parents[0], ct * first), (node.parents[1], ct * second)]


def _of(sites: Sites, group: Group) -> Iterator[Slip]:
    last = group[-1]
    if len(last.parents) > len(set(last.parents)):
        return  # a square: its slope is a matter of slopes
    place = where_in_words(last)
    for position, partial in zip(last.positions, last.partials, strict=True):
        cause, what = _factor(sites, last, position, partial)
        if cause == "sum_term_missing" and len(group) > 1 and what != "of the other operand":
            cause = "argument_factor_missing"
        yield Slip(cause, f"lacks the factor {what} in {place}", _with(group, position, np.ones_like))
        yield Slip(cause, f"has the factor {what} twice in {place}", _with(group, position, np.square))
        if cause == "scaled_by_keep_rate":
            kept = float(abs(partial.flat[0]))
            keep = min(kept, 1 / kept)
            for number in (1 / (1 - keep), keep, 1 - keep, 1.0 / keep**2):
                words = f"has the factor {number:.4g} where the forward has {kept:.4g} in {place}"
                yield Slip(cause, words, _with(group, position, lambda p, n=number: np.full_like(p, n)))
        if np.ptp(partial) > 0:
            words = f"multiplies by {what} where the forward divides, or the other way round, in {place}"
            yield Slip("wrong_operand", words, _with(group, position, np.reciprocal))
        if len(last.parents) == 1 and last.value.ndim > 2 and 1 < len(np.unique(partial)) <= MOST_COUNTS:
            yield from _one_count(group, position, "padding_counted", (np.max(partial), np.min(partial)))
        elif len(last.parents) == 1 and _counts_of(partial):
            sizes = {1 / size for size in last.parents[0].parents[0].value.shape if size > 1} if _sums(last) else set()
            yield from _one_count(group, position, "ignored_rows", (np.max(partial), np.min(partial), *sorted(sizes)))
        if len(last.partials) == 2:
            swapped = {n: _sent(n, n.slot(position), n.partials[1 - position]) for n in group if len(n.partials) == 2}
            yield Slip("wrong_operand", f"multiplies by the other operand in {place}", swapped)


def _counts_of(partial: np.ndarray) -> bool:
    """Whether a factor is one over several whole numbers."""
    with np.errstate(all="ignore"):
        counts = 1 / partial
    return bool(np.ptp(partial) > 0 and np.isfinite(counts).all() and np.allclose(counts, np.round(counts)))


def _sums(node: Node) -> bool:
    return node.parents[0].kind == "summed"


def _one_count(group: Group, position: int, cause: str, factors: tuple[float, ...]) -> Iterator[Slip]:
    """One of the factors everywhere, where the forward has several."""
    for factor in dict.fromkeys(factors):
        words = f"has the factor {factor:.4g} everywhere in {where_in_words(group[-1])}, where the forward has several"
        yield Slip(cause, words, _with(group, position, lambda p, f=factor: np.full_like(p, f)))


def _factor(sites: Sites, node: Node, position: int, partial: np.ndarray) -> tuple[str, str]:
    """(cause, words) of a factor that is missing: a mask, a number, an argument, a value."""
    if np.any(partial == 0) and len(np.unique(partial)) <= 2:
        return "mask_missing", "mask"
    if np.ptp(partial) == 0:
        return _averaging(sites, node, float(partial.flat[0])) or scaling(sites, float(partial.flat[0]))
    others = [parent for parent in node.parents if parent is not node.parents[node.slot(position) or 0]]
    argument = next(filter(None, map(sites.leaf_name, others)), "")
    own = node.parents[node.slot(position) or 0]
    if others and set(others) & ancestors(own, pointwise=bool(argument)):
        return "sum_term_missing", argument or "of the other operand"
    if not argument and sites.leaf_name(own) and len(sites.users[own]) == 1:
        return "local_factor", "of the other operand"
    return "argument_factor_missing", argument or "of the other operand"


def _averaging(sites: Sites, node: Node, value: float) -> tuple[str, str] | None:
    """The same of a number that is one over the entries of the very sum that it divides."""
    (summed,) = node.parents[:1]
    while summed.kind == "moved" and len(summed.parents) == 1:
        (summed,) = summed.parents
    if summed.kind != "summed" or not summed.value.size:
        return None
    before = summed.parents[0].value
    count = before.size // summed.value.size
    if count < 2 or abs(value * count - 1) > 1e-9:
        return None
    over_examples = before.shape[:1] != summed.value.shape[:1]
    return None if over_examples else (_inner(sites, before, summed.value), f"1/{count}")


def _inner(sites: Sites, before: np.ndarray, after: np.ndarray) -> str:
    """What a sum within each example counts."""
    rank = max((leaf.value.ndim for leaf in sites.graph.leaves if leaf), default=0)
    return "scaled_by_window" if before.ndim > rank else "scaled_by_spatial" if before.ndim > 2 else "scaled_by_size"


def ancestors(node: Node, pointwise: bool = False) -> set[Node]:
    """All steps that a step depends on, or those of which each entry uses the same entry only."""
    seen, waiting = set(), list(node.parents) if node.kind == "pointwise" or not pointwise else []
    while waiting:
        before = waiting.pop()
        if before not in seen:
            seen.add(before)
            waiting += before.parents if before.kind == "pointwise" or not pointwise else ()
    return seen


def scaling(sites: Sites, value: float) -> tuple[str, str]:
    """The cause of a constant factor that is missing: what it counts, where it counts anything."""
    size = max(abs(value), 1 / abs(value)) if value else 0.0
    words = f"{value:.6g}" if abs(value) >= 1 else f"1/{size:.6g}"
    if size != 2 and _drops(sites) and not float(size).is_integer():
        return "scaled_by_keep_rate", words
    for cause, count in _counts(sites):
        if size in (count, 2 * count):
            return cause, words
    sizes = {n for other in sites.nodes for n in other.value.shape if n > 1}
    if size != 2 and any(abs(size * size - n) < 1e-9 for n in sizes):
        return "scaled_by_root", words
    return ("scaled_by_two" if size == 2 else "scaled"), words


def _drops(sites: Sites) -> bool:
    """Whether the forward multiplies by a mask that does not depend on its arguments."""
    masks = (partial for node in sites.nodes if node.name == "multiply" for partial in node.partials)
    return any(set(np.unique(mask)) == {0.0, 1.0} for mask in masks)


def _counts(sites: Sites) -> Iterator[tuple[str, int]]:
    """What the sums of the forward count: examples, positions, a window."""
    rank = max((leaf.value.ndim for leaf in sites.graph.leaves if leaf), default=0)
    batch = next((len(leaf.value) for leaf in sites.graph.leaves if leaf and leaf.value.ndim), 1)
    if batch > 1:
        yield "scaled_by_batch", batch
    for node in sites.nodes:
        if node.kind == "summed" and node.value.size:
            before = node.parents[0].value
            count = before.size // node.value.size
            inner = before.ndim > 2 and len(before) in node.value.shape
            cause = "scaled_by_window" if before.ndim > rank else "scaled_by_spatial" if inner else "scaled_by_size"
            if count > 1:
                yield cause, count


def _with(group: Group, position: int, change: Callable[[np.ndarray], np.ndarray]) -> dict[Node, Detour]:
    slots = {node: slot for node in group if (slot := node.slot(position)) is not None}
    return {node: _sent(node, slot, change(node.partials[slot])) for node, slot in slots.items()}


def _sent(node: Node, slot: int | None, partial: np.ndarray) -> Detour:
    """The right cotangents, but for one operand."""

    def detour(ct: np.ndarray) -> list[tuple[Node, np.ndarray]]:
        return [
            (parent, ct * partial if i == slot else pull(ct))
            for i, (parent, pull) in enumerate(zip(node.parents, node.pulls, strict=True))
        ]

    return detour
