"""Mistakes in the geometry of windows: strides, gaps, padding, groups and orders of another axis."""

from functools import partial

import numpy as np

from ..case import Family, sized

family = Family("convolution")


def reach(size, count, stride, gap, at):
    return slice(at * gap, at * gap + stride * (count - 1) + 1, stride)


def conv_last(x, w, strides, gaps):
    """Channels last in any number of dimensions: x (batch, *space, in), w (*window, in, out)."""
    window, sizes = w.shape[:-2], x.shape[1:-1]
    counts = [(n - (k - 1) * g - 1) // s + 1 for n, k, s, g in zip(sizes, window, strides, gaps, strict=True)]
    y = np.zeros((len(x), *counts, w.shape[-1]))
    for tap in np.ndindex(*window):
        y += x[under(sizes, counts, strides, gaps, tap)] @ w[tap]
    return y


def under(sizes, counts, strides, gaps, tap):
    return (slice(None), *map(reach, sizes, counts, strides, gaps, tap))


def pull_last(dout, x, w, strides, gaps):
    """Gradients for any strides and gaps; windows that leave the image are cut off."""
    dx, dw, counts = np.zeros_like(x), np.zeros_like(w), dout.shape[1:-1]
    room = [max(0, s * (c - 1) + (k - 1) * g + 1 - n) for n, c, k, s, g in
            zip(x.shape[1:-1], counts, w.shape[:-2], strides, gaps, strict=True)]  # fmt: skip
    wide = np.pad(x, ((0, 0), *((0, r) for r in room), (0, 0)))
    dwide = np.zeros_like(wide)
    for tap in np.ndindex(*w.shape[:-2]):
        at = under(wide.shape[1:-1], counts, strides, gaps, tap)
        dw[tap] = np.tensordot(wide[at], dout, (range(dout.ndim - 1), range(dout.ndim - 1)))
        dwide[at] += dout @ w[tap].T
    dx[...] = dwide[tuple(slice(0, n) for n in dx.shape)]
    return dx, dw


def wrong(number, inputs, strides, gaps, **more):
    forward = lambda x, w: conv_last(x, w, strides, gaps)  # noqa: E731
    return family.wrong(number, forward, inputs, names=("x", "w"), **more)


plane = sized(((2, 6, 7, 2), (3, 2, 2, 3)), ((4, 12, 11, 4), (3, 4, 4, 6)))
room = sized(((2, 3, 7, 4, 2), (2, 3, 2, 2, 3)), ((3, 5, 9, 6, 3), (2, 3, 3, 3, 4)))
line = sized(((3, 11, 2), (3, 2, 4)), ((6, 40, 5), (4, 5, 8)))


@wrong(56, plane, (1, 2), (1, 1), cause="static_ignored", argument="x")
def strides_exchanged_on_the_way_to_the_image(dout, x, w):
    return pull_last(dout, x, w, (2, 1), (1, 1))[0], pull_last(dout, x, w, (1, 2), (1, 1))[1]


@wrong(56, room, (1, 2, 1), (1, 1, 1), cause="static_ignored", argument="w")
def rows_of_a_volume_met_one_by_one(dout, x, w):
    return pull_last(dout, x, w, (1, 2, 1), (1, 1, 1))[0], pull_last(dout, x, w, (1, 1, 1), (1, 1, 1))[1]


@wrong(62, line, (1,), (3,), cause="static_ignored", argument="x w")
def gap_taken_for_the_stride(dout, x, w):
    return pull_last(dout, x, w, (3,), (1,))


@wrong(62, plane, (1, 1), (2, 1), cause="static_ignored", argument="w")
def gap_of_the_rows_between_the_columns(dout, x, w):
    return pull_last(dout, x, w, (1, 1), (2, 1))[0], pull_last(dout, x, w, (1, 1), (1, 2))[1]


def by_views(x, w):
    """Depthwise: w (channels, kh, kw); every second row of windows."""
    view = np.lib.stride_tricks.sliding_window_view(x, w.shape[1:], axis=(2, 3))[:, :, ::2]
    return np.einsum("nchwij,cij->nchw", view, w)


@family.wrong(
    56, by_views, sized(((2, 3, 7, 6), (3, 2, 3)), ((4, 6, 12, 11), (6, 3, 3))), cause="static_ignored", argument="w"
)
def depthwise_windows_every_second_column(dout, x, w):
    dx, (rows, columns), dw = np.zeros_like(x), dout.shape[2:], np.zeros_like(w)
    for i, j in np.ndindex(*w.shape[1:]):
        dx[:, :, i : i + 2 * rows - 1 : 2, j : j + columns] += dout * w[:, i, j, None, None]
        met = x[:, :, i : i + rows, j : j + 2 * columns : 2]
        dw[:, i, j] = (met * dout[:, :, :, : met.shape[3]]).sum((0, 2, 3))
    return dx, dw


@family.wrong(
    56, lambda x: x.repeat(2, axis=1), sized(((3, 6, 2),), ((8, 20, 6),)), names=("x",), cause="static_ignored",
    argument="x",
)  # fmt: skip
def doubled_steps_taken_in_threes(dout, x):
    dx = np.zeros_like(x)
    for t in range(dout.shape[1]):
        dx[:, t // 3] += dout[:, t]
    return dx


def even_line(x, w):
    k = len(w)
    return conv_last(np.pad(x, ((0, 0), ((k - 1) // 2, k // 2), (0, 0))), w, (1,), (1,))


@family.wrong(
    60, even_line, sized(((3, 9, 2), (4, 2, 3)), ((6, 30, 5), (4, 5, 8))), cause=("static_ignored", "shifted"),
    argument="w",
)  # fmt: skip
def odd_step_of_padding_in_front(dout, x, w):
    k, width = len(w), x.shape[1]
    right = np.pad(x, ((0, 0), ((k - 1) // 2, k // 2), (0, 0)))
    other = np.pad(x, ((0, 0), (k // 2, (k - 1) // 2), (0, 0)))
    dx = pull_last(dout, right, w, (1,), (1,))[0][:, (k - 1) // 2 :][:, :width]
    return dx, pull_last(dout, other, w, (1,), (1,))[1]


def uneven_frame(x, w):
    return conv_last(np.pad(x, ((0, 0), (1, 2), (0, 1), (0, 0))), w, (1, 1), (1, 1))


@family.wrong(60, uneven_frame, plane, cause=("shifted", "static_ignored"), argument="x")
def frame_cut_by_two_rows_above(dout, x, w):
    framed = np.pad(x, ((0, 0), (1, 2), (0, 1), (0, 0)))
    dx, dw = pull_last(dout, framed, w, (1, 1), (1, 1))
    return dx[:, 2:-1, :-1], dw


def in_threes(x, w):
    """Three groups over a line: x (batch, length, 3 in), w (3, size, in, out)."""
    return np.concatenate([conv_last(p, k, (1,), (1,)) for p, k in zip(np.split(x, 3, -1), w, strict=True)], -1)


grouped = partial(family.wrong, forward=in_threes,
                  inputs=sized(((3, 6, 6), (3, 2, 2, 3)), ((6, 15, 12), (3, 3, 4, 5))))  # fmt: skip


@grouped(63, cause="groups_mixed", argument="w")
def kernels_of_groups_get_every_third_channel(dout, x, w):
    right = [pull_last(*one, (1,), (1,)) for one in zip(np.split(dout, 3, -1), np.split(x, 3, -1), w, strict=True)]
    dealt = [dout[..., g::3] for g in range(3)]
    dw = [pull_last(*one, (1,), (1,))[1] for one in zip(dealt, np.split(x, 3, -1), w, strict=True)]
    return np.concatenate([dx for dx, _ in right], -1), np.stack(dw)


@grouped(63, cause="groups_mixed", argument="x")
def upstream_of_the_next_group(dout, x, w):
    right = [pull_last(*one, (1,), (1,)) for one in zip(np.split(dout, 3, -1), np.split(x, 3, -1), w, strict=True)]
    turned = np.roll(dout, dout.shape[-1] // 3, axis=-1)
    dx = [pull_last(*one, (1,), (1,))[0] for one in zip(np.split(turned, 3, -1), np.split(x, 3, -1), w, strict=True)]
    return np.concatenate(dx, -1), np.stack([dw for _, dw in right])


@wrong(66, plane, (1, 1), (1, 1), cause="reordered", argument="w")
def columns_with_the_channels_in_front(dout, x, w):
    kh, kw, c, f = w.shape
    view = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), axis=(1, 2))
    col = view.reshape(-1, c * kh * kw)
    return pull_last(dout, x, w, (1, 1), (1, 1))[0], (col.T @ dout.reshape(-1, f)).reshape(w.shape)


def to_depth(x, r=2):
    n, h, w, c = x.shape
    return x.reshape(n, h // r, r, w // r, r, c).transpose(0, 1, 3, 2, 4, 5).reshape(n, h // r, w // r, r * r * c)


@family.wrong(
    66, lambda x: to_depth(x), sized(((2, 4, 6, 3),), ((4, 8, 10, 6),)), names=("x",),
    cause=("reordered", "row_permuted", "axes_permuted"), argument="x",
)  # fmt: skip
def blocks_laid_out_with_the_channels_first(dout, x, r=2):
    n, h, w, c = x.shape
    return dout.reshape(n, h // r, w // r, c, r, r).transpose(0, 1, 4, 2, 5, 3).reshape(x.shape)


def two_branches(x, a, b):
    return np.concatenate([conv_last(x, a, (1,), (1,)), np.tanh(conv_last(x, b, (1,), (1,)))], axis=-1)


@family.wrong(
    13, two_branches, sized(((3, 7, 2), (3, 2, 4), (3, 2, 4)), ((6, 20, 5), (4, 5, 6), (4, 5, 6))),
    cause="wrong_operand", argument="x a b",
)  # fmt: skip
def branches_take_each_others_upstream(dout, x, a, b):
    second, first = np.split(dout, 2, axis=-1)
    second = second * (1 - np.tanh(conv_last(x, b, (1,), (1,))) ** 2)
    (dx1, da), (dx2, db) = pull_last(first, x, a, (1,), (1,)), pull_last(second, x, b, (1,), (1,))
    return dx1 + dx2, da, db


def rectified(x, w, b):
    return np.maximum(conv_last(x, w, (1, 1), (1, 1)) + b, 0)


@family.wrong(
    48, rectified, sized(((2, 5, 4, 2), (3, 2, 2, 3), (3,)), ((4, 9, 8, 4), (3, 3, 4, 6), (6,))),
    cause=("mask_missing", "derivative_missing"), argument="b",
)  # fmt: skip
def bias_trained_where_nothing_passes(dout, x, w, b):
    dz = dout * (rectified(x, w, b) > 0)
    return *pull_last(dz, x, w, (1, 1), (1, 1)), dout.sum(axis=(0, 1, 2))


def painted(x, w, stride=3):
    """Transposed, channels last: x (batch, length, in), w (size, in, out)."""
    y = np.zeros((len(x), stride * (x.shape[1] - 1) + len(w), w.shape[2]))
    for t in range(x.shape[1]):
        y[:, t * stride : t * stride + len(w)] += np.einsum("nc,kcf->nkf", x[:, t], w)
    return y


@family.wrong(
    56, lambda x, w: painted(x, w), sized(((3, 5, 2), (4, 2, 3)), ((6, 12, 4), (5, 4, 6))), names=("x", "w"),
    cause="static_ignored", argument="x",
)  # fmt: skip
def brush_lifted_after_two_steps(dout, x, w):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for t in range(x.shape[1]):
        seen = dout[:, 3 * t : 3 * t + len(w)]
        dx[:, t] = np.einsum("nkf,kcf->nc", dout[:, 2 * t : 2 * t + len(w)], w)
        dw += np.einsum("nkf,nc->kcf", seen, x[:, t])
    return dx, dw


@family.whole(
    62, "wrong backward", "layer", sized(((3, 11, 2), (3, 2, 4)), ((6, 30, 5), (4, 5, 8))),
    gradients={"w": "dw"}, cause="static_ignored", argument="w", id="layer_that_trains_without_its_gaps",
)  # fmt: skip
class DilatedLine:
    def __init__(self, w):
        self.w = w

    def forward(self, x):
        self.x = x
        return np.tanh(conv_last(x, self.w, (1,), (2,)))

    def backward(self, dout):
        dz = dout * (1 - np.tanh(conv_last(self.x, self.w, (1,), (2,))) ** 2)
        self.dw = pull_last(dz, self.x, self.w, (1,), (1,))[1]
        return pull_last(dz, self.x, self.w, (1,), (2,))[0]
