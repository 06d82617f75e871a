"""layers that are not the op they are named, with backwards that fit them."""

import numpy as np

from ..case import Family, normal, sized

family = Family("forwards")


def images_and_kernel(size, seed):
    if size == "small":
        return normal(seed, (2, 5, 6, 2), (3, 2, 2, 4), (4,))
    return normal(seed, (4, 11, 12, 3), (3, 3, 3, 8), (8,))


def rotated_backward(g, x, kernel, bias):
    kh, kw = kernel.shape[:2]
    dx, dk = np.zeros_like(x), np.zeros_like(kernel)
    for i in range(kh):
        for j in range(kw):
            seen = np.s_[:, i : i + g.shape[1], j : j + g.shape[2]]
            dx[seen] += g @ kernel[kh - 1 - i, kw - 1 - j].T
            dk[kh - 1 - i, kw - 1 - j] = np.tensordot(x[seen], g, axes=((0, 1, 2), (0, 1, 2)))
    return dx, dk, g.sum(axis=(0, 1, 2))


@family.wrong_forward(
    59, rotated_backward, images_and_kernel, family="convolution", op="conv", cause="convention_kernel",
    names=("x", "kernel", "bias"),
)  # fmt: skip
def convolution_in_the_sense_of_mathematics(x, kernel, bias):
    kh, kw = kernel.shape[:2]
    rows, columns = x.shape[1] - kh + 1, x.shape[2] - kw + 1
    out = np.zeros((len(x), rows, columns, kernel.shape[3]))
    for i in range(kh):
        for j in range(kw):
            out += x[:, i : i + rows, j : j + columns] @ kernel[kh - 1 - i, kw - 1 - j]
    return out + bias


def with_zeros_around(x):
    return np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), (1, 1), (0, 0))), 3, axis=1)[:, ::2]


def zero_padded_backward(g, x):
    view = with_zeros_around(x)
    where = view.argmax(axis=-1)
    dxp = np.zeros((len(x), x.shape[1] + 2, x.shape[2]))
    for n, i, c in np.ndindex(*g.shape):
        dxp[n, 2 * i + where[n, i, c], c] += g[n, i, c]
    return dxp[:, 1:-1]


@family.wrong_forward(
    72,
    zero_padded_backward,
    lambda size, seed: (normal(seed, (2, 7, 3) if size == "small" else (8, 41, 6))[0] - 0.7,),
    family="pooling",
    op="max_pool",
    statics={"window": 3, "strides": 2, "padding": 1},
    cause="convention_padding",
)
def maximum_of_windows_padded_with_zeros(x):
    return with_zeros_around(x).max(axis=-1)


def of_the_inside(x):
    """Windows of 3 by steps of 2, a place of padding at either end, and how many places of each are real."""
    count = with_zeros_around(np.ones_like(x)).sum(axis=-1)
    return with_zeros_around(x).sum(axis=-1) / count, count


def of_the_inside_backward(g, x):
    share = g / of_the_inside(x)[1]
    dxp = np.zeros((len(x), x.shape[1] + 2, x.shape[2]))
    for k in range(3):
        dxp[:, k : k + 2 * g.shape[1] : 2][:, : g.shape[1]] += share
    return dxp[:, 1:-1]


@family.wrong_forward(
    74,
    of_the_inside_backward,
    sized(((2, 7, 3),), ((8, 41, 6),)),
    family="pooling",
    op="avg_pool",
    statics={"window": 3, "strides": 2, "padding": 1},
    cause=("convention_padding", "convention_static"),
)
def average_of_what_lies_inside(x):
    return of_the_inside(x)[0]


def first_channels_backward(g, x):
    return np.repeat(np.repeat(g, 2, axis=2), 2, axis=3) / 4


@family.wrong_forward(
    66,
    first_channels_backward,
    sized(((2, 4, 6, 8),), ((4, 8, 12, 16),)),
    family="pooling",
    op="avg_pool",
    statics={"window": 2},
    cause=("convention_layout", "convention_static"),
)
def average_with_channels_first(x):
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).mean(axis=(3, 5))


def scaled_rows(size, seed):
    x, scale, bias = normal(seed, *(((7, 4), (4,), (4,)) if size == "small" else ((64, 30), (30,), (30,))))
    return 2 * x + 1, scale + 1, bias


def statistics(x):
    return x.mean(axis=0), x.var(axis=0, ddof=1)


def sample_variance_backward(cotangents, x, scale, bias):
    g, of_mean, of_variance = cotangents
    mean, variance = statistics(x)
    r = 1 / np.sqrt(variance + 1e-5)
    centered, d, n = x - mean, g * scale, len(x)
    of_variance = of_variance - 0.5 * r**3 * (d * centered).sum(axis=0)
    dx = r * (d - d.mean(axis=0)) + of_mean / n + of_variance * 2 * centered / (n - 1)
    return dx, (g * centered * r).sum(axis=0), g.sum(axis=0)


@family.wrong_forward(
    86, sample_variance_backward, scaled_rows, family="normalization", op="batch_norm", cause="convention_variance"
)
def batch_norm_by_the_sample_variance(x, scale, bias):
    mean, variance = statistics(x)
    return scale * (x - mean) / np.sqrt(variance + 1e-5) + bias, mean, variance


def coarse(x):
    mean = x.mean(axis=-1, keepdims=True)
    std = np.sqrt(((x - mean) ** 2).mean(axis=-1, keepdims=True) + 1e-2)
    return (x - mean) / std, std


def coarse_backward(g, x, scale, bias):
    xhat, std = coarse(x)
    d = g * scale
    dx = d - d.mean(axis=-1, keepdims=True) - xhat * (d * xhat).mean(axis=-1, keepdims=True)
    return dx / std, (g * xhat).sum(axis=0), g.sum(axis=0)


@family.wrong_forward(
    93,
    coarse_backward,
    scaled_rows,
    family="normalization",
    op="layer_norm",
    cause=("convention_epsilon", "convention_static"),
)
def layer_norm_with_a_coarse_epsilon(x, scale, bias):
    return coarse(x)[0] * scale + bias


def units_and_mask(size, seed):
    shape = (5, 6) if size == "small" else (64, 50)
    return normal(seed, shape)[0], np.random.default_rng(seed + 3).random(shape) >= 0.3


@family.wrong_forward(
    97,
    lambda g, x, mask: (g * mask, None),
    units_and_mask,
    family="dropout_embedding",
    op="dropout",
    statics={"rate": 0.3},
    cause="convention_dropout",
)
def dropout_that_scales_only_when_evaluated(x, mask):
    return x * mask


def square_kernel(size, seed):
    n, d = (4, 5) if size == "small" else (32, 40)
    return normal(seed, (n, d), (d, d), (d,))


def rows_of_kernel_backward(g, x, kernel, bias):
    return g @ kernel, g.T @ x, g.sum(axis=0)


@family.wrong_forward(5, rows_of_kernel_backward, square_kernel, family="dense", op="dense", cause="convention_layout")
def dense_by_the_rows_of_its_kernel(x, kernel, bias):
    return x @ kernel.T + bias
