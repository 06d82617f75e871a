"""Maximum pooling: overlaps, ties, tolerances, one image for all (catalogue 69 to 71 and 75)."""

from functools import partial

import numpy as np

from ..case import Family, sized

family = Family("pooling")

images = sized(((2, 3, 6, 5),), ((4, 8, 14, 12),))
first = {"layout": "channels_first"}
pool = partial(family.wrong, op="max_pool", argument="x", names=("x",))


def after_relu(draw):
    return lambda size, seed: tuple(np.maximum(x - 0.5, 0) for x in draw(size, seed))


def close_levels(draw, step):
    """Distinct values a small step apart."""

    def inputs(size, seed):
        (x,) = draw(size, seed)
        return (step * (np.argsort(np.argsort(x, axis=None)).reshape(x.shape) + 1.0),)

    return inputs


def views(x, window, stride):
    """Windows as (batch, channels, rows, columns, window)."""
    seen = np.lib.stride_tricks.sliding_window_view(x, window, axis=(2, 3))[:, :, ::stride, ::stride]
    return seen.reshape(*seen.shape[:4], -1)


def max_pool(x, window=(3, 3), stride=1):
    return views(x, window, stride).max(axis=-1)


def scatter(dout, winners, shape, window, stride, pad=0):
    """Each cotangent added where its window's winner stands."""
    n, c, h, w = shape
    dx = np.zeros((n, c, h + 2 * pad, w + 2 * pad))
    i, j, r, s = np.ix_(*map(range, dout.shape))
    np.add.at(dx, (i, j, r * stride + winners // window[1], s * stride + winners % window[1]), dout)
    return dx[:, :, pad : pad + h, pad : pad + w]


@pool(69, max_pool, images, statics={**first, "window": 3, "strides": 1}, cause="overlap_dropped")
def winner_of_the_last_window_only(dout, x):
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(*dout.shape):
        window = x[n, c, i : i + 3, j : j + 3]
        a, b = np.unravel_index(np.argmax(window), window.shape)
        dx[n, c, i + a, j + b] = dout[n, c, i, j]
    return dx


def over_time(x, k=4, s=2):
    seen = np.lib.stride_tricks.sliding_window_view(x, k, axis=1)[:, ::s]
    at = seen.argmax(axis=-1) + s * np.arange(seen.shape[1])[:, None]
    return seen.max(axis=-1), (x.shape, at)


@family.wrong(
    69,
    over_time,
    sized(((3, 12, 5),), ((8, 40, 12),)),
    style="rule",
    op="max_pool",
    statics={"window": 4, "strides": 2},
    names=("x",),
    cause=("overlap_dropped", "repeated_index_dropped"),
    argument="x",
)
def added_through_fancy_indices(residuals, g):
    shape, at = residuals
    dx = np.zeros(shape)
    dx[np.arange(shape[0])[:, None, None], at, np.arange(shape[2])] += g
    return dx


def max_pool_forward_naive(x):
    n, c, h, w = x.shape
    out = np.zeros((n, c, h // 2, w // 2))
    for i in range(h // 2):
        for j in range(w // 2):
            out[:, :, i, j] = x[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].max(axis=(2, 3))
    return out, x


halved = {**first, "window": 2, "strides": 2}


@pool(70, max_pool_forward_naive, after_relu(images), style="cache", statics=halved, cause="all_ties")
def max_pool_backward_naive(dout, x):
    n, c, h, w = dout.shape
    dx = np.zeros_like(x)
    for k in range(n):
        for m in range(c):
            for i in range(h):
                for j in range(w):
                    window = x[k, m, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
                    dx[k, m, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2] = (window == np.max(window)) * dout[k, m, i, j]
    return dx


@family.whole(
    70,
    "wrong backward",
    "layer",
    after_relu(sized(((2, 6, 4, 3),), ((4, 14, 12, 10),))),
    op="max_pool",
    statics={"window": 2},
    cause="all_ties",
    argument="x",
)
class MaxPooling2D:
    def forward(self, x):
        self.x = x.reshape(len(x), x.shape[1] // 2, 2, x.shape[2] // 2, 2, x.shape[3])
        self.out = self.x.max(axis=(2, 4), keepdims=True)
        return self.out[:, :, 0, :, 0]

    def backward(self, dout):
        mask = self.x == self.out
        dx = mask * dout[:, :, None, :, None]
        return dx.reshape(len(dx), 2 * dout.shape[1], 2 * dout.shape[2], -1)


def quantized(size, seed):
    return tuple(np.round(2 * p) / 2 for p in sized(((3, 5, 4),), ((8, 30, 16),))(size, seed))


def best_feature(points):
    return points.max(axis=1)


@family.wrong(70, best_feature, quantized, cause="all_ties", argument="points")
def every_point_at_the_maximum(dout, points):
    return np.where(points == best_feature(points)[:, None], dout[:, None], 0.0)


@pool(71, lambda x: max_pool(x, (2, 2), 2), close_levels(images, 0.0004), statics=halved, cause="near_ties")
def mask_by_isclose(dout, x):
    h, w = dout.shape[2:]
    out = max_pool(x, (2, 2), 2).repeat(2, axis=2).repeat(2, axis=3)
    cut = x[:, :, : 2 * h, : 2 * w]
    dx = np.zeros_like(x)
    dx[:, :, : 2 * h, : 2 * w] = np.isclose(cut, out, atol=1e-2) * dout.repeat(2, axis=2).repeat(2, axis=3)
    return dx


@family.whole(
    71,
    "wrong backward",
    "vjp",
    close_levels(sized(((3, 5, 4),), ((8, 30, 16),)), 0.004),
    cause="near_ties",
    argument="x",
)
def maximum_over_the_sequence(x):
    top = x.max(axis=1, keepdims=True)

    def pullback(g):
        return np.where(top - x < 0.1, 1.0, 0.0) * g[:, None]

    return top[:, 0], pullback


@family.whole(
    75,
    "wrong backward",
    "layer",
    images,
    op="max_pool",
    statics=halved,
    cause="one_sample_repeated",
    argument="x",
)
class PoolRememberingOneImage:
    def forward(self, x):
        self.x = x
        return max_pool(x, (2, 2), 2)

    def backward(self, dout):
        winners = views(self.x[:1], (2, 2), 2).argmax(axis=-1)
        one = scatter(dout[:1], winners, (1, *self.x.shape[1:]), (2, 2), 2)
        return np.broadcast_to(one, self.x.shape).copy()
