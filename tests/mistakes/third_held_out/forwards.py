"""Forwards that are not the op they claim to be, with backwards that fit them (catalogue 59, 72, 86, 88)."""

import numpy as np

from ..case import Family, sized
from .normalization import shifted_rows, statistics, to_input, to_parameters
from .pooling import IMAGES, POOL, average, largest, places
from .pooling_borders import BORDER, framed, negatives, spread_winners

family = Family("pooling")


def frame_of_zeros(dout, x):
    seen = framed(x, 0)
    return spread_winners(dout, seen, seen)[:, 1:-1, 1:-1]


@family.wrong_forward(72, frame_of_zeros, negatives, op="max_pool", statics=BORDER, cause="convention_padding")
def maximum_with_a_frame_of_zeros(x):
    return largest(framed(x, 0))


# Windows of 2 and of 3, two apart, fit these as often.
EITHER = sized(((2, 7, 9, 3),), ((6, 13, 15, 5),))


def by_the_smaller_window(dout, x):
    dx = np.zeros_like(x)
    for i, j, under in places(x, 2, 2):
        dx[under] += dout[:, i : i + 1, j : j + 1] / 4
    return dx


@family.wrong_forward(56, by_the_smaller_window, EITHER, op="avg_pool", statics=POOL, cause="convention_static")
def average_of_smaller_windows(x):
    return average(x, 2, 2)


def smallest_gets_it(dout, x):
    return spread_winners(dout, -x, x)


@family.wrong_forward("", smallest_gets_it, IMAGES, op="max_pool", statics=POOL, cause="forward")
def smallest_of_the_window(x):
    return -largest(-x)


def over_the_batch(dout, x, gamma, beta):
    mu, std = statistics(x, 0)
    xhat = (x - mu) / std
    return to_input(dout * gamma, xhat, std, 0), *to_parameters(dout, xhat)


@family.wrong_forward(
    88, over_the_batch, shifted_rows, family="normalization", op="layer_norm", cause="convention_axis"
)
def layer_norm_over_the_batch_anew(x, gamma, beta):
    mu, std = statistics(x, 0)
    return (x - mu) / std * gamma + beta
