"""Mistakes around convolutions: normalized kernels, attention to channels, resizing, edges."""

from functools import partial

import numpy as np

from ..case import Family, sized
from .convolution_images import conv2d, dW2d, dx2d

family = Family("convolution")


def standardized(w, epsilon=1e-4):
    mean, var = w.mean(axis=(1, 2, 3), keepdims=True), w.var(axis=(1, 2, 3), keepdims=True)
    return (w - mean) / np.sqrt(var + epsilon), np.sqrt(var + epsilon)


def weight_standardized(x, w):
    normed, std = standardized(w)
    return conv2d(x, normed, np.zeros(len(w))), (x, w, normed, std)


standardizing = partial(
    family.wrong,
    forward=weight_standardized,
    inputs=sized(((2, 3, 5, 6), (4, 3, 2, 3)), ((4, 4, 12, 11), (8, 4, 3, 3))),
    style="cache",
    names=("x", "w"),
    argument="w",
)


@standardizing(76, cause=("statistics_as_constants", "sum_term_missing", "use_dropped"))
def kernel_statistics_held_constant(dout, cache):
    x, w, normed, std = cache
    return dx2d(dout, x, normed), dW2d(dout, x, w) / std


@standardizing(78, cause=("centered_term_missing", "sum_term_missing", "use_dropped"))
def kernel_variance_held_constant(dout, cache):
    x, w, normed, std = cache
    dn = dW2d(dout, x, w)
    return dx2d(dout, x, normed), (dn - dn.mean(axis=(1, 2, 3), keepdims=True)) / std


def excited(x, w1, w2):
    """Squeeze and excitation: the mean of each channel decides how far all channels pass."""
    s = x.mean(axis=(2, 3))
    a = np.tanh(s @ w1)
    gate = 1 / (1 + np.exp(-a @ w2))
    return x * gate[:, :, None, None], (x, w1, w2, s, a, gate)


squeeze = partial(
    family.wrong,
    forward=excited,
    inputs=sized(((3, 4, 3, 2), (4, 2), (2, 4)), ((6, 16, 6, 5), (16, 4), (4, 16))),
    style="rule",
    names=("x", "w1", "w2"),
)


def excited_backward(residuals, cotangent, share):
    x, w1, w2, s, a, gate = residuals
    dgate = (cotangent * x).sum(axis=(2, 3)) * gate * (1 - gate)
    da = dgate @ w2.T * (1 - a**2)
    ds = (da @ w1.T)[:, :, None, None]
    return cotangent * gate[:, :, None, None] + share(ds, x.shape[2] * x.shape[3]), s.T @ da, a.T @ dgate


@squeeze(12, cause=("use_dropped", "sum_term_missing"), argument="x")
def squeezed_path_forgotten(residuals, cotangent):
    return excited_backward(residuals, cotangent, lambda ds, pixels: 0)


@squeeze(57, cause=("scaled_by_spatial", "sum_term_missing"), argument="x")
def squeezed_path_not_divided(residuals, cotangent):
    return excited_backward(residuals, cotangent, lambda ds, pixels: ds)


def pixel_shuffle(x, r=2):
    n, c, h, w = x.shape
    return x.reshape(n, c // r**2, r, r, h, w).transpose(0, 1, 4, 2, 5, 3).reshape(n, c // r**2, h * r, w * r)


finer = sized(((2, 8, 3, 2),), ((4, 16, 6, 5),))


@family.wrong(66, pixel_shuffle, finer, names=("x",), cause="reordered", argument="x")
def pixels_unshuffled_without_a_transpose(dout, x):
    return dout.reshape(x.shape)


@family.wrong(
    66, pixel_shuffle, finer, names=("x",), cause=("row_permuted", "reordered", "axes_permuted"), argument="x"
)
def pixels_unshuffled_columns_first(dout, x, r=2):
    n, c, h, w = x.shape
    return dout.reshape(n, c // r**2, h, r, w, r).transpose(0, 1, 5, 3, 2, 4).reshape(x.shape)


def nearest(x):
    return x.repeat(2, axis=2).repeat(3, axis=3)


coarse = partial(
    family.wrong, forward=nearest, inputs=sized(((2, 3, 4, 3),), ((4, 8, 9, 8),)), argument="x", names=("x",)
)


@coarse(10, cause=("mean_instead_of_sum", "scaled_by_window"))
def copies_of_a_pixel_averaged(dout, x):
    n, c, h, w = x.shape
    return dout.reshape(n, c, h, 2, w, 3).mean(axis=(3, 5))


@coarse(12, cause=("use_dropped", "sum_term_missing"))
def first_copy_of_a_pixel_taken(dout, x):
    return dout[:, :, ::2, ::3].copy()


@coarse(56, cause="static_ignored")
def factors_of_rows_and_columns_exchanged(dout, x):
    dx = np.zeros_like(x)
    for r, q in np.ndindex(*dout.shape[2:]):
        if r // 3 < x.shape[2] and q // 2 < x.shape[3]:
            dx[:, :, r // 3, q // 2] += dout[:, :, r, q]
    return dx


def edges(x):
    """The length of the gradient of each image, by differences of neighbours."""
    gy, gx = x[:, 1:, :-1] - x[:, :-1, :-1], x[:, :-1, 1:] - x[:, :-1, :-1]
    length = np.sqrt(gx**2 + gy**2 + 0.1)
    return length, (x, gy, gx, length)


edged = partial(
    family.wrong,
    forward=edges,
    inputs=sized(((3, 5, 6),), ((6, 16, 17),)),
    style="rule",
    names=("x",),
    argument="x",
)


def scattered(x, dy, dx):
    grad = np.zeros_like(x)
    grad[:, 1:, :-1] += dy
    grad[:, :-1, 1:] += dx
    grad[:, :-1, :-1] -= dy + dx
    return grad


@edged("", cause="wrong_derivative")
def edges_differentiated_without_the_root(residuals, cotangent):
    x, gy, gx, length = residuals
    return scattered(x, cotangent * gy, cotangent * gx)


@edged("", cause="scaled_by_two")
def edges_with_a_two_left_over(residuals, cotangent):
    x, gy, gx, length = residuals
    return scattered(x, cotangent * 2 * gy / length, cotangent * 2 * gx / length)


@edged("", cause=("sum_term_missing", "use_dropped"))
def edges_forget_the_shared_corner(residuals, cotangent):
    x, gy, gx, length = residuals
    grad = scattered(x, cotangent * gy / length, cotangent * gx / length)
    grad[:, :-1, :-1] += cotangent * gx / length
    return grad


def highway(x, w):
    y = conv2d(np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))), w, np.zeros(len(w)))
    return x + np.tanh(y), (x, w, y)


@family.wrong(
    112,
    highway,
    sized(((2, 3, 4, 5), (3, 3, 3, 3)), ((4, 6, 8, 9), (6, 6, 3, 3))),
    style="cache",
    names=("x", "w"),
    cause=("skip_dropped", "use_dropped", "sum_term_missing"),
    argument="x",
)
def residual_convolution_without_its_skip(dout, cache):
    x, w, y = cache
    xp = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    dy = dout / np.cosh(y) ** 2
    return dx2d(dy, xp, w)[:, :, 1:-1, 1:-1], dW2d(dy, xp, w)
