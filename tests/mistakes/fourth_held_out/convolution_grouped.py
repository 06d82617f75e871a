"""Mistakes in grouped, separable, transposed and three-dimensional convolutions."""

from functools import partial

import numpy as np

from ..case import Family, sized
from .convolution_images import conv2d, dW2d, dx2d

family = Family("convolution")

GROUPS = 2
grouped_images = sized(((2, 4, 5, 6), (6, 2, 3, 2)), ((4, 8, 12, 11), (12, 4, 3, 4)))


def members(array, g, axis):
    size = array.shape[axis] // GROUPS
    return np.take(array, range(g * size, (g + 1) * size), axis=axis)


def grouped(x, w):
    out = [conv2d(members(x, g, 1), members(w, g, 0), np.zeros(len(w) // GROUPS)) for g in range(GROUPS)]
    return np.concatenate(out, axis=1)


groups = partial(
    family.wrong,
    forward=grouped,
    inputs=grouped_images,
    op="conv",
    statics={"groups": GROUPS, "layout": "channels_first"},
)


def grouped_dx(dout, x, w):
    return [dx2d(members(dout, g, 1), members(x, g, 1), members(w, g, 0)) for g in range(GROUPS)]


def grouped_dw(dout, x, w):
    return [dW2d(members(dout, g, 1), members(x, g, 1), members(w, g, 0)) for g in range(GROUPS)]


@groups(63, cause=("groups_mixed", "row_permuted", "reordered"), argument="x")
def group_gradients_joined_in_reverse(dout, x, w):
    return np.concatenate(grouped_dx(dout, x, w)[::-1], axis=1), np.concatenate(grouped_dw(dout, x, w))


@groups(63, cause="groups_mixed", argument="w")
def every_group_reads_the_first_channels(dout, x, w):
    first = members(x, 0, 1)
    dw = [dW2d(members(dout, g, 1), first, members(w, g, 0)) for g in range(GROUPS)]
    return np.concatenate(grouped_dx(dout, x, w), axis=1), np.concatenate(dw)


@groups(63, cause="groups_mixed", argument="x")
def upstream_dealt_out_in_turn(dout, x, w):
    dx = [dx2d(dout[:, g::GROUPS], members(x, g, 1), members(w, g, 0)) for g in range(GROUPS)]
    return np.concatenate(dx, axis=1), np.concatenate(grouped_dw(dout, x, w))


@groups(63, cause="entries_not_written", argument="w")
def only_the_first_group_is_trained(dout, x, w):
    dw = np.zeros_like(w)
    dw[: len(w) // GROUPS] = grouped_dw(dout, x, w)[0]
    return np.concatenate(grouped_dx(dout, x, w), axis=1), dw


def shuffled(x, groups=2):
    n, c, h, w = x.shape
    return x.reshape(n, groups, c // groups, h, w).swapaxes(1, 2).reshape(x.shape)


@family.wrong(
    66,
    shuffled,
    sized(((2, 6, 3, 2),), ((8, 24, 6, 7),)),
    names=("x",),
    cause=("row_permuted", "reordered"),
    argument="x",
)
def channels_shuffled_once_more(dout, x):
    return shuffled(dout)


def separable(x, depth, point):
    """A 3x3 kernel a channel without padding, then a mix of the channels."""
    rows, columns = x.shape[2] - 2, x.shape[3] - 2
    d = sum(x[:, :, i : i + rows, j : j + columns] * depth[:, i, j, None, None] for i, j in np.ndindex(3, 3))
    return np.einsum("nchw,fc->nfhw", d, point), (x, depth, point, d)


separate = partial(
    family.wrong,
    forward=separable,
    inputs=sized(((2, 3, 6, 5), (3, 3, 3), (4, 3)), ((4, 8, 12, 11), (8, 3, 3), (12, 8))),
    style="rule",
    names=("x", "depth", "point"),
)


def separable_backward(residuals, cotangent, mixed=None, turn=False):
    x, depth, point, d = residuals
    dd = np.einsum("nfhw,fc->nchw", cotangent, point)
    dx, ddepth, (rows, columns) = np.zeros_like(x), np.zeros_like(depth), dd.shape[2:]
    for i, j in np.ndindex(3, 3):
        at = np.s_[:, :, i : i + rows, j : j + columns]
        tap = depth[:, j, i] if turn else depth[:, i, j]
        dx[at] += dd * tap[:, None, None]
        ddepth[:, i, j] = (x[at] * dd).sum(axis=(0, 2, 3))
    return dx, ddepth, np.einsum("nfhw,nchw->fc", cotangent, d if mixed is None else mixed)


@separate(13, cause="wrong_operand", argument="point")
def pointwise_kernel_by_the_first_input(residuals, cotangent):
    return separable_backward(residuals, cotangent, mixed=residuals[0][:, :, 1:-1, 1:-1])


@separate(58, cause=("not_transposed", "wrong_operand"), argument="x")
def depthwise_taps_read_by_columns(residuals, cotangent):
    return separable_backward(residuals, cotangent, turn=True)


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


@painted(56, cause="static_ignored", argument="x")
def transposed_input_gradient_without_stride(dout, x, w):
    dx = conv2d(dout, w, nothing(w))[:, :, : x.shape[2], : x.shape[3]]
    return dx, dW2d(x, dout, w, (2, 2))


@painted(58, cause=("flipped", "reordered"), argument="w")
def transposed_kernel_gradient_rotated(dout, x, w):
    return conv2d(dout, w, nothing(w), (2, 2)), dW2d(x, dout, w, (2, 2))[..., ::-1, ::-1]


@painted(67, cause=("axes_permuted", "transposed"), argument="w")
def transposed_kernel_gradient_out_before_in(dout, x, w):
    return conv2d(dout, w, nothing(w), (2, 2)), dW2d(x, dout, w, (2, 2)).swapaxes(0, 1)


@painted(58, cause="flipped", argument="x")
def transposed_input_gradient_by_the_rotated_kernel(dout, x, w):
    return conv2d(dout, w[:, :, ::-1, ::-1], nothing(w), (2, 2)), dW2d(x, dout, w, (2, 2))


def volume(x, w, b):
    """Channels last: x (batch, depth, rows, columns, in), w (kd, kh, kw, in, out)."""
    sizes = [n - k + 1 for n, k in zip(x.shape[1:4], w.shape[:3], strict=True)]
    y = np.zeros((len(x), *sizes, w.shape[-1])) + b
    for offset in np.ndindex(*w.shape[:3]):
        y += x[under(offset, sizes)] @ w[offset]
    return y


def under(offset, sizes):
    return (slice(None), *(slice(o, o + n) for o, n in zip(offset, sizes, strict=True)))


solid = partial(
    family.wrong,
    forward=volume,
    inputs=sized(((2, 4, 5, 4, 2), (2, 3, 2, 2, 3), (3,)), ((3, 6, 8, 7, 4), (3, 2, 3, 4, 5), (5,))),
    op="conv",
)


def volume_backward(dout, x, w, b):
    dx, dw, sizes = np.zeros_like(x), np.zeros_like(w), dout.shape[1:4]
    for offset in np.ndindex(*w.shape[:3]):
        met = x[under(offset, sizes)]
        dw[offset] = np.einsum("ndhwc,ndhwf->cf", met, dout)
        dx[under(offset, sizes)] += dout @ w[offset].T
    return dx, dw, dout.sum(axis=(0, 1, 2, 3))


@solid(91, cause=("sum_term_missing", "samples_missing"), argument="w")
def last_slice_of_the_volume_missed(dout, x, w, b):
    dx, _, db = volume_backward(dout, x, w, b)
    return dx, volume_backward(dout[:, :-1], x[:, :-1], w, b)[1], db


@solid(58, cause="flipped", argument="x")
def kernel_rotated_but_for_its_depth(dout, x, w, b):
    _, dw, db = volume_backward(dout, x, w, b)
    return volume_backward(dout, x, w[::-1], b)[0], dw, db


@solid(57, cause=("scaled_by_size", "scaled"), argument="w b")
def volume_averaged_over_its_depth(dout, x, w, b):
    dx, dw, db = volume_backward(dout, x, w, b)
    return dx, dw / dout.shape[1], db / dout.shape[1]


@solid(
    56,
    cause="static_ignored",
    forward=lambda x, w, b: volume(x, w, b)[:, ::2],
    statics={"strides": (2, 1, 1)},
    argument="x",
)
def stride_in_depth_left_out_of_the_scatter(dout, x, w, b):
    spread = np.zeros((len(x), *(n - k + 1 for n, k in zip(x.shape[1:4], w.shape[:3], strict=True)), len(b)))
    spread[:, ::2] = dout
    together = np.zeros_like(spread)
    together[:, : dout.shape[1]] = dout
    _, dw, db = volume_backward(spread, x, w, b)
    return volume_backward(together, x, w, b)[0], dw, db
