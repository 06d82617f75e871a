"""What each example, or each pass through a loop, contributes to a parameter: and of which of them a gradient is made."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.traced.sites import Sites
from reference.oracle.diagnosis.view import View
from reference.oracle.tracing.graph import Node, summed_to

MOST = 128


def shares(view: View, sites: Sites) -> Iterator[Model]:
    """A gradient that, column by column, holds the contributions from some example on: it was assigned, not added to."""
    leaf = sites.graph.leaves[view.position]
    parts = _parts(sites, leaf) if leaf else []
    if not 3 <= len(parts) <= MOST or not view.same_shape or view.x.ndim != 2:
        return
    sums = np.cumsum(np.stack([np.zeros(view.x.shape), *parts])[::-1], axis=0)[::-1]
    for axis in (1, 0):
        starts, predicted = _starts(view, sums, axis)
        if len(set(starts)) > 1:
            words = f"holds, along axis {axis}, the contributions of examples {starts[:8]} and later only: assigned, not added"
            yield Model("samples_missing", words, predicted, exact=True)


def _starts(view: View, sums: np.ndarray, axis: int) -> tuple[list[int], np.ndarray]:
    """For every slice the first example from which on the contributions add up to it best, and those sums."""
    truth, got = np.moveaxis(sums, axis + 1, 1), np.moveaxis(view.got, axis, 0)
    distance = np.max(np.abs(truth - got), axis=2)
    starts = np.argmin(distance, axis=0)
    return starts.tolist(), np.moveaxis(truth[starts, np.arange(len(got))], 0, axis)


def _parts(sites: Sites, leaf: Node) -> list[np.ndarray]:
    """The contributions to an argument that is used at one place: of each pass there, or of each row."""
    edges = [(user, slot) for user in sites.users[leaf] for slot, parent in enumerate(user.parents) if parent is leaf]
    places = {(user.place, user.name) for user, _ in edges}
    if len(places) != 1:
        return []
    if len(edges) > 1:
        return [summed_to(user.pulls[slot](sites.arriving[user]), leaf.value.shape) for user, slot in edges]
    ((user, slot),) = edges
    upstream = sites.arriving[user]
    if user.kind != "product" or upstream.ndim < 2 or len(upstream) > MOST:
        return []
    return [user.pulls[slot](np.where(row, upstream, 0.0)) for row in _rows(upstream)]


def _rows(array: np.ndarray) -> Iterator[np.ndarray]:
    numbers = np.arange(len(array)).reshape(-1, *(1,) * (array.ndim - 1))
    return (numbers == index for index in range(len(array)))
