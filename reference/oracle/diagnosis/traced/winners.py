"""Maxima, minima and choices inside the forward: who receives the gradient."""

from collections.abc import Callable, Iterator

import numpy as np

from reference.oracle.diagnosis.families import softmax
from reference.oracle.diagnosis.traced.sites import Sites, Slip, where_in_words
from reference.oracle.tracing.graph import Detour, Node

# (entries along the last axis, name of the step) -> the share of each
Shares = Callable[[np.ndarray, str], np.ndarray]


def winners(sites: Sites) -> Iterator[Slip]:
    """Every maximum, with other rules for the shares of its entries."""
    for group in sites.groups:
        if group[0].axes and sites.concerns(node.parents[0] for node in group):
            for cause, words, shares in RULES:
                detours = {node: _shared(node, shares) for node in group}
                yield Slip(cause, f"{words} in {where_in_words(group[-1])}", detours)


def choices(sites: Sites) -> Iterator[Slip]:
    """Every choice between two values, entry by entry: all to one of them, all to both, or each the other's share."""
    for group in sites.groups:
        two = all(len(node.partials) == 2 and _chooses(node) for node in group)
        if two and sites.concerns(parent for node in group for parent in node.parents):
            place = where_in_words(group[-1])
            for cause, words, shares in (
                ("mask_missing", "sends everything to the first of two values", (_ones, np.zeros_like)),
                ("mask_missing", "sends everything to the second of two values", (np.zeros_like, _ones)),
                ("mask_missing", "sends everything to both of two values", (_ones, _ones)),
                ("mask_wrong", "sends to each of two values what belongs to the other", (_inverse, _inverse)),
            ):
                yield Slip(cause, f"{words} in {place}", {node: _chosen(node, shares) for node in group})


def _chooses(node: Node) -> bool:
    first, second = (np.broadcast_to(partial, node.value.shape) for partial in node.partials)
    return bool(np.all((first == 0) | (first == 1)) and np.array_equal(first + second, np.ones(node.value.shape)))


def _ones(partial: np.ndarray) -> np.ndarray:
    return np.ones(partial.shape)


def _inverse(partial: np.ndarray) -> np.ndarray:
    return 1.0 - partial


def _chosen(node: Node, shares: tuple[Callable[[np.ndarray], np.ndarray], ...]) -> Detour:
    triples = list(zip(node.parents, node.partials, shares, strict=True))
    return lambda ct: [(parent, ct * share(partial)) for parent, partial, share in triples]


def _shared(node: Node, shares: Shares) -> Detour:
    (parent,) = node.parents
    shape, count = parent.value.shape, len(node.axes)
    last = tuple(range(-count, 0))
    moved = np.moveaxis(parent.value, node.axes, last)
    rows = moved.reshape(*moved.shape[: moved.ndim - count], -1)
    share = np.moveaxis(shares(rows, node.name).reshape(moved.shape), last, node.axes)
    kept = tuple(1 if axis in node.axes else size for axis, size in enumerate(shape))
    return lambda ct: [(parent, ct.reshape(kept) * share)]


def _only(number: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return (np.arange(rows.shape[-1]) == number[..., None]) * 1.0


def _best(rows: np.ndarray, name: str) -> np.ndarray:
    return rows.argmax(-1) if name == "max" else rows.argmin(-1)


def _worst(rows: np.ndarray, name: str) -> np.ndarray:
    return _only(_best(-rows, name), rows)


def _softly(rows: np.ndarray, name: str) -> np.ndarray:
    return softmax(rows if name == "max" else -rows, -1)


def _of_the_first(rows: np.ndarray, name: str) -> np.ndarray:
    return _only(np.broadcast_to(_best(rows[:1], name), rows.shape[:-1]), rows)


RULES: tuple[tuple[str, str, Shares], ...] = (
    ("mask_missing", "sends the whole gradient to all entries, not to the winner alone,", lambda r, _: np.ones_like(r)),
    ("wrong_derivative", "shares the gradient equally, as for a mean,", lambda r, _: np.full(r.shape, 1 / r.shape[-1])),
    ("wrong_derivative", "shares the gradient like a soft maximum", _softly),
    ("other_loss", "sends the whole gradient to every positive entry", lambda r, _: (r > 0) * 1.0),
    ("wrong_winner", "sends the gradient to the other extreme", _worst),
    ("wrong_winner", "sends the gradient to the first entry", lambda r, _: _only(np.zeros(r.shape[:-1]), r)),
    ("wrong_winner", "sends the gradient to the last", lambda r, _: _only(np.full(r.shape[:-1], r.shape[-1] - 1), r)),
    ("wrong_winner", "sends the gradient to the largest in size", lambda r, _: _only(np.abs(r).argmax(-1), r)),
    ("wrong_winner", "sends the gradient to the winners of the first example", _of_the_first),
    ("all_ties", "sends the whole gradient to every entry that ties", lambda r, n: (r == _extreme(r, n)) * 1.0),
)


def _extreme(rows: np.ndarray, name: str) -> np.ndarray:
    return rows.max(-1, keepdims=True) if name == "max" else rows.min(-1, keepdims=True)
