"""Convolutions through strided views, column matrices, and around circles (catalogue 55 to 68)."""

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..case import Family, Kind, sized

family = Family("convolution")

# x (N, H, W, C), k (KH, KW, C, F), b (F,)
VIEWS = sized(((3, 7, 5, 2), (3, 3, 2, 5), (5,)), ((8, 13, 11, 4), (3, 3, 4, 6), (6,)))


def seen(x, kh, kw, stride):
    """Every window of x as a view (N, OH, OW, KH, KW, C)."""
    n, h, w, c = x.shape
    oh, ow = (h - kh) // stride + 1, (w - kw) // stride + 1
    s0, s1, s2, s3 = x.strides
    return as_strided(x, (n, oh, ow, kh, kw, c), (s0, s1 * stride, s2 * stride, s1, s2, s3))


def bordered(x):
    return np.ascontiguousarray(np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))))


def by_views(x, k, b):
    """Stride 2, padding 1."""
    kh, kw, _, _ = k.shape
    return np.tensordot(seen(bordered(x), kh, kw, 2), k, 3) + b


def to_image(g, k, shape, stride=2, crop=slice(1, -1), add=True):
    n, h, w, c = shape
    kh, kw = k.shape[:2]
    dx = np.zeros((n, h + 2, w + 2, c))
    for i in range(g.shape[1]):
        for j in range(g.shape[2]):
            part = np.einsum("nf,abcf->nabc", g[:, i, j], k)
            rows, cols = slice(i * stride, i * stride + kh), slice(j * stride, j * stride + kw)
            dx[:, rows, cols] = part + (dx[:, rows, cols] if add else 0)
    return dx[:, crop, crop]


def to_kernel(g, x, k, stride=2):
    kh, kw, _, _ = k.shape
    windows = seen(bordered(x), kh, kw, stride)[:, : g.shape[1], : g.shape[2]]
    return np.tensordot(windows, g, ((0, 1, 2), (0, 1, 2)))


def view(number, argument, cause, **more):
    return family.wrong(number, by_views, VIEWS, argument=argument, cause=cause, **more)


@view(60, "x", "wrong_shape")
def border_left_on(g, x, k, b):
    return to_image(g, k, x.shape, crop=slice(None)), to_kernel(g, x, k), g.sum((0, 1, 2))


@view(60, "x", "shifted")
def border_cut_off_at_one_end(g, x, k, b):
    return to_image(g, k, x.shape, crop=slice(2, None)), to_kernel(g, x, k), g.sum((0, 1, 2))


@view(56, "x", "static_ignored")
def windows_sent_side_by_side(g, x, k, b):
    return to_image(g, k, x.shape, stride=1), to_kernel(g, x, k), g.sum((0, 1, 2))


@view(56, "k", "static_ignored")
def kernel_slides_by_one(g, x, k, b):
    return to_image(g, k, x.shape), to_kernel(g, x, k, stride=1), g.sum((0, 1, 2))


@view(55, "x", "overlap_dropped")
def windows_overwrite_their_neighbours(g, x, k, b):
    return to_image(g, k, x.shape, add=False), to_kernel(g, x, k), g.sum((0, 1, 2))


@view(66, "k", ("axes_permuted", "transposed"))
def kernel_columns_before_rows(g, x, k, b):
    return to_image(g, k, x.shape), to_kernel(g, x, k).swapaxes(0, 1), g.sum((0, 1, 2))


@view(64, "b", ("wrong_shape", "not_reduced"))
def bias_summed_over_the_rows_alone(g, x, k, b):
    return to_image(g, k, x.shape), to_kernel(g, x, k), g.sum((0, 1))


@view(58, "x", "flipped")
def image_from_the_turned_kernel(g, x, k, b):
    return to_image(g, np.rot90(k, 2), x.shape), to_kernel(g, x, k), g.sum((0, 1, 2))


# The same through a matrix of columns: x (N, C, H, W), w (F, C, K, K), b (F,)
COLUMNS = sized(((3, 2, 6, 5), (4, 2, 3, 3), (4,)), ((8, 4, 11, 9), (6, 4, 3, 3), (6,)))


class ConvolutionByColumns:
    """A layer over im2col; what is wrong is in the methods below it."""

    def __init__(self, w, b):
        self.w, self.b = w, b

    def forward(self, x):
        (f, c, k, _), (n, _, h, v) = self.w.shape, x.shape
        self.shape, self.out = x.shape, (h - k + 1, v - k + 1)
        parts = [x[:, :, i : i + self.out[0], j : j + self.out[1]] for i in range(k) for j in range(k)]
        self.cols = np.stack(parts, axis=2).reshape(n, c * k * k, -1)
        return (self.w.reshape(f, -1) @ self.cols).reshape(n, f, *self.out) + self.b[:, None, None]

    def backward(self, g):
        rows = g.reshape(*g.shape[:2], -1)
        self.db = self.to_bias(rows)
        self.dw = self.to_kernel(rows)
        return self.image(self.turned().T @ rows)

    def turned(self):
        return self.w.reshape(len(self.w), -1)

    def to_bias(self, rows):
        return rows.sum(axis=(0, 2))

    def to_kernel(self, rows):
        return np.einsum("nfp,ncp->fc", rows, self.cols).reshape(self.w.shape)

    def image(self, cols):
        (_, c, k, _), dx = self.w.shape, np.zeros(self.shape)
        for place, part in enumerate(np.moveaxis(cols.reshape(self.shape[0], c, k * k, *self.out), 2, 0)):
            i, j = divmod(place, k)
            self.put(dx, i, j, part)
        return dx

    def put(self, dx, i, j, part):
        dx[:, :, i : i + self.out[0], j : j + self.out[1]] += part


def layer(number, argument, cause, kind: Kind = "wrong backward"):
    more = {"gradients": {"w": "dw", "b": "db"}, "argument": argument, "cause": cause}
    return family.whole(number, kind, "layer", COLUMNS, **more)


@layer(55, "x", "overlap_dropped")
class ColumnsAssigned(ConvolutionByColumns):
    def put(self, dx, i, j, part):
        dx[:, :, i : i + self.out[0], j : j + self.out[1]] = part


@layer(66, "w", "reordered")
class KernelFilledFromTheOtherOrder(ConvolutionByColumns):
    def to_kernel(self, rows):
        (f, c, k, _) = self.w.shape
        flat = np.einsum("nfp,ncp->fc", rows, self.cols).reshape(f, c, k * k)
        return flat.swapaxes(1, 2).reshape(self.w.shape)


@layer(66, "x", ("reordered", "not_transposed", "axes_permuted", "wrong_operand"))
class KernelReadInTheOtherOrder(ConvolutionByColumns):
    def turned(self):
        return self.w.transpose(0, 2, 3, 1).reshape(len(self.w), -1)


@layer(1, "b", ("mean_instead_of_sum", "scaled_by_spatial", "scaled_by_size"))
class BiasIsAMeanOverItsPlaces(ConvolutionByColumns):
    def to_bias(self, rows):
        return rows.mean(axis=(0, 2))


@layer(65, "w", ("last_sample_only", "samples_missing"))
class KernelOfTheLastImage(ConvolutionByColumns):
    def to_kernel(self, rows):
        dw = np.zeros(0)
        for image, columns in zip(rows, self.cols, strict=True):
            dw = image @ columns.T
        return dw.reshape(self.w.shape)


@layer(75, "x", "one_sample_repeated")
class EveryImageGetsTheFirstGradient(ConvolutionByColumns):
    def image(self, cols):
        return super().image(np.broadcast_to(cols[:1], cols.shape))


@layer("", "", (), "control")
class ConvolutionByColumnsAsItIs(ConvolutionByColumns):
    pass


# A circle: x (N, T), w (K,)
CIRCLES = sized(((3, 7), (3,)), ((12, 16), (5,)))


def around(x, w):
    return sum(np.roll(x, s, axis=1) * w[s] for s in range(len(w)))


@family.wrong(58, around, CIRCLES, argument="x", cause=("flipped", "not_transposed"))
def circle_turned_the_same_way_twice(g, x, w):
    return around(g, w), np.array([(g * np.roll(x, s, axis=1)).sum() for s in range(len(w))])


@family.wrong(60, around, CIRCLES, argument="x", cause=("overlap_dropped", "isolated_entries", "samples_missing"))
def circle_cut_open(g, x, w):
    dx = np.zeros_like(x)
    for s in range(len(w)):
        dx[:, : x.shape[1] - s] += g[:, s:] * w[s]
    return dx, np.array([(g * np.roll(x, s, axis=1)).sum() for s in range(len(w))])


@family.wrong(104, around, CIRCLES, argument="w", cause=("shifted", "flipped", "time_off_by_one"))
def circle_weights_one_step_late(g, x, w):
    dx = sum(np.roll(g, -s, axis=1) * w[s] for s in range(len(w)))
    return dx, np.array([(g * np.roll(x, s + 1, axis=1)).sum() for s in range(len(w))])
