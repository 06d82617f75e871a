"""Convolutions over images, channels first, written with window loops (catalogue 55 to 68)."""

import numpy as np

from ..case import Family, sized

family = Family("convolution")

# x (N, C, H, W), w (F, C, KH, KW), b (F,)
IMAGES = sized(((5, 4, 9, 7), (8, 4, 3, 2), (8,)), ((8, 6, 15, 12), (10, 6, 3, 2), (10,)))
FIRST = {"layout": "channels_first"}


def windows(padded, w, stride, dilation, rows, cols):
    """Every kernel position with the part of the image under it."""
    for i, j in np.ndindex(w.shape[2:]):
        down, right = i * dilation, j * dilation
        yield i, j, padded[:, :, down : down + rows * stride : stride, right : right + cols * stride : stride]


def counts(padded, w, stride, dilation):
    pairs = zip(padded.shape[2:], w.shape[2:], strict=True)
    return tuple((size - dilation * (k - 1) - 1) // stride + 1 for size, k in pairs)


def convolve(x, w, b, stride=1, pad=0, dilation=1):
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    rows, cols = counts(padded, w, stride, dilation)
    parts = windows(padded, w, stride, dilation, rows, cols)
    return sum(np.einsum("nchw,fc->nfhw", part, w[:, :, i, j]) for i, j, part in parts) + b[:, None, None]


def gradients(dout, x, w, stride=1, pad=0, dilation=1):
    """The right backward: dx, dw, db."""
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for i, j, part in windows(padded, w, stride, dilation, *dout.shape[2:]):
        dw[:, :, i, j] = np.einsum("nfhw,nchw->fc", dout, part)
    for i, j, part in windows(dpadded, w, stride, dilation, *dout.shape[2:]):
        part += np.einsum("nfhw,fc->nchw", dout, w[:, :, i, j])
    return cropped(dpadded, pad), dw, dout.sum(axis=(0, 2, 3))


def cropped(padded, pad):
    return padded[:, :, pad : padded.shape[2] - pad, pad : padded.shape[3] - pad]


def plain(x, w, b):
    return convolve(x, w, b), (x, w)


def strided(x, w, b):
    return convolve(x, w, b, stride=2), (x, w)


def padded_by_one(x, w, b):
    return convolve(x, w, b, pad=1), (x, w)


def dilated(x, w, b):
    return convolve(x, w, b, dilation=2), (x, w)


def wrong(number, forward, cause, argument, inputs=IMAGES, **statics):
    more = {"style": "cache", "op": "conv", "statics": FIRST | statics}
    return family.wrong(number, forward, inputs, cause=cause, argument=argument, **more)


@wrong(55, plain, "overlap_dropped", "x")
def windows_written_over_each_other(dout, cache):
    x, w = cache
    dx = np.zeros_like(x)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            dx[:, :, i : i + w.shape[2], j : j + w.shape[3]] = np.einsum("nf,fcij->ncij", dout[:, :, i, j], w)
    return dx, *gradients(dout, x, w)[1:]


@wrong(56, strided, "static_ignored", "x", strides=2)
def stride_forgotten_on_the_way_to_the_image(dout, cache):
    x, w = cache
    dx = np.zeros_like(x)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            dx[:, :, i : i + w.shape[2], j : j + w.shape[3]] += np.einsum("nf,fcij->ncij", dout[:, :, i, j], w)
    return dx, *gradients(dout, x, w, 2)[1:]


@wrong(56, strided, "static_ignored", "w", strides=2)
def stride_forgotten_on_the_way_to_the_kernel(dout, cache):
    x, w = cache
    dw = np.zeros_like(w)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            under = x[:, :, i : i + w.shape[2], j : j + w.shape[3]]
            dw += np.einsum("nf,ncij->fcij", dout[:, :, i, j], under)
    dx, _, db = gradients(dout, x, w, 2)
    return dx, dw, db


@wrong(57, plain, "scaled_by_spatial", "w")
def kernel_averaged_over_positions_anew(dout, cache):
    dx, dw, db = gradients(dout, *cache)
    out_h, out_w = dout.shape[-2:]
    return dx, dw / (out_h * out_w), db


@wrong(57, plain, "scaled_by_batch", "w b")
def kernel_and_bias_divided_by_the_batch(dout, cache):
    dx, dw, db = gradients(dout, *cache)
    return dx, dw / len(dout), db / len(dout)


@wrong(1, plain, "mean_instead_of_sum", "b")
def bias_is_the_mean_of_its_map(dout, cache):
    dx, dw, _ = gradients(dout, *cache)
    return dx, dw, dout.mean(axis=(0, 2, 3))


@wrong(58, plain, "flipped", "x")
def full_correlation_with_the_unturned_kernel(dout, cache):
    x, w = cache
    return gradients(dout, x, w[:, :, ::-1, ::-1])[0], *gradients(dout, x, w)[1:]


@wrong(58, plain, "flipped", "w")
def kernel_gradient_turned_too(dout, cache):
    dx, dw, db = gradients(dout, *cache)
    return dx, np.rot90(dw, 2, axes=(2, 3)), db


@wrong(60, padded_by_one, "shifted", "x", padding=1)
def padding_cropped_from_the_end_only(dout, cache):
    x, w = cache
    framed = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    dframed, dw, db = gradients(dout, framed, w)
    return dframed[:, :, : x.shape[2], : x.shape[3]], dw, db


@wrong(62, dilated, "static_ignored", "w", dilation=2)
def taps_without_their_gaps(dout, cache):
    x, w = cache
    dx, _, db = gradients(dout, x, w, dilation=2)
    return dx, gradients(dout, x, w)[1], db


BLOCKS = sized(((3, 2, 6, 8), (5, 2, 2, 2), (5,)), ((8, 4, 12, 16), (10, 4, 2, 2), (10,)))


@wrong(61, strided, "entries_not_written", "x", BLOCKS, strides=2)
def loop_ends_a_row_early(dout, cache):
    x, w = cache
    dx, dw, db = gradients(dout, x, w, 2)
    short = np.zeros_like(dx)
    for i in range(dout.shape[2] - 1):
        for j in range(dout.shape[3]):
            patch = np.einsum("nf,fcij->ncij", dout[:, :, i, j], w)
            short[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2] += patch
    return short, dw, db


@wrong(2, plain, ("not_reduced", "wrong_shape"), "b")
def bias_keeps_its_rows(dout, cache):
    dx, dw, _ = gradients(dout, *cache)
    return dx, dw, dout.sum(axis=(0, 3))


@wrong(82, plain, "zero", "b")
def bias_gradient_made_and_not_filled(dout, cache):
    x, w = cache
    db = np.zeros(len(w))
    dx, dw, _ = gradients(dout, x, w)
    return dx, dw, db


@wrong(65, plain, ("last_sample_only", "samples_missing"), "w")
def kernel_of_the_last_image(dout, cache):
    x, w = cache
    dw = np.zeros_like(w)
    for n in range(len(x)):
        dw = gradients(dout[n : n + 1], x[n : n + 1], w)[1]
    dx, _, db = gradients(dout, x, w)
    return dx, dw, db


# As wide as there are filters: the wrong axes still have the right length.
WIDE = sized(((2, 3, 7, 5), (4, 3, 3, 2), (4,)), ((8, 6, 15, 11), (10, 6, 3, 2), (10,)))


@wrong(64, plain, "reduced_over_wrong_axis", "b", WIDE)
def bias_over_the_axes_of_the_other_layout(dout, cache):
    dx, dw, _ = gradients(dout, *cache)
    return dx, dw, np.sum(dout, axis=(0, 1, 2))


@family.control("", strided, IMAGES, style="cache", op="conv", statics=FIRST | {"strides": 2})
def convolution_with_remaining_rows(dout, cache):
    x, w = cache
    return gradients(dout, x, w, 2)


@family.control("", padded_by_one, IMAGES, style="cache", op="conv", statics=FIRST | {"padding": 1})
def convolution_with_a_frame(dout, cache):
    return gradients(dout, *cache, pad=1)


def rotated(dout, x, w, b):
    dx, dw, db = gradients(dout, x, w[:, :, ::-1, ::-1])
    return dx, dw[:, :, ::-1, ::-1], db


@family.wrong_forward(59, rotated, IMAGES, op="conv", statics=FIRST, cause="convention_kernel")
def mathematicians_convolution(x, w, b):
    return convolve(x, w[:, :, ::-1, ::-1], b)


@family.whole(83, "impure", "layer", IMAGES, cause="buffer_reused", gradients={"w": "dw", "b": "db"})
class ConvolutionWithAWorkspace:
    def __init__(self, w, b):
        self.w, self.b, self.space = w, b, None

    def forward(self, x):
        self.x = x
        return convolve(x, self.w, self.b)

    def backward(self, dout):
        dx, self.dw, self.db = gradients(dout, self.x, self.w)
        if self.space is None or self.space.shape != dx.shape:
            self.space = np.empty_like(dx)
        self.space[...] = dx
        return self.space
