"""Mistakes in other ways to pool: global, adaptive, over time, by norms and by softmax; running maxima."""

from functools import partial

import numpy as np

from ..case import Family, sized

family = Family("pooling")

maps = sized(((3, 4, 5, 7),), ((8, 16, 7, 6),))
steps = sized(((3, 6, 4),), ((8, 20, 16),))
rows = sized(((4, 7),), ((16, 31),))

glob = partial(family.wrong, inputs=maps, names=("x",), argument="x")


@glob(74, lambda x: x.mean(axis=(2, 3)), cause=("scaled_by_spatial", "scaled_by_window"))
def global_average_broadcast_undivided(dout, x):
    return np.ones_like(x) * dout[:, :, None, None]


@glob(74, lambda x: x.mean(axis=(2, 3)), cause=("scaled_by_size", "scaled"))
def global_average_divided_by_the_rows(dout, x):
    return np.broadcast_to(dout[:, :, None, None] / x.shape[2], x.shape).copy()


@glob(73, lambda x: x.max(axis=(2, 3)), inputs=sized(((2, 2, 2, 3),), ((8, 16, 7, 6),)), cause="wrong_winner")
def global_winner_of_all_channels(dout, x):
    dx = np.zeros_like(x)
    for n in range(len(x)):
        _, i, j = np.unravel_index(x[n].argmax(), x[n].shape)
        dx[n, :, i, j] = dout[n]
    return dx


def both(x):
    return np.concatenate([x.max(axis=(2, 3)), x.mean(axis=(2, 3))], axis=1)


@glob(13, both, cause="wrong_operand")
def halves_of_the_upstream_exchanged(dout, x):
    dmean, dmax = np.split(dout, 2, axis=1)
    winner = x == x.max(axis=(2, 3), keepdims=True)
    return winner * dmax[:, :, None, None] + dmean[:, :, None, None] / x[0, 0].size


@glob(12, both, cause=("use_dropped", "sum_term_missing"))
def maximum_half_assigned_over(dout, x):
    channels = x.shape[1]
    dx = (x == x.max(axis=(2, 3), keepdims=True)) * dout[:, :channels, None, None]
    dx = np.broadcast_to(dout[:, channels:, None, None], x.shape) / (x.shape[2] * x.shape[3])
    return dx.copy()


def adaptive(x):
    """Three parts that are as equal as can be, of each row."""
    return np.stack([part.mean(axis=1) for part in np.array_split(x, 3, axis=1)], axis=1)


@family.wrong("", adaptive, rows, cause="partly_scaled", argument="x")
def unequal_parts_divided_alike(dout, x):
    sizes = [part.shape[1] for part in np.array_split(x, 3, axis=1)]
    return np.repeat(dout / (x.shape[1] // 3), sizes, axis=1)


def groups(x):
    return x[:, : x.shape[1] // 3 * 3].reshape(len(x), -1, 3)


def spread(x, windows):
    dx = np.zeros_like(x)
    dx[:, : windows[0].size] = windows.reshape(len(x), -1)
    return dx


def norms(x):
    return np.sqrt((groups(x) ** 2).sum(axis=2))


by_norm = partial(family.wrong, forward=norms, inputs=rows, argument="x")


@by_norm("", cause="scaled_by_two")
def norm_of_a_window_with_a_half_too_much(dout, x):
    return spread(x, groups(x) * (dout * 0.5 / norms(x))[..., None])


@by_norm("", cause=("derivative_missing", "wrong_derivative", "local_factor"))
def norm_of_a_window_without_its_root(dout, x):
    return spread(x, 2 * groups(x) * dout[..., None])


@by_norm(76, cause=("wrong_derivative", "local_factor"))
def sign_in_place_of_the_unit_vector(dout, x):
    return spread(x, np.sign(groups(x)) * dout[..., None])


def smooth(x):
    """Softmax-weighted mean of each window."""
    g = groups(x)
    p = np.exp(g) / np.exp(g).sum(axis=2, keepdims=True)
    return (p * g).sum(axis=2), (x, g, p)


smoothed = partial(family.wrong, forward=smooth, inputs=rows, style="cache", names=("x",), argument="x")


@smoothed(12, cause=("sum_term_missing", "use_dropped"))
def softmax_weights_held_constant(dout, cache):
    x, g, p = cache
    return spread(x, p * dout[..., None])


@smoothed(32, cause=("diagonal_only", "sum_term_missing"))
def softmax_weights_by_their_diagonal(dout, cache):
    x, g, p = cache
    return spread(x, dout[..., None] * (p + g * p * (1 - p)))


def log_sum_exp(x):
    g = groups(x)
    return np.log(np.exp(g).mean(axis=2))


@family.wrong(88, log_sum_exp, rows, cause=("coupled_over_wrong_axis", "local_factor", "wrong_operand"), argument="x")
def soft_maximum_normalized_over_windows(dout, x):
    e = np.exp(groups(x))
    return spread(x, e / e.sum(axis=1, keepdims=True) * dout[..., None])


def lengths(size, seed):
    (x,) = steps(size, seed)
    return x, np.random.default_rng(seed).integers(1, x.shape[1], size=len(x))


def inside(x, length):
    return (np.arange(x.shape[1]) < length[:, None])[:, :, None]


def mean_over_time(x, length):
    return (x * inside(x, length)).sum(axis=1) / length[:, None]


timely = partial(family.wrong, forward=mean_over_time, inputs=lengths, argument="x")


@timely(29, cause=("padding_counted", "ignored_rows"))
def divided_by_the_padded_length(dout, x, length):
    return inside(x, length) * dout[:, None, :] / x.shape[1], None


@timely(29, cause=("mask_missing", "ignored_rows"))
def padded_steps_receive_their_share(dout, x, length):
    return np.tile((dout / length[:, None])[:, None, :], (1, x.shape[1], 1)), None


@timely(29, cause="mask_wrong")
def mask_of_the_padding_itself(dout, x, length):
    return ~inside(x, length) * (dout / length[:, None])[:, None, :], None


def running_maximum(x):
    return np.maximum.accumulate(x, axis=1)


def leaders(x):
    """Which entry holds the record at each place."""
    record = x == running_maximum(x)
    return np.maximum.accumulate(np.where(record, np.arange(x.shape[1]), 0), axis=1)


climbing = partial(family.wrong, forward=running_maximum, inputs=rows, argument="x")


@climbing(69, cause=("repeated_index_dropped", "overlap_dropped"))
def record_holder_is_paid_once(dout, x):
    dx = np.zeros_like(x)
    dx[np.arange(len(x))[:, None], leaders(x)] += dout
    return dx


@climbing(32, cause=("repeated_index_dropped", "diagonal_only", "overlap_dropped"))
def record_passes_down_to_where_it_is_seen(dout, x):
    return dout * (np.arange(x.shape[1]) == leaders(x))


def top_three(x):
    return np.sort(x, axis=1)[:, -3:].mean(axis=1)


@family.wrong("", top_three, rows, cause="entries_not_written", argument="x")
def best_of_three_alone(dout, x):
    return (x == x.max(axis=1, keepdims=True)) * dout[:, None] / 3


@family.wrong("", top_three, rows, cause="wrong_winner", argument="x")
def lowest_three_chosen(dout, x):
    dx = np.zeros_like(x)
    np.put_along_axis(dx, x.argsort(axis=1)[:, :3], dout[:, None] / 3, axis=1)
    return dx


@family.wrong(73, lambda x: groups(x).min(axis=2), rows, names=("x",), cause="wrong_winner", argument="x")
def minimum_pooling_by_argmax(dout, x):
    g = groups(x)
    return spread(x, (g.argmax(axis=2)[..., None] == np.arange(3)) * dout[..., None])
