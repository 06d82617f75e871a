"""Batches, the order of columns, and channels that look alike (catalogue 65 to 67)."""

# As people write it: loops bind what is returned.
# pyright: reportPossiblyUnboundVariable=false

from functools import partial

import numpy as np

from ..case import Family, sized
from .convolution_kernels import first, pictures, plus_bias, with_bias
from .convolution_taps import correlate, framed, input_gradient, kernel_gradient

family = Family("convolution")

conv_first = partial(family.wrong, op="conv", statics=first)


@conv_first(65, plus_bias, with_bias, cause=("last_sample_only", "samples_missing", "sum_term_missing"), argument="w b")
def kernel_gradient_reassigned_in_the_batch_loop(dout, x, w, b):
    dx = np.zeros_like(x)
    for n in range(x.shape[0]):
        xn, gn = x[n : n + 1], dout[n : n + 1]
        dx[n] = input_gradient(gn, xn, w)[0]
        dw = kernel_gradient(gn, xn, w)
        db = gn[0].sum(axis=(1, 2))
    return dx, dw, db


def patches(image, kh, kw):
    views = np.lib.stride_tricks.sliding_window_view(image, (kh, kw), axis=(1, 2))
    return views.transpose(1, 2, 0, 3, 4).reshape(-1, len(image) * kh * kw)


@family.whole(
    65,
    "wrong backward",
    "layer",
    pictures,
    op="conv",
    statics=first,
    gradients={"filters": "dfilters"},
    cause=("last_sample_only", "samples_missing", "sum_term_missing"),
    argument="filters",
)
class ConvolvesImageByImage:
    def __init__(self, filters):
        self.filters = filters

    def forward(self, x):
        self.x, (f, _, kh, kw) = x, self.filters.shape
        out = (x.shape[2] - kh + 1, x.shape[3] - kw + 1)
        return np.stack([(patches(im, kh, kw) @ self.filters.reshape(f, -1).T).T.reshape(f, *out) for im in x])

    def backward(self, delta):
        f, _, kh, kw = self.filters.shape
        for image, d in zip(self.x, delta, strict=True):
            self.dfilters = (d.reshape(f, -1) @ patches(image, kh, kw)).reshape(self.filters.shape)
        full = framed(delta, (kh - 1, kw - 1))
        return correlate(full, self.filters.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1])


def im2col(x, kh, kw):
    windows = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), axis=(2, 3))
    return windows.transpose(0, 2, 3, 4, 5, 1).reshape(-1, kh * kw * x.shape[1])


def by_columns(x, w):
    f, kh, kw, (n, _, h, width) = len(w), *w.shape[2:], x.shape
    col = im2col(x, kh, kw)
    out = col @ w.transpose(2, 3, 1, 0).reshape(-1, f)
    return out.reshape(n, h - kh + 1, width - kw + 1, f).transpose(0, 3, 1, 2), (x, w, col)


@conv_first(66, by_columns, pictures, style="rule", names=("x", "w"), cause="reordered", argument="w")
def columns_read_in_the_order_of_the_kernel(residuals, g):
    x, w, col = residuals
    dw = (g.transpose(1, 0, 2, 3).reshape(len(w), -1) @ col).reshape(w.shape)
    return input_gradient(g, x, w), dw


def patch_embedding(images, projection, p=2):
    n, c, h, w = images.shape
    tokens = images.reshape(n, c, h // p, p, w // p, p).transpose(0, 2, 4, 3, 5, 1).reshape(n, -1, p * p * c)
    return tokens @ projection


@family.wrong(
    66,
    patch_embedding,
    sized(((2, 3, 4, 6), (12, 5)), ((4, 3, 16, 24), (12, 32))),
    names=("images", "projection"),
    cause="reordered",
    argument="images",
)
def patches_folded_channel_by_channel(dout, images, projection):
    (n, c, h, w), p = images.shape, 2
    tokens = images.reshape(n, c, h // p, p, w // p, p).transpose(0, 2, 4, 3, 5, 1).reshape(n, -1, p * p * c)
    dtokens = dout @ projection.T
    dimages = dtokens.reshape(n, h // p, w // p, c, p, p).transpose(0, 3, 1, 4, 2, 5).reshape(images.shape)
    return dimages, np.einsum("ntp,ntd->pd", tokens, dout)


as_many = sized(((2, 3, 6, 5), (3, 3, 3, 2)), ((4, 6, 14, 12), (6, 6, 3, 3)))


@conv_first(67, correlate, as_many, names=("x", "w"), cause="axes_permuted", argument="w")
def kernel_gradient_with_input_channels_first(dout, x, w):
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(2, 3))
    return input_gradient(dout, x, w), np.einsum("nchwij,nfhw->cfij", windows, dout)


@conv_first(67, correlate, as_many, names=("x", "w"), cause="not_transposed", argument="x")
def full_convolution_without_swapping_channels(dout, x, w):
    kh, kw = w.shape[2:]
    return correlate(framed(dout, (kh - 1, kw - 1)), w[:, :, ::-1, ::-1]), kernel_gradient(dout, x, w)
