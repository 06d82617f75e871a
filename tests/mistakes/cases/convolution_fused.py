"""Convolution with its activation or its statistics in one function."""

from functools import partial

import numpy as np

from ..case import Family, sized

family = Family("convolution")


def im2col(x, kh, kw, stride=(1, 1)):
    """(batch, rows, columns, channels, kh, kw), a view."""
    view = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), axis=(2, 3))
    return view[:, :, :: stride[0], :: stride[1]].transpose(0, 2, 3, 1, 4, 5)


def dW2d(dout, x, W, stride=(1, 1)):
    kh, kw = W.shape[2:]
    return np.tensordot(dout, im2col(x, kh, kw, stride), ((0, 2, 3), (0, 1, 2)))


def dx2d(dout, x, W, stride=(1, 1)):
    dx, (sh, sw), (rows, columns) = np.zeros_like(x), stride, dout.shape[2:]
    for i, j in np.ndindex(*W.shape[2:]):
        at = np.s_[:, :, i : i + sh * (rows - 1) + 1 : sh, j : j + sw * (columns - 1) + 1 : sw]
        dx[at] += np.einsum("nfhw,fc->nchw", dout, W[:, :, i, j])
    return dx


def over_positions(dout):
    return np.einsum("nfhw->f", dout)


pictures = sized(((2, 3, 7, 6), (4, 3, 3, 2), (4,)), ((4, 6, 13, 12), (8, 6, 5, 4), (8,)))


def conv2d(x, W, b, stride=(1, 1)):
    F, C, kh, kw = W.shape
    return np.tensordot(im2col(x, kh, kw, stride), W, ((3, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2) + b[:, None, None]


def conv_relu(x, W, b):
    z = conv2d(x, W, b)
    return np.maximum(z, 0), (x, W, z)


fused = partial(family.wrong, forward=conv_relu, inputs=pictures, style="cache", names=("x", "W", "b"))


@fused(47, cause="not_linear", argument="x W b")
def fused_mask_of_the_upstream(dout, cache):
    x, W, z = cache
    dz = np.where(dout > 0, dout, 0)
    return dx2d(dz, x, W), dW2d(dz, x, W), over_positions(dz)


@fused(48, cause="derivative_missing", argument="b")
def fused_bias_outside_of_the_mask(dout, cache):
    x, W, z = cache
    dz = dout * (z > 0)
    return dx2d(dz, x, W), dW2d(dz, x, W), over_positions(dout)


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


@standardizing(76, cause="statistics_as_constants")
def kernel_statistics_held_constant(dout, cache):
    x, w, normed, std = cache
    return dx2d(dout, x, normed), dW2d(dout, x, w) / std


first = {"layout": "channels_first"}


@family.whole(
    14, "impure", "layer", pictures, op="conv", statics=first, gradients={"W": "dW", "b": "db"}, cause="accumulates"
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


def upsampled(x, w, stride=2):
    """Transposed: w is (in, out, kh, kw), every pixel paints a window."""
    n, _, h, width = x.shape
    kh, kw = w.shape[2:]
    y = np.zeros((n, w.shape[1], stride * (h - 1) + kh, stride * (width - 1) + kw))
    for i, j in np.ndindex(kh, kw):
        y[:, :, i : i + stride * h : stride, j : j + stride * width : stride] += np.einsum(
            "nchw,cf->nfhw", x, w[:, :, i, j]
        )
    return y


painted = partial(
    family.wrong,
    forward=upsampled,
    inputs=sized(((2, 3, 4, 3), (3, 3, 3, 2)), ((4, 6, 7, 6), (6, 6, 3, 4))),
    names=("x", "w"),
    op="conv_transpose",
    statics={"strides": 2, "layout": "channels_first"},
)


def nothing(w):
    return np.zeros(len(w))


@painted(58, cause="flipped", argument="w")
def transposed_kernel_gradient_rotated(dout, x, w):
    return conv2d(dout, w, nothing(w), (2, 2)), dW2d(x, dout, w, (2, 2))[..., ::-1, ::-1]


@painted(67, cause="transposed", argument="w")
def transposed_kernel_gradient_out_before_in(dout, x, w):
    return conv2d(dout, w, nothing(w), (2, 2)), dW2d(x, dout, w, (2, 2)).swapaxes(0, 1)
