"""Pooling over time, by norms, by softmax, over whole maps."""

from functools import partial

import numpy as np

from ..case import Family, sized

family = Family("pooling")


def groups(x):
    return x[:, : x.shape[1] // 3 * 3].reshape(len(x), -1, 3)


def spread(x, windows):
    dx = np.zeros_like(x)
    dx[:, : windows[0].size] = windows.reshape(len(x), -1)
    return dx


def norms(x):
    return np.sqrt((groups(x) ** 2).sum(axis=2))


rows = sized(((4, 7),), ((16, 31),))


@family.wrong("", norms, rows, argument="x", cause="scaled_by_constant")
def norm_of_a_window_with_a_half_too_much(dout, x):
    return spread(x, groups(x) * (dout * 0.5 / norms(x))[..., None])


def smooth(x):
    """Softmax-weighted mean of each window."""
    g = groups(x)
    p = np.exp(g) / np.exp(g).sum(axis=2, keepdims=True)
    return (p * g).sum(axis=2), (x, g, p)


@family.impure(40, smooth, rows, style="cache", cause="changed_in_place")
def softmax_weights_overwritten(dout, cache):
    x, g, p = cache
    y = (p * g).sum(axis=2, keepdims=True)
    p *= dout[..., None]
    return spread(x, p * (1 + g - y))


@family.control("", smooth, rows, style="rule")
def softmax_pooling_by_its_jacobian(residuals, cotangent):
    x, g, p = residuals
    y = (p * g).sum(axis=2, keepdims=True)
    return spread(x, cotangent[..., None] * p * (1 + g - y))


@family.control("", lambda x: np.abs(groups(x)).max(axis=2), rows, names=("x",))
def largest_magnitude_with_its_sign(dout, x):
    g = groups(x)
    return spread(x, np.sign(g) * (np.abs(g).argmax(axis=2)[..., None] == np.arange(3)) * dout[..., None])


steps = sized(((3, 6, 4),), ((8, 21, 16),))


def lengths(size, seed):
    (x,) = steps(size, seed)
    return x, np.random.default_rng(seed).integers(1, x.shape[1], size=len(x))


def inside(x, length):
    return (np.arange(x.shape[1]) < length[:, None])[:, :, None]


def mean_over_time(x, length):
    return (x * inside(x, length)).sum(axis=1) / length[:, None]


timely = partial(family.wrong, forward=mean_over_time, inputs=lengths, argument="x")


@timely(29, cause="mask_missing")
def padded_steps_receive_their_share(dout, x, length):
    return np.tile((dout / length[:, None])[:, None, :], (1, x.shape[1], 1)), None


@timely(29, cause="mask_wrong")
def mask_of_the_padding_itself(dout, x, length):
    return ~inside(x, length) * (dout / length[:, None])[:, None, :], None


def windows(x):
    return np.stack([x[:, i : i + 3] for i in range(0, x.shape[1] - 2, 2)], axis=1)


def root_of_squares(x):
    return np.sqrt((windows(x) ** 2).sum(axis=2))


@family.wrong(76, root_of_squares, steps, argument="x", cause="derivative_missing")
def root_differentiated_as_a_sum_of_squares(g, x):
    dx = np.zeros_like(x)
    for i in range(g.shape[1]):
        dx[:, 2 * i : 2 * i + 3] += 2 * g[:, i : i + 1] * x[:, 2 * i : 2 * i + 3]
    return dx


# Weights that compete: x (N, T, C), q (C,)
ATTENTIVE = sized(((3, 5, 4), (4,)), ((8, 10, 12), (12,)))


def attentive(x, q):
    s = x @ q
    p = np.exp(s - s.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return np.einsum("nt,ntc->nc", p, x), (x, q, p)


@family.wrong(12, attentive, ATTENTIVE, style="cache", argument="x", cause="term_missing", names=("x", "q"))
def attended_steps_without_their_scores(g, cache):
    x, q, p = cache
    dp = np.einsum("nc,ntc->nt", g, x)
    ds = p * (dp - (p * dp).sum(axis=1, keepdims=True))
    return p[:, :, None] * g[:, None], np.einsum("nt,ntc->c", ds, x)


@family.wrong(32, attentive, ATTENTIVE, style="cache", argument="x q", cause="diagonal_only", names=("x", "q"))
def attended_steps_without_competition(g, cache):
    x, q, p = cache
    ds = p * (1 - p) * np.einsum("nc,ntc->nt", g, x)
    return p[:, :, None] * g[:, None] + ds[:, :, None] * q, np.einsum("nt,ntc->c", ds, x)


over_time = partial(family.wrong, inputs=steps, names=("x",), argument="x")


@over_time(66, lambda x: x.reshape(len(x), -1, 3, x.shape[2]).mean(axis=2), cause="transposed")
def thirds_follow_each_other_in_rounds(dout, x):
    return np.tile(dout, (1, 3, 1)) / 3


@over_time(88, lambda x: np.log(np.exp(x).sum(axis=1)), cause="wrong_axis")
def soft_peak_in_time_shared_by_the_channels(dout, x):
    return np.exp(x) / np.exp(x).sum(axis=2, keepdims=True) * dout[:, None]


def known_length(size, seed):
    (x,) = sized(((4, 5),), ((8, 20),))(size, seed)
    return x, (np.random.default_rng(seed).random(x.shape) < 0.6) | (np.arange(x.shape[1]) == 0)


def masked_mean(x, there):
    return (x * there).sum(axis=1) / there.sum(axis=1)


@family.wrong(29, masked_mean, known_length, cause="scaled_by_count", argument="x")
def mean_of_the_present_over_all(dout, x, there):
    return there * dout[:, None] / x.shape[1], None


def first_channels_backward(g, x):
    return np.repeat(np.repeat(g, 2, axis=2), 2, axis=3) / 4


@family.wrong_forward(
    66,
    first_channels_backward,
    sized(((2, 4, 6, 8),), ((4, 8, 12, 16),)),
    op="avg_pool",
    statics={"window": 2},
    cause="convention_layout",
)
def average_with_channels_first(x):
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).mean(axis=(3, 5))


images = sized(((2, 5, 6, 2),), ((4, 13, 14, 8),))


@family.whole(57, "wrong backward", "vjp", images, argument="x", cause="scaled_by_count")
def global_average_spread_without_its_factor(x):
    n, h, w, c = x.shape
    return x.mean(axis=(1, 2)), lambda g: (np.tile(g[:, None, None, :], (1, h, w, 1)),)


@family.whole(73, "wrong backward", "vjp", steps, argument="x", cause="shifted")
def latest_maximum_found_one_step_late(x):
    """The maximum over time, and an index counted from the second step on."""
    padded = np.pad(x, ((0, 0), (1, 0), (0, 0)), constant_values=-np.inf)
    best = padded.argmax(axis=1)

    def pullback(g):
        dx = np.zeros_like(x)
        rows, cols = np.ogrid[: x.shape[0], : x.shape[2]]
        dx[rows, best % x.shape[1], cols] = g
        return (dx,)

    return padded.max(axis=1), pullback


MAPS = sized(((7, 3, 5, 6),), ((8, 12, 10, 9),))


def enlarge(x):
    return x.repeat(2, axis=2).repeat(2, axis=3)


@family.wrong(12, enlarge, MAPS, argument="x", cause="part_missing")
def enlarged_pixel_read_at_one_corner(g, x):
    return g[:, :, ::2, ::2]
