"""Two of a kind exchanged on the way back: the matrices of two products, the parts of an array, two constants."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from reference.oracle.diagnosis.traced.sites import Sites, Slip, replaced, where_in_words
from reference.oracle.tracing.graph import Detour, Node

# Of so many products, parts or constants all pairs are tried.
MOST = 8


def exchanges(sites: Sites) -> Iterator[Slip]:
    """Every pair of steps of one kind and shape that stand side by side."""
    for node in sites.nodes:
        if sites.concerns([node]):
            yield from _matrices(sites, node)
        yield from _parts(sites, node)
    for group in sites.groups:
        if group[0].name in ("concatenate", "stack", "hstack", "vstack") and len(group[0].parents) > 1:
            yield from _joined(sites, group)
    yield from _constants(sites)


def _matrices(sites: Sites, node: Node) -> Iterator[Slip]:
    """Products of one value with several matrices."""
    users = [user for user in sites.users[node] if user.kind == "product" and len(user.operands) == 2]
    if not 1 < len(users) <= MOST:
        return
    for a, b in combinations(users, 2):
        position = a.positions[a.parents.index(node)]
        if (
            position != b.positions[b.parents.index(node)]
            or a.operands[1 - position].shape != b.operands[1 - position].shape
        ):
            continue
        detours = {
            a: replaced(a, position, 1 - position, b.operands[1 - position]),
            b: replaced(b, position, 1 - position, a.operands[1 - position]),
        }
        words = f"multiplies by the matrices of {where_in_words(a)} and {where_in_words(b)} in each other's place"
        yield Slip("wrong_operand", words, detours)


def _parts(sites: Sites, node: Node) -> Iterator[Slip]:
    """Parts that an array is split into."""
    parts = [user for user in sites.users[node] if user.source is not None and user.value.size < node.value.size]
    if not 1 < len(parts) <= MOST or sum(part.value.size for part in parts) > node.value.size:
        return
    for a, b in combinations(parts, 2):
        if a.value.shape == b.value.shape:
            detours = {a: _through(a, b), b: _through(b, a)}
            yield Slip("row_permuted", f"has two parts of an array exchanged in {where_in_words(a)}", detours)


def _through(part: Node, other: Node) -> Detour:
    return lambda ct: other.sent(ct)


def _joined(sites: Sites, group: tuple[Node, ...]) -> Iterator[Slip]:
    """Arrays that are joined to one."""
    shapes = [parent.value.shape for parent in group[0].parents]
    for a, b in combinations(range(min(len(shapes), MOST)), 2):
        if shapes[a] == shapes[b] and all(len(node.parents) == len(shapes) for node in group):
            detours = {node: _swapped(node, a, b) for node in group}
            cause = "row_permuted" if sites.only_moves else "wrong_operand"
            yield Slip(cause, f"has two parts exchanged that {where_in_words(group[-1])} joins", detours)


def _swapped(node: Node, a: int, b: int) -> Detour:
    def detour(ct: np.ndarray) -> list[tuple[Node, np.ndarray]]:
        sent = node.sent(ct)
        sent[a], sent[b] = (sent[a][0], sent[b][1]), (sent[b][0], sent[a][1])
        return sent

    return detour


def _constants(sites: Sites) -> Iterator[Slip]:
    """Numbers that the forward multiplies by."""
    found = [group for group in sites.groups if all(_constant(node) is not None for node in group)]
    for a, b in combinations(found[:MOST], 2):
        one, other = _constant(a[0]), _constant(b[0])
        if one is not None and other is not None and one != other:
            detours = {n: _times(n, other) for n in a} | {n: _times(n, one) for n in b}
            words = f"has the factors {one:.6g} and {other:.6g} exchanged in {where_in_words(a[-1])}"
            yield Slip("wrong_operand", words, detours)


def _constant(node: Node) -> float | None:
    if node.name not in ("multiply", "divide") or len(node.partials) != 1 or np.ptp(node.partials[0]):
        return None
    return float(node.partials[0].flat[0])


def _times(node: Node, factor: float) -> Detour:
    (parent,) = node.parents
    return lambda ct: [(parent, ct * factor)]
