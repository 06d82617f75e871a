"""Mistakes in convolutions (catalogue 55 to 67)."""

from functools import partial

import numpy as np

from .case import Family, sized
from .windows import (
    correlate,
    cropped,
    input_gradient,
    kernel_gradient,
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
    dw = np.zeros_like(w)
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
