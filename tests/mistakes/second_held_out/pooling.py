"""mistakes in pooling (catalogue 56, 69 to 75)."""

import numpy as np

from ..case import Family, normal, sized

family = Family("pooling")

images = sized(((2, 5, 6, 2),), ((4, 13, 14, 8),))


# Channels last, windows of 3 by 3 that overlap.
def max_pool(x, k=3, s=1):
    n, h, w, c = x.shape
    out = np.empty((n, (h - k) // s + 1, (w - k) // s + 1, c))
    for i in range(out.shape[1]):
        for j in range(out.shape[2]):
            out[:, i, j] = x[:, i * s : i * s + k, j * s : j * s + k].max(axis=(1, 2))
    return out


@family.wrong(69, max_pool, images, names=("x",), argument="x", cause="overlap_dropped")
def winner_assigned_again_and_again(dout, x):
    k, dx = 3, np.zeros_like(x)
    n, oh, ow, c = dout.shape
    for b in range(n):
        for i in range(oh):
            for j in range(ow):
                for ch in range(c):
                    window = x[b, i : i + k, j : j + k, ch]
                    r, q = np.unravel_index(window.argmax(), window.shape)
                    dx[b, i + r, j + q, ch] = dout[b, i, j, ch]
    return dx


@family.wrong(56, lambda x: max_pool(x, k=2, s=2), images, argument="x", cause="static_ignored")
def pooled_windows_without_their_stride(dout, x):
    dx = np.zeros_like(x)
    for i in range(dout.shape[1]):
        for j in range(dout.shape[2]):
            window = x[:, i : i + 2, j : j + 2]
            mask = window == window.max(axis=(1, 2), keepdims=True)
            dx[:, i : i + 2, j : j + 2] += mask * dout[:, i, j][:, None, None]
    return dx


def average_of_overlapping(x):
    k, s = 3, 2
    view = np.lib.stride_tricks.sliding_window_view(x, k, axis=1)[:, ::s]
    return view.mean(axis=-1), (x.shape, k, s)


tracks = sized(((2, 9, 3),), ((8, 61, 6),))


@family.wrong(69, average_of_overlapping, tracks, style="rule", argument="x", cause="overlap_dropped")
def average_assigned_to_each_window(saved, g):
    shape, k, s = saved
    dx = np.zeros(shape)
    for i in range(g.shape[1]):
        dx[:, i * s : i * s + k] = g[:, i : i + 1] / k
    return dx


def after_relu(size, seed):
    n, c, h, w = (2, 2, 4, 6) if size == "small" else (8, 8, 16, 16)
    return (np.maximum(0, np.round(normal(seed, (n, c, h, w))[0])),)


@family.whole(70, "wrong backward", "layer", after_relu, argument="x", cause="all_ties")
class MaxPoolByReshape:
    """Windows of 2 by 2 that do not overlap, channels first."""

    def forward(self, x):
        N, C, H, W = x.shape
        self.windows = x.reshape(N, C, H // 2, 2, W // 2, 2)
        self.out = self.windows.max(axis=3).max(axis=4)
        return self.out

    def backward(self, dout):
        mask = self.windows == self.out[:, :, :, None, :, None]
        dwindows = mask * dout[:, :, :, None, :, None]
        N, C, H, _, W, _ = dwindows.shape
        return dwindows.reshape(N, C, 2 * H, 2 * W)


def with_close_rivals(size, seed):
    (x,) = normal(seed, (3, 8, 2) if size == "small" else (16, 64, 8))
    x[:, 1::4] = x[:, ::4] + 0.004
    return (x,)


def max_of_pairs(x):
    n, t, c = x.shape
    pairs = x.reshape(n, t // 2, 2, c)
    return pairs.max(axis=2), pairs


@family.wrong(71, max_of_pairs, with_close_rivals, style="cache", argument="x", cause=("near_ties", "mask_missing"))
def maximum_found_by_isclose(dout, pairs):
    winners = np.isclose(pairs, pairs.max(axis=2, keepdims=True), rtol=0, atol=1e-2)
    dx = winners * dout[:, :, None]
    return dx.reshape(len(dx), -1, dx.shape[-1])


# Windows of 2 by 2, one row and column of padding on every side.
def in_windows(x, fill):
    n, c, h, w = x.shape
    xp = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=fill)
    return xp.reshape(n, c, (h + 2) // 2, 2, (w + 2) // 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, -1, 4)


def out_of_windows(flat, shape):
    n, c, h, w = shape
    xp = flat.reshape(n, c, (h + 2) // 2, (w + 2) // 2, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, h + 2, w + 2)
    return xp[:, :, 1:-1, 1:-1]


even = sized(((2, 2, 4, 6),), ((8, 8, 14, 16),))


@family.wrong(
    72, lambda x: in_windows(x, -np.inf).max(axis=-1), even, argument="x", cause=("wrong_winner", "entries_not_written")
)
def winner_sought_among_zeros(dout, x):
    windows = in_windows(x, 0.0)
    dwindows = np.zeros_like(windows)
    np.put_along_axis(dwindows, windows.argmax(axis=-1)[..., None], dout[..., None], axis=-1)
    return out_of_windows(dwindows, x.shape)


def strongest_moment(x, k=3, pad=1):
    """x (N, T), windows of k at every step, padded on both sides."""
    xp = np.pad(x, ((0, 0), (pad, pad)), constant_values=-np.inf)
    view = np.lib.stride_tricks.sliding_window_view(xp, k, axis=1)
    return view.max(axis=-1), view.argmax(axis=-1) + np.arange(view.shape[1])


@family.wrong(
    73,
    strongest_moment,
    sized(((3, 8),), ((16, 60),)),
    names=("x",),
    style="cache",
    argument="x",
    cause=("shifted", "wrong_winner"),
)
def moment_counted_with_the_padding(dout, moment):
    dx = np.zeros((len(dout), dout.shape[1] + 2))
    for row, where, up in zip(dx, moment, dout, strict=True):
        np.add.at(row, where, up)
    return dx[:, : dout.shape[1]]


def mean_pool(x):
    return (x[:, 0::2, 0::2] + x[:, 1::2, 0::2] + x[:, 0::2, 1::2] + x[:, 1::2, 1::2]) / 4


@family.wrong(74, mean_pool, sized(((2, 4, 6, 3),), ((8, 12, 14, 8),)), argument="x", cause="scaled_by_window")
def upsampled_without_the_quarter(dout, x):
    return dout.repeat(2, axis=1).repeat(2, axis=2)


def average_of_the_inside(x):
    n, c, h, w = x.shape
    count = in_windows(np.ones_like(x), 0.0).sum(axis=-1)
    return in_windows(x, 0.0).sum(axis=-1) / count, (count, x.shape)


@family.wrong(74, average_of_the_inside, even, style="rule", argument="x", cause="padding_counted")
def padding_counted_in_backward_only(saved, g):
    count, shape = saved
    return out_of_windows(np.repeat(g[..., None], 4, axis=-1) / 4, shape)


@family.whole(75, "wrong backward", "layer", tracks, argument="x", cause="one_sample_repeated")
class MaxOverTime:
    def forward(self, x):
        self.shape, self.arg = x.shape, x.argmax(axis=1)
        return x.max(axis=1)

    def backward(self, dout):
        n, t, c = self.shape
        first = np.zeros((t, c))
        first[self.arg[0], np.arange(c)] = dout[0]
        return np.broadcast_to(first, self.shape).copy()


@family.whole(57, "wrong backward", "vjp", images, argument="x", cause=("scaled_by_spatial", "scaled_by_window"))
def global_average_spread_without_its_factor(x):
    n, h, w, c = x.shape
    return x.mean(axis=(1, 2)), lambda g: (np.tile(g[:, None, None, :], (1, h, w, 1)),)


@family.wrong(70, lambda x: x.max(axis=1), tracks, argument="x", cause="mask_missing")
def every_moment_gets_the_gradient(dout, x):
    return np.zeros_like(x) + dout[:, None]
