"""Masks that are missing, inverted, from another tensor or drawn anew."""

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
    elif not np.any(view.got[open_]) and np.count_nonzero(view.got[closed]) >= 0.9 * closed.sum():
        words = "is zero exactly where the true gradient is not: the mask is inverted"
        yield Model("mask_wrong", words, np.where(closed, view.got, 0.0))


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
