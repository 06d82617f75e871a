"""Remainders of a stride, output padding, dilation and groups (catalogue 61 to 63)."""

# As people write it: an argument takes a number or a pair.
# pyright: reportArgumentType=false

from functools import partial

import numpy as np

from ..case import Family, sized
from .convolution_taps import correlate, input_gradient, kernel_gradient, padded_input_gradient, tap

family = Family("convolution")

signals = sized(((2, 3, 11), (4, 3, 3)), ((6, 8, 47), (10, 8, 3)))
first = {"layout": "channels_first"}
conv = partial(family.wrong, op="conv")


@conv(
    61,
    lambda x, w: (correlate(x, w, 2), (x, w)),
    sized(((2, 3, 6, 8), (4, 3, 3, 3)), ((4, 6, 14, 12), (8, 6, 3, 3))),
    style="cache",
    names=("x", "w"),
    statics={**first, "strides": 2},
    cause="wrong_shape",
    argument="x",
)
def size_inferred_from_the_output(dout, cache):
    x, w = cache
    height, width = (2 * (n - 1) + k for n, k in zip(dout.shape[2:], w.shape[2:], strict=True))
    return padded_input_gradient(dout, w, (height, width), 2), kernel_gradient(dout, x, w, 2)


def strided(x, w):
    return correlate(x[..., None], w[..., None], (2, 1))[..., 0]


@conv(
    61,
    strided,
    signals,
    statics={**first, "strides": 2},
    cause=("entries_not_written", "isolated_entries"),
    argument="x",
)
def odd_last_sample_never_reached(dout, x, w):
    dx = np.zeros_like(x)
    usable = x.shape[2] // 2 * 2
    for t in range(dout.shape[2]):
        for k in range(w.shape[2]):
            if 2 * t + k < usable:
                dx[:, :, 2 * t + k] += dout[:, :, t] @ w[:, :, k]
    return dx, kernel_gradient(dout[..., None], x[..., None], w[..., None], (2, 1))[..., 0]


def upsample(x, w, b):
    n, _, height, width = x.shape
    full = padded_input_gradient(x, w, (2 * height + 2, 2 * width + 2), 2)
    return full[:, :, 1:-1, 1:-1] + b[:, None, None]


@family.wrong(
    61,
    upsample,
    sized(((2, 3, 4, 5), (3, 4, 3, 3), (4,)), ((4, 8, 7, 6), (8, 6, 3, 3), (6,))),
    op="conv_transpose",
    statics={**first, "strides": 2, "padding": 1, "output_padding": 1},
    cause="static_ignored",
    argument="x w b",
)
def output_padding_cut_from_the_cotangent(dout, x, w, b):
    dout = dout[:, :, :-1, :-1]
    return correlate(dout, w, 2, 1), kernel_gradient(x, dout, w, 2, 1), dout.sum(axis=(0, 2, 3))


@conv(
    62,
    lambda x, w: (correlate(x, w, dilation=2), {"x": x, "w": w}),
    sized(((2, 3, 8, 7), (4, 3, 3, 2)), ((4, 6, 15, 13), (8, 6, 3, 3))),
    style="rule",
    names=("x", "w"),
    statics={**first, "dilation": 2},
    cause="static_ignored",
    argument="x w",
)
def atrous_forward_dense_backward(saved, g):
    return input_gradient(g, saved["x"], saved["w"]), kernel_gradient(g, saved["x"], saved["w"])


@family.whole(
    62,
    "wrong backward",
    "vjp",
    sized(((2, 13, 3), (3, 3, 4)), ((4, 50, 12), (3, 12, 16))),
    op="conv",
    statics={"dilation": 3, "padding": ((6, 0),)},
    cause="static_ignored",
    argument="x",
)
def wavenet_layer(x, kernel):
    steps, d = x.shape[1], 3
    past = np.pad(x, ((0, 0), (d * (len(kernel) - 1), 0), (0, 0)))
    y = sum(past[:, d * k : d * k + steps] @ kernel[k] for k in range(len(kernel)))

    def pullback(g):
        dkernel = np.stack([np.einsum("btc,btf->cf", past[:, d * k : d * k + steps], g) for k in range(len(kernel))])
        dpast = np.zeros_like(past)
        for k in range(len(kernel)):
            dpast[:, k : k + steps] += g @ kernel[k].T
        return dpast[:, -steps:], dkernel

    return y, pullback


def grouped(x, w, groups=2):
    xs, ws = np.split(x, groups, axis=1), np.split(w, groups)
    return np.concatenate([correlate(a, k) for a, k in zip(xs, ws, strict=True)], axis=1)


@conv(
    63,
    grouped,
    sized(((2, 4, 5, 6), (6, 2, 3, 2)), ((4, 8, 12, 11), (12, 4, 3, 3))),
    names=("x", "w"),
    statics={**first, "groups": 2},
    cause="groups_mixed",
    argument="w",
)
def kernel_gradient_from_the_first_channels(dout, x, w):
    per_group = w.shape[1]
    gs, ws = np.split(dout, 2, axis=1), np.split(w, 2)
    xs = np.split(x, 2, axis=1)
    dx = np.concatenate([input_gradient(g, a, k) for g, a, k in zip(gs, xs, ws, strict=True)], axis=1)
    dw = kernel_gradient(dout, x[:, :per_group], w)
    return dx, dw


@conv(
    63,
    lambda x, w: correlate_channels(x, w, np.repeat(np.arange(x.shape[1]), 2)),
    sized(((2, 3, 5, 6), (6, 1, 3, 2)), ((5, 3, 20, 22), (6, 1, 3, 3))),
    names=("x", "w"),
    statics={**first, "groups": 3},
    cause="groups_mixed",
    argument="x w",
)
def depthwise_channels_tiled_instead_of_repeated(dout, x, w):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for f in range(len(w)):
        c = f % x.shape[1]
        for i, j in np.ndindex(*w.shape[2:]):
            at = tap(i, j, dout.shape[2:])
            dx[:, c][at] += dout[:, f] * w[f, 0, i, j]
            dw[f, 0, i, j] = np.sum(dout[:, f] * x[:, c][at])
    return dx, dw


def correlate_channels(x, w, source):
    return np.concatenate([correlate(x[:, c : c + 1], w[f : f + 1]) for f, c in enumerate(source)], axis=1)
