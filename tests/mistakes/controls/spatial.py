"""Correct convolutions and pooling, in both layouts, with ties and padding."""

from functools import partial

import numpy as np

from ..case import Family, sized
from ..convolution import bias_gradient, images
from ..convolution_forms import (
    TextbookConvolution,
    grouped,
    grouped_images,
    halves,
    sequence_conv,
    sequences,
    upsampled,
)
from ..pooling import average_of_the_inside, avg_pool, first_winner, inside, max_pool, tied
from ..pooling import images as pixels
from ..windows import correlate, gathered, input_gradient, kernel_gradient, padded, split_windows, taps

family = Family("convolution")


def conv(**how):
    statics = {"strides": how.get("stride", 1), "padding": how.get("pad", 0), "dilation": how.get("dilation", 1)}

    def forward(x, w, b):
        return correlate(x, w, b, **how)

    statics["layout"] = "channels_first"
    return partial(family.control, forward=forward, inputs=images, op="conv", statics=statics)


@conv()("")
def convolution_by_taps(dout, x, w, b):
    return input_gradient(dout, x, w), kernel_gradient(dout, x, w), bias_gradient(dout)


@conv()("")
def convolution_by_a_rotated_kernel(dout, x, w, b):
    kh, kw = w.shape[2:]
    framed = np.pad(dout, ((0, 0), (0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1)))
    dx = correlate(framed, w[:, :, ::-1, ::-1].transpose(1, 0, 2, 3))
    dw = correlate(x.transpose(1, 0, 2, 3), dout.transpose(1, 0, 2, 3)).transpose(1, 0, 2, 3)
    return dx, dw, bias_gradient(dout)


@conv(stride=2, pad=1)("")
def convolution_strided_and_padded(dout, x, w, b):
    how = {"stride": 2, "pad": 1}
    return input_gradient(dout, x, w, **how), kernel_gradient(dout, x, w, **how), bias_gradient(dout)


@conv(stride=3)(61)
def convolution_with_a_remainder(dout, x, w, b):
    return input_gradient(dout, x, w, stride=3), kernel_gradient(dout, x, w, stride=3), bias_gradient(dout)


@conv(dilation=2)(62)
def convolution_dilated(dout, x, w, b):
    return input_gradient(dout, x, w, dilation=2), kernel_gradient(dout, x, w, dilation=2), bias_gradient(dout)


@family.control(63, grouped, grouped_images, op="conv", statics={"groups": 2, "layout": "channels_first"})
def convolution_in_groups(dout, x, w):
    parts = list(zip(np.split(dout, 2, axis=1), halves(x, w), strict=True))
    dx = [input_gradient(d, xg, wg) for d, (xg, wg) in parts]
    return np.concatenate(dx, axis=1), np.concatenate([kernel_gradient(d, xg, wg) for d, (xg, wg) in parts])


@family.whole(
    66,
    "control",
    "layer",
    images,
    op="conv",
    statics={"layout": "channels_first"},
    names=("x", "W", "b"),
    gradients={"W": "dW", "b": "db"},
)
class Convolution(TextbookConvolution):
    def backward(self, dout):
        filters, channels, height, width = self.W.shape
        flat = dout.transpose(0, 2, 3, 1).reshape(-1, filters)
        self.db = flat.sum(axis=0)
        self.dW = (self.col.T @ flat).transpose(1, 0).reshape(filters, channels, height, width)
        dcol = (flat @ self.W.reshape(filters, -1)).reshape(len(dout), *dout.shape[2:], channels, -1)
        dx = np.zeros_like(self.x)
        for k, (_, _, at) in enumerate(taps((height, width), dout.shape[2:], 1)):
            dx[at] += dcol[..., k].transpose(0, 3, 1, 2)
        return dx


@family.control("", sequence_conv, sequences, op="conv")
def convolution_of_sequences_channels_last(dout, x, w):
    dx, dw, out = np.zeros_like(x), np.zeros_like(w), dout.shape[1]
    for k in range(len(w)):
        dw[k] = np.einsum("nlc,nlf->cf", x[:, k : k + out], dout)
        dx[:, k : k + out] += dout @ w[k].T
    return dx, dw


def causal(x, w):
    return sequence_conv(np.pad(x, ((0, 0), (len(w) - 1, 0), (0, 0))), w)


@family.control("", causal, sequences, op="conv", statics={"padding": ((2, 0),)}, sizes=("small",))
def convolution_padded_on_one_side(dout, x, w):
    dx, dw, out, pad = np.zeros_like(x), np.zeros_like(w), dout.shape[1], len(w) - 1
    xp = np.pad(x, ((0, 0), (pad, 0), (0, 0)))
    for k in range(len(w)):
        dw[k] = np.einsum("nlc,nlf->cf", xp[:, k : k + out], dout)
        dx[:, : out + k - pad] += (dout @ w[k].T)[:, pad - k :]
    return dx, dw


@family.control(
    "",
    upsampled,
    sized(((3, 5, 4, 3), (5, 2, 3, 2)), ((8, 16, 8, 9), (16, 8, 3, 2))),
    op="conv_transpose",
    statics={"strides": 2, "layout": "channels_first"},
)
def convolution_transposed(dout, x, w):
    return correlate(dout, w, stride=2), kernel_gradient(x, dout, w, stride=2)


@family.control(59, lambda x, w, b: correlate(x, w[:, :, ::-1, ::-1], b), images)
def true_convolution_without_a_name(dout, x, w, b):
    turned = w[:, :, ::-1, ::-1]
    return input_gradient(dout, x, turned), kernel_gradient(dout, x, w)[:, :, ::-1, ::-1], bias_gradient(dout)


def in_single_precision(size, seed):
    return tuple(p.astype(np.float32) for p in images(size, seed))


@conv()(109, inputs=in_single_precision, precision="float32")
def convolution_in_float32(dout, x, w, b):
    return input_gradient(dout, x, w), kernel_gradient(dout, x, w), bias_gradient(dout)


def pool(make, window, stride, pad=0, inputs=pixels):
    statics = {"window": window, "strides": stride, "padding": pad, "layout": "channels_first"}
    op = "max_pool" if make is max_pool else "avg_pool"
    forward = make(window, stride, pad)
    return partial(
        family.control, forward=forward, inputs=inputs, op=op, statics=statics, names=("x",), family="pooling"
    )


@pool(max_pool, 3, 2)(69)
def maxima_of_overlapping_windows(dout, x):
    return gathered(dout[..., None] * first_winner(split_windows(x, 3, 2)), x, 3, 2)


@pool(max_pool, 3, 2, inputs=tied)("F7")
def ties_to_the_first(dout, x):
    dx = np.zeros_like(x)
    for n, c, r, q in np.ndindex(*dout.shape):
        window = x[n, c, 2 * r : 2 * r + 3, 2 * q : 2 * q + 3]
        i, j = np.unravel_index(window.argmax(), window.shape)
        dx[n, c, 2 * r + i, 2 * q + j] += dout[n, c, r, q]
    return dx


@pool(max_pool, 3, 2, inputs=tied)("F7")
def ties_to_the_last(dout, x):
    windows = split_windows(x, 3, 2)[..., ::-1]
    return gathered(dout[..., None] * first_winner(windows)[..., ::-1], x, 3, 2)


@pool(max_pool, 2, 2, inputs=tied)("F7")
def ties_split_equally(dout, x):
    windows = split_windows(x, 2, 2)
    winners = windows == windows.max(axis=-1, keepdims=True)
    return gathered(dout[..., None] * winners / winners.sum(axis=-1, keepdims=True), x, 2, 2)


@pool(max_pool, 3, 2, 1)(72)
def maxima_over_padding(dout, x):
    return gathered(dout[..., None] * first_winner(split_windows(x, 3, 2, 1, -np.inf)), x, 3, 2, 1)


def last_channels(x):
    return max_pool(2, 2)(x.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)


@family.control(
    "", last_channels, sized(((3, 7, 6, 2),), ((8, 16, 17, 8),)), op="max_pool", statics={"window": 2}, family="pooling"
)
def maxima_channels_last(dout, x):
    first = x.transpose(0, 3, 1, 2)
    share = dout.transpose(0, 3, 1, 2)[..., None] * first_winner(split_windows(first, 2, 2))
    return gathered(share, first, 2, 2).transpose(0, 2, 3, 1)


@pool(avg_pool, 3, 2, 1)(74)
def averages_counting_padding(dout, x):
    return gathered(np.broadcast_to(dout[..., None] / 9, (*dout.shape, 9)), x, 3, 2, 1)


without_padding = {"window": 3, "strides": 2, "padding": 1, "layout": "channels_first", "count_include_pad": False}


@family.control(74, average_of_the_inside, pixels, op="avg_pool", statics=without_padding, family="pooling")
def averages_without_padding(dout, x):
    share = dout / inside(x, 3, 2, 1)
    return gathered(np.broadcast_to(share[..., None], (*dout.shape, 9)), x, 3, 2, 1)


@family.whole(
    "", "control", "layer", pixels, op="max_pool", statics={"window": 2, "layout": "channels_first"}, family="pooling"
)
class Pooling:
    def forward(self, x):
        self.x = x
        windows = split_windows(x, 2, 2)
        self.arg_max = windows.argmax(axis=-1)
        return windows.max(axis=-1)

    def backward(self, dout):
        dmax = np.zeros((dout.size, 4))
        dmax[np.arange(dout.size), self.arg_max.flatten()] = dout.flatten()
        return gathered(dmax.reshape(*dout.shape, 4), self.x, 2, 2)


@family.control("", lambda x: padded(x, 1)[:, :, ::2, 1:], pixels, family="pooling")
def slices_of_a_padded_image(dout, x):
    dxp = np.zeros_like(padded(x, 1))
    dxp[:, :, ::2, 1:] = dout
    return dxp[:, :, 1:-1, 1:-1]
