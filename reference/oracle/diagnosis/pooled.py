"""Outputs that each depend on entries of their own, as those of windows that do not overlap: other shares of them."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.diagnosis.elementwise import FORMULAS
from reference.oracle.diagnosis.families import softmax
from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.view import View


def upstream_of_each(view: View) -> np.ndarray | None:
    """The cotangent of the one output that each entry feeds; None where one feeds several, or as many outputs are."""
    jacobian = view.jacobian
    if jacobian is None or view.flat_cotangent.size >= view.x.size or not view.same_shape:
        return None
    fed = np.abs(jacobian) > 1e-9 * np.max(np.abs(jacobian), initial=0.0)
    if not (fed.sum(axis=0) <= 1).all():
        return None
    return np.where(fed.any(axis=0), view.flat_cotangent[fed.argmax(axis=0)], 0.0).reshape(view.x.shape)


def other_shares(view: View) -> Iterator[Model]:
    """The cotangent times a function of each entry alone, or times its softmax along an axis."""
    upstream = upstream_of_each(view)
    if upstream is None or (view.out.ndim != view.x.ndim - 1 and view.out.ndim != view.x.ndim):
        return
    x = np.asarray(view.x, np.float64)
    with np.errstate(all="ignore"):
        for formula, function in (FORMULAS | {"sign(u)": np.sign}).items():
            words = f"is the cotangent times {formula.replace('u', view.name)}, entry by entry"
            yield Model("wrong_derivative", words, upstream * function(x))
        for axis in range(x.ndim):
            words = f"shares each cotangent by the softmax of {view.name} along axis {axis}"
            yield Model("coupled_over_wrong_axis", words, upstream * softmax(x, axis))
