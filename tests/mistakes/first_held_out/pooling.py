"""Pooling by masks, by indices and by reshaping."""

import numpy as np

from ..case import Family, normal, sized

family = Family("pooling")

FIRST = {"layout": "channels_first"}
IMAGE = sized(((2, 3, 6, 4),), ((4, 6, 16, 12),))


def blocks(x, k):
    n, c, h, w = x.shape
    return x.reshape(n, c, h // k, k, w // k, k)


def pool2(x):
    return blocks(x, 2).max(axis=(3, 5))


POOL2 = {**FIRST, "window": 2}


def slide(x, k):
    """Maxima of x (N, T, C) over k neighbours, and where they stand."""
    frames = np.stack([x[:, s : s + x.shape[1] - k + 1] for s in range(k)], axis=0)
    return frames.max(0), (x.shape, frames.argmax(0))


def sliding_max(x):
    return slide(x, 3)


@family.wrong(
    69,
    sliding_max,
    sized(((2, 9, 3),), ((6, 40, 8),)),
    style="rule",
    op="max_pool",
    statics={"window": 3, "strides": 1},
    cause="overlap_dropped",
    argument="x",
)
def winners_assigned(saved, g):
    shape, offset = saved
    dx = np.zeros(shape)
    n, t, c = np.indices(offset.shape)
    dx[n, t + offset, c] = g
    return dx


def rectified_image(size, seed):
    return (np.maximum(IMAGE(size, seed)[0] - 0.4, 0),)


@family.wrong(70, pool2, rectified_image, op="max_pool", statics=POOL2, cause="all_ties", argument="x")
def mask_of_equals(dout, x):
    spread = np.repeat(np.repeat(dout, 2, 2), 2, 3)
    top = np.repeat(np.repeat(pool2(x), 2, 2), 2, 3)
    return spread * (x == top)


def near_equal_image(size, seed):
    (x,) = IMAGE(size, seed)
    b = blocks(x.copy(), 2)
    b[:, :, 0, 0, :, 0] = b[:, :, 0].max(axis=(2, 4)) + 0.5
    b[:, :, 0, 1, :, 1] = b[:, :, 0, 0, :, 0] - 4e-3
    return (b.reshape(x.shape),)


@family.wrong(71, pool2, near_equal_image, op="max_pool", statics=POOL2, cause="near_ties", argument="x")
def mask_with_tolerance(dout, x):
    view = blocks(x, 2)
    mask = np.isclose(view, view.max((3, 5), keepdims=True), atol=1e-2)
    return (mask * dout[:, :, :, None, :, None]).reshape(x.shape)


def border_max(x):
    """3 by 3, stride 2, one row and column of minus infinity around x (N, C, H, W)."""
    wide = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    oh, ow = (x.shape[2] - 1) // 2 + 1, (x.shape[3] - 1) // 2 + 1
    taps = [wide[:, :, i : i + 2 * oh : 2, j : j + 2 * ow : 2] for i in range(3) for j in range(3)]
    return np.max([t[:, :, :oh, :ow] for t in taps], axis=0)


def winners(x, fill):
    wide = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=fill)
    oh, ow = (x.shape[2] - 1) // 2 + 1, (x.shape[3] - 1) // 2 + 1
    for n, c, r, s in np.ndindex(len(x), x.shape[1], oh, ow):
        patch = wide[n, c, 2 * r : 2 * r + 3, 2 * s : 2 * s + 3]
        i, j = np.unravel_index(patch.argmax(), patch.shape)
        yield (n, c, r, s), (n, c, 2 * r + i, 2 * s + j)


def padded_gradient(g, x, fill):
    wide = np.zeros((*x.shape[:2], x.shape[2] + 2, x.shape[3] + 2))
    for here, there in winners(x, fill):
        wide[there] += g[here]
    return wide


ODD = sized(((2, 3, 5, 7),), ((2, 4, 13, 11),))
BORDER = {**FIRST, "window": 3, "strides": 2, "padding": 1}


@family.wrong(
    72,
    border_max,
    lambda size, seed: (ODD(size, seed)[0] - 1.0,),
    op="max_pool",
    statics=BORDER,
    argument="x",
    cause=("wrong_winner", "entries_not_written", "padding_counted"),
)
def zeros_win_in_backward(g, x):
    return padded_gradient(g, x, 0.0)[:, :, 1:-1, 1:-1]


@family.wrong(73, border_max, ODD, op="max_pool", statics=BORDER, cause=("shifted", "wrong_winner"), argument="x")
def padded_positions_used_unpadded(g, x):
    return padded_gradient(g, x, -np.inf)[:, :, : x.shape[2], : x.shape[3]]


@family.wrong_forward(
    72,
    lambda g, x: padded_gradient(g, x, 0.0)[:, :, 1:-1, 1:-1],
    lambda size, seed: (ODD(size, seed)[0] - 1.0,),
    op="max_pool",
    statics=BORDER,
    cause="convention_padding",
)
def zero_padded_maxima(x):
    out = np.empty((*x.shape[:2], (x.shape[2] + 1) // 2, (x.shape[3] + 1) // 2))
    wide = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    for here, there in winners(x, 0.0):
        out[here] = wide[there]
    return out


def tall(x):
    v = x.reshape(len(x), x.shape[1] // 2, 2, x.shape[2] // 3, 3).transpose(0, 1, 3, 2, 4)
    flat = v.reshape(*v.shape[:3], 6)
    return flat.max(-1), (x.shape, flat.argmax(-1))


@family.wrong(73, tall, sized(((3, 4, 6),), ((8, 12, 15),)), style="cache", cause="wrong_winner", argument="x")
def index_split_by_the_height(dout, cache):
    shape, best = cache
    dx = np.zeros(shape)
    for n, r, c in np.ndindex(best.shape):
        i, j = divmod(best[n, r, c], 2)
        dx[n, min(2 * r + i, shape[1] - 1), min(3 * c + j, shape[2] - 1)] += dout[n, r, c]
    return dx


@family.whole(
    74,
    "wrong backward",
    "layer",
    IMAGE,
    gradients={},
    op="avg_pool",
    statics=POOL2,
    argument="x",
    cause="scaled_by_window",
)
class AveragePool:
    size = 2

    def forward(self, x):
        self.shape = x.shape
        return blocks(x, self.size).mean((3, 5))

    def backward(self, dout):
        return np.kron(dout, np.ones((self.size, self.size)))


def edge_average(x):
    """Means of 3 neighbours of x (N, T, C), at the ends of the 2 that exist."""
    wide = np.pad(x, ((0, 0), (1, 1), (0, 0)))
    total = wide[:, :-2] + wide[:, 1:-1] + wide[:, 2:]
    return total / members(x.shape[1])


def members(t):
    count = np.full((t, 1), 3.0)
    count[[0, -1]] = 2
    return count


EDGE = {"window": 3, "strides": 1, "padding": 1, "count_include_pad": False}


@family.wrong(
    74,
    edge_average,
    sized(((2, 6, 3),), ((6, 40, 8),)),
    op="avg_pool",
    statics=EDGE,
    argument="x",
    cause="padding_counted",
)
def thirds_everywhere(g, x):
    wide = np.pad(g / 3, ((0, 0), (1, 1), (0, 0)))
    return wide[:, :-2] + wide[:, 1:-1] + wide[:, 2:]


def edge_average_gradient(g, x):
    wide = np.pad(g / members(x.shape[1]), ((0, 0), (1, 1), (0, 0)))
    return wide[:, :-2] + wide[:, 1:-1] + wide[:, 2:]


@family.wrong_forward(
    74,
    edge_average_gradient,
    sized(((2, 6, 3),), ((6, 40, 8),)),
    op="avg_pool",
    statics={**EDGE, "count_include_pad": True},
    cause=("convention_padding", "convention_static"),
)
def average_of_the_existing(x):
    return edge_average(x)


@family.wrong(75, pool2, IMAGE, op="max_pool", statics=POOL2, cause="one_sample_repeated", argument="x")
def first_image_for_all(dout, x):
    view = blocks(x[:1], 2)
    one = (view == view.max((3, 5), keepdims=True)) * dout[:1, :, :, None, :, None]
    return np.repeat(one.reshape(1, *x.shape[1:]), len(x), axis=0)


def global_average(x):
    return x.mean(axis=(1, 2))


@family.wrong(
    74,
    global_average,
    sized(((2, 4, 3, 5),), ((6, 9, 8, 10),)),
    argument="x",
    cause=("scaled_by_spatial", "scaled_by_window", "scaled_by_size"),
)
def mean_spread_whole(g, x):
    return np.zeros_like(x) + g[:, None, None, :]


def over_time(x):
    return x.max(axis=1)


@family.wrong(
    70, over_time, sized(((3, 5, 4),), ((8, 20, 16),)), argument="x", cause=("mask_missing", "wrong_winner", "all_ties")
)
def every_step_wins(g, x):
    return np.broadcast_to(g[:, None], x.shape).copy()


def pixels(size, seed):
    shape = (2, 3, 6, 4) if size == "small" else (4, 6, 16, 12)
    return (np.abs(normal(seed, shape)[0]),)


@family.impure(83, pool2, pixels, cause="input_changed")
def losers_zeroed_in_place(dout, x):
    view = blocks(x, 2)
    view[view < view.max((3, 5), keepdims=True)] = 0
    return ((view > 0) * dout[:, :, :, None, :, None]).reshape(x.shape)
