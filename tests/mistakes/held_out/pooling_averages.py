"""Averages: overlaps, divisors, one image for all (catalogue 69, 74 and 75)."""

from functools import partial

import numpy as np

from ..case import Family, sized

family = Family("pooling")

images = sized(((2, 3, 6, 8),), ((4, 8, 14, 12),))
last = sized(((2, 7, 5, 3),), ((4, 14, 16, 8),))
first = {"layout": "channels_first"}
average = partial(family.wrong, op="avg_pool", argument="x", names=("x",))


def mean_of_windows(x, kh=2, kw=4):
    n, c, h, w = x.shape
    return x.reshape(n, c, h // kh, kh, w // kw, kw).mean(axis=(3, 5))


@average(74, mean_of_windows, images, statics={**first, "window": (2, 4)}, cause="scaled_by_window")
def cotangent_copied_over_the_window(dout, x):
    return np.kron(dout, np.ones((2, 4)))


@family.whole(74, "wrong backward", "layer", last, cause=("scaled_by_spatial", "scaled_by_window"), argument="x")
class GlobalAveragePooling2D:
    def forward(self, x):
        self.shape = x.shape
        return np.mean(x, axis=(1, 2))

    def backward(self, dout):
        n, h, w, c = self.shape
        return np.repeat(np.repeat(dout.reshape(n, 1, 1, c), h, axis=1), w, axis=2)


def sums(x, k=3, pad=1):
    xp = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    h, w = x.shape[1:3]
    return sum(xp[:, i : i + h, j : j + w] for i, j in np.ndindex(k, k))


def counts(x):
    return sums(np.ones_like(x[:1, :, :, :1]))


padded = {"window": 3, "strides": 1, "padding": 1}


@average(
    74,
    lambda x: sums(x) / counts(x),
    last,
    statics={**padded, "count_include_pad": False},
    cause="padding_counted",
)
def divided_by_nine_at_the_border_too(dout, x):
    return sums(dout) / 9


@average(74, lambda x: (sums(x) / 9, x), last, style="rule", statics=padded, cause="padding_counted")
def divided_by_the_pixels_inside(x, g):
    return sums(g / counts(x))


def moving_average(x, k=3):
    return sum(x[:, i : x.shape[1] - k + 1 + i] for i in range(k)) / k


@average(
    69,
    moving_average,
    sized(((2, 9, 4),), ((8, 40, 16),)),
    statics={"window": 3, "strides": 1},
    cause="overlap_dropped",
)
def last_window_overwrites_the_others(dout, x):
    dx = np.zeros_like(x)
    for t in range(dout.shape[1]):
        dx[:, t : t + 3] = dout[:, t : t + 1] / 3
    return dx


@average(75, mean_of_windows, images, statics={**first, "window": (2, 4)}, cause="one_sample_repeated")
def share_of_the_first_image_for_all(dout, x):
    share = np.kron(dout[0], np.ones((2, 4))) / 8
    return np.stack([share] * len(x))
