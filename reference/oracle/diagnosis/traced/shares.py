"""What each example, or each pass through a loop, contributes to a parameter, and which of it a gradient holds."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.traced.sites import Sites, without
from reference.oracle.diagnosis.view import View
from reference.oracle.tracing.graph import Node

# Examples or passes, and steps back in all.
MOST, STEPS_BACK = 128, 200_000


def shares(view: View, sites: Sites) -> Iterator[Model]:
    """A gradient that, column by column, holds the contributions from some example on: assigned, not added to."""
    leaf = sites.graph.leaves[view.position]
    if leaf is None or not view.same_shape or view.x.ndim != 2:
        return
    for parts in _each(sites, leaf, view.position):
        rest = view.expected - np.sum(parts, axis=0)
        sums = np.cumsum(np.stack([np.zeros(view.x.shape), *parts[::-1]]), axis=0)[::-1] + rest
        for axis in (1, 0):
            starts, predicted = _starts(view, sums, axis)
            if len(set(starts)) > 1:
                words = (
                    f"holds, along axis {axis}, the contributions from number {starts[:8]} on only: assigned, not added"
                )
                yield Model("samples_missing", words, predicted, exact=True)


def _each(sites: Sites, leaf: Node, position: int) -> Iterator[list[np.ndarray]]:
    """The contributions of the rows of a product, and of the passes through each place in a loop."""
    rows = _by_row(sites, leaf)
    if 3 <= len(rows) <= MOST:
        yield rows
    truth = sites.graph.backward(sites.cotangent)[position]
    steps = 0
    for group in sites.groups:
        more = len(group) * len(sites.nodes)
        if 3 <= len(group) <= MOST and steps + more <= STEPS_BACK and len(group[0].parents) == 1:
            steps += more
            left = [sites.graph.backward(sites.cotangent, {n: without(n, [0])})[position] for n in group]
            parts = [truth - part for part in left if part is not None and truth is not None]
            if len(parts) == len(group) and any(part.any() for part in parts):
                yield parts


def _starts(view: View, sums: np.ndarray, axis: int) -> tuple[list[int], np.ndarray]:
    """For every slice the first example from which on the contributions add up to it best, and those sums."""
    truth, got = np.moveaxis(sums, axis + 1, 1), np.moveaxis(view.got, axis, 0)
    distance = np.max(np.abs(truth - got), axis=2)
    starts = np.argmin(distance, axis=0)
    return starts.tolist(), np.moveaxis(truth[starts, np.arange(len(got))], 0, axis)


def _by_row(sites: Sites, leaf: Node) -> list[np.ndarray]:
    """The contributions to an argument that one product uses, row by row of its output."""
    edges = [(user, slot) for user in sites.users[leaf] for slot, parent in enumerate(user.parents) if parent is leaf]
    products = [(user, slot) for user, slot in edges if user.kind == "product" and user.value.ndim > 1]
    if len(products) != 1 or len(products[0][0].value) > MOST:
        return []
    ((user, slot),) = products
    return [user.pulls[slot](np.where(row, sites.arriving[user], 0.0)) for row in _rows(user.value)]


def _rows(array: np.ndarray) -> Iterator[np.ndarray]:
    numbers = np.arange(len(array)).reshape(-1, *(1,) * (array.ndim - 1))
    return (numbers == index for index in range(len(array)))
