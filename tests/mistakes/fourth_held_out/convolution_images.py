"""Mistakes in convolutions of images, in both layouts and several ways to write them."""

from functools import partial

import numpy as np

from ..case import Family, sized

family = Family("convolution")

pictures = sized(((2, 3, 7, 6), (4, 3, 3, 2), (4,)), ((4, 6, 13, 12), (8, 6, 5, 4), (8,)))
square_windows = sized(((2, 3, 7, 6), (3, 3, 3, 3), (3,)), ((4, 6, 13, 12), (6, 6, 3, 3), (6,)))


def im2col(x, kh, kw, stride=(1, 1)):
    """(batch, rows, columns, channels, kh, kw), a view."""
    view = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), axis=(2, 3))
    return view[:, :, :: stride[0], :: stride[1]].transpose(0, 2, 3, 1, 4, 5)


def conv2d(x, W, b, stride=(1, 1)):
    F, C, kh, kw = W.shape
    return np.tensordot(im2col(x, kh, kw, stride), W, ((3, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2) + b[:, None, None]


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


def conv(inputs=pictures, stride=(1, 1), **more):
    statics: dict = {"strides": stride, "layout": "channels_first"}
    return partial(
        family.wrong,
        forward=lambda x, W, b: conv2d(x, W, b, stride),
        inputs=inputs,
        op="conv",
        statics=statics,
        names=("x", "W", "b"),
        **more,
    )


@conv()(64, cause="scaled_by_spatial", argument="b")
def bias_gradient_averages_the_map(dout, x, W, b):
    return dx2d(dout, x, W), dW2d(dout, x, W), dout.mean(axis=(2, 3)).sum(axis=0)


@conv()(66, cause="reordered", argument="W")
def columns_folded_with_the_channels_last(dout, x, W, b):
    F, C, kh, kw = W.shape
    col = im2col(x, kh, kw).reshape(-1, C * kh * kw)
    flat = dout.transpose(0, 2, 3, 1).reshape(-1, F)
    return dx2d(dout, x, W), (flat.T @ col).reshape(F, kh, kw, C).transpose(0, 3, 1, 2), flat.sum(axis=0)


@conv(square_windows)(67, cause=("axes_permuted", "transposed"), argument="W")
def kernel_gradient_inputs_before_outputs(dout, x, W, b):
    dW = np.einsum("nrqcij,nfrq->cfij", im2col(x, 3, 3), dout)
    return dx2d(dout, x, W), dW, over_positions(dout)


@conv(square_windows)(66, cause=("axes_permuted", "transposed"), argument="W")
def taps_written_column_first(dout, x, W, b):
    dW, (rows, columns) = np.zeros_like(W), dout.shape[2:]
    for i, j in np.ndindex(3, 3):
        dW[:, :, j, i] = np.tensordot(dout, x[:, :, i : i + rows, j : j + columns], ((0, 2, 3), (0, 2, 3)))
    return dx2d(dout, x, W), dW, over_positions(dout)


@conv(square_windows)(6, cause="not_transposed", argument="x")
def channels_mixed_by_the_kernel_untransposed(dout, x, W, b):
    dx, (rows, columns) = np.zeros_like(x), dout.shape[2:]
    for i, j in np.ndindex(3, 3):
        dx[:, :, i : i + rows, j : j + columns] += np.einsum("nfhw,cf->nchw", dout, W[:, :, i, j])
    return dx, dW2d(dout, x, W), over_positions(dout)


@conv(stride=(2, 1))(56, cause="static_ignored", argument="W")
def strides_of_rows_and_columns_exchanged(dout, x, W, b):
    dW, (rows, columns) = np.zeros_like(W), dout.shape[2:]
    for i, j in np.ndindex(*W.shape[2:]):
        met = x[:, :, i : i + rows, j : j + 2 * columns : 2]
        dW[:, :, i, j] = np.einsum("nfhw,nchw->fc", dout[:, :, :, : met.shape[3]], met)
    return dx2d(dout, x, W, (2, 1)), dW, over_positions(dout)


@conv(stride=(2, 2))(56, cause="static_ignored", argument="x")
def stride_of_the_columns_forgotten(dout, x, W, b):
    n, f, rows, columns = dout.shape
    dx = np.zeros_like(x)
    for r, q in np.ndindex(rows, columns):
        at = dx[:, :, 2 * r : 2 * r + W.shape[2], q : q + W.shape[3]]
        at += np.tensordot(dout[:, :, r, q], W, (1, 0))
    return dx, dW2d(dout, x, W, (2, 2)), over_positions(dout)


@conv()(19, cause="ignores_cotangent", argument="b")
def bias_gradient_counts_the_positions(dout, x, W, b):
    n, f, rows, columns = dout.shape
    return dx2d(dout, x, W), dW2d(dout, x, W), np.full(f, float(n * rows * columns))


@conv()(
    65,
    cause=("last_sample_only", "entries_not_written", "samples_missing", "sum_term_missing"),
    argument="x W",
    style="cache",
    forward=lambda x, W, b: (conv2d(x, W, b), (x, W)),
)
def loop_over_images_that_assigns(dout, cache):
    x, W = cache
    dx, dW = np.zeros_like(x), np.zeros_like(W)
    for n in range(len(x)):
        dW = dW2d(dout[n : n + 1], x[n : n + 1], W)
        dx = np.zeros_like(x)
        dx[n] = dx2d(dout[n : n + 1], x[n : n + 1], W)[0]
    return dx, dW, over_positions(dout)


@conv()(68, cause="shifted", argument="x")
def windows_counted_from_one(dout, x, W, b):
    frame = np.zeros((*x.shape[:2], x.shape[2] + 1, x.shape[3]))
    frame[:, :, 1:] += dx2d(dout, x, W)
    return frame[:, :, :-1], dW2d(dout, x, W), over_positions(dout)


patches = sized(((2, 3, 6, 6), (4, 3, 2, 2), (4,)), ((4, 3, 16, 16), (12, 3, 4, 4), (12,)))


def patchify(x, W, b):
    return conv2d(x, W, b, W.shape[2:])


@family.wrong(61, patchify, patches, cause="entries_not_written", argument="x")
def last_row_of_patches_never_reached(dout, x, W, b):
    k, dx = W.shape[2], np.zeros_like(x)
    for top in range(0, x.shape[2] - k, k):
        for left in range(0, x.shape[3] - k + 1, k):
            dx[:, :, top : top + k, left : left + k] = np.tensordot(dout[:, :, top // k, left // k], W, (1, 0))
    return dx, dW2d(dout, x, W, (k, k)), over_positions(dout)


@family.wrong(66, patchify, patches, cause=("axes_permuted", "transposed"), argument="x")
def patches_put_back_sideways(dout, x, W, b):
    n, c, height, width = x.shape
    k = W.shape[2]
    tiles = np.einsum("nfrq,fcij->ncrqij", dout, W)
    dx = tiles.transpose(0, 1, 3, 5, 2, 4).reshape(n, c, width, height)
    return dx, dW2d(dout, x, W, (k, k)), over_positions(dout)


def same(x, W, b):
    """As many positions as pixels; an even kernel has its odd row of padding at the end."""
    low = [(k - 1) // 2 for k in W.shape[2:]]
    around = [(p, k - 1 - p) for p, k in zip(low, W.shape[2:], strict=True)]
    return conv2d(np.pad(x, ((0, 0), (0, 0), *around)), W, b)


even = sized(((2, 3, 5, 6), (4, 3, 4, 2), (4,)), ((4, 6, 12, 13), (8, 6, 4, 2), (8,)))


@family.wrong(
    60,
    same,
    even,
    op="conv",
    statics={"padding": "SAME", "layout": "channels_first"},
    cause=("shifted", "static_ignored"),
    argument="x",
)
def odd_padding_cropped_at_the_start(dout, x, W, b):
    kh, kw = W.shape[2:]
    xp = np.pad(x, ((0, 0), (0, 0), ((kh - 1) // 2, kh // 2), ((kw - 1) // 2, kw // 2)))
    dxp = dx2d(dout, xp, W)
    top, left = kh // 2, kw // 2
    return dxp[:, :, top : top + x.shape[2], left : left + x.shape[3]], dW2d(dout, xp, W), over_positions(dout)


@family.wrong(60, same, even, cause=("static_ignored", "shifted"), argument="W")
def odd_padding_at_the_start_for_the_kernel(dout, x, W, b):
    kh, kw = W.shape[2:]
    right = np.pad(x, ((0, 0), (0, 0), ((kh - 1) // 2, kh // 2), ((kw - 1) // 2, kw // 2)))
    wrong = np.pad(x, ((0, 0), (0, 0), (kh // 2, (kh - 1) // 2), (kw // 2, (kw - 1) // 2)))
    dx = dx2d(dout, right, W)[:, :, (kh - 1) // 2 :, (kw - 1) // 2 :][:, :, : x.shape[2], : x.shape[3]]
    return dx, dW2d(dout, wrong, W), over_positions(dout)


def conv_relu(x, W, b):
    z = conv2d(x, W, b)
    return np.maximum(z, 0), (x, W, z)


fused = partial(family.wrong, forward=conv_relu, inputs=pictures, style="cache", names=("x", "W", "b"))


@fused(47, cause=("mask_wrong", "not_linear"), argument="x W b")
def fused_mask_of_the_upstream(dout, cache):
    x, W, z = cache
    dz = np.where(dout > 0, dout, 0)
    return dx2d(dz, x, W), dW2d(dz, x, W), over_positions(dz)


@fused(48, cause=("derivative_missing", "mask_missing"), argument="b")
def fused_bias_outside_of_the_mask(dout, cache):
    x, W, z = cache
    dz = dout * (z > 0)
    return dx2d(dz, x, W), dW2d(dz, x, W), over_positions(dout)
