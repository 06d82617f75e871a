"""Pooling, by windows and over everything, with one slip in each backward."""

import numpy as np

from ..case import Family, normal, sized

family = Family("pooling")


def same(*shapes):
    return sized(shapes, shapes)


def max_pool(x, k=2, s=2):
    n, c, h, w = x.shape
    out = np.empty((n, c, (h - k) // s + 1, (w - k) // s + 1))
    for i in range(out.shape[2]):
        for j in range(out.shape[3]):
            out[:, :, i, j] = x[:, :, i * s : i * s + k, j * s : j * s + k].max(axis=(2, 3))
    return out


IMAGES = same((3, 2, 4, 6))


@family.wrong("", max_pool, IMAGES, names=("x",), cause="wrong_winner", argument="x")
def every_entry_of_the_window_gets_the_maximums_gradient(dout, x):
    return dout.repeat(2, axis=2).repeat(2, axis=3)


@family.wrong("", max_pool, IMAGES, names=("x",), cause="part_missing", argument="x")
def windows_of_the_last_column_skipped(dout, x):
    dx = np.zeros_like(x)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3] - 1):
            window = x[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
            best = window == window.max(axis=(2, 3), keepdims=True)
            dx[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2] += best * dout[:, :, i, j, None, None]
    return dx


@family.wrong("", max_pool, IMAGES, names=("x",), cause="wrong_winner", argument="x")
def winners_of_the_first_channel_serve_them_all(dout, x):
    blocks = x.reshape(3, 2, 2, 2, 3, 2)
    best = blocks == blocks.max(axis=(3, 5), keepdims=True)
    return (best[:, :1] * dout[:, :, :, None, :, None]).reshape(x.shape)


def overlapping_max(x):
    return np.lib.stride_tricks.sliding_window_view(x, 3, axis=1).max(axis=-1)


@family.wrong("", overlapping_max, same((4, 9)), cause="not_accumulated", argument="x")
def overlapping_windows_overwrite_their_winner(dout, x):
    windows = np.lib.stride_tricks.sliding_window_view(x, 3, axis=1)
    winner = windows.argmax(axis=-1) + np.arange(dout.shape[1])
    dx = np.zeros_like(x)
    dx[np.arange(len(x))[:, None], winner] += dout
    return dx


def same_size_max(x):
    padded = np.pad(x, ((0, 0), (1, 1)), constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 3, axis=1)
    return windows.max(axis=-1), (x.shape, windows.argmax(axis=-1))


@family.wrong("", same_size_max, same((4, 8)), style="cache", cause="shifted", argument="x")
def padding_of_the_maximum_cropped_at_the_end(dout, cache):
    (rows, width), offset = cache
    dpadded = np.zeros((rows, width + 2))
    for n in range(rows):
        for i in range(width):
            dpadded[n, i + offset[n, i]] += dout[n, i]
    return dpadded[:, :width]


def edge_padded_max(x):
    padded = np.pad(x, ((0, 0), (1, 1)), mode="edge")
    return np.maximum(np.maximum(padded[:, :-2], padded[:, 1:-1]), padded[:, 2:])


@family.wrong("", edge_padded_max, same((5, 6)), cause="all_ties", argument="x")
def border_and_its_copy_both_win(dout, x):
    padded = np.pad(x, ((0, 0), (1, 1)), mode="edge")
    width, dpadded = x.shape[1], np.zeros_like(padded)
    top = edge_padded_max(x)
    for offset in range(3):
        window = padded[:, offset : offset + width]
        dpadded[:, offset : offset + width] += dout * (window == top)
    dpadded[:, 1] += dpadded[:, 0]
    dpadded[:, -2] += dpadded[:, -1]
    return dpadded[:, 1:-1]


def doubled_then_max(x):
    return x.repeat(2, axis=1).reshape(len(x), -1, 6).max(axis=2)


@family.wrong("", doubled_then_max, same((4, 9)), cause="all_ties", argument="x")
def repeated_entries_are_each_paid_in_full(dout, x):
    blocks = x.repeat(2, axis=1).reshape(len(x), -1, 6)
    dblocks = (blocks == blocks.max(axis=2, keepdims=True)) * dout[:, :, None]
    return dblocks.reshape(len(x), -1, 2).sum(axis=2)


def average_pool(x):
    n, h, w = x.shape
    return x.reshape(n, h // 2, 2, w // 3, 3).mean(axis=(2, 4))


@family.wrong("", average_pool, same((3, 4, 6)), cause="scaled_by_count", argument="x")
def averaged_windows_pay_every_entry_in_full(dout, x):
    dx = np.empty_like(x)
    for i, j in np.ndindex(dout.shape[1:]):
        dx[:, 2 * i : 2 * i + 2, 3 * j : 3 * j + 3] = dout[:, i, j, None, None]
    return dx


@family.wrong("", average_pool, same((3, 4, 6)), cause="transposed", argument="x")
def averaged_windows_spread_by_tiling(dout, x):
    return np.tile(dout, (1, 2, 3)) / 6


def padded_average(x, p=1):
    padded = np.pad(x, ((0, 0), (p, p)))
    inside = np.pad(np.ones(x.shape[1]), p)
    counts = np.convolve(inside, np.ones(3), "valid")
    return np.apply_along_axis(np.convolve, 1, padded, np.ones(3), "valid") / counts  # pyright: ignore


@family.wrong("", padded_average, same((4, 5)), names=("x",), cause="scaled_by_count", argument="x")
def averages_at_the_border_divided_by_the_full_window(dout, x):
    dpadded = np.zeros((x.shape[0], x.shape[1] + 2))
    for i in range(dout.shape[1]):
        dpadded[:, i : i + 3] += dout[:, i : i + 1] / 3
    return dpadded[:, 1:-1]


@family.wrong("", padded_average, same((4, 5)), names=("x",), cause="wrong_shape", argument="x")
def padding_of_the_average_comes_back_with_it(dout, x):
    counts = np.full(x.shape[1], 3.0)
    counts[[0, -1]] = 2
    dpadded = np.zeros((len(x), x.shape[1] + 2))
    for i, share in enumerate((dout / counts).T):
        dpadded[:, i : i + 3] += share[:, None]
    return dpadded


def ragged(size, seed):
    return (*normal(seed, (3, 7, 2)), np.array([4, 7, 2]))


def mean_over_lengths(x, lengths):
    keep = np.arange(x.shape[1]) < lengths[:, None]
    return np.einsum("ntd,nt->nd", x, keep) / lengths[:, None]


@family.wrong("", mean_over_lengths, ragged, cause="mask_missing", argument="x")
def steps_beyond_the_length_share_the_mean(dout, x, lengths):
    share = dout / lengths[:, None]
    return np.broadcast_to(share[:, None, :], x.shape).copy(), None


@family.wrong("", mean_over_lengths, ragged, cause="mask_wrong", argument="x")
def all_sequences_masked_like_the_first(dout, x, lengths):
    keep = np.arange(x.shape[1]) < lengths[0]
    return keep[None, :, None] * (dout / lengths[:, None])[:, None, :], None


def power_pool(x):
    p = 3.0
    return np.mean(np.abs(x) ** p, axis=2) ** (1 / p)


@family.wrong("", power_pool, same((3, 4, 5)), cause="derivative_missing", argument="x")
def power_pool_outer_root_left_out(dout, x):
    dpowers = dout[..., None] / x.shape[2] / 3.0
    return dpowers * 3.0 * np.abs(x) ** 2 * np.sign(x)


@family.wrong("", power_pool, same((3, 4, 5)), cause="derivative_at_wrong_value", argument="x")
def power_pool_root_slope_at_its_result(dout, x):
    p, out = 3.0, power_pool(x)
    dmean = dout / p * out ** (1 / p - 1)
    return dmean[:, :, None] * p * np.abs(x) ** (p - 1) * np.sign(x) / x.shape[-1]


def channel_range(x):
    flat = x.reshape(*x.shape[:2], -1)
    return flat.max(axis=2) - flat.min(axis=2)


@family.wrong("", channel_range, same((3, 2, 3, 4)), cause="sign", argument="x")
def range_raised_at_both_of_its_ends(dout, x):
    flat = x.reshape(-1, x.shape[2] * x.shape[3])
    dflat, rows = np.zeros_like(flat), np.arange(len(flat))
    dflat[rows, flat.argmax(axis=1)] += dout.ravel()
    dflat[rows, flat.argmin(axis=1)] += dout.ravel()
    return dflat.reshape(x.shape)


@family.whole("", "wrong backward", "vjp", same((3, 2, 8)), cause="static_ignored", argument="x")
def strided_average_spread_at_the_default_stride(x):
    window, stride = 3, 2
    starts = range(0, x.shape[2] - window + 1, stride)

    def pullback(g, stride=3):
        dx = np.zeros((*x.shape[:2], 3 * stride))
        for k in range(g.shape[2]):
            dx[:, :, k * stride : k * stride + window] += g[:, :, k : k + 1] / window
        return (dx[:, :, : x.shape[2]],)

    return np.stack([x[:, :, a : a + window].mean(axis=2) for a in starts], axis=2), pullback


@family.whole("", "wrong backward", "vjp", same((6, 4)), cause="flipped", argument="x")
def running_mean_summed_from_the_front_again(x):
    steps = np.arange(1, len(x) + 1)[:, None]
    return np.cumsum(x, axis=0) / steps, lambda g: (np.cumsum(g / steps, axis=0),)


@family.whole("", "wrong backward", "vjp", same((4, 3, 5)), cause="wrong_index", argument="x")
def pooled_maximum_and_mean_read_in_the_other_order(x):
    n, c, length = x.shape
    winner = np.eye(length)[x.argmax(axis=2)]

    def pullback(g):
        dmean, dmax = g[:, :c], g[:, c:]
        return (dmax[:, :, None] * winner + dmean[:, :, None] / length,)

    return np.concatenate([x.max(axis=2), x.mean(axis=2)], axis=1), pullback


@family.whole("", "wrong backward", "vjp", same((4, 6)), cause="statistics_as_constants", argument="x")
def cubes_over_squares_with_the_squares_fixed(x):
    total = np.sum(x**2, axis=1)
    pooled = np.sum(x**3, axis=1) / total
    return pooled, lambda g: (3 * x**2 * (g / total)[:, None],)
