"""Contributions that a backward leaves out, counts twice, or gives the wrong sign or factor."""

from collections.abc import Iterable, Iterator

import numpy as np

from reference.oracle.diagnosis.traced.factors import ancestors
from reference.oracle.diagnosis.traced.regions import regions_to
from reference.oracle.diagnosis.traced.sites import Sites, Slip, from_before, where_in_words, without
from reference.oracle.tracing.graph import Node

Edges = dict[Node, list[int]]


def paths(sites: Sites) -> Iterator[Slip]:
    """Every group of contributions that stands at one place in the code, or on one way through it."""
    yield from _carried(sites)
    yield from _statistics(sites)
    yield from _uses(sites)
    yield from _operands(sites)


def slip(cause: str, words: str, edges: Edges, otherwise: str = "") -> Slip:
    """The contributions along these edges are left out."""
    detours = {node: without(node, slots) for node, slots in edges.items()}
    return Slip(cause, words, detours, scalable=True, otherwise=otherwise)


def _carried(sites: Sites) -> Iterator[Slip]:
    """What a loop hands from one pass to the next: all of it, one variable of it, or one use of it."""
    edges = [(node, i) for node in sites.nodes for i, parent in enumerate(node.parents) if from_before(node, parent)]
    ways: dict[str, Edges] = {}
    for node, i in edges:
        parent = node.parents[i]
        for key in (
            "anything from one step to the one before",
            f"the value of {where_in_words(parent)} from one step to the one before",
            f"the value of {where_in_words(parent)} to {where_in_words(node)} of the step before",
        ):
            ways.setdefault(key, {}).setdefault(node, []).append(i)
    for words, way in ways.items():
        yield slip("time_not_carried", f"does not carry {words}", way)


def _statistics(sites: Sites) -> Iterator[Slip]:
    """Sums that are spread again over what they were taken of: treated as constants, one by one and all together."""
    sums = [group for group in sites.groups if group[0].kind == "summed" and _spread(sites, group[0])]
    squares = [group for group in sums if _statistic(group[0])[0] != "diagonal_only"]
    alone = len(squares) == 1 and _statistic(squares[0][0])[0] == "centered_term_missing"
    if alone:
        mean = _is_averaged(sites, squares[0][0])
        words = f"treats the only {'statistic' if mean else 'length'} as a constant, that of "
        words += where_in_words(squares[0][0])
        detours = {node: without(node, [0]) for node in squares[0]}
        yield Slip("statistics_as_constants" if mean else "sum_term_missing", words, detours)
    if len(squares) > 1:
        words = "treats mean and variance as constants"
        yield slip("statistics_as_constants", words, {node: [0] for group in squares for node in group})
    for group in sums:
        cause, words = _statistic(group[0])
        words = f"{words} in {where_in_words(group[0])}"
        yield slip(cause, words, {node: [0] for node in group}, "sum_term_missing" if alone else "")


def _is_averaged(sites: Sites, node: Node) -> bool:
    """Whether a sum is divided by how many entries it adds: a mean, not a length."""
    count = node.parents[0].value.size // max(node.value.size, 1)
    behind = sites.users[node]
    return len(behind) == 1 and bool(behind[0].partials) and np.allclose(behind[0].partials[0] * count, 1)


def _spread(sites: Sites, node: Node) -> bool:
    waiting, seen = list(sites.users[node]), set()
    while waiting:
        user = waiting.pop()
        if user.kind not in ("pointwise", "moved") or user in seen:
            continue
        seen.add(user)
        if user.value.size > node.value.size:
            return True
        waiting += sites.users[user]
    return False


def _statistic(node: Node) -> tuple[str, str]:
    """What a sum is of: exponentials, squares, or the values themselves."""
    (source,) = node.parents
    if source.name == "exp":
        return "diagonal_only", "lacks the sum over the other entries"
    square = source.name in ("square", "power", "absolute") or (
        len(source.parents) == 2 and len({*source.parents}) == 1
    )
    if square:
        return "centered_term_missing", "lacks, or counts twice, the term through the sum of squares"
    return "mean_term_missing", "lacks, or counts twice, the term through the mean"


def _uses(sites: Sites) -> Iterator[Slip]:
    """Values that are used at several places: each use left out, and each use alone."""
    for node in sites.nodes:
        places: dict[tuple, list[tuple[Node, int]]] = {}
        for user in sites.users[node]:
            for i, parent in enumerate(user.parents):
                if parent is node:
                    position = user.positions[i] if user.positions else i
                    places.setdefault((user.place, user.name, position), []).append((user, i))
        if node.kind == "leaf" and len(places) == 1:
            yield from _turns(sites, node, next(iter(places.values())))
        for key, edges in places.items() if len(places) > 1 else ():
            cause = _use(sites, node, [user for user, _ in edges])
            what = sites.leaf_name(node) or "a value"
            yield slip(
                cause, f"lacks, or counts otherwise, the use of {what} in {where_in_words(edges[0][0])}", _of(edges)
            )
            if len(places) > 2:
                others = [edge for other, more in places.items() if other != key for edge in more]
                cause = _use(sites, node, [user for user, _ in others])
                yield slip(cause, f"holds only the use of {what} in {where_in_words(edges[0][0])}", _of(others))


def _use(sites: Sites, node: Node, users: list[Node]) -> str:
    last = _meeting(sites, node)
    out = sites.graph.out
    adds = last is not None and last.name in ("add", "subtract")
    if last is not None and adds and (last not in users or out is None or out.value.shape != node.value.shape):
        return "sum_term_missing"
    if last is not None and last.name != "add" and sites.leaf_name(node):
        return "wrong_derivative" if last.name == "divide" and last not in users else "sum_term_missing"
    if sites.leaf_name(node) and any(_in_a_norm(sites, user) for user in users):
        return "centered_term_missing"
    if node.kind == "leaf" and _skips(node, users[0]):
        return "skip_dropped"
    if sites.leaf_name(node):
        return "use_dropped"
    return "skip_dropped" if users[0].value.shape == node.value.shape and _skips(node, users[0]) else "sum_term_missing"


def _skips(node: Node, user: Node) -> bool:
    """Whether a step adds a value to something made of it."""
    return user.name == "add" and any(node in ancestors(other) for other in user.parents if other is not node)


def _meeting(sites: Sites, node: Node) -> Node | None:
    """The step at which all uses of a value meet again, where all works entry by entry until then: a product rule."""
    frontier, passed = set(sites.users[node]), 0
    while frontier:
        first = min(frontier, key=sites.order.__getitem__)
        if first.kind != "pointwise" or first.value.shape != node.value.shape:
            return None
        if len(frontier) == 1 and passed:
            return first
        frontier.remove(first)
        frontier.update(sites.users[first])
        passed += 1
    return None


def _in_a_norm(sites: Sites, user: Node) -> bool:
    """Whether a use is a square whose sum is divided by, or whose root is taken."""
    sums = [after for after in sites.users[user] if after.kind == "summed"]
    if len(sums) != 1 or _statistic(sums[0])[0] != "centered_term_missing":
        return False
    behind = sites.users[sums[0]]
    return any(after.name in ("sqrt", "divide", "power") and np.ptp(after.partials[0]) > 0 for after in behind)


def _turns(sites: Sites, node: Node, edges: list[tuple[Node, int]]) -> Iterator[Slip]:
    """A parameter that a loop uses in every pass: the first or last pass alone, or all but one of the two."""
    if len(edges) < 2:
        return
    alone = "time_overwritten" if sites.timed else "last_sample_only"
    alone = "use_dropped" if _differ(sites, edges) else alone
    for number, which in ((-1, "last"), (0, "first")):
        rest = [edge for edge in edges if edge is not edges[number]]
        yield slip(alone, f"holds the {which} of {len(edges)} uses in a loop only", _of(rest))
        if len(edges) > 2:
            yield slip("samples_missing", f"lacks the {which} of {len(edges)} uses in a loop", _of([edges[number]]))


def _differ(sites: Sites, edges: list[tuple[Node, int]]) -> bool:
    """Whether every pass of a loop combines the parameter with another argument, as a list of matrices."""
    partners = [{sites.leaf_name(parent) for i, parent in enumerate(n.parents) if i != slot} for n, slot in edges]
    names = [name for one in partners for name in one if name]
    return len(names) == len(edges) == len(set(names))


def _of(edges: Iterable[tuple[Node, int]]) -> Edges:
    found: Edges = {}
    for node, slot in edges:
        found.setdefault(node, []).append(slot)
    return found


def _operands(sites: Sites) -> Iterator[Slip]:
    """One operand of a sum or a product: what comes back through it is left out, or scaled."""
    for group in sites.groups:
        last = group[-1]
        cause = "static_ignored" if _branches_of_one(sites, last) else "sum_term_missing"
        for position in last.positions if len(last.parents) > 1 else ():
            words = (
                f"lacks, or scales, what operand {position + 1} of {last.name} contributes in {where_in_words(last)}"
            )
            slots = {node: slot for node in group if (slot := node.slot(position)) is not None}
            yield slip(cause, words, {node: [slot] for node, slot in slots.items()})


def _branches_of_one(sites: Sites, node: Node) -> bool:
    """Whether a step chooses between two functions of one value: an activation whose other branch has its own slope."""
    if node.name not in ("maximum", "minimum", "fmax", "fmin") or len(node.parents) < 2:
        return False
    first, second = (parent.value for parent in node.parents)
    times = np.sum(first * second) / np.sum(first * first) if first.shape == second.shape and first.any() else 0.0
    multiples = times and np.allclose(second, times * first, rtol=1e-9, atol=1e-12)
    return bool(multiples) or any(region.pointwise for region in regions_to(sites, node))
