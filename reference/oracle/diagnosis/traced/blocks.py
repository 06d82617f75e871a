"""What each position of a product contributes to an argument: a loop over blocks may leave some of them out."""

from collections.abc import Callable, Iterator

import numpy as np

from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.traced.sites import Sites, where_in_words
from reference.oracle.diagnosis.view import View
from reference.oracle.tracing.graph import Node, summed_to

Back = Callable[[np.ndarray], np.ndarray]
# Positions along an axis, entries of all contributions together, and products of one argument.
MOST, ENTRIES, PRODUCTS = 128, 2_000_000, 64


def some_positions(view: View, sites: Sites) -> Iterator[Model]:
    """The contributions of some positions along an axis of the products with an argument, once each."""
    leaf = sites.graph.leaves[view.position]
    if leaf is None or not view.same_shape:
        return
    for ways in _by_shape(sites, leaf):
        shape = ways[0][0].value.shape
        if 3 <= len(ways) <= view.x.size - 1:
            parts = [back(sites.arriving[product]) for product, back in ways]
            words = f"{len(ways)} passes through {where_in_words(ways[0][0])}"
            yield from _some(view, np.stack([part.ravel() for part in parts], axis=1), words, "last_sample_only")
        for axis, size in enumerate(shape):
            if 3 <= size <= min(MOST, view.x.size - 1) and size * view.x.size <= ENTRIES:
                parts = [_of_one(sites, ways, axis, index) for index in range(size)]
                words = f"{size} positions along axis {axis} of {where_in_words(ways[0][0])}"
                alone = {0: "last_sample_only", 1: "time_overwritten" if len(shape) == 3 else "use_dropped"}
                yield from _some(
                    view, np.stack([part.ravel() for part in parts], axis=1), words, alone.get(axis, "use_dropped")
                )


def _by_shape(sites: Sites, leaf: Node) -> Iterator[list[tuple[Node, Back]]]:
    """The products that an argument enters as it stands, or in parts, those of one shape together."""
    found: dict[tuple[int, ...], list[tuple[Node, Back]]] = {}
    for way in _ways(sites, leaf):
        found.setdefault(way[0].value.shape, []).append(way)
    yield from (ways for ways in found.values() if len(ways) <= PRODUCTS)


def _ways(sites: Sites, leaf: Node) -> Iterator[tuple[Node, Back]]:
    """(product, the way of its cotangent back to the argument), through steps that only move entries."""
    waiting: list[tuple[Node, Back]] = [(leaf, lambda ct: ct)]
    for node, back in waiting:
        for user in sites.users[node] if len(waiting) <= PRODUCTS else ():
            for slot, parent in enumerate(user.parents):
                if parent is node and user in sites.arriving:
                    send = _through(user, slot, node, back)
                    if user.kind == "moved":
                        waiting.append((user, send))
                    elif user.kind == "product":
                        yield user, send


def _through(user: Node, slot: int, node: Node, back: Back) -> Back:
    return lambda ct: back(summed_to(user.pulls[slot](ct), node.value.shape))


def _of_one(sites: Sites, ways: list[tuple[Node, Back]], axis: int, index: int) -> np.ndarray:
    """What one position along an axis of the products sends to the argument."""
    total: np.ndarray = np.zeros(())
    for product, back in ways:
        only = np.zeros(product.value.shape)
        chosen = (slice(None),) * axis + (index,)
        only[chosen] = sites.arriving[product][chosen]
        total = total + back(only)
    return total


def _some(view: View, parts: np.ndarray, words: str, alone: str) -> Iterator[Model]:
    """The gradient that holds some of the contributions, where that is what came back; alone: the cause of one only."""
    rest = (view.got - view.expected).ravel() + parts.sum(axis=1)
    times, *_ = np.linalg.lstsq(parts, rest, rcond=None)
    counted = np.abs(times - 1) < 1e-4
    if not 0 < counted.sum() < len(counted) or np.max(np.abs(times[~counted])) > 1e-4:
        return
    predicted = view.expected - parts[:, ~counted].sum(axis=1).reshape(view.x.shape)
    lost = np.flatnonzero(~counted).tolist()
    cause = "samples_missing" if counted.sum() > 1 else alone
    yield Model(cause, f"lacks the contributions of {len(lost)} (number {lost[:8]}) of {words}", predicted, exact=True)
