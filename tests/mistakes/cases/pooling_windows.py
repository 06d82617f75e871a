"""Pooling over the windows of images."""

from functools import partial

import numpy as np

from ..case import Family, sized
from ..windows import gathered, padded, split_windows, taps
from .functions import whole_numbers

family = Family("pooling")


def max_pool(window, stride, pad=0):
    return lambda x: split_windows(x, window, stride, pad, -np.inf).max(axis=-1)


images = sized(((5, 2, 7, 6),), ((8, 8, 16, 17),))


def pool(make, window, stride, pad=0, inputs=images, kind=family.wrong, argument="x"):
    statics = {"window": window, "strides": stride, "padding": pad, "layout": "channels_first"}
    op = "max_pool" if make is max_pool else "avg_pool"
    forward = make(window, stride, pad)
    return partial(kind, forward=forward, inputs=inputs, op=op, statics=statics, names=("x",), argument=argument)


overlapping = pool(max_pool, 3, 2)


@overlapping(69, cause="not_accumulated")
def overlapping_maxima_assigned(dout, x):
    dx = np.zeros_like(x)
    for n, c, r, q in np.ndindex(*dout.shape):
        window = x[n, c, 2 * r : 2 * r + 3, 2 * q : 2 * q + 3]
        i, j = np.unravel_index(window.argmax(), window.shape)
        dx[n, c, 2 * r + i, 2 * q + j] = dout[n, c, r, q]
    return dx


def tied(size, seed):
    """Integers, so that windows hold ties, and one corner of equal values, as after a ReLU."""
    x = np.round(images(size, seed)[0])
    x[:, :, :2, :4] = 0
    return (x,)


@pool(max_pool, 3, 2, inputs=tied)(70, cause="all_ties")
def all_ties_receive_the_gradient(dout, x):
    windows = split_windows(x, 3, 2)
    return gathered(dout[..., None] * (windows == windows.max(axis=-1, keepdims=True)), x, 3, 2)


def nearly_tied(size, seed):
    (x,) = tied(size, seed)
    return (x + 1e-3 * images(size, seed + 1)[0],)


@pool(max_pool, 2, 2, inputs=nearly_tied)(71, cause="wrong_winner")
def mask_with_a_tolerance(dout, x):
    windows = split_windows(x, 2, 2)
    mask = np.isclose(windows, windows.max(axis=-1, keepdims=True), atol=1e-2)
    return gathered(dout[..., None] * mask, x, 2, 2)


def first_winner(windows):
    return windows.argmax(axis=-1)[..., None] == np.arange(windows.shape[-1])


@pool(max_pool, 3, 2, 1)(72, cause="wrong_winner")
def maximum_searched_among_zeros(dout, x):
    windows = split_windows(x, 3, 2, 1, 0.0)
    return gathered(dout[..., None] * first_winner(windows), x, 3, 2, 1)


halving = pool(max_pool, 2, 2)


@halving(73, cause="wrong_winner")
def gradient_to_the_minimum(dout, x):
    return gathered(dout[..., None] * first_winner(-split_windows(x, 2, 2)), x, 2, 2)


@halving(75, cause="wrong_index")
def winners_of_the_first_example_and_its_gradient(dout, x):
    one = gathered(dout[:1, ..., None] * first_winner(split_windows(x[:1], 2, 2)), x[:1], 2, 2)
    return np.repeat(one, len(x), axis=0)


@halving(75, cause="wrong_winner")
def winners_of_the_first_example(dout, x):
    winners = first_winner(split_windows(x[:1], 2, 2))
    return gathered(dout[..., None] * winners, x, 2, 2)


@overlapping(56, cause="static_ignored")
def stride_of_the_window_in_backward(dout, x):
    windows = split_windows(x, 3, 2)
    dx = np.zeros_like(padded(x, sum(x.shape[2:])))
    for k, (_, _, at) in enumerate(taps((3, 3), dout.shape[2:], 3)):
        dx[at] += dout * first_winner(windows)[..., k]
    return dx[:, :, : x.shape[2], : x.shape[3]]


@overlapping(19, cause="ignores_cotangent")
def pooling_ignores_upstream(dout, x):
    return gathered(1.0 * first_winner(split_windows(x, 3, 2)), x, 3, 2)


def avg_pool(window, stride, pad=0):
    return lambda x: split_windows(x, window, stride, pad).mean(axis=-1)


averages = pool(avg_pool, 3, 2)


@averages(74, cause="scaled_by_count")
def average_not_divided(dout, x):
    return gathered(np.broadcast_to(dout[..., None], (*dout.shape, 9)), x, 3, 2)


@averages(74, cause="wrong_derivative", also="part_missing")
def average_to_the_center(dout, x):
    dx = np.zeros_like(x)
    height, width = (2 * n for n in dout.shape[2:])
    dx[:, :, 1 : 1 + height : 2, 1 : 1 + width : 2] = dout
    return dx


statics = {"window": 3, "strides": 2, "padding": 1, "layout": "channels_first"}


def zero_padded_backward(dout, x):
    return gathered(dout[..., None] * first_winner(split_windows(x, 3, 2, 1, 0.0)), x, 3, 2, 1)


forward_wrong = partial(family.wrong_forward, argument="x", names=("x",))


@forward_wrong(72, zero_padded_backward, images, op="max_pool", statics=statics, cause="convention_static")
def maximum_over_zero_padding(x):
    return split_windows(x, 3, 2, 1, 0.0).max(axis=-1)


@family.impure(
    83,
    avg_pool(3, 2),
    images,
    op="avg_pool",
    statics={**statics, "padding": 0},
    names=("x",),
    argument="x",
    cause="changed_in_place",
)
def average_divides_upstream_in_place(dout, x):
    dout /= 9
    return gathered(np.broadcast_to(dout[..., None], (*dout.shape, 9)), x, 3, 2)


right_pool = partial(pool, kind=family.control, argument="")


@right_pool(max_pool, 3, 2, 1)(72)
def maxima_over_padding(dout, x):
    return gathered(dout[..., None] * first_winner(split_windows(x, 3, 2, 1, -np.inf)), x, 3, 2, 1)


@right_pool(max_pool, 3, 2)(69)
def maxima_of_overlapping_windows(dout, x):
    return gathered(dout[..., None] * first_winner(split_windows(x, 3, 2)), x, 3, 2)


@right_pool(max_pool, 3, 2, inputs=tied)("F7")
def ties_to_the_last(dout, x):
    windows = split_windows(x, 3, 2)[..., ::-1]
    return gathered(dout[..., None] * first_winner(windows)[..., ::-1], x, 3, 2)


@right_pool(max_pool, 3, 2, inputs=tied)("F7")
def ties_to_the_first(dout, x):
    dx = np.zeros_like(x)
    for n, c, r, q in np.ndindex(*dout.shape):
        window = x[n, c, 2 * r : 2 * r + 3, 2 * q : 2 * q + 3]
        i, j = np.unravel_index(window.argmax(), window.shape)
        dx[n, c, 2 * r + i, 2 * q + j] += dout[n, c, r, q]
    return dx


@right_pool(avg_pool, 3, 2, 1)(74)
def averages_counting_padding(dout, x):
    return gathered(np.broadcast_to(dout[..., None] / 9, (*dout.shape, 9)), x, 3, 2, 1)


@family.control("F7", lambda x: x.max(axis=1), whole_numbers)
def maximum_shared_among_ties(g, x):
    winners = x == x.max(axis=1, keepdims=True)
    return winners * g[:, None] / winners.sum(axis=1, keepdims=True)


@forward_wrong(
    74,
    lambda dout, x: gathered(np.broadcast_to(dout[..., None], (*dout.shape, 9)), x, 3, 2),
    images,
    op="avg_pool",
    statics={**statics, "padding": 0},
    cause="convention_reduction",
)
def sum_called_average(x):
    return split_windows(x, 3, 2).sum(axis=-1)


def tiles(x, kh, kw):
    """(batch, channels, rows, columns, kh * kw): windows that touch and do not overlap."""
    n, c, h, w = x.shape
    return x.reshape(n, c, h // kh, kh, w // kw, kw).swapaxes(3, 4).reshape(n, c, h // kh, w // kw, -1)


def untiled(windows, kh, kw):
    n, c, rows, columns, _ = windows.shape
    return windows.reshape(n, c, rows, columns, kh, kw).swapaxes(3, 4).reshape(n, c, rows * kh, columns * kw)


def smallest(dout, x):
    windows = tiles(x, 2, 3)
    return untiled((windows.argmin(axis=-1)[..., None] == np.arange(6)) * dout[..., None], 2, 3)


wide_images = sized(((2, 3, 6, 9),), ((6, 8, 14, 15),))
wide_statics = {"window": (2, 3), "layout": "channels_first"}


@family.wrong_forward("", smallest, wide_images, op="max_pool", statics=wide_statics, cause="forward")
def minimum_called_maximum(x):
    return tiles(x, 2, 3).min(axis=-1)


@family.whole(
    83, "impure", "layer", wide_images, op="max_pool", statics=wide_statics, names=("x",), cause="stale_state"
)
class RemembersTheFirstWinners:
    mask = None

    def forward(self, x):
        windows = tiles(x, 2, 3)
        y = windows.max(axis=-1)
        if self.mask is None:
            self.mask = windows == y[..., None]
        return y

    def backward(self, dout):
        return untiled(self.mask * dout[..., None], 2, 3)


def blocks(x):
    n, c, h, w = x.shape
    return x[:, :, : h // 2 * 2, : w // 2 * 2].reshape(n, c, h // 2, 2, w // 2, 2)


def halve(x):
    return blocks(x).max(axis=(3, 5))


halved = {"layout": "channels_first", "window": 2}


def after_relu(draw):
    return lambda size, seed: tuple(np.maximum(x - 0.5, 0) for x in draw(size, seed))


@family.whole("F7", "control", "vjp", after_relu(images), op="max_pool", statics=halved)
def the_last_of_equal_maxima(x):
    n, c, h, w = x.shape

    def pullback(g):
        dx = np.zeros_like(x)
        for i, j in np.ndindex(h // 2, w // 2):
            window = x[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].reshape(n, c, 4)[:, :, ::-1]
            at = 3 - window.argmax(axis=2)
            for m, k in np.ndindex(n, c):
                dx[m, k, 2 * i + at[m, k] // 2, 2 * j + at[m, k] % 2] = g[m, k, i, j]
        return dx

    return halve(x), pullback


@family.whole("", "control", "layer", images, op="max_pool", statics=halved)
class Pooling:
    def forward(self, x):
        self.x = x
        windows = split_windows(x, 2, 2)
        self.arg_max = windows.argmax(axis=-1)
        return windows.max(axis=-1)

    def backward(self, dout):
        dmax = np.zeros((dout.size, 4))
        dmax[np.arange(dout.size), self.arg_max.flatten()] = dout.flatten()
        return gathered(dmax.reshape(*dout.shape, 4), self.x, 2, 2)
