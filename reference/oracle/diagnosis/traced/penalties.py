"""A penalty that the forward puts on one parameter, in the gradient of another."""

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


def _rates(sites: Sites) -> Iterator[tuple[Node, float]]:
    """(parameter, rate) for every parameter with a contribution that is the rate times itself."""
    for leaf in sites.graph.leaves:
        for user in sites.users.get(leaf, []) if leaf else ():
            if leaf and user.kind == "pointwise" and user in sites.arriving and leaf.value.any():
                part = sum(pull(sites.arriving[user]) for pull in user.pulls)
                rate = float(np.sum(part * leaf.value) / np.sum(leaf.value**2))
                if rate and np.allclose(part, rate * leaf.value, rtol=1e-9, atol=1e-12):
                    yield leaf, rate
