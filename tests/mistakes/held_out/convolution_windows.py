"""Overlaps, strides and padding in the backward of a convolution (catalogue 55, 56, 60)."""

# As people write it: an argument takes a number or a pair.
# pyright: reportArgumentType=false

from functools import partial

import numpy as np

from ..case import Family, sized
from .convolution_taps import correlate, kernel_gradient, padded_input_gradient

family = Family("convolution")

pictures = sized(((2, 3, 6, 5), (4, 3, 3, 2)), ((4, 6, 14, 12), (8, 6, 3, 3)))
with_bias = sized(((2, 3, 6, 5), (4, 3, 3, 3), (4,)), ((4, 6, 14, 12), (8, 6, 3, 3), (8,)))
signals = sized(((2, 3, 11), (4, 3, 5)), ((6, 8, 47), (10, 8, 5)))
first = {"layout": "channels_first"}
conv = partial(family.wrong, op="conv")


@family.whole(
    55,
    "wrong backward",
    "layer",
    with_bias,
    op="conv",
    statics={**first, "padding": 1},
    gradients={"W": "dW", "b": "db"},
    cause="overlap_dropped",
    argument="x",
)
class ConvolutionWithColumnsAssigned:
    def __init__(self, W, b, stride=1, pad=1):
        self.W, self.b, self.stride, self.pad = W, b, stride, pad

    def im2col(self, x):
        n, c, h, w = x.shape
        fh, fw = self.W.shape[2:]
        img = np.pad(x, [(0, 0), (0, 0), (self.pad, self.pad), (self.pad, self.pad)])
        self.out_h, self.out_w = h + 2 * self.pad - fh + 1, w + 2 * self.pad - fw + 1
        col = np.zeros((n, c, fh, fw, self.out_h, self.out_w))
        for y in range(fh):
            for i in range(fw):
                col[:, :, y, i] = img[:, :, y : y + self.out_h, i : i + self.out_w]
        return col.transpose(0, 4, 5, 1, 2, 3).reshape(n * self.out_h * self.out_w, -1)

    def col2im(self, col, shape):
        n, c, h, w = shape
        fh, fw = self.W.shape[2:]
        col = col.reshape(n, self.out_h, self.out_w, c, fh, fw).transpose(0, 3, 4, 5, 1, 2)
        img = np.zeros((n, c, h + 2 * self.pad, w + 2 * self.pad))
        for y in range(fh):
            for i in range(fw):
                img[:, :, y : y + self.out_h, i : i + self.out_w] = col[:, :, y, i]
        return img[:, :, self.pad : h + self.pad, self.pad : w + self.pad]

    def forward(self, x):
        self.x, self.col = x, self.im2col(x)
        out = self.col @ self.W.reshape(len(self.W), -1).T + self.b
        return out.reshape(len(x), self.out_h, self.out_w, -1).transpose(0, 3, 1, 2)

    def backward(self, dout):
        dout = dout.transpose(0, 2, 3, 1).reshape(-1, len(self.W))
        self.db = dout.sum(axis=0)
        self.dW = (self.col.T @ dout).T.reshape(self.W.shape)
        return self.col2im(dout @ self.W.reshape(len(self.W), -1), self.x.shape)


def text_conv(x, kernel):
    width = len(kernel)
    return np.stack(
        [np.tensordot(x[:, t : t + width], kernel, ((1, 2), (0, 1))) for t in range(x.shape[1] - width + 1)], axis=1
    )


@conv(55, text_conv, sized(((2, 8, 3), (3, 3, 4)), ((8, 30, 12), (4, 12, 10))), cause="overlap_dropped", argument="x")
def ngram_windows_written_one_over_the_other(dout, x, kernel):
    width, dx, dkernel = len(kernel), np.zeros_like(x), np.zeros_like(kernel)
    for t in range(dout.shape[1]):
        dx[:, t : t + width] = np.tensordot(dout[:, t], kernel, (1, 2))
        dkernel += np.tensordot(x[:, t : t + width], dout[:, t], (0, 0))
    return dx, dkernel


def conv_forward(A_prev, W, b, stride=2):
    m, n_H_prev, n_W_prev, _ = A_prev.shape
    f, n_C = W.shape[0], W.shape[3]
    Z = np.zeros((m, (n_H_prev - f) // stride + 1, (n_W_prev - f) // stride + 1, n_C))
    for h in range(Z.shape[1]):
        for w in range(Z.shape[2]):
            a_slice = A_prev[:, h * stride : h * stride + f, w * stride : w * stride + f]
            Z[:, h, w] = np.tensordot(a_slice, W, 3) + b[0, 0]
    return Z, (A_prev, W, b, stride)


@family.wrong(
    56,
    conv_forward,
    sized(((2, 7, 9, 3), (3, 3, 3, 4), (1, 1, 1, 4)), ((3, 13, 15, 6), (3, 3, 6, 8), (1, 1, 1, 8))),
    style="cache",
    names=("A_prev", "W", "b"),
    cause="static_ignored",
    argument="A_prev W",
)
def conv_backward_with_unit_steps(dZ, cache):
    A_prev, W, b, _ = cache
    m, n_H, n_W, n_C = dZ.shape
    f = W.shape[0]
    dA_prev, dW, db = np.zeros(A_prev.shape), np.zeros(W.shape), np.zeros(b.shape)
    for i in range(m):
        for h in range(n_H):
            for w in range(n_W):
                for c in range(n_C):
                    a_slice = A_prev[i, h : h + f, w : w + f, :]
                    dA_prev[i, h : h + f, w : w + f, :] += W[:, :, :, c] * dZ[i, h, w, c]
                    dW[:, :, :, c] += a_slice * dZ[i, h, w, c]
                    db[:, :, :, c] += dZ[i, h, w, c]
    return dA_prev, dW, db


@conv(
    56,
    lambda x, w: (correlate(x, w, (2, 1)), (x, w)),
    pictures,
    style="rule",
    names=("x", "w"),
    statics={**first, "strides": (2, 1)},
    cause="static_ignored",
    argument="x",
)
def input_gradient_of_contiguous_windows(residuals, g):
    x, w = residuals
    dx = np.zeros_like(x)
    height, width = g.shape[2:]
    for i in range(w.shape[2]):
        for j in range(w.shape[3]):
            dx[:, :, i : i + height, j : j + width] += np.einsum("nfhw,fc->nchw", g, w[:, :, i, j])
    return dx, kernel_gradient(g, x, w, (2, 1))


@family.whole(
    56,
    "wrong backward",
    "vjp",
    signals,
    op="conv",
    statics={**first, "strides": 3},
    cause="static_ignored",
    argument="w",
)
def strided_signal(x, w):
    taps = w.shape[2]
    windows = np.lib.stride_tricks.sliding_window_view(x, taps, axis=2)[:, :, ::3]
    steps = windows.shape[2]

    def pullback(g):
        dx, dw = np.zeros_like(x), np.empty_like(w)
        for k in range(taps):
            dx[:, :, k : k + 3 * (steps - 1) + 1 : 3] += np.einsum("nft,fc->nct", g, w[:, :, k])
            dw[:, :, k] = np.einsum("nft,nct->fc", g, x[:, :, k : k + steps])
        return dx, dw

    return np.einsum("nctk,fck->nft", windows, w), pullback


@conv(
    60,
    lambda x, w: correlate(x, w, pad=1),
    sized(((2, 3, 5, 6), (4, 3, 3, 3)), ((4, 6, 13, 12), (8, 6, 3, 3))),
    names=("x", "w"),
    statics={**first, "padding": 1},
    cause="shifted",
    argument="x",
)
def cropped_from_the_origin(dout, x, w):
    n, c, h, width = x.shape
    dxp = padded_input_gradient(dout, w, (h + 2, width + 2))
    return dxp[:, :, :h, :width], kernel_gradient(dout, x, w, pad=1)


def causal(x, w):
    return correlate(np.pad(x, ((0, 0), (0, 0), (w.shape[2] - 1, 0)))[..., None], w[..., None])[..., 0]


@conv(60, causal, signals, statics={**first, "padding": ((4, 0),)}, cause="shifted", argument="x")
def causal_padding_cut_off_at_the_end(dout, x, w):
    xp = np.pad(x, ((0, 0), (0, 0), (w.shape[2] - 1, 0)))
    dxp = padded_input_gradient(dout[..., None], w[..., None], (xp.shape[2], 1))[..., 0]
    return dxp[:, :, : x.shape[2]], kernel_gradient(dout[..., None], xp[..., None], w[..., None])[..., 0]


@family.whole(
    60,
    "wrong backward",
    "layer",
    sized(((2, 3, 5, 6), (4, 3, 3, 3)), ((4, 6, 13, 12), (8, 6, 3, 3))),
    op="conv",
    statics={**first, "padding": 1},
    gradients={"kernels": "d_kernels"},
    cause="wrong_shape",
    argument="x",
)
class ConvThatKeepsItsBorder:
    def __init__(self, kernels):
        self.kernels = kernels

    def forward(self, x):
        self.x = x
        return correlate(x, self.kernels, pad=1)

    def backward(self, output_gradient):
        self.d_kernels = kernel_gradient(output_gradient, self.x, self.kernels, pad=1)
        height, width = self.x.shape[2] + 2, self.x.shape[3] + 2
        return padded_input_gradient(output_gradient, self.kernels, (height, width))
