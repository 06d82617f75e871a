"""Masks that are missing, inverted, from another tensor or drawn anew; ties that all win."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.diagnosis.elementwise import local_slope
from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.view import View


def mask_missing(view: View) -> Iterator[Model]:
    """Entries whose true gradient is exactly zero receive one; all others are right."""
    closed = np.abs(view.expected) <= view.noise
    if not view.same_shape or not 0 < closed.sum() < closed.size:
        return
    open_ = ~closed
    if not (view.wrong & open_).any():
        count = int((view.wrong & closed).sum())
        words = (
            f"has a gradient at {count} entries where the true one is zero, and is right elsewhere: a mask is missing"
        )
        yield Model("mask_missing", words, np.where(closed, view.got, view.expected))
    elif not np.any(view.got[open_]) and 2 * np.count_nonzero(view.got[closed]) > closed.sum():
        words = "is zero exactly where the true gradient is not: the mask is inverted"
        yield Model("mask_wrong", words, np.where(closed, view.got, 0.0))


def wrong_winner(view: View) -> Iterator[Model]:
    """A selection (of maxima): the backward too sends each cotangent to one entry, but to another one."""
    truth, got = view.jacobian, view.got_jacobian
    if truth is None or got is None or truth.shape != got.shape or view.out.size != len(truth):
        return
    if any(array.dtype.kind in "iu" and array.ndim for array in view.arrays.values()):
        return  # an index selects, not a maximum
    chosen, given = np.abs(truth) > 1e-3, np.abs(got) > 1e-3
    values = view.x.ravel()[np.argmax(given, axis=1)]
    one_each = (chosen.sum(axis=1) == 1).all() and (given.sum(axis=1) == 1).all()
    if (
        one_each
        and (chosen != given).any()
        and np.allclose(truth[chosen], 1)
        and np.allclose(got[given], 1)
        and np.mean(values <= view.out.ravel()) > 0.5
    ):
        moved = int((chosen != given).any(axis=1).sum())
        shown = "each output has one entry that it depends on, and sends its cotangent to one entry"
        words = f"sends the cotangents of {moved} of {len(truth)} maxima to another entry than the maximum"
        yield Model("wrong_winner", words, view.got, shown=shown)


def mask_wrong(view: View) -> Iterator[Model]:
    """The open entries' factor, under a mask from another tensor, or inverted."""
    if view.out.shape != view.x.shape or not view.same_shape:
        return
    closed = np.abs(view.expected) <= view.noise
    open_ = ~closed & (np.abs(view.cotangent) > 0)
    ratios = view.expected[open_] / view.cotangent[open_]
    if not ratios.size or not closed.any() or np.ptp(ratios) > 1e-6 * abs(ratios[0]):
        return
    factor = ratios[0]
    masks = {"inverted": closed, "taken from the cotangent (> 0)": view.cotangent > 0, "1 everywhere": closed | ~closed}
    for name, tensor in (view.others() | {"the output": view.out}).items():
        if tensor.shape == closed.shape:
            masks |= {f"{name} > 0": tensor > 0, f"{name} >= 0": tensor >= 0, f"{name} <= 0": tensor <= 0}
    for words, mask in masks.items():
        yield Model("mask_wrong", f"has the wrong mask: {words}", factor * view.cotangent * mask)
        if words == "inverted":
            yield Model("mask_wrong", f"has the wrong mask: {words}", view.cotangent * mask)


def mask_drawn_anew(view: View) -> Iterator[Model]:
    """The forward's factor at other entries: some masked ones open, some open ones masked."""
    slope = local_slope(view)
    if slope is None or not view.same_shape or not np.any(slope):
        return
    factor = float(slope[np.abs(slope) > 1e-12].flat[0])
    if not np.all((np.abs(slope) <= 1e-9) | (np.abs(slope - factor) <= 1e-8 * abs(factor))):
        return
    opened = np.abs(view.got) > view.noise
    wrongly = opened != (np.abs(slope) > 1e-9)
    if (wrongly & opened).any() and (wrongly & ~opened).any():
        words = f"has another mask than the forward, at {int(wrongly.sum())} entries"
        yield Model("mask_wrong", words, np.where(opened, factor * view.cotangent, 0.0))


def all_ties(view: View) -> Iterator[Model]:
    """Every wrong entry ties with another for a value of the output, and takes the whole gradient."""
    if not view.same_shape or not 2 <= view.x.size <= 100_000 or not view.wrong.any() or view.wrong.all():
        return
    values, counts = np.unique(view.x, return_counts=True)
    repeated = set(values[counts > 1].tolist()) & set(view.out.ravel().tolist())
    if all(value in repeated for value in view.x[view.wrong].tolist()) and np.all(view.got[view.wrong] != 0):
        shown = f"all {int(view.wrong.sum())} wrong entries hold a value of the output that occurs more than once"
        yield Model("all_ties", "gives the whole gradient to every entry that ties", view.got, shown=shown)
