"""Mistakes in convolutions (catalogue 55 to 67)."""

from functools import partial

import numpy as np

from .case import Family, sized
from .windows import (
    correlate,
    cropped,
    input_gradient,
    kernel_gradient,
    out_size,
    padded,
    padded_input_gradient,
    taps,
)

family = Family("convolution")

images = sized(((3, 2, 7, 6), (5, 2, 3, 2), (5,)), ((8, 8, 16, 17), (16, 8, 3, 2), (16,)))
square_kernel = sized(((3, 2, 7, 6), (5, 2, 3, 3), (5,)), ((8, 8, 16, 17), (16, 8, 3, 3), (16,)))
one_by_one_channel_equal = sized(((3, 5, 7, 6), (5, 5, 3, 2), (5,)), ((8, 8, 16, 17), (8, 8, 3, 2), (8,)))


def bias_gradient(dout):
    return dout.sum(axis=(0, 2, 3))


def conv(inputs=images, **how):
    """What a case needs: the forward, inputs, and the statics of the op with the same meaning."""
    statics = {"strides": how.get("stride", 1), "padding": how.get("pad", 0), "dilation": how.get("dilation", 1)}

    def forward(x, w, b):
        return correlate(x, w, b, **how)

    statics["layout"] = "channels_first"
    return partial(family.wrong, forward=forward, inputs=inputs, op="conv", statics=statics)


plain, strided, wide = conv(), conv(stride=2, pad=1), conv(dilation=2)


@conv(square_kernel, stride=2, pad=1)(55, argument="x", cause="overlap_dropped")
def col2im_assigns_with_stride(dout, x, w, b):
    dxp = np.zeros_like(padded(x, 1))
    for i, j, at in taps(w.shape[2:], dout.shape[2:], 2):
        dxp[at] = np.einsum("nfhw,fc->nchw", dout, w[:, :, i, j])
    return cropped(dxp, 1), kernel_gradient(dout, x, w, stride=2, pad=1), bias_gradient(dout)


@plain(55, argument="x", cause="overlap_dropped")
def col2im_assigns(dout, x, w, b):
    dx = np.zeros_like(x)
    for i, j, at in taps(w.shape[2:], dout.shape[2:], 1):
        dx[at] = np.einsum("nfhw,fc->nchw", dout, w[:, :, i, j])
    return dx, kernel_gradient(dout, x, w), bias_gradient(dout)


@plain(55, argument="x", cause="overlap_dropped")
def windows_assigned_position_by_position(dout, x, w, b):
    dx = np.zeros_like(x)
    for r, c in np.ndindex(*dout.shape[2:]):
        dx[:, :, r : r + w.shape[2], c : c + w.shape[3]] = np.tensordot(dout[:, :, r, c], w, (1, 0))
    return dx, kernel_gradient(dout, x, w), bias_gradient(dout)


@strided(56, argument="x", cause="static_ignored")
def stride_missing_in_input_gradient(dout, x, w, b):
    dx = cropped(padded_input_gradient(dout, x, w, stride=1, pad=1), 1)
    return dx, kernel_gradient(dout, x, w, stride=2, pad=1), bias_gradient(dout)


@strided(56, argument="w", cause="static_ignored")
def stride_missing_in_kernel_gradient(dout, x, w, b):
    dw = kernel_gradient(dout, x, w, stride=1, pad=1)
    return input_gradient(dout, x, w, stride=2, pad=1), dw, bias_gradient(dout)


@plain(57, argument="w", cause=("scaled_by_size", "scaled_by_batch", "scaled_by_spatial"))
def kernel_gradient_averaged_over_positions(dout, x, w, b):
    dw = kernel_gradient(dout, x, w) / (dout.shape[0] * dout.shape[2] * dout.shape[3])
    return input_gradient(dout, x, w), dw, bias_gradient(dout)


@plain(57, argument="w", cause="scaled_by_spatial")
def kernel_gradient_averaged_over_steps(dout, x, w, b):
    dw = kernel_gradient(dout, x, w) / (dout.shape[2] * dout.shape[3])
    return input_gradient(dout, x, w), dw, bias_gradient(dout)


@plain(57, argument="b", cause=("mean_instead_of_sum", "scaled_by_spatial"))
def bias_gradient_averaged_over_positions(dout, x, w, b):
    return input_gradient(dout, x, w), kernel_gradient(dout, x, w), dout.mean(axis=(2, 3)).sum(axis=0)


@plain(58, argument="x", cause="flipped")
def kernel_not_rotated(dout, x, w, b):
    kh, kw = w.shape[2:]
    framed = np.pad(dout, ((0, 0), (0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1)))
    return correlate(framed, w.transpose(1, 0, 2, 3)), kernel_gradient(dout, x, w), bias_gradient(dout)


@plain(58, argument="w", cause="flipped")
def kernel_gradient_rotated(dout, x, w, b):
    return input_gradient(dout, x, w), kernel_gradient(dout, x, w)[:, :, ::-1, ::-1], bias_gradient(dout)


@plain(58, argument="x", cause="flipped")
def kernel_rotated_along_one_axis_only(dout, x, w, b):
    return input_gradient(dout, x, w[:, :, :, ::-1]), kernel_gradient(dout, x, w), bias_gradient(dout)


@strided(60, argument="x", cause="shifted")
def padding_cropped_on_one_side(dout, x, w, b):
    dxp = padded_input_gradient(dout, x, w, stride=2, pad=1)
    dx = dxp[:, :, : x.shape[2], : x.shape[3]]
    return dx, kernel_gradient(dout, x, w, stride=2, pad=1), bias_gradient(dout)


@strided(60, argument="x", cause=("wrong_shape", "not_reduced"))
def padding_not_cropped(dout, x, w, b):
    dxp = padded_input_gradient(dout, x, w, stride=2, pad=1)
    return dxp, kernel_gradient(dout, x, w, stride=2, pad=1), bias_gradient(dout)


@conv(square_kernel, pad=1)(60, argument="w", cause=("static_ignored", "shifted", "wrong_operand"))
def kernel_gradient_from_the_other_padding(dout, x, w, b):
    shifted = np.pad(x, ((0, 0), (0, 0), (2, 0), (2, 0)))
    return input_gradient(dout, x, w, pad=1), kernel_gradient(dout, shifted, w), bias_gradient(dout)


@conv(stride=3)(61, argument="x", cause="wrong_shape")
def remainder_of_the_stride_left_out(dout, x, w, b):
    height, width = (3 * (n - 1) + k for n, k in zip(dout.shape[2:], w.shape[2:], strict=True))
    dx = input_gradient(dout, x[:, :, :height, :width], w, stride=3)
    return dx, kernel_gradient(dout, x, w, stride=3), bias_gradient(dout)


@plain(61, argument="x", cause=("entries_not_written", "samples_missing"))
def last_rows_never_reached(dout, x, w, b):
    dx = input_gradient(dout, x, w)
    dx[:, :, -1] = 0
    return dx, kernel_gradient(dout, x, w), bias_gradient(dout)


@wide(62, argument="x", cause="static_ignored")
def dilation_missing_in_input_gradient(dout, x, w, b):
    return input_gradient(dout, x, w), kernel_gradient(dout, x, w, dilation=2), bias_gradient(dout)


@wide(62, argument="w", cause="static_ignored")
def dilation_missing_in_kernel_gradient(dout, x, w, b):
    return input_gradient(dout, x, w, dilation=2), kernel_gradient(dout, x, w), bias_gradient(dout)


@plain(64, argument="b", cause=("not_reduced", "wrong_shape"))
def bias_gradient_over_the_batch_only(dout, x, w, b):
    return input_gradient(dout, x, w), kernel_gradient(dout, x, w), dout.sum(axis=0)


@plain(65, argument="w", cause="last_sample_only")
def kernel_gradient_of_the_last_example(dout, x, w, b):
    for n in range(len(x)):
        dw = kernel_gradient(dout[n : n + 1], x[n : n + 1], w)
    return input_gradient(dout, x, w), dw, bias_gradient(dout)


@plain(66, argument="w", cause=("reordered", "axes_permuted"))
def column_order_of_im2col(dout, x, w, b):
    columns_last = kernel_gradient(dout, x, w).transpose(0, 2, 3, 1)
    return input_gradient(dout, x, w), columns_last.reshape(w.shape), bias_gradient(dout)


@conv(square_kernel)(66, argument="w", cause=("axes_permuted", "transposed"))
def kernel_rows_and_columns_swapped(dout, x, w, b):
    return input_gradient(dout, x, w), kernel_gradient(dout, x, w).swapaxes(2, 3), bias_gradient(dout)


@conv(one_by_one_channel_equal)(67, argument="w", cause=("transposed", "axes_permuted"))
def channels_swapped_in_kernel_gradient(dout, x, w, b):
    return input_gradient(dout, x, w), kernel_gradient(dout, x, w).swapaxes(0, 1), bias_gradient(dout)


@conv(one_by_one_channel_equal)(67, argument="x", cause=("not_transposed", "static_ignored"))
def channels_swapped_in_input_gradient(dout, x, w, b):
    return input_gradient(dout, x, w.swapaxes(0, 1)), kernel_gradient(dout, x, w), bias_gradient(dout)


@plain(19, argument="x w b", cause="ignores_cotangent")
def convolution_ignores_upstream(dout, x, w, b):
    ones = np.ones_like(dout)
    return input_gradient(ones, x, w), kernel_gradient(ones, x, w), bias_gradient(ones)


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
