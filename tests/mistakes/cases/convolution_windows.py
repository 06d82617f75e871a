"""Convolution over images: im2col, stride, padding, dilation, groups."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized
from ..windows import correlate, cropped, input_gradient, kernel_gradient, padded_input_gradient, taps

family = Family("convolution")


def bias_gradient(dout):
    return dout.sum(axis=(0, 2, 3))


images = sized(((3, 2, 7, 6), (5, 2, 3, 2), (5,)), ((8, 8, 16, 17), (16, 8, 3, 2), (16,)))


def conv(kind=family.wrong, **how):
    """What a case needs: the forward, inputs, and the statics of the op with the same meaning."""
    statics = {"strides": how.get("stride", 1), "padding": how.get("pad", 0), "dilation": how.get("dilation", 1)}

    def forward(x, w, b):
        return correlate(x, w, b, **how)

    statics["layout"] = "channels_first"
    return partial(kind, forward=forward, inputs=images, op="conv", statics=statics)


plain, strided, wide = conv(), conv(stride=2, pad=1), conv(dilation=2)


@plain(55, argument="x", cause="not_accumulated")
def col2im_assigns(dout, x, w, b):
    dx = np.zeros_like(x)
    for i, j, at in taps(w.shape[2:], dout.shape[2:], 1):
        dx[at] = np.einsum("nfhw,fc->nchw", dout, w[:, :, i, j])
    return dx, kernel_gradient(dout, x, w), bias_gradient(dout)


@strided(56, argument="x", cause="static_ignored")
def stride_missing_in_input_gradient(dout, x, w, b):
    dx = cropped(padded_input_gradient(dout, x, w, stride=1, pad=1), 1)
    return dx, kernel_gradient(dout, x, w, stride=2, pad=1), bias_gradient(dout)


@plain(57, argument="b", cause="scaled_by_count")
def bias_gradient_averaged_over_positions(dout, x, w, b):
    return input_gradient(dout, x, w), kernel_gradient(dout, x, w), dout.mean(axis=(2, 3)).sum(axis=0)


@plain(58, argument="x", cause="flipped")
def kernel_not_rotated(dout, x, w, b):
    kh, kw = w.shape[2:]
    framed = np.pad(dout, ((0, 0), (0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1)))
    return correlate(framed, w.transpose(1, 0, 2, 3)), kernel_gradient(dout, x, w), bias_gradient(dout)


@strided(60, argument="x", cause="shifted")
def padding_cropped_on_one_side(dout, x, w, b):
    dxp = padded_input_gradient(dout, x, w, stride=2, pad=1)
    dx = dxp[:, :, : x.shape[2], : x.shape[3]]
    return dx, kernel_gradient(dout, x, w, stride=2, pad=1), bias_gradient(dout)


@strided(60, argument="x", cause="wrong_shape")
def padding_not_cropped(dout, x, w, b):
    dxp = padded_input_gradient(dout, x, w, stride=2, pad=1)
    return dxp, kernel_gradient(dout, x, w, stride=2, pad=1), bias_gradient(dout)


@plain(61, argument="x", cause="part_missing")
def last_rows_never_reached(dout, x, w, b):
    dx = input_gradient(dout, x, w)
    dx[:, :, -1] = 0
    return dx, kernel_gradient(dout, x, w), bias_gradient(dout)


@wide(62, argument="x", cause="static_ignored")
def dilation_missing_in_input_gradient(dout, x, w, b):
    return input_gradient(dout, x, w), kernel_gradient(dout, x, w, dilation=2), bias_gradient(dout)


@plain(64, argument="b", cause="wrong_reduction")
def bias_gradient_over_the_batch_only(dout, x, w, b):
    return input_gradient(dout, x, w), kernel_gradient(dout, x, w), dout.sum(axis=0)


@plain(65, argument="w", cause="not_accumulated")
def kernel_gradient_of_the_last_example(dout, x, w, b):
    dw = np.zeros_like(w)
    for n in range(len(x)):
        dw = kernel_gradient(dout[n : n + 1], x[n : n + 1], w)
    return input_gradient(dout, x, w), dw, bias_gradient(dout)


@plain(66, argument="w", cause="transposed")
def column_order_of_im2col(dout, x, w, b):
    columns_last = kernel_gradient(dout, x, w).transpose(0, 2, 3, 1)
    return input_gradient(dout, x, w), columns_last.reshape(w.shape), bias_gradient(dout)


@plain(19, argument="x w b", cause="ignores_cotangent")
def convolution_ignores_upstream(dout, x, w, b):
    ones = np.ones_like(dout)
    return input_gradient(ones, x, w), kernel_gradient(ones, x, w), bias_gradient(ones)


forward_wrong = partial(family.wrong_forward, inputs=images, op="conv")


def rotated_backward(dout, x, w, b):
    turned = w[:, :, ::-1, ::-1]
    dw = kernel_gradient(dout, x, w)[:, :, ::-1, ::-1]
    return input_gradient(dout, x, turned), dw, bias_gradient(dout)


@forward_wrong(59, rotated_backward, statics={"layout": "channels_first"}, cause="convention_layout")
def true_convolution(x, w, b):
    return correlate(x, w[:, :, ::-1, ::-1], b)


def undilated_backward(dout, x, w, b):
    inner = x[:, :, :-2, :-1]
    dx = np.zeros_like(x)
    dx[:, :, :-2, :-1] = input_gradient(dout, inner, w)
    return dx, kernel_gradient(dout, inner, w), bias_gradient(dout)


@forward_wrong(62, undilated_backward, statics={"layout": "channels_first", "dilation": 2}, cause="convention_static")
def dilation_only_in_the_size(x, w, b):
    return correlate(x[:, :, :-2, :-1], w, b)


@family.control(59, lambda x, w, b: correlate(x, w[:, :, ::-1, ::-1], b), images)
def true_convolution_without_a_name(dout, x, w, b):
    turned = w[:, :, ::-1, ::-1]
    return input_gradient(dout, x, turned), kernel_gradient(dout, x, w)[:, :, ::-1, ::-1], bias_gradient(dout)


@conv(family.control, stride=2, pad=1)("")
def convolution_strided_and_padded(dout, x, w, b):
    how = {"stride": 2, "pad": 1}
    return input_gradient(dout, x, w, **how), kernel_gradient(dout, x, w, **how), bias_gradient(dout)


@conv(family.control)("")
def convolution_by_a_rotated_kernel(dout, x, w, b):
    kh, kw = w.shape[2:]
    framed = np.pad(dout, ((0, 0), (0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1)))
    dx = correlate(framed, w[:, :, ::-1, ::-1].transpose(1, 0, 2, 3))
    dw = correlate(x.transpose(1, 0, 2, 3), dout.transpose(1, 0, 2, 3)).transpose(1, 0, 2, 3)
    return dx, dw, bias_gradient(dout)


@conv(family.control, dilation=2)(62)
def convolution_dilated(dout, x, w, b):
    return input_gradient(dout, x, w, dilation=2), kernel_gradient(dout, x, w, dilation=2), bias_gradient(dout)


def in_single_precision(size, seed):
    return tuple(p.astype(np.float32) for p in images(size, seed))


@conv(family.control)(109, inputs=in_single_precision, precision="float32")
def convolution_in_float32(dout, x, w, b):
    return input_gradient(dout, x, w), kernel_gradient(dout, x, w), bias_gradient(dout)


def halves(x, w):
    return zip(np.split(x, 2, axis=1), np.split(w, 2), strict=True)


grouped_images = sized(((3, 4, 7, 6), (6, 2, 3, 2)), ((8, 8, 16, 17), (16, 4, 3, 2)))


def grouped(x, w):
    return np.concatenate([correlate(xg, wg) for xg, wg in halves(x, w)], axis=1)


in_groups = partial(
    family.wrong, forward=grouped, inputs=grouped_images, op="conv", statics={"groups": 2, "layout": "channels_first"}
)


@in_groups(63, argument="w", cause="wrong_index")
def kernel_gradient_from_the_first_group(dout, x, w):
    douts, first = np.split(dout, 2, axis=1), np.split(x, 2, axis=1)[0]
    dx = [input_gradient(d, xg, wg) for d, (xg, wg) in zip(douts, halves(x, w), strict=True)]
    dw = [kernel_gradient(d, first, wg) for d, (_, wg) in zip(douts, halves(x, w), strict=True)]
    return np.concatenate(dx, axis=1), np.concatenate(dw)


@family.control(63, grouped, grouped_images, op="conv", statics={"groups": 2, "layout": "channels_first"})
def convolution_in_groups(dout, x, w):
    parts = list(zip(np.split(dout, 2, axis=1), halves(x, w), strict=True))
    dx = [input_gradient(d, xg, wg) for d, (xg, wg) in parts]
    return np.concatenate(dx, axis=1), np.concatenate([kernel_gradient(d, xg, wg) for d, (xg, wg) in parts])


def upsampled(x, w):
    """The gradient of a correlation with stride 2 to its input: x has the correlation's output channels."""
    height, width = (2 * (n - 1) + k for n, k in zip(x.shape[2:], w.shape[2:], strict=True))
    return input_gradient(x, np.zeros((len(x), w.shape[1], height, width)), w, stride=2)


@family.control(
    "",
    upsampled,
    sized(((3, 5, 4, 3), (5, 2, 3, 2)), ((8, 16, 8, 9), (16, 8, 3, 2))),
    op="conv_transpose",
    statics={"strides": 2, "layout": "channels_first"},
)
def convolution_transposed(dout, x, w):
    return correlate(dout, w, stride=2), kernel_gradient(x, dout, w, stride=2)


signals = sized(((3, 2, 9), (4, 2, 3)), ((8, 6, 40), (10, 6, 5)))


def windows(x, size):
    """(batch, channels, positions, size), a view."""
    return np.lib.stride_tricks.sliding_window_view(x, size, axis=2)


def conv1d(x, w):
    return np.einsum("nclk,fck->nfl", windows(x, w.shape[2]), w)


first = {"layout": "channels_first"}


def dw1d(g, x, size):
    return np.einsum("nclk,nfl->fck", windows(x, size), g)


def dx1d(g, w, length):
    dx, positions = np.zeros((len(g), w.shape[1], length)), g.shape[2]
    for k in range(w.shape[2]):
        dx[:, :, k : k + positions] += np.einsum("nfl,fc->ncl", g, w[:, :, k])
    return dx


def edge_backward(dout, x, w):
    xp = np.pad(x, ((0, 0), (0, 0), (1, 1)), mode="edge")
    dxp = dx1d(dout, w, xp.shape[2])
    dx = dxp[:, :, 1:-1].copy()
    dx[:, :, 0] += dxp[:, :, 0]
    dx[:, :, -1] += dxp[:, :, -1]
    return dx, dw1d(dout, xp, w.shape[2])


@family.wrong_forward(
    "",
    edge_backward,
    signals,
    op="conv",
    statics={**first, "padding": 1},
    cause="forward",
    also="convention_static",
    names=("x", "w"),
)
def border_repeated_instead_of_zeros(x, w):
    return conv1d(np.pad(x, ((0, 0), (0, 0), (1, 1)), mode="edge"), w)


@family.impure(83, conv1d, signals, op="conv", statics=first, names=("x", "w"), cause="changed_in_place")
def kernel_rotated_in_place(dout, x, w):
    dw = dw1d(dout, x, w.shape[2])
    w[...] = w[:, :, ::-1].copy()
    framed = np.pad(dout, ((0, 0), (0, 0), (w.shape[2] - 1,) * 2))
    return conv1d(framed, w.transpose(1, 0, 2)), dw


@family.control("", lambda x: x.repeat(2, axis=1), sized(((3, 4, 2),), ((8, 20, 6),)), names=("x",))
def nearest_neighbours_summed(dout, x):
    return dout[:, 0::2] + dout[:, 1::2]


@family.control(
    59, lambda x, w: np.convolve(x, w), lambda size, seed: normal(seed, (9 if size == "small" else 60,), (4,))
)
def convolution_of_two_sequences(dout, x, w):
    return np.correlate(dout, w, mode="valid"), np.correlate(dout, x, mode="valid")
