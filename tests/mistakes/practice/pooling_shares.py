"""Mistakes in who receives the gradient of a window, and how much of it."""

from functools import partial

import numpy as np

from ..case import Family, sized

family = Family("pooling")

lines = sized(((3, 9, 2),), ((6, 30, 5),))
images = sized(((2, 6, 4, 3),), ((4, 12, 10, 5),))


def tiles(x, kh, kw):
    """(batch, rows, columns, channels, kh * kw) of channels-last images."""
    n, h, w, c = x.shape
    return x.reshape(n, h // kh, kh, w // kw, kw, c).transpose(0, 1, 3, 5, 2, 4).reshape(n, h // kh, w // kw, c, -1)


def untiled(t, kh, kw):
    n, rows, columns, c, _ = t.shape
    return t.reshape(n, rows, columns, c, kh, kw).transpose(0, 1, 4, 2, 5, 3).reshape(n, rows * kh, columns * kw, c)


def one(forward, inputs, number, **more):
    return family.wrong(number, forward, inputs, names=("x",), argument="x", **more)


@one(lambda x: x.reshape(len(x), -1, 3, x.shape[2]).mean(axis=2), lines, 66, cause=("reordered", "row_permuted"))
def thirds_follow_each_other_in_rounds(dout, x):
    return np.tile(dout, (1, 3, 1)) / 3


@one(lambda x: tiles(x, 3, 2).mean(-1), images, 74, cause=("scaled", "scaled_by_window", "scaled_by_static"))
def mean_divided_by_the_width_of_its_window(dout, x):
    return dout.repeat(3, axis=1).repeat(2, axis=2) / 2


@one(lambda x: tiles(x, 3, 2).max(-1), images, 73, cause=("wrong_winner", "static_ignored"))
def winner_divided_by_the_height(dout, x):
    winner = tiles(x, 3, 2).argmax(-1)
    row, column = np.minimum(winner // 3, 2), np.minimum(winner % 3, 1)
    return untiled((np.arange(6) == (row * 2 + column)[..., None]) * dout[..., None], 3, 2)


def near(size, seed):
    (x,) = lines(size, seed)
    return (np.round(x) + 5 + 0.02 * lines(size, seed + 9)[0],)


def by_threes(x):
    """A running maximum in steps of two, channels last: (batch, positions, channels, 3)."""
    return np.lib.stride_tricks.sliding_window_view(x, 3, axis=1)[:, ::2]


@one(lambda x: by_threes(x).max(-1), near, 71, cause="near_ties")
def winners_within_a_twentieth(dout, x):
    dx, windows = np.zeros_like(x), by_threes(x)
    best = windows.max(-1)
    for k in range(3):
        dx[:, k : k + 2 * dout.shape[1] - 1 : 2] += dout * (best - windows[..., k] < 0.05)
    return dx


@one(lambda x: x.max(axis=1), near, 71, cause="near_ties")
def steps_at_ninety_eight_percent_of_the_peak(dout, x):
    return (x > 0.98 * x.max(axis=1, keepdims=True)) * dout[:, None]


@one(lambda x: np.sort(x, axis=-1)[..., -2:].sum(-1), sized(((3, 2, 5),), ((6, 4, 12),)), 73, cause="wrong_winner")
def second_and_third_are_paid(dout, x):
    dx, order = np.zeros_like(x), np.argsort(x, axis=-1)
    np.put_along_axis(dx, order[..., -3:-1], np.repeat(dout[..., None], 2, -1), axis=-1)
    return dx


def low_and_mean(x):
    return np.concatenate([x.min(axis=1), x.mean(axis=1)], axis=-1)


@one(low_and_mean, lines, 13, cause="wrong_operand")
def mean_paid_by_the_share_of_the_minimum(dout, x):
    mean, low = np.split(dout, 2, axis=-1)
    return (x == x.min(axis=1, keepdims=True)) * low[:, None] + mean[:, None] / x.shape[1]


def step_two(x):
    """Windows of 2 x 2, every second row of them."""
    return np.lib.stride_tricks.sliding_window_view(x, (2, 2), axis=(1, 2))[:, ::2].reshape(
        len(x), x.shape[1] // 2, x.shape[2] - 1, x.shape[3], 4
    )


@one(lambda x: step_two(x).max(-1), images, 56, cause=("static_ignored", "wrong_winner"))
def winners_of_rows_counted_along_columns(dout, x):
    winner = step_two(x).argmax(-1)
    dx = np.zeros((len(x), x.shape[1], 2 * x.shape[2] + 1, x.shape[3]))
    n, r, q, c = np.indices(dout.shape)
    np.add.at(dx, (n, r + winner // 2, 2 * q + winner % 2, c), dout)
    return dx[:, :, : x.shape[2]]


def known_length(size, seed):
    (x,) = sized(((4, 5),), ((8, 20),))(size, seed)
    return x, (np.random.default_rng(seed).random(x.shape) < 0.6) | (np.arange(x.shape[1]) == 0)


def masked_mean(x, there):
    return (x * there).sum(axis=1) / there.sum(axis=1)


@family.wrong(29, masked_mean, known_length, cause=("padding_counted", "ignored_rows"), argument="x")
def mean_of_the_present_over_all(dout, x, there):
    return there * dout[:, None] / x.shape[1], None


@one(
    lambda x: np.sqrt((tiles(x, 2, 2) ** 2).mean(-1)), images, "",
    cause=("wrong_derivative", "derivative_missing", "local_factor"),
)  # fmt: skip
def root_of_the_mean_square_without_its_root(dout, x):
    return untiled(tiles(x, 2, 2) / 2 * dout[..., None], 2, 2)


@one(
    lambda x: np.log(np.exp(x).sum(axis=1)), lines, 88, cause=("coupled_over_wrong_axis", "local_factor",
    "wrong_operand"),
)  # fmt: skip
def soft_peak_in_time_shared_by_the_channels(dout, x):
    return np.exp(x) / np.exp(x).sum(axis=2, keepdims=True) * dout[:, None]


@one(lambda x: np.stack([x[:, :4].mean(1), x[:, 4:].mean(1)], 1), lines, 74, cause=("partly_scaled", "padding_counted"))
def both_parts_divided_by_the_first(dout, x):
    return np.repeat(dout, [4, x.shape[1] - 4], axis=1) / 4


@one(partial(np.mean, axis=(1, 2)), images, 74, cause=("scaled", "scaled_by_size"))
def mean_of_the_image_by_its_columns(dout, x):
    return np.broadcast_to(dout[:, None, None] / x.shape[2], x.shape).copy()


def cubes(x):
    n, d, h, w = x.shape
    return x.reshape(n, d // 2, 2, h // 3, 3, w // 2, 2).mean(axis=(2, 4, 6))


@one(lambda x: cubes(x), sized(((2, 4, 3, 6),), ((3, 6, 9, 8),)), 66, cause=("reordered", "row_permuted"))
def cubes_spread_by_tiles(dout, x):
    return np.tile(dout, (1, 2, 3, 2)) / 12


def best_two(x):
    return -np.sort(-x, axis=1)[:, :2].mean(axis=1)


@one(best_two, sized(((3, 5, 2),), ((6, 9, 4),)), 73, cause="wrong_winner")
def two_lowest_channels_are_paid(dout, x):
    dx = np.zeros_like(x)
    np.put_along_axis(dx, np.argsort(x, axis=1)[:, :2], np.repeat(dout[:, None] / 2, 2, axis=1), axis=1)
    return dx


def pairs_with_a_rest(x):
    """Means of 2 x 2; at the end of an odd side of what is left."""
    return np.stack(
        [
            np.stack([x[:, r : r + 2, q : q + 2].mean(axis=(1, 2)) for q in range(0, x.shape[2], 2)], 1)
            for r in range(0, x.shape[1], 2)
        ],
        1,
    )


@one(
    pairs_with_a_rest, sized(((2, 5, 3, 2),), ((4, 7, 9, 3),)), 74,
    cause=("padding_counted", "partly_scaled", "ignored_rows", "isolated_entries"),
)  # fmt: skip
def rest_of_an_odd_side_divided_by_four(dout, x):
    return dout.repeat(2, axis=1)[:, : x.shape[1]].repeat(2, axis=2)[:, :, : x.shape[2]] / 4


@one(lambda x: x.min(axis=1), sized(((3, 4, 3, 2),), ((4, 5, 6, 4),)), 75, cause="wrong_winner")
def minima_found_in_the_first_volume(dout, x):
    where = np.broadcast_to(x[:1].argmin(axis=1), dout.shape)
    return (np.arange(x.shape[1])[None, :, None, None] == where[:, None]) * dout[:, None]
