"""A penalty of one parameter in the gradient of another, and one penalty's slope in the place of another's."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.traced.sites import Sites
from reference.oracle.diagnosis.view import View
from reference.oracle.tracing.graph import Node


def penalties(view: View, sites: Sites) -> Iterator[Model]:
    """The true gradient and some parameter's decay rate times this argument."""
    for leaf, rate in _rates(sites):
        if view.same_shape and leaf is not sites.graph.leaves[view.position]:
            words = f"holds {rate:.6g} times {view.name}: the forward puts that penalty on {sites.leaf_name(leaf)} only"
            predicted = view.expected + rate * np.asarray(view.x, np.float64)
            yield Model("regularization", words, predicted, exact=True)
    yield from _others(view, sites)


def _others(view: View, sites: Sites) -> Iterator[Model]:
    """Some number times the slope of a square, an absolute value or a sum, in the place of a penalty's own slope."""
    leaf, x = sites.graph.leaves[view.position], np.asarray(view.x, np.float64)
    for part in _penalties(sites, leaf) if leaf and view.same_shape else ():
        if np.allclose(part, view.expected, rtol=1e-6, atol=1e-6 * view.scale):
            continue  # the penalty is all there is
        for name, slope in ((view.name, x), (f"sign({view.name})", np.sign(x)), ("1", np.ones_like(x))):
            rest = view.got - view.expected + part
            rate = float(np.sum(rest * slope) / np.sum(slope**2)) if slope.any() else 0.0
            words = f"holds {rate:.6g} times {name} where the forward has another penalty of {view.name}"
            cause = "regularization" if name == "1" else "other_loss"
            yield Model(cause, words, view.expected - part + rate * slope, freedom=1, exact=True)


def _penalties(sites: Sites, leaf: Node) -> Iterator[np.ndarray]:
    """The contributions to an argument of the sums of its own entries, each taken alone."""
    for user in sites.users[leaf]:
        alone = user.kind == "pointwise" and set(user.parents) == {leaf} and user in sites.arriving
        after, steps = user, 0
        while alone and len(sites.users[after]) == 1 and after.kind == "pointwise" and steps < 4:
            (after,) = sites.users[after]
            steps += 1
        if alone and after.kind == "summed" and after.value.size == 1:
            yield np.asarray(sum(pull(sites.arriving[user]) for pull in user.pulls))


def _rates(sites: Sites) -> Iterator[tuple[Node, float]]:
    """(parameter, rate) for every parameter with a contribution that is the rate times itself."""
    for leaf in sites.graph.leaves:
        for user in sites.users.get(leaf, []) if leaf else ():
            if leaf and user.kind == "pointwise" and user in sites.arriving and leaf.value.any():
                part = sum(pull(sites.arriving[user]) for pull in user.pulls)
                rate = float(np.sum(part * leaf.value) / np.sum(leaf.value**2))
                if rate and np.allclose(part, rate * leaf.value, rtol=1e-9, atol=1e-12):
                    yield leaf, rate
