"""What each example, or each pass through a loop, contributes to a parameter, and which of it a gradient holds."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.traced.sites import Sites, without
from reference.oracle.diagnosis.view import View
from reference.oracle.tracing.graph import Node, summed_to

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


def some_examples(view: View, sites: Sites) -> Iterator[Model]:
    """The contributions of some of the examples, once each: the last one, or all but a few."""
    leaf = sites.graph.leaves[view.position]
    rows = _by_row(sites, leaf) if leaf is not None and view.same_shape else []
    if not 3 <= len(rows) <= view.x.size:
        return
    parts = np.stack([row.ravel() for row in rows], axis=1)
    rest = (view.got - view.expected).ravel() + parts.sum(axis=1)
    times, *_ = np.linalg.lstsq(parts, rest, rcond=None)
    counted = np.flatnonzero(np.abs(times - 1) < 1e-4)
    if not 0 < len(counted) < len(rows) or np.max(np.abs(np.delete(times, counted))) > 1e-4:
        return
    predicted = view.expected + (parts[:, counted].sum(axis=1) - parts.sum(axis=1)).reshape(view.x.shape)
    if len(counted) == 1:
        words = f"holds the contribution of one example only (number {counted[0]} of {len(rows)})"
        yield Model("last_sample_only", words, predicted, exact=True)
    else:
        lost = sorted(set(range(len(rows))) - set(counted.tolist()))
        words = f"lacks the contributions of {len(lost)} of {len(rows)} examples (number {lost[:8]})"
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
    """The contributions to an argument that one step uses, row by row of its output; penalties have none."""
    edges = [(user, slot) for user in sites.users[leaf] for slot, parent in enumerate(user.parents) if parent is leaf]
    steps = [(user, slot) for user, slot in edges if _takes_rows(user, leaf)]
    if len(steps) != 1 or len(steps[0][0].value) > MOST:
        return []
    ((user, slot),) = steps
    rows = (np.where(row, sites.arriving[user], 0.0) for row in _rows(user.value))
    return [summed_to(user.pulls[slot](row), leaf.value.shape) for row in rows]


def _takes_rows(user: Node, leaf: Node) -> bool:
    """A product with the argument, or a sum to which it is added row by row."""
    return user.value.ndim > 1 and (user.kind == "product" or (user.kind == "pointwise" and leaf.value.ndim == 1))


def _rows(array: np.ndarray) -> Iterator[np.ndarray]:
    numbers = np.arange(len(array)).reshape(-1, *(1,) * (array.ndim - 1))
    return (numbers == index for index in range(len(array)))
