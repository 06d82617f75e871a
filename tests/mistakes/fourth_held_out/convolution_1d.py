"""Mistakes in convolutions over one dimension: (batch, channels, length) unless said otherwise."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("convolution")

signals = sized(((3, 2, 9), (4, 2, 3)), ((8, 6, 40), (10, 6, 5)))


def windows(x, size, stride=1, dilation=1):
    """(batch, channels, positions, size), a view."""
    view = np.lib.stride_tricks.sliding_window_view(x, dilation * (size - 1) + 1, axis=2)
    return view[:, :, ::stride, ::dilation]


def conv1d(x, w, stride=1, dilation=1):
    return np.einsum("nclk,fck->nfl", windows(x, w.shape[2], stride, dilation), w)


def dw1d(g, x, size, stride=1, dilation=1):
    return np.einsum("nclk,nfl->fck", windows(x, size, stride, dilation)[:, :, : g.shape[2]], g)


def dx1d(g, w, length, stride=1, dilation=1):
    dx, positions = np.zeros((len(g), w.shape[1], length)), g.shape[2]
    for k in range(w.shape[2]):
        start = k * dilation
        dx[:, :, start : start + stride * (positions - 1) + 1 : stride] += np.einsum("nfl,fc->ncl", g, w[:, :, k])
    return dx


def conv(**how):
    statics: dict = {"strides": how.get("stride", 1), "dilation": how.get("dilation", 1), "layout": "channels_first"}
    return partial(
        family.wrong,
        forward=lambda x, w: conv1d(x, w, **how),
        inputs=signals,
        op="conv",
        statics=statics,
        names=("x", "w"),
    )


@conv()(58, cause="flipped", argument="x")
def full_correlation_with_the_kernel_as_it_is(dout, x, w):
    k = w.shape[2]
    framed = np.pad(dout, ((0, 0), (0, 0), (k - 1, k - 1)))
    return conv1d(framed, w.transpose(1, 0, 2)), dw1d(dout, x, k)


@conv()(57, cause="scaled_by_spatial", argument="w")
def kernel_gradient_divided_by_the_length(dout, x, w):
    dw = dw1d(dout, x, w.shape[2]) / dout.shape[-1]
    return dx1d(dout, w, x.shape[2]), dw


@conv()(65, cause=("time_overwritten", "sum_term_missing"), argument="w")
def kernel_gradient_of_the_last_position(dout, x, w):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for t in range(dout.shape[2]):
        window, g = x[:, :, t : t + w.shape[2]], dout[:, :, t]
        dw = np.tensordot(g, window, (0, 0))
        dx[:, :, t : t + w.shape[2]] += np.tensordot(g, w, (1, 0))
    return dx, dw


@conv(stride=2)(56, cause="static_ignored", argument="x")
def windows_next_to_each_other_in_backward(dout, x, w):
    dx = np.zeros_like(x)
    for t in range(dout.shape[2]):
        dx[:, :, t : t + w.shape[2]] += np.tensordot(dout[:, :, t], w, (1, 0))
    return dx, dw1d(dout, x, w.shape[2], stride=2)


@conv(dilation=2)(62, cause="static_ignored", argument="w")
def kernel_gradient_without_its_holes(dout, x, w):
    dw = np.stack([np.einsum("nfl,ncl->fc", dout, x[:, :, k : k + dout.shape[2]]) for k in range(w.shape[2])], -1)
    return dx1d(dout, w, x.shape[2], dilation=2), dw


@conv(stride=2)(62, cause="static_ignored", argument="x w")
def stride_passed_as_the_dilation(dout, x, w):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for k in range(w.shape[2]):
        at = slice(2 * k, 2 * k + dout.shape[2])
        met = x[:, :, at]
        dw[:, :, k] = np.einsum("nfl,ncl->fc", dout[:, :, : met.shape[2]], met)
        dx[:, :, at] += np.einsum("nfl,fc->ncl", dout, w[:, :, k])[:, :, : met.shape[2]]
    return dx, dw


@conv()(55, cause=("overlap_dropped", "repeated_index_dropped"), argument="x")
def columns_added_by_an_index_that_repeats(dout, x, w):
    k = w.shape[2]
    index = np.arange(dout.shape[2])[:, None] + np.arange(k)
    dcol = np.einsum("nfl,fck->nclk", dout, w)
    dx = np.zeros_like(x)
    dx[:, :, index] += dcol
    return dx, dw1d(dout, x, k)


def causal(x, w):
    k = w.shape[2]
    return conv1d(np.pad(x, ((0, 0), (0, 0), (k - 1, 0))), w)


past = partial(family.wrong, forward=causal, inputs=signals)


@past(60, cause=("shifted", "static_ignored"), argument="x")
def causal_gradient_cropped_at_its_end(dout, x, w):
    k = w.shape[2]
    xp = np.pad(x, ((0, 0), (0, 0), (k - 1, 0)))
    return dx1d(dout, w, xp.shape[2])[:, :, : -(k - 1)], dw1d(dout, xp, k)


@past(60, cause=("static_ignored", "shifted"), argument="w")
def causal_kernel_gradient_padded_on_both_sides(dout, x, w):
    k = w.shape[2]
    xp = np.pad(x, ((0, 0), (0, 0), (k // 2, k - 1 - k // 2)))
    return dx1d(dout, w, x.shape[2] + k - 1)[:, :, k - 1 :], dw1d(dout, xp, k)


def ring(x, w):
    return conv1d(np.concatenate([x, x[:, :, : w.shape[2] - 1]], axis=2), w)


@family.wrong("", ring, signals, cause=("isolated_entries", "use_dropped", "sum_term_missing"), argument="x")
def ring_forgets_what_went_around(dout, x, w):
    wrapped = np.concatenate([x, x[:, :, : w.shape[2] - 1]], axis=2)
    return dx1d(dout, w, wrapped.shape[2])[:, :, : x.shape[2]], dw1d(dout, wrapped, w.shape[2])


def mirrored(x, w):
    p = w.shape[2] // 2
    return conv1d(np.pad(x, ((0, 0), (0, 0), (p, p)), mode="reflect"), w)


@family.wrong("", mirrored, signals, cause=("isolated_entries", "use_dropped", "sum_term_missing"), argument="x")
def reflected_border_cropped_away(dout, x, w):
    p = w.shape[2] // 2
    xp = np.pad(x, ((0, 0), (0, 0), (p, p)), mode="reflect")
    return dx1d(dout, w, xp.shape[2])[:, :, p:-p], dw1d(dout, xp, w.shape[2])


def by_convolve(x, w):
    """One channel, true convolution, as numpy.convolve has it."""
    return np.convolve(x, w, mode="valid")


@family.wrong(
    59,
    by_convolve,
    lambda size, seed: normal(seed, (11,), (4,)) if size == "small" else normal(seed, (90,), (7,)),
    cause=("flipped", "row_permuted", "reordered"),
    argument="w",
)
def convolved_kernel_gradient_not_turned_back(dout, x, w):
    return np.convolve(dout, w[::-1], mode="full"), np.correlate(x, dout, mode="valid")


def by_fourier(x, w):
    """Circular convolution of each row."""
    fx, fw = np.fft.rfft(x), np.fft.rfft(w)
    return np.fft.irfft(fx * fw, n=x.shape[1]), (fx, fw, x.shape[1])


@family.wrong(
    "",
    by_fourier,
    sized(((3, 8), (8,)), ((12, 48), (48,))),
    style="rule",
    names=("x", "w"),
    cause=("flipped", "not_transposed"),
    argument="x",
)
def fourier_product_without_the_conjugate(residuals, cotangent):
    fx, fw, n = residuals
    fg = np.fft.rfft(cotangent)
    return np.fft.irfft(fg * fw, n=n), np.fft.irfft((fg * fx.conj()).sum(axis=0), n=n)


@family.whole(
    64,
    "wrong backward",
    "layer",
    sized(((3, 6, 2), (3, 2, 4), (4,)), ((6, 10, 5), (3, 5, 8), (8,))),
    op="conv",
    gradients={"kernel": "dkernel", "bias": "dbias"},
    cause=("wrong_shape", "not_reduced"),
    argument="bias",
)
class ConvolutionChannelsLastKeepsPositions:
    def __init__(self, kernel, bias):
        self.kernel, self.bias = kernel, bias

    def forward(self, x):
        self.x, size = x, len(self.kernel)
        length = x.shape[1] - size + 1
        return self.bias + sum(x[:, k : k + length] @ self.kernel[k] for k in range(size))

    def backward(self, dout):
        dx, length = np.zeros_like(self.x), dout.shape[1]
        self.dbias = dout.sum(axis=0)
        self.dkernel = np.empty_like(self.kernel)
        for k, tap in enumerate(self.kernel):
            self.dkernel[k] = np.tensordot(self.x[:, k : k + length], dout, ((0, 1), (0, 1)))
            dx[:, k : k + length] += dout @ tap.T
        return dx


def per_channel(x, w, b):
    """Depthwise: a kernel (channels, size) and a bias a channel."""
    return np.einsum("nclk,ck->ncl", windows(x, w.shape[1]), w) + b[:, None]


depthwise = partial(
    family.wrong, forward=per_channel, inputs=sized(((3, 4, 6), (4, 3), (4,)), ((8, 16, 20), (16, 5), (16,)))
)


def depthwise_dx(dout, x, w):
    dx = np.zeros_like(x)
    for k in range(w.shape[1]):
        dx[:, :, k : k + dout.shape[2]] += dout * w[:, k : k + 1]
    return dx


@depthwise(64, cause="reduced_over_wrong_axis", argument="b")
def depthwise_bias_summed_over_channels(dout, x, w, b):
    return (
        depthwise_dx(dout, x, w),
        np.einsum("nclk,ncl->ck", windows(x, w.shape[1]), dout),
        dout.sum(axis=(0, 1))[: len(b)],
    )


@depthwise(63, cause=("reduced_too_far", "groups_mixed"), argument="w")
def depthwise_kernel_summed_over_channels(dout, x, w, b):
    shared = np.einsum("nclk,ncl->k", windows(x, w.shape[1]), dout)
    return depthwise_dx(dout, x, w), np.tile(shared, (len(w), 1)), dout.sum(axis=(0, 2))
