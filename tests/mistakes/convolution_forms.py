"""Mistakes in textbook layers, groups, transposed and one-dimensional convolutions, and in forwards."""

from functools import partial

import numpy as np

from .case import Family, sized
from .convolution import bias_gradient, images
from .windows import correlate, input_gradient, kernel_gradient, out_size, padded, taps

family = Family("convolution")


def im2col(x, kh, kw, stride, pad):
    n, c, h, w = x.shape
    oh, ow = out_size(h, kh, stride, pad), out_size(w, kw, stride, pad)
    xp = padded(x, pad)
    col = np.stack([xp[at] for _, _, at in taps((kh, kw), (oh, ow), stride)], axis=-1)
    return col.transpose(0, 2, 3, 1, 4).reshape(n * oh * ow, c * kh * kw)


textbook = partial(
    family.whole, style="layer", inputs=images, op="conv", statics={"layout": "channels_first"}, names=("x", "W", "b")
)


class TextbookConvolution:
    """The layer of the textbook, with its backward left to the cases."""

    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        fn, _, fh, fw = self.W.shape
        n, _, h, w = x.shape
        self.x, self.col = x, im2col(x, fh, fw, 1, 0)
        out = self.col @ self.W.reshape(fn, -1).T + self.b
        return out.reshape(n, h - fh + 1, w - fw + 1, fn).transpose(0, 3, 1, 2)


@textbook(66, "wrong backward", argument="W", cause=("reordered", "axes_permuted"), gradients={"W": "dW", "b": "db"})
class ConvolutionReshapedNotTransposed(TextbookConvolution):
    def backward(self, dout):
        dx = input_gradient(dout, self.x, self.W)
        dout = dout.transpose(0, 2, 3, 1).reshape(-1, len(self.W))
        self.db = dout.sum(axis=0)
        self.dW = (self.col.T @ dout).reshape(self.W.shape)
        return dx


@textbook(
    64, "wrong backward", argument="b", cause=("reordered", "reduced_over_wrong_axis"), gradients={"W": "dW", "b": "db"}
)
class ConvolutionBiasFromUntransposed(TextbookConvolution):
    def backward(self, dout):
        self.dW = kernel_gradient(dout, self.x, self.W)
        self.db = dout.reshape(-1, len(self.W)).sum(axis=0)
        return input_gradient(dout, self.x, self.W)


grouped_images = sized(((3, 4, 7, 6), (6, 2, 3, 2)), ((8, 8, 16, 17), (16, 4, 3, 2)))


def halves(x, w):
    return zip(np.split(x, 2, axis=1), np.split(w, 2), strict=True)


def grouped(x, w):
    return np.concatenate([correlate(xg, wg) for xg, wg in halves(x, w)], axis=1)


in_groups = partial(
    family.wrong, forward=grouped, inputs=grouped_images, op="conv", statics={"groups": 2, "layout": "channels_first"}
)


@in_groups(63, argument="w", cause="groups_mixed")
def kernel_gradient_from_the_first_group(dout, x, w):
    douts, first = np.split(dout, 2, axis=1), np.split(x, 2, axis=1)[0]
    dx = [input_gradient(d, xg, wg) for d, (xg, wg) in zip(douts, halves(x, w), strict=True)]
    dw = [kernel_gradient(d, first, wg) for d, (_, wg) in zip(douts, halves(x, w), strict=True)]
    return np.concatenate(dx, axis=1), np.concatenate(dw)


@in_groups(63, argument="x", cause="groups_mixed")
def input_gradient_from_the_other_group(dout, x, w):
    douts = np.split(dout, 2, axis=1)
    dx = [input_gradient(d, xg, wg) for d, (xg, wg) in zip(douts, halves(x, w[::-1]), strict=True)]
    dw = [kernel_gradient(d, xg, wg) for d, (xg, wg) in zip(douts, halves(x, w), strict=True)]
    return np.concatenate(dx, axis=1), np.concatenate(dw)


def upsampled(x, w):
    """The gradient of a correlation with stride 2 to its input: x has the correlation's output channels."""
    height, width = (2 * (n - 1) + k for n, k in zip(x.shape[2:], w.shape[2:], strict=True))
    return input_gradient(x, np.zeros((len(x), w.shape[1], height, width)), w, stride=2)


transposed = partial(
    family.wrong,
    forward=upsampled,
    inputs=sized(((3, 5, 4, 3), (5, 2, 3, 2)), ((8, 16, 8, 9), (16, 8, 3, 2))),
    op="conv_transpose",
    statics={"strides": 2, "layout": "channels_first"},
)


@transposed(58, argument="x", cause="flipped")
def transposed_convolution_flips_in_backward(dout, x, w):
    return correlate(dout, w[:, :, ::-1, ::-1], stride=2), kernel_gradient(x, dout, w, stride=2)


@transposed(58, argument="w", cause="flipped")
def transposed_convolution_kernel_gradient_flipped(dout, x, w):
    return correlate(dout, w, stride=2), kernel_gradient(x, dout, w, stride=2)[:, :, ::-1, ::-1]


@transposed(56, argument="x", cause="static_ignored")
def transposed_convolution_forgets_stride(dout, x, w):
    dx = correlate(dout, w)[:, :, : x.shape[2], : x.shape[3]]
    return dx, kernel_gradient(x, dout, w, stride=2)


def sequence_conv(x, w):
    """One dimension, channels last: x (batch, length, channels), w (width, channels, out)."""
    out = x.shape[1] - len(w) + 1
    return sum(x[:, k : k + out] @ w[k] for k in range(len(w)))


sequences = sized(((3, 11, 2), (3, 2, 5)), ((16, 64, 8), (5, 8, 16)))
along = partial(family.wrong, forward=sequence_conv, inputs=sequences, op="conv")


@along(60, argument="x", cause="shifted")
def sequence_input_gradient_shifted(dout, x, w):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    out = dout.shape[1]
    for k in range(len(w)):
        dw[k] = np.einsum("nlc,nlf->cf", x[:, k : k + out], dout)
        dx[:, k + 1 : k + 1 + out] += (dout @ w[k].T)[:, : x.shape[1] - k - 1]
    return dx, dw


@along(58, argument="x", cause="flipped")
def sequence_kernel_not_rotated(dout, x, w):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    out = dout.shape[1]
    for k in range(len(w)):
        dw[k] = np.einsum("nlc,nlf->cf", x[:, k : k + out], dout)
        dx[:, k : k + out] += dout @ w[-1 - k].T
    return dx, dw


@along(65, argument="w", cause=("entries_not_written",))
def sequence_last_tap_never_written(dout, x, w):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    out = dout.shape[1]
    for k in range(len(w)):
        dx[:, k : k + out] += dout @ w[k].T
    for k in range(len(w) - 1):
        dw[k] = np.einsum("nlc,nlf->cf", x[:, k : k + out], dout)
    return dx, dw


forward_wrong = partial(family.wrong_forward, inputs=images, op="conv")


def rotated_backward(dout, x, w, b):
    turned = w[:, :, ::-1, ::-1]
    dw = kernel_gradient(dout, x, w)[:, :, ::-1, ::-1]
    return input_gradient(dout, x, turned), dw, bias_gradient(dout)


@forward_wrong(59, rotated_backward, statics={"layout": "channels_first"}, cause="convention_kernel")
def true_convolution(x, w, b):
    return correlate(x, w[:, :, ::-1, ::-1], b)


def undilated_backward(dout, x, w, b):
    inner = x[:, :, :-2, :-1]
    dx = np.zeros_like(x)
    dx[:, :, :-2, :-1] = input_gradient(dout, inner, w)
    return dx, kernel_gradient(dout, inner, w), bias_gradient(dout)


@forward_wrong(
    62, undilated_backward, statics={"layout": "channels_first", "dilation": 2}, cause=("convention_static", "forward")
)
def dilation_only_in_the_size(x, w, b):
    return correlate(x[:, :, :-2, :-1], w, b)


def one_sided_backward(dout, x, w, b):
    framed = np.pad(x, ((0, 0), (0, 0), (0, 2), (0, 2)))
    dx = input_gradient(dout, framed, w)[:, :, : x.shape[2], : x.shape[3]]
    return dx, kernel_gradient(dout, framed, w), bias_gradient(dout)


@forward_wrong(
    60,
    one_sided_backward,
    statics={"layout": "channels_first", "padding": 1},
    cause=("convention_static", "convention_padding", "forward"),
)
def padding_all_on_one_side(x, w, b):
    return correlate(np.pad(x, ((0, 0), (0, 0), (0, 2), (0, 2))), w, b)


@family.whole(
    55,
    "impure",
    "layer",
    images,
    op="conv",
    statics={"layout": "channels_first"},
    argument="W b",
    cause="accumulates",
    gradients={"W": "dW", "b": "db"},
)
class ConvolutionNeverZeroed(TextbookConvolution):
    def __init__(self, W, b):
        super().__init__(W, b)
        self.dW, self.db = np.zeros_like(W), np.zeros_like(b)

    def backward(self, dout):
        self.dW += kernel_gradient(dout, self.x, self.W)
        self.db += bias_gradient(dout)
        return input_gradient(dout, self.x, self.W)
