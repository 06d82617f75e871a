"""Known mistakes on images and batches: windows by hand, channel statistics, layers in a row, weights on examples."""

import numpy as np

from .case import Family, sized

family = Family("images_and_batches")

# Columns of windows, a matrix, relu: the layer of a textbook with everything in one class.
CONV = sized(((2, 3, 4, 5), (4, 3, 2, 3), (4,)), ((4, 3, 12, 10), (6, 3, 3, 3), (6,)))


def columns(x, kh, kw):
    oh, ow = x.shape[2] - kh + 1, x.shape[3] - kw + 1
    cols = [x[:, :, i : i + oh, j : j + ow] for i in range(kh) for j in range(kw)]
    return np.stack(cols, axis=2).reshape(len(x), x.shape[1] * kh * kw, oh * ow)


def back_to_image(cols, shape, kh, kw, add=True):
    dx = np.zeros(shape)
    oh, ow = shape[2] - kh + 1, shape[3] - kw + 1
    cols = cols.reshape(shape[0], shape[1], kh * kw, oh, ow)
    for k in range(kh * kw):
        i, j = divmod(k, kw)
        part = dx[:, :, i : i + oh, j : j + ow]
        part[:] = part + cols[:, :, k] if add else cols[:, :, k]
    return dx


class ConvRelu:
    def __init__(self, filters, offsets):
        self.filters, self.offsets = filters, offsets

    def forward(self, x):
        f, _, kh, kw = self.filters.shape
        self.shape, self.cols = x.shape, columns(x, kh, kw)
        z = np.einsum("fk,nkp->nfp", self.filters.reshape(f, -1), self.cols) + self.offsets[:, None]
        self.open = z > 0
        size = (x.shape[2] - kh + 1, x.shape[3] - kw + 1)
        return np.maximum(z, 0).reshape(len(x), f, *size)

    def mask(self, dz):
        return dz * self.open

    def spread(self, cols):
        return back_to_image(cols, self.shape, *self.filters.shape[2:])

    def backward(self, dout):
        f = len(self.filters)
        dz = self.mask(dout.reshape(len(dout), f, -1))
        self.filters_grad = self.of_filters(dz).reshape(self.filters.shape)
        self.offsets_grad = self.of_offsets(dz)
        return self.spread(np.einsum("fk,nfp->nkp", self.filters.reshape(f, -1), dz))

    def of_filters(self, dz):
        return np.einsum("nfp,nkp->fk", dz, self.cols)

    def of_offsets(self, dz):
        return dz.sum(axis=(0, 2))


HELD = {"filters": "filters_grad", "offsets": "offsets_grad"}


def conv(number, cause, argument, id):
    return family.whole(
        number, "wrong backward", "layer", CONV, cause=cause, argument=argument, gradients=HELD, id=f"conv_relu_{id}"
    )


@conv(47, "mask_missing", "x filters offsets", "open")
class NeverMasked(ConvRelu):
    def mask(self, dz):
        return dz


@conv(47, ("mask_wrong", "not_linear"), "x filters offsets", "by_the_upstream")
class MaskedByTheUpstream(ConvRelu):
    def mask(self, dz):
        return dz * (dz > 0)


@conv(55, "overlap_dropped", "x", "assigned")
class ColumnsAssigned(ConvRelu):
    def spread(self, cols):
        return back_to_image(cols, self.shape, *self.filters.shape[2:], add=False)


@conv(57, ("scaled_by_spatial", "scaled_by_size"), "filters", "averaged_over_positions")
class FiltersAveragedOverPositions(ConvRelu):
    def of_filters(self, dz):
        return super().of_filters(dz) / dz.shape[2]


@conv(57, ("scaled_by_batch",), "filters", "averaged_over_images")
class FiltersAveragedOverImages(ConvRelu):
    def of_filters(self, dz):
        return super().of_filters(dz) / len(dz)


@conv(64, ("not_reduced", "wrong_shape"), "offsets", "offsets_of_each_position")
class OffsetsOfEachPosition(ConvRelu):
    def of_offsets(self, dz):
        return dz.sum(axis=0)


@conv(
    64, ("scaled_by_spatial", "scaled_by_size", "mean_instead_of_sum", "scaled_by_batch"), "offsets", "offsets_averaged"
)
class OffsetsAveraged(ConvRelu):
    def of_offsets(self, dz):
        return dz.mean(axis=2).sum(axis=0)


@conv(65, "last_sample_only", "filters", "last_image")
class FiltersOfTheLastImage(ConvRelu):
    def of_filters(self, dz):
        grad = np.zeros_like(self.filters)
        for one, cols in zip(dz, self.cols, strict=True):
            grad = one @ cols.T
        return grad


@conv(66, ("reordered", "axes_permuted", "row_permuted"), "filters", "channels_last_columns")
class ColumnsInAnotherOrder(ConvRelu):
    def of_filters(self, dz):
        f, c, kh, kw = self.filters.shape
        return super().of_filters(dz).reshape(f, c, kh * kw).transpose(0, 2, 1)


@conv(58, "flipped", "x", "rotated")
class FiltersRotated(ConvRelu):
    def backward(self, dout):
        kept, self.filters = self.filters, self.filters[:, :, ::-1, ::-1]
        dx = super().backward(dout)
        self.filters = kept
        return dx


# Channel statistics of (N, H, W, C) and an activation behind them.
CHANNELS = sized(((3, 2, 4, 3), (3,), (3,)), ((4, 6, 5, 8), (8,), (8,)))


def batch_tanh(x, gamma, beta):
    mu, var = x.mean((0, 1, 2)), x.var((0, 1, 2))
    return np.tanh(gamma * (x - mu) / np.sqrt(var + 1e-5) + beta)


def batch_tanh_back(g, x, gamma, beta, mean=1.0, spread=1.0, slope=True, count=None, gain=True, axes=(0, 1, 2)):
    mu, std = x.mean((0, 1, 2)), np.sqrt(x.var((0, 1, 2)) + 1e-5)
    n = (x - mu) / std
    d = g * (1 - np.tanh(gamma * n + beta) ** 2) if slope else g
    dn = d * gamma if gain else d
    m = count or x[..., 0].size
    dx = (dn - mean * dn.sum((0, 1, 2)) / m - spread * n * (dn * n).sum((0, 1, 2)) / m) / std
    return dx, (d * n).sum(axes), d.sum(axes)


@family.wrong(76, batch_tanh, CHANNELS, cause="statistics_as_constants", argument="x")
def statistics_frozen_before_tanh(g, x, gamma, beta):
    return batch_tanh_back(g, x, gamma, beta, mean=0.0, spread=0.0)


@family.wrong(77, batch_tanh, CHANNELS, cause="mean_term_missing", argument="x")
def mean_frozen_before_tanh(g, x, gamma, beta):
    return batch_tanh_back(g, x, gamma, beta, mean=0.0)


@family.wrong(78, batch_tanh, CHANNELS, cause="centered_term_missing", argument="x")
def variance_frozen_before_tanh(g, x, gamma, beta):
    return batch_tanh_back(g, x, gamma, beta, spread=0.0)


@family.wrong(43, batch_tanh, CHANNELS, cause="derivative_missing", argument="x gamma beta")
def tanh_behind_the_statistics_forgotten(g, x, gamma, beta):
    return batch_tanh_back(g, x, gamma, beta, slope=False)


@family.wrong(80, batch_tanh, CHANNELS, cause="argument_factor_missing", argument="x")
def gain_before_tanh_forgotten(g, x, gamma, beta):
    return batch_tanh_back(g, x, gamma, beta, gain=False)


@family.wrong(
    89,
    batch_tanh,
    CHANNELS,
    cause=("statistics_as_constants", "mean_term_missing", "centered_term_missing"),
    argument="x",
)
def statistics_over_the_images_only(g, x, gamma, beta):
    return batch_tanh_back(g, x, gamma, beta, count=len(x))


@family.wrong(13, batch_tanh, CHANNELS, cause="arguments_swapped", argument="gamma beta")
def gain_and_offset_exchanged(g, x, gamma, beta):
    dx, dgamma, dbeta = batch_tanh_back(g, x, gamma, beta)
    return dx, dbeta, dgamma


# A pyramid: maxima of 2 x 2, then means over all positions.
PYRAMID = sized(((3, 4, 6, 2),), ((4, 12, 10, 6),))


def pyramid(x):
    n, h, w, c = x.shape
    return x.reshape(n, h // 2, 2, w // 2, 2, c).max(axis=(2, 4)).mean(axis=(1, 2))


def pyramid_back(g, x, winners=None, divided=True):
    n, h, w, c = x.shape
    blocks = x.reshape(n, h // 2, 2, w // 2, 2, c)
    top = blocks.max(axis=(2, 4), keepdims=True)
    mask = blocks == top if winners is None else winners(blocks, top)
    share = (h // 2) * (w // 2) if divided else 1
    return (mask * g[:, None, None, None, None, :] / share).reshape(x.shape)


@family.wrong(
    74, pyramid, PYRAMID, cause=("scaled_by_spatial", "scaled_by_size", "scaled_by_window", "scaled"), argument="x"
)
def positions_not_averaged(g, x):
    return pyramid_back(g, x, divided=False)


@family.wrong(70, pyramid, PYRAMID, cause=("mask_missing", "all_ties"), argument="x")
def every_pixel_wins(g, x):
    return pyramid_back(g, x, winners=lambda blocks, top: np.ones_like(blocks))


@family.wrong(71, pyramid, PYRAMID, cause=("near_ties", "mask_missing"), argument="x")
def nearly_winning_pixels_win(g, x):
    return pyramid_back(g, x, winners=lambda blocks, top: blocks > top - 0.5)


@family.wrong(70, pyramid, PYRAMID, cause=("wrong_winner", "mask_wrong"), argument="x")
def the_smallest_pixel_wins(g, x):
    return pyramid_back(g, x, winners=lambda blocks, top: blocks == blocks.min(axis=(2, 4), keepdims=True))
