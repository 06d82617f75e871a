"""The states that a loop hands on: the cotangent of another one, or the last one's at all of them."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.traced.sites import Sites, Slip, where_in_words
from reference.oracle.diagnosis.view import View
from reference.oracle.tracing.graph import Detour, Node


def states(sites: Sites) -> Iterator[Slip]:
    """The upstream cotangent of the last state, which alone is the output, given to all states before it as well."""
    last = _last_state(sites)
    group = next((group for group in sites.groups if last in group), ())
    if last is None or len(group) < 2:
        return
    extra = sites.cotangent.reshape(last.value.shape)
    fed = {node: _with(node, extra) for node in group if node is not last and node.value.shape == last.value.shape}
    yield Slip("sum_term_missing", f"feeds the upstream cotangent in at every pass of {where_in_words(last)}", fed)


def _last_state(sites: Sites) -> Node | None:
    """The step that is the output, but for moves."""
    node, ones = sites.graph.out, np.ones(sites.cotangent.size)
    while node is not None and node.kind == "moved":
        reached = [pair for pair in node.sent(ones.reshape(node.value.shape)) if pair[1].any()]
        node, ones = reached[0] if len(reached) == 1 else (None, ones)
    return node if node is not None and node.value.size == sites.cotangent.size else None


def _with(node: Node, extra: np.ndarray) -> Detour:
    return lambda ct: node.sent(ct + extra)


def neighbours(view: View, sites: Sites) -> Iterator[Model]:
    """An initial state's gradient that is the cotangent of a state behind it, which a loop uses in the same place."""
    leaf = sites.graph.leaves[view.position]
    if leaf is None or not view.same_shape:
        return
    places = {(user.place, user.name) for user in sites.users[leaf]}
    for group in sites.groups:
        for turn, node in enumerate(group):
            again = any((user.place, user.name) in places for user in sites.users[node])
            if again and node.value.shape == leaf.value.shape and node in sites.arriving:
                words = f"is the cotangent of the state that pass {turn} of {where_in_words(node)} makes"
                yield Model("time_off_by_one", words, sites.arriving[node], exact=True)
