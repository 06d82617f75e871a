"""Where contributions meet in one entry: not all of them arrive. Where outputs are chosen: others receive them."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from reference.oracle.evidence.model import Model
from reference.oracle.evidence.view import View

Found = Iterator[tuple[float, Model]]
# How far from the winner a near one may be, as a share of the range of all values.
NEAR = 0.1


def one_of_several(view: View) -> Found:
    """At every wrong entry only one of the contributions that meet there."""
    if not view.same_shape or view.flat_cotangent.size != view.cotangent.size or view.jacobian is None:
        return
    shape = view.cotangent.shape
    pieces = (view.flat_cotangent[:, None] * view.jacobian).reshape(*shape, view.x.size)
    for count in range(len(shape), 0, -1):
        for kept in combinations(range(len(shape)), count):
            summed = pieces.sum(axis=tuple(axis for axis in range(len(shape)) if axis not in kept))
            predicted, meeting = _nearest(summed.reshape(-1, view.x.size), view.got.ravel())
            if np.max(meeting, initial=0) > 1 < int(view.wrong.sum()):
                words = f"holds one of several contributions where up to {int(np.max(meeting))} meet"
                predicted = predicted.reshape(view.x.shape)
                yield 7, Model("not_accumulated", words, predicted, noise=view.jacobian_noise)


def its_own_alone(view: View) -> Found:
    """Every entry only has the contribution of the output in its own place, times a slope that differs."""
    if not view.same_shape or view.x.shape != view.cotangent.shape or view.jacobian is None:
        return
    slope = np.diagonal(view.jacobian)
    if np.ptp(slope) > 1e-3 * np.max(np.abs(slope), initial=0.0):
        predicted = (view.flat_cotangent * slope).reshape(view.x.shape)
        words = "has the contribution of the output in the same place alone"
        yield 5, Model("diagonal_only", words, predicted, noise=view.jacobian_noise)


def _nearest(contributions: np.ndarray, got: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For every entry the contribution closest to what came back, and how many there were to choose from."""
    present = np.abs(contributions) > 1e-12 * np.max(np.abs(contributions), initial=0.0)
    distance = np.where(present, np.abs(contributions - got), np.inf)
    chosen = np.argmin(distance, axis=0)
    predicted = np.take_along_axis(np.where(present, contributions, 0), chosen[None], axis=0)[0]
    return np.where(got == 0, 0.0, predicted), present.sum(axis=0)


def selection(view: View) -> tuple[np.ndarray, np.ndarray] | None:
    """Which entries (columns) each output (row) is chosen from in truth, all with one weight, and which the backward
    gives its cotangent; None for a forward that chooses nothing."""
    if any(array.dtype.kind in "iu" and array.ndim for array in view.arrays.values()):
        return None  # an index selects, not a maximum
    truth, got = view.jacobian, view.got_jacobian
    if truth is None or got is None or truth.shape != got.shape or view.out.size != len(truth):
        return None
    weight = float(np.max(np.abs(truth), initial=0.0))
    chosen, given = np.abs(truth) > 1e-3 * weight, np.abs(got) > 1e-3 * weight
    alike = weight > 0 and np.allclose(truth[chosen], weight) and np.allclose(got[given], weight)
    if not alike or not chosen.any(axis=1).all() or chosen.all(axis=1).any() or _odd(view):
        return None
    return chosen, given


def _odd(view: View) -> bool:
    """Whether the opposite argument gives the opposite output: nothing is chosen by its size, only copied or summed."""
    primals = tuple(-view.x if i == view.position else p for i, p in enumerate(view.evidence.primals))
    try:
        return np.allclose(view.ask.forward(primals), -view.ask.forward(view.evidence.primals))
    except Exception:  # the subject is anybody's code
        return True


def other_winners(view: View) -> Found:
    """The backward too sends each cotangent to as many entries, but to others; what leaves the array is lost."""
    found = selection(view)
    if found is None:
        return
    chosen, given = found
    counts, there = chosen.sum(axis=1), given.sum(axis=1)
    moved = (chosen != given).any(axis=1) & (there > 0)
    alike = ((there == counts) | (there == 0)).all()
    if not alike or 4 * moved.sum() < len(moved) or 2 * (there > 0).sum() < len(there):
        return
    x = view.x.ravel()
    below = float(np.mean((given @ x <= chosen @ x)[there > 0]))
    if abs(below - 0.5) > 0.1:
        shown = "each output has entries that it is chosen from, and sends its cotangent to as many entries"
        words = f"sends the cotangents of {int(moved.sum())} of {len(moved)} outputs to other entries than the winners"
        yield 7, Model("wrong_winner", words, view.got, shown=shown)


def near_ties(view: View) -> Found:
    """Every winner receives its cotangent, and so do entries that are nearly as large."""
    found = selection(view)
    if found is None or (found[0] & ~found[1]).any():
        return
    chosen, more, x = found[0], found[1] & ~found[0], view.x.ravel()
    worst = np.where(chosen, x, np.inf).min(axis=1), np.where(chosen, x, -np.inf).max(axis=1)
    gaps = np.minimum(*(np.abs(edge[:, None] - x) for edge in worst))[more]
    if gaps.size and 0 < np.max(gaps) <= NEAR * np.ptp(x):
        nearest = f"{gaps.size} entries within {np.max(gaps):.3g} of a winner"
        shown = f"all winners receive their cotangent, and {nearest} do too"
        yield 7, Model("wrong_winner", "gives the gradient to entries near the maximum, too", view.got, shown=shown)
