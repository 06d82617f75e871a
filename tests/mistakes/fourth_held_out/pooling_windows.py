"""Mistakes in max and average pooling (catalogue 69 to 75)."""

from functools import partial

import numpy as np

from ..case import Family, sized

family = Family("pooling")

images = sized(((2, 3, 6, 9),), ((6, 8, 14, 15),))
signals = sized(((3, 2, 11),), ((8, 6, 41),))


def rectified(size, seed):
    """Rounded, and many zeros, as after a ReLU."""
    return (np.maximum(np.round(2 * images(size, seed)[0]), 0),)


def close(size, seed):
    """Neighbours that differ by a few thousandths."""
    (x,) = images(size, seed)
    return (3 + np.round(x) + 2e-3 * images(size, seed + 50)[0],)


def tiles(x, kh, kw):
    """(batch, channels, rows, columns, kh * kw): windows that touch and do not overlap."""
    n, c, h, w = x.shape
    return x.reshape(n, c, h // kh, kh, w // kw, kw).swapaxes(3, 4).reshape(n, c, h // kh, w // kw, -1)


def untiled(windows, kh, kw):
    n, c, rows, columns, _ = windows.shape
    return windows.reshape(n, c, rows, columns, kh, kw).swapaxes(3, 4).reshape(n, c, rows * kh, columns * kw)


def cropped(x):
    return x[:, :, : x.shape[2] // 2 * 2, : x.shape[3] // 3 * 3]


def max23(x):
    return tiles(cropped(x), 2, 3).max(axis=-1)


def mean23(x):
    return tiles(cropped(x), 2, 3).mean(axis=-1)


statics: dict = {"window": (2, 3), "layout": "channels_first"}
pool = partial(family.wrong, inputs=images, statics=statics, names=("x",), argument="x")
maxima = partial(pool, forward=max23, op="max_pool")
averages = partial(pool, forward=mean23, op="avg_pool")


@maxima(70, cause="scaled_by_window")
def winner_receives_its_share_of_the_window(dout, x):
    windows = tiles(x, 2, 3)
    mask = windows == windows.max(axis=-1, keepdims=True)
    return untiled(mask * dout[..., None] / windows.shape[-1], 2, 3)


@maxima(70, inputs=rectified, cause="all_ties")
def mask_by_repeating_the_output(dout, x):
    big = max23(x).repeat(2, axis=2).repeat(3, axis=3)
    return (x == big) * dout.repeat(2, axis=2).repeat(3, axis=3)


@maxima(71, inputs=close, cause="near_ties")
def ninety_nine_percent_of_the_maximum(dout, x):
    windows = tiles(x, 2, 3)
    return untiled((windows >= 0.99 * windows.max(axis=-1, keepdims=True)) * dout[..., None], 2, 3)


@maxima(73, cause="wrong_winner")
def largest_magnitude_wins(dout, x):
    windows = tiles(x, 2, 3)
    winner = np.abs(windows).argmax(axis=-1)
    return untiled((winner[..., None] == np.arange(6)) * dout[..., None], 2, 3)


@maxima(73, cause=("wrong_winner", "static_ignored"))
def winner_divided_by_the_rows(dout, x):
    dx, winner = np.zeros_like(x), tiles(x, 2, 3).argmax(axis=-1)
    for n, c, r, q in np.ndindex(*dout.shape):
        i, j = winner[n, c, r, q] // 2, winner[n, c, r, q] % 2
        dx[n, c, min(2 * r + i, x.shape[2] - 1), 3 * q + j] += dout[n, c, r, q]
    return dx


@maxima(61, cause="entries_not_written")
def last_column_of_windows_not_visited(dout, x):
    dx = np.zeros_like(x)
    for r in range(dout.shape[2]):
        for q in range(dout.shape[3] - 1):
            at = np.s_[:, :, 2 * r : 2 * r + 2, 3 * q : 3 * q + 3]
            mask = x[at] == x[at].max(axis=(2, 3), keepdims=True)
            dx[at] = mask * dout[:, :, r, q][:, :, None, None]
    return dx


@averages(66, cause=("reordered", "row_permuted"))
def gradient_tiled_instead_of_repeated(dout, x):
    return np.tile(dout / 6, (1, 1, 2, 3))


@averages(74, cause=("scaled_by_window", "scaled", "scaled_by_static"))
def average_divided_by_its_height_only(dout, x):
    return np.kron(dout, np.ones((1, 1, 2, 3))) / 2


@averages(19, cause="ignores_cotangent")
def average_of_a_gradient_of_ones(dout, x):
    return np.full_like(x, 1 / 6)


@averages(75, cause="one_sample_repeated")
def gradient_of_the_first_image_for_all(dout, x):
    one = np.kron(dout[0], np.ones((1, 2, 3))) / 6
    return np.stack([one] * len(x))


def along(x, size, stride=1, dilation=1):
    view = np.lib.stride_tricks.sliding_window_view(x, dilation * (size - 1) + 1, axis=2)
    return view[:, :, ::stride, ::dilation]


def running(size, stride=1, dilation=1):
    more = {"dilation": dilation} if dilation > 1 else {}
    where = {"window": size, "strides": stride, "layout": "channels_first", **more}
    return partial(
        family.wrong,
        forward=lambda x: along(x, size, stride, dilation).max(axis=-1),
        inputs=signals,
        op="max_pool",
        statics=where,
        names=("x",),
        argument="x",
    )


@running(4)(69, cause=("overlap_dropped", "repeated_index_dropped"))
def winners_of_a_running_maximum_put_not_added(dout, x):
    at = along(x, 4).argmax(axis=-1) + np.arange(dout.shape[2])
    dx = np.zeros_like(x)
    np.put_along_axis(dx, at, dout, axis=2)
    return dx


@running(2, stride=3)(56, cause=("static_ignored", "wrong_winner"))
def windows_of_two_without_their_gap(dout, x):
    dx, winner = np.zeros_like(x), along(x, 2, 3).argmax(axis=-1)
    n, c, t = np.indices(dout.shape)
    np.add.at(dx, (n, c, 2 * t + winner), dout)
    return dx


@running(3, dilation=2)(62, cause=("static_ignored", "wrong_winner"))
def dilated_winner_read_as_its_neighbour(dout, x):
    dx, winner = np.zeros_like(x), along(x, 3, dilation=2).argmax(axis=-1)
    n, c, t = np.indices(dout.shape)
    np.add.at(dx, (n, c, t + winner), dout)
    return dx


@running(3, stride=2)(75, cause="wrong_winner")
def winners_shared_by_the_channels(dout, x):
    dx = np.zeros_like(x)
    winner = along(x, 3, 2)[:, :1].argmax(axis=-1)
    n, c, t = np.indices(dout.shape)
    np.add.at(dx, (n, c, 2 * t + np.broadcast_to(winner, dout.shape)), dout)
    return dx


def framed(x, value):
    return np.pad(x, ((0, 0), (0, 0), (1, 1)), constant_values=value)


@family.wrong(
    73,
    lambda x: along(framed(x, -np.inf), 3, 2).max(axis=-1),
    signals,
    op="max_pool",
    statics={"window": 3, "strides": 2, "padding": 1, "layout": "channels_first"},
    names=("x",),
    cause=("shifted", "wrong_winner", "static_ignored"),
    argument="x",
)
def winner_counted_in_the_padded_signal(dout, x):
    winner = along(framed(x, -np.inf), 3, 2).argmax(axis=-1) + 2 * np.arange(dout.shape[2])
    dx = np.zeros((*x.shape[:2], x.shape[2] + 2))
    n, c, _ = np.indices(dout.shape)
    np.add.at(dx, (n, c, winner), dout)
    return dx[:, :, : x.shape[2]]


def thirds_with_a_rest(x):
    """Windows of three; the last holds what is left (ceil mode)."""
    return np.stack([x[:, :, t : t + 3].mean(axis=2) for t in range(0, x.shape[2], 3)], axis=2)


@family.wrong(
    74, thirds_with_a_rest, signals, cause=("padding_counted", "partly_scaled", "isolated_entries"), argument="x"
)
def rest_divided_by_the_whole_window(dout, x):
    return dout.repeat(3, axis=2)[:, :, : x.shape[2]] / 3


def mean_of_cubes(x):
    n, d, h, w, c = x.shape
    return x.reshape(n, d // 2, 2, h // 2, 2, w // 2, 2, c).mean(axis=(2, 4, 6))


@family.wrong(
    74,
    lambda x: mean_of_cubes(x),
    sized(((2, 4, 2, 6, 3),), ((4, 6, 4, 8, 5),)),
    op="avg_pool",
    statics={"window": 2},
    names=("x",),
    cause=("scaled_by_window", "scaled_by_two", "scaled_by_static"),
    argument="x",
)
def cube_divided_as_a_square(dout, x):
    return dout.repeat(2, axis=1).repeat(2, axis=2).repeat(2, axis=3) / 4
