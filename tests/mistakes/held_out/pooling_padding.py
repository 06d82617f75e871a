"""Maximum pooling of a padded input (catalogue 72 and 73)."""

import numpy as np

from ..case import Family, sized
from .pooling_maxima import first, images, scatter, views

family = Family("pooling")

last = sized(((2, 7, 5, 3),), ((4, 14, 16, 8),))


def zero_padded(x):
    return views(np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))), (3, 3), 2).max(axis=-1)


def route_from(xp):
    return lambda dout, x: scatter(dout, views(xp(x), (3, 3), 2).argmax(axis=-1), x.shape, (3, 3), 2, 1)


def with_frame(value):
    return lambda x: np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=value)


padded_by_one = {**first, "window": 3, "strides": 2, "padding": 1}


@family.wrong_forward(
    72,
    route_from(with_frame(0.0)),
    images,
    op="max_pool",
    statics=padded_by_one,
    names=("x",),
    cause="convention_padding",
)
def pooled_with_a_frame_of_zeros(x):
    return zero_padded(x)


@family.wrong(
    72,
    lambda x: views(with_frame(-np.inf)(x), (3, 3), 2).max(axis=-1),
    lambda size, seed: (images(size, seed)[0] - 0.8,),
    statics=padded_by_one,
    op="max_pool",
    names=("x",),
    cause="wrong_winner",
    argument="x",
)
def winners_among_zeros_of_the_frame(dout, x):
    return route_from(with_frame(0.0))(dout, x)


def padded_pool(X):
    X_pad = np.pad(X, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=-np.inf)
    rows, columns = (X.shape[1] - 1) // 2 + 1, (X.shape[2] - 1) // 2 + 1
    out = np.zeros((len(X), rows, columns, X.shape[3]))
    for i, j in np.ndindex(rows, columns):
        out[:, i, j] = X_pad[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3].max(axis=(1, 2))
    return out


@family.wrong(
    73,
    padded_pool,
    last,
    op="max_pool",
    statics={"window": 3, "strides": 2, "padding": 1},
    cause="wrong_winner",
    argument="X",
)
def windows_cut_from_the_unpadded_input(dLdY, X):
    dX = np.zeros_like(X)
    for m, i, j, c in np.ndindex(*dLdY.shape):
        window = X[m, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3, c]
        a, b = np.unravel_index(np.argmax(window), window.shape)
        dX[m, 2 * i + a, 2 * j + b, c] += dLdY[m, i, j, c]
    return dX


def signal_pool(x, k=3, s=2, p=1):
    xp = np.pad(x, ((0, 0), (0, 0), (p, p)), constant_values=-np.inf)
    return np.lib.stride_tricks.sliding_window_view(xp, k, axis=2)[:, :, ::s].max(axis=-1)


@family.wrong(
    73,
    signal_pool,
    sized(((2, 3, 9),), ((8, 12, 41),)),
    op="max_pool",
    statics={**first, "window": 3, "strides": 2, "padding": 1},
    names=("x",),
    cause="wrong_winner",
    argument="x",
)
def argmax_over_the_signal_without_its_frame(dout, x):
    dx = np.zeros_like(x)
    for n, c, t in np.ndindex(*dout.shape):
        stop = min(2 * t + 3, x.shape[2])
        dx[n, c, 2 * t + np.argmax(x[n, c, 2 * t : stop])] += dout[n, c, t]
    return dx
