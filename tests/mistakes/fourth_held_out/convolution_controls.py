"""Forwards that are not the named convolution, impure ones, and correct ones in other ways of writing."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized
from .convolution_1d import conv1d, dw1d, dx1d, signals
from .convolution_grouped import grouped, grouped_images, upsampled
from .convolution_images import conv2d, dW2d, dx2d, im2col, over_positions, pictures

family = Family("convolution")
first = {"layout": "channels_first"}

not_conv = partial(family.wrong_forward, op="conv", statics=first)


@not_conv(
    59,
    lambda g, x, w: (dx1d(g, w[:, :, ::-1], x.shape[2]), dw1d(g, x, w.shape[2])[:, :, ::-1]),
    signals,
    cause="convention_kernel",
    names=("x", "w"),
)
def true_convolution_of_signals(x, w):
    return conv1d(x, w[:, :, ::-1])


def edge_backward(dout, x, w):
    xp = np.pad(x, ((0, 0), (0, 0), (1, 1)), mode="edge")
    dxp = dx1d(dout, w, xp.shape[2])
    dx = dxp[:, :, 1:-1].copy()
    dx[:, :, 0] += dxp[:, :, 0]
    dx[:, :, -1] += dxp[:, :, -1]
    return dx, dw1d(dout, xp, w.shape[2])


@not_conv("", edge_backward, signals, statics={**first, "padding": 1}, cause="forward", names=("x", "w"))
def border_repeated_instead_of_zeros(x, w):
    return conv1d(np.pad(x, ((0, 0), (0, 0), (1, 1)), mode="edge"), w)


@not_conv(
    56,
    lambda g, x, w, b: (dx2d(g, x, w, (2, 1)), dW2d(g, x, w, (2, 1)), over_positions(g)),
    pictures,
    statics={**first, "strides": (1, 2)},
    cause="convention_static",
    names=("x", "w", "b"),
)
def strides_in_the_other_order(x, w, b):
    return conv2d(x, w, b, (2, 1))


def turned_upsampling_backward(dout, x, w):
    turned = w[:, :, ::-1, ::-1]
    return conv2d(dout, turned, np.zeros(len(w)), (2, 2)), dW2d(x, dout, w, (2, 2))[:, :, ::-1, ::-1]


@family.wrong_forward(
    59,
    turned_upsampling_backward,
    sized(((2, 3, 4, 3), (3, 2, 3, 2)), ((4, 6, 7, 6), (6, 5, 3, 4))),
    op="conv_transpose",
    statics={**first, "strides": 2},
    names=("x", "w"),
    cause=("convention_kernel", "forward"),
)
def transposed_with_the_kernel_rotated(x, w):
    return upsampled(x, w[:, :, ::-1, ::-1])


@family.impure(
    83, lambda x, w: conv1d(x, w), signals, op="conv", statics=first, names=("x", "w"), cause="input_changed"
)
def kernel_rotated_in_place(dout, x, w):
    dw = dw1d(dout, x, w.shape[2])
    w[...] = w[:, :, ::-1].copy()
    framed = np.pad(dout, ((0, 0), (0, 0), (w.shape[2] - 1,) * 2))
    return conv1d(framed, w.transpose(1, 0, 2)), dw


@family.whole(
    14,
    "impure",
    "layer",
    pictures,
    op="conv",
    statics=first,
    gradients={"W": "dW", "b": "db"},
    cause="accumulates",
)
class ConvolutionThatKeepsAddingUp:
    def __init__(self, W, b):
        self.W, self.b = W, b
        self.dW, self.db = np.zeros_like(W), np.zeros_like(b)

    def forward(self, x):
        self.x = x
        return conv2d(x, self.W, self.b)

    def backward(self, dout):
        for n in range(len(dout)):
            self.dW = self.dW + dW2d(dout[n : n + 1], self.x[n : n + 1], self.W)
            self.db = self.db + dout[n].sum(axis=(1, 2))
        return dx2d(dout, self.x, self.W)


control = partial(family.control, op="conv", statics=first)


@control("", lambda x, w: conv1d(x, w), signals, names=("x", "w"))
def signals_by_full_convolution(dout, x, w):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for n, f, c in np.ndindex(len(x), len(w), w.shape[1]):
        dx[n, c] += np.convolve(dout[n, f], w[f, c], mode="full")
        dw[f, c] += np.correlate(x[n, c], dout[n, f], mode="valid")
    return dx, dw


@control(55, conv2d, pictures, names=("x", "W", "b"))
def columns_collected_with_add_at(dout, x, W, b):
    kh, kw = W.shape[2:]
    n, c, r, q, i, j = np.ix_(*(range(k) for k in (*x.shape[:2], *dout.shape[2:], kh, kw)))
    dx = np.zeros_like(x)
    np.add.at(dx, (n, c, r + i, q + j), np.einsum("nfrq,fcij->ncrqij", dout, W))
    col = im2col(x, kh, kw).reshape(-1, W[0].size)
    flat = np.moveaxis(dout, 1, -1).reshape(-1, len(W))
    return dx, (col.T @ flat).T.reshape(W.shape), flat.sum(0)


@control(63, grouped, grouped_images, statics={**first, "groups": 2})
def groups_by_an_einsum(dout, x, w):
    n, c, height, width = x.shape
    split = dout.reshape(n, 2, -1, *dout.shape[2:])
    kernels, inputs = w.reshape(2, -1, *w.shape[1:]), x.reshape(n, 2, c // 2, height, width)
    dx, dw, (rows, columns) = np.zeros_like(inputs), np.zeros_like(kernels), dout.shape[2:]
    for i, j in np.ndindex(*w.shape[2:]):
        at = np.s_[..., i : i + rows, j : j + columns]
        dx[at] += np.einsum("ngfhw,gfc->ngchw", split, kernels[..., i, j])
        dw[..., i, j] = np.einsum("ngfhw,ngchw->gfc", split, inputs[at])
    return dx.reshape(x.shape), dw.reshape(w.shape)


@family.control(
    59, lambda x, w: np.convolve(x, w), lambda size, seed: normal(seed, (9 if size == "small" else 60,), (4,))
)
def convolution_of_two_sequences(dout, x, w):
    return np.correlate(dout, w, mode="valid"), np.correlate(dout, x, mode="valid")


@family.control("", lambda x: x.repeat(2, axis=1), sized(((3, 4, 2),), ((8, 20, 6),)), names=("x",))
def nearest_neighbours_summed(dout, x):
    return dout[:, 0::2] + dout[:, 1::2]
