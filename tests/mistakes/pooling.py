"""Mistakes in pooling (catalogue 69 to 75)."""

from functools import partial

import numpy as np

from .case import Family, sized
from .windows import gathered, padded, split_windows, taps

family = Family("pooling")

images = sized(((5, 2, 7, 6),), ((8, 8, 16, 17),))


def tied(size, seed):
    """Integers, so that windows hold ties, and one corner of equal values, as after a ReLU."""
    x = np.round(images(size, seed)[0])
    x[:, :, :2, :4] = 0
    return (x,)


def nearly_tied(size, seed):
    (x,) = tied(size, seed)
    return (x + 1e-3 * images(size, seed + 1)[0],)


def max_pool(window, stride, pad=0):
    return lambda x: split_windows(x, window, stride, pad, -np.inf).max(axis=-1)


def avg_pool(window, stride, pad=0):
    return lambda x: split_windows(x, window, stride, pad).mean(axis=-1)


def first_winner(windows):
    return windows.argmax(axis=-1)[..., None] == np.arange(windows.shape[-1])


def pool(make, window, stride, pad=0, inputs=images):
    statics = {"window": window, "strides": stride, "padding": pad, "layout": "channels_first"}
    op = "max_pool" if make is max_pool else "avg_pool"
    forward = make(window, stride, pad)
    return partial(family.wrong, forward=forward, inputs=inputs, op=op, statics=statics, names=("x",), argument="x")


overlapping = pool(max_pool, 3, 2)
halving = pool(max_pool, 2, 2)


@overlapping(69, cause="overlap_dropped")
def overlapping_maxima_assigned(dout, x):
    dx = np.zeros_like(x)
    for n, c, r, q in np.ndindex(*dout.shape):
        window = x[n, c, 2 * r : 2 * r + 3, 2 * q : 2 * q + 3]
        i, j = np.unravel_index(window.argmax(), window.shape)
        dx[n, c, 2 * r + i, 2 * q + j] = dout[n, c, r, q]
    return dx


@pool(max_pool, 3, 1)(69, cause="overlap_dropped")
def dense_maxima_assigned_by_fancy_index(dout, x):
    windows = split_windows(x, 3, 1)
    i, j = np.divmod(windows.argmax(axis=-1), 3)
    n, c, r, q = np.indices(dout.shape)
    dx = np.zeros_like(x)
    dx[n, c, r + i, q + j] += dout
    return dx


@pool(max_pool, 3, 2, inputs=tied)(70, cause="all_ties")
def all_ties_receive_the_gradient(dout, x):
    windows = split_windows(x, 3, 2)
    return gathered(dout[..., None] * (windows == windows.max(axis=-1, keepdims=True)), x, 3, 2)


@pool(max_pool, 2, 2, inputs=tied)(70, cause="all_ties")
def all_ties_by_repeating(dout, x):
    dx = np.zeros_like(x)
    for r, q in np.ndindex(*dout.shape[2:]):
        window = x[:, :, 2 * r : 2 * r + 2, 2 * q : 2 * q + 2]
        mask = window == window.max(axis=(2, 3), keepdims=True)
        dx[:, :, 2 * r : 2 * r + 2, 2 * q : 2 * q + 2] = mask * dout[:, :, r, q][:, :, None, None]
    return dx


@pool(max_pool, 2, 2, inputs=nearly_tied)(71, cause="near_ties")
def mask_with_a_tolerance(dout, x):
    windows = split_windows(x, 2, 2)
    mask = np.isclose(windows, windows.max(axis=-1, keepdims=True), atol=1e-2)
    return gathered(dout[..., None] * mask, x, 2, 2)


@pool(max_pool, 3, 2, 1)(72, cause=("wrong_winner", "entries_not_written"))
def maximum_searched_among_zeros(dout, x):
    windows = split_windows(x, 3, 2, 1, 0.0)
    return gathered(dout[..., None] * first_winner(windows), x, 3, 2, 1)


@pool(max_pool, 2, 2, 1)(73, cause=("wrong_winner", "shifted"))
def winner_of_the_unpadded_input(dout, x):
    dx = np.zeros_like(x)
    for n, c, r, q in np.ndindex(*dout.shape):
        window = x[n, c, 2 * r : 2 * r + 2, 2 * q : 2 * q + 2]
        if window.size:
            i, j = np.unravel_index(window.argmax(), window.shape)
            dx[n, c, 2 * r + i, 2 * q + j] += dout[n, c, r, q]
    return dx


@halving(73, cause="wrong_winner")
def winner_row_and_column_swapped(dout, x):
    windows = split_windows(x, 2, 2)
    j, i = np.divmod(windows.argmax(axis=-1), 2)
    n, c, r, q = np.indices(dout.shape)
    dx = np.zeros_like(x)
    np.add.at(dx, (n, c, 2 * r + i, 2 * q + j), dout)
    return dx


@halving(73, cause="wrong_winner")
def gradient_to_the_minimum(dout, x):
    return gathered(dout[..., None] * first_winner(-split_windows(x, 2, 2)), x, 2, 2)


@halving(70, cause=("mask_missing",))
def gradient_to_the_whole_window(dout, x):
    windows = split_windows(x, 2, 2)
    return gathered(np.broadcast_to(dout[..., None], windows.shape), x, 2, 2)


@halving(70, cause=("wrong_winner", "mask_missing", "wrong_derivative"))
def maximum_differentiated_as_an_average(dout, x):
    windows = split_windows(x, 2, 2)
    return gathered(np.broadcast_to(dout[..., None] / 4, windows.shape), x, 2, 2)


@halving(75, cause="one_sample_repeated")
def winners_of_the_first_example_and_its_gradient(dout, x):
    one = gathered(dout[:1, ..., None] * first_winner(split_windows(x[:1], 2, 2)), x[:1], 2, 2)
    return np.repeat(one, len(x), axis=0)


@halving(75, cause=("wrong_winner",))
def winners_of_the_first_example(dout, x):
    winners = first_winner(split_windows(x[:1], 2, 2))
    return gathered(dout[..., None] * winners, x, 2, 2)


@overlapping(56, cause=("static_ignored", "wrong_winner"))
def stride_of_the_window_in_backward(dout, x):
    windows = split_windows(x, 3, 2)
    dx = np.zeros_like(padded(x, sum(x.shape[2:])))
    for k, (_, _, at) in enumerate(taps((3, 3), dout.shape[2:], 3)):
        dx[at] += dout * first_winner(windows)[..., k]
    return dx[:, :, : x.shape[2], : x.shape[3]]


@overlapping(19, cause="ignores_cotangent")
def pooling_ignores_upstream(dout, x):
    return gathered(1.0 * first_winner(split_windows(x, 3, 2)), x, 3, 2)


averages = pool(avg_pool, 3, 2)


@averages(74, cause="scaled_by_window")
def average_not_divided(dout, x):
    return gathered(np.broadcast_to(dout[..., None], (*dout.shape, 9)), x, 3, 2)


@averages(74, cause="scaled_by_window")
def average_divided_by_one_side(dout, x):
    return gathered(np.broadcast_to(dout[..., None] / 3, (*dout.shape, 9)), x, 3, 2)


@averages(69, cause="overlap_dropped")
def overlapping_averages_assigned(dout, x):
    dx = np.zeros_like(x)
    for r, q in np.ndindex(*dout.shape[2:]):
        dx[:, :, 2 * r : 2 * r + 3, 2 * q : 2 * q + 3] = dout[:, :, r : r + 1, q : q + 1] / 9
    return dx


@averages(74, cause=("wrong_derivative", "wrong_winner", "entries_not_written"))
def average_to_the_center(dout, x):
    dx = np.zeros_like(x)
    height, width = (2 * n for n in dout.shape[2:])
    dx[:, :, 1 : 1 + height : 2, 1 : 1 + width : 2] = dout
    return dx


def inside(x, window, stride, pad):
    """How many entries of each window are not padding."""
    return split_windows(np.ones_like(x), window, stride, pad).sum(axis=-1)


@pool(avg_pool, 3, 2, 1)(74, cause="padding_counted")
def padding_left_out_in_backward(dout, x):
    share = dout / inside(x, 3, 2, 1)
    return gathered(np.broadcast_to(share[..., None], (*dout.shape, 9)), x, 3, 2, 1)


def average_of_the_inside(x):
    return split_windows(x, 3, 2, 1).sum(axis=-1) / inside(x, 3, 2, 1)


statics = {"window": 3, "strides": 2, "padding": 1, "layout": "channels_first"}


@family.wrong(
    74,
    average_of_the_inside,
    images,
    op="avg_pool",
    statics={**statics, "count_include_pad": False},
    argument="x",
    cause="padding_counted",
)
def padding_counted_in_backward(dout, x):
    return gathered(np.broadcast_to(dout[..., None] / 9, (*dout.shape, 9)), x, 3, 2, 1)


@family.whole(
    69,
    "wrong backward",
    "layer",
    images,
    op="max_pool",
    statics={"window": 3, "strides": 1, "layout": "channels_first"},
    argument="x",
    cause="overlap_dropped",
)
class PoolingAssigns:
    def forward(self, x):
        self.x = x
        col = split_windows(x, 3, 1)
        self.arg_max = col.argmax(axis=-1)
        return col.max(axis=-1)

    def backward(self, dout):
        dcol = np.zeros((dout.size, 9))
        dcol[np.arange(dout.size), self.arg_max.ravel()] = dout.ravel()
        dcol = dcol.reshape(*dout.shape, 9)
        dx = np.zeros_like(self.x)
        for k, (_, _, at) in enumerate(taps((3, 3), dout.shape[2:], 1)):
            dx[at] = np.where(dcol[..., k] != 0, dcol[..., k], dx[at])
        return dx


def zero_padded_backward(dout, x):
    return gathered(dout[..., None] * first_winner(split_windows(x, 3, 2, 1, 0.0)), x, 3, 2, 1)


forward_wrong = partial(family.wrong_forward, argument="x", names=("x",))


@forward_wrong(72, zero_padded_backward, images, op="max_pool", statics=statics, cause="convention_padding")
def maximum_over_zero_padding(x):
    return split_windows(x, 3, 2, 1, 0.0).max(axis=-1)


def inside_backward(dout, x):
    share = dout / inside(x, 3, 2, 1)
    return gathered(np.broadcast_to(share[..., None], (*dout.shape, 9)), x, 3, 2, 1)


@forward_wrong(
    74, inside_backward, images, op="avg_pool", statics=statics, cause=("convention_padding", "convention_static")
)
def padding_left_out_in_both(x):
    return average_of_the_inside(x)


@forward_wrong(
    74,
    lambda dout, x: gathered(np.broadcast_to(dout[..., None], (*dout.shape, 9)), x, 3, 2),
    images,
    op="avg_pool",
    statics={**statics, "padding": 0},
    cause=("convention_reduction", "forward"),
)
def sum_called_average(x):
    return split_windows(x, 3, 2).sum(axis=-1)


@family.impure(
    83,
    avg_pool(3, 2),
    images,
    op="avg_pool",
    statics={**statics, "padding": 0},
    names=("x",),
    argument="x",
    cause="cotangent_changed",
)
def average_divides_upstream_in_place(dout, x):
    dout /= 9
    return gathered(np.broadcast_to(dout[..., None], (*dout.shape, 9)), x, 3, 2)
