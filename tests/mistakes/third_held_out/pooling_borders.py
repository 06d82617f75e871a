"""Pooling over the border of an image (catalogue 60, 72, 74)."""

import numpy as np

from ..case import Family
from .pooling import IMAGES, average, largest, places, winners

family = Family("pooling")


# Over the border: one more pixel on every side.
def framed(x, value):
    return np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=value)


def negatives(size, seed):
    (x,) = IMAGES(size, seed)
    return (-np.abs(x) - 0.1,)


def bordered(x):
    return largest(framed(x, -np.inf)), x


def spread_winners(dout, seen, like):
    d = np.zeros_like(like)
    for i, j, under in places(seen, 3, 2):
        d[under] += winners(seen[under]) * dout[:, i : i + 1, j : j + 1]
    return d


BORDER = {"window": 3, "strides": 2, "padding": 1}


@family.wrong(72, bordered, negatives, op="max_pool", statics=BORDER, style="cache", argument="x", cause="wrong_winner")
def padding_of_zero_wins(dout, x):
    seen = framed(x, 0)
    return spread_winners(dout, seen, seen)[:, 1:-1, 1:-1]


@family.wrong(60, bordered, IMAGES, op="max_pool", statics=BORDER, style="cache", argument="x", cause="shifted")
def border_cut_from_the_far_side(dout, x):
    seen = framed(x, -np.inf)
    return spread_winners(dout, seen, np.zeros_like(seen))[:, :-2, :-2]


@family.control("", bordered, negatives, op="max_pool", statics=BORDER, style="cache")
def border_of_minus_infinity(dout, x):
    seen = framed(x, -np.inf)
    return spread_winners(dout, seen, np.zeros_like(seen))[:, 1:-1, 1:-1]


def held(x):
    """How many pixels of every window lie inside the image."""
    return average(framed(np.ones_like(x), 0)) * 9


def bordered_average(x):
    return average(framed(x, 0)) * 9 / held(x), x


def spread(dout, share):
    d = np.zeros_like(framed(share, 0))
    for i, j, under in places(d, 3, 2):
        d[under] += dout[:, i : i + 1, j : j + 1]
    return d[:, 1:-1, 1:-1]


INSIDE = BORDER | {"count_include_pad": False}


@family.wrong(
    74, bordered_average, IMAGES, op="avg_pool", statics=INSIDE, style="cache", argument="x", cause="padding_counted"
)
def nine_at_the_border_too(dout, x):
    return spread(dout / 9, x)


@family.control("", bordered_average, IMAGES, op="avg_pool", statics=INSIDE, style="cache")
def border_not_counted(dout, x):
    return spread(dout / held(x), x)


def spread_what_is_there(dout, x):
    return spread(dout / held(x), x)


@family.wrong_forward(
    74,
    spread_what_is_there,
    IMAGES,
    op="avg_pool",
    statics=BORDER,
    cause=("convention_padding", "convention_static"),
)
def average_of_what_is_there(x):
    return bordered_average(x)[0]
