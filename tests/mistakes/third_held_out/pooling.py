"""Pooling: windows that overlap, tie, or reach over the border (catalogue 69 to 75)."""

import numpy as np

from ..case import Family, normal, sized

family = Family("pooling")

# Images, channels last; the windows below fit 7 x 10 and 13 x 14.
IMAGES = sized(((2, 7, 10, 3),), ((6, 13, 14, 5),))


def starts(size, window, stride):
    return range(0, size - window + 1, stride)


def places(x, window, stride):
    """Output position and the slices of its window."""
    for i, top in enumerate(starts(x.shape[1], window, stride)):
        for j, left in enumerate(starts(x.shape[2], window, stride)):
            yield i, j, (slice(None), slice(top, top + window), slice(left, left + window))


def empty_out(x, window, stride):
    return np.zeros((len(x), *(len(starts(n, window, stride)) for n in x.shape[1:3]), x.shape[3]))


def largest(x, window=3, stride=2):
    out = empty_out(x, window, stride)
    for i, j, under in places(x, window, stride):
        out[:, i, j] = x[under].max(axis=(1, 2))
    return out


def average(x, window=3, stride=2):
    out = empty_out(x, window, stride)
    for i, j, under in places(x, window, stride):
        out[:, i, j] = x[under].mean(axis=(1, 2))
    return out


def winners(patch):
    """1 at the first maximum of every window, 0 elsewhere."""
    n, rows, cols, channels = patch.shape
    flat = patch.reshape(n, rows * cols, channels)
    first = flat.argmax(axis=1)[:, None]
    return (np.arange(rows * cols)[:, None] == first).astype(float).reshape(patch.shape)


def largest_by_three(x):
    return largest(x), x


def largest_by_two(x):
    return largest(x, 2, 2), x


def average_by_three(x):
    return average(x), x


POOL = {"window": 3, "strides": 2}
maximum = {"op": "max_pool", "statics": POOL, "style": "cache", "argument": "x"}
mean = {"op": "avg_pool", "statics": POOL, "style": "cache", "argument": "x"}


@family.wrong(69, largest_by_three, IMAGES, cause="overlap_dropped", **maximum)
def later_windows_erase_earlier_winners(dout, x):
    dx = np.zeros_like(x)
    for i, j, under in places(x, 3, 2):
        dx[under] = winners(x[under]) * dout[:, i : i + 1, j : j + 1]
    return dx


@family.wrong(69, average_by_three, IMAGES, cause="overlap_dropped", **mean)
def later_averages_erase_earlier_ones(dout, x):
    dx = np.zeros_like(x)
    for i, j, under in places(x, 3, 2):
        dx[under] = dout[:, i : i + 1, j : j + 1] / 9
    return dx


def plateaus(size, seed):
    """What a ReLU leaves: rounded values, and many zeros."""
    (x,) = IMAGES(size, seed)
    return (np.maximum(np.round(2 * x), 0),)


@family.wrong(
    70, largest_by_two, plateaus, op="max_pool", statics={"window": 2}, style="cache", argument="x", cause="all_ties"
)
def everyone_equal_to_the_maximum_is_paid(dout, x):
    dx = np.zeros_like(x)
    for i, j, under in places(x, 2, 2):
        dx[under] += (x[under] == x[under].max(axis=(1, 2), keepdims=True)) * dout[:, i : i + 1, j : j + 1]
    return dx


def close_calls(size, seed):
    """Maxima with neighbours only a little smaller."""
    n, h, w, c = (2, 6, 8, 3) if size == "small" else (6, 12, 14, 5)
    coarse, fine = normal(seed, (n, h // 2, w // 2, c), (n, h, w, c))
    return (np.repeat(np.repeat(coarse, 2, axis=1), 2, axis=2) + 0.01 * fine,)


@family.wrong(
    71,
    largest_by_two,
    close_calls,
    op="max_pool",
    statics={"window": 2},
    style="cache",
    argument="x",
    cause="near_ties",
)
def close_enough_is_equal(dout, x):
    dx = np.zeros_like(x)
    for i, j, under in places(x, 2, 2):
        near = np.isclose(x[under], x[under].max(axis=(1, 2), keepdims=True), atol=1e-2)
        dx[under] += near * dout[:, i : i + 1, j : j + 1]
    return dx


@family.wrong(74, average_by_three, IMAGES, cause="scaled_by_window", **mean)
def average_hands_on_the_whole(dout, x):
    dx = np.zeros_like(x)
    for i, j, under in places(x, 3, 2):
        dx[under] += dout[:, i : i + 1, j : j + 1]
    return dx


@family.wrong(
    61,
    largest_by_two,
    IMAGES,
    op="max_pool",
    statics={"window": 2},
    style="cache",
    argument="x",
    cause="entries_not_written",
)
def last_column_of_windows_skipped(dout, x):
    dx = np.zeros_like(x)
    for i, j, under in places(x, 2, 2):
        if j < dout.shape[2] - 1:
            dx[under] += winners(x[under]) * dout[:, i : i + 1, j : j + 1]
    return dx


def sparse_average(x):
    return average(x, 2, 3), x


@family.wrong(
    56,
    sparse_average,
    IMAGES,
    op="avg_pool",
    statics={"window": 2, "strides": 3},
    style="cache",
    argument="x",
    cause="static_ignored",
)
def windows_side_by_side_in_the_backward(dout, x):
    dx = np.zeros_like(x)
    for i in range(dout.shape[1]):
        for j in range(dout.shape[2]):
            dx[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2] += dout[:, i : i + 1, j : j + 1] / 4
    return dx


def spread_sum(dout, x):
    dx = np.zeros_like(x)
    for i, j, under in places(x, 3, 2):
        dx[under] += dout[:, i : i + 1, j : j + 1]
    return dx


@family.wrong_forward(74, spread_sum, IMAGES, op="avg_pool", statics=POOL, cause="convention_reduction")
def sum_of_the_window(x):
    return average(x) * 9
