"""Kernel and bias gradients and rotated kernels (catalogue 57 to 59 and 64)."""

# As people write it: an argument takes a number or a pair.
# pyright: reportArgumentType=false

from functools import partial

import numpy as np
from scipy import signal

from ..case import Family, sized
from .convolution_taps import correlate, input_gradient, kernel_gradient

family = Family("convolution")

pictures = sized(((2, 3, 6, 5), (4, 3, 3, 2)), ((4, 6, 14, 12), (8, 6, 3, 3)))
with_bias = sized(((2, 3, 6, 5), (4, 3, 3, 2), (4,)), ((4, 6, 14, 12), (8, 6, 3, 3), (8,)))
last = sized(((2, 6, 5, 3), (3, 2, 3, 4), (4,)), ((4, 14, 12, 6), (3, 3, 6, 8), (8,)))
signals = sized(((2, 9, 3), (3, 3, 4)), ((6, 40, 8), (5, 8, 10)))
first = {"layout": "channels_first"}
conv = partial(family.wrong, op="conv")
conv_first = partial(conv, statics=first)


def plus_bias(x, w, b):
    return correlate(x, w) + b.reshape(1, -1, 1, 1)


def nhwc(x, kernel, bias):
    kh, kw = kernel.shape[:2]
    windows = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), axis=(1, 2))
    return np.einsum("nhwcij,ijcf->nhwf", windows, kernel) + bias


def nhwc_gradients(dout, x, kernel):
    nchw, w = np.moveaxis(x, -1, 1), kernel.transpose(3, 2, 0, 1)
    g = np.moveaxis(dout, -1, 1)
    return np.moveaxis(input_gradient(g, nchw, w), 1, -1), kernel_gradient(g, nchw, w).transpose(2, 3, 1, 0)


@conv(57, nhwc, last, cause=("mean_instead_of_sum", "scaled"), argument="kernel")
def kernel_gradient_over_batch_and_positions(dout, x, kernel, bias):
    batch, height, width = dout.shape[:3]
    dx, dkernel = nhwc_gradients(dout, x, kernel)
    return dx, dkernel / (batch * height * width), dout.sum(axis=(0, 1, 2))


def tdnn(x, kernel):
    return sum(x[:, k : x.shape[1] - len(kernel) + 1 + k] @ kernel[k] for k in range(len(kernel)))


@conv(57, tdnn, signals, cause="scaled_by_spatial", argument="kernel")
def kernel_gradient_divided_by_the_steps(delta, x, kernel):
    steps, dx, dkernel = delta.shape[1], np.zeros_like(x), np.zeros_like(kernel)
    for t in range(steps):
        for k in range(len(kernel)):
            dkernel[k] += x[:, t + k].T @ delta[:, t] / steps
            dx[:, t + k] += delta[:, t] @ kernel[k].T
    return dx, dkernel


@conv_first(58, correlate, pictures, names=("x", "w"), cause="flipped", argument="x")
def full_padding_and_the_kernel_as_it_is(dout, x, w):
    kh, kw = w.shape[2:]
    return correlate(dout, w.transpose(1, 0, 2, 3), pad=(kh - 1, kw - 1)), kernel_gradient(dout, x, w)


def valid(x, K):
    y = np.zeros((len(x), len(K), x.shape[2] - K.shape[2] + 1, x.shape[3] - K.shape[3] + 1))
    for n, f, c in np.ndindex(len(x), len(K), K.shape[1]):
        y[n, f] += signal.correlate2d(x[n, c], K[f, c], "valid")
    return y


@conv_first(58, valid, pictures, cause="flipped", argument="K")
def kernel_gradient_of_the_flipped_image(output_gradient, x, K):
    dK, dx = np.zeros(K.shape), np.zeros(x.shape)
    for n, f, c in np.ndindex(len(x), len(K), K.shape[1]):
        dK[f, c] += signal.convolve2d(np.rot90(x[n, c], 2), output_gradient[n, f], "valid")
        dx[n, c] += signal.convolve2d(output_gradient[n, f], K[f, c], "full")
    return dx, dK


@family.whole(
    58,
    "wrong backward",
    "layer",
    pictures,
    op="conv",
    statics=first,
    gradients={"kernels": "kernels_gradient"},
    cause="flipped",
    argument="x",
)
class Convolutional:
    def __init__(self, kernels):
        self.kernels = kernels

    def forward(self, x):
        self.input = x
        return valid(x, self.kernels)

    def backward(self, output_gradient):
        self.kernels_gradient = np.zeros(self.kernels.shape)
        input_gradient = np.zeros(self.input.shape)
        for n in range(len(self.input)):
            for i in range(self.kernels.shape[0]):
                for j in range(self.kernels.shape[1]):
                    self.kernels_gradient[i, j] += signal.correlate2d(self.input[n, j], output_gradient[n, i], "valid")
                    input_gradient[n, j] += signal.correlate2d(output_gradient[n, i], self.kernels[i, j], "full")
        return input_gradient


def turned(dout, x, w, b):
    w = w[:, :, ::-1, ::-1]
    return input_gradient(dout, x, w), kernel_gradient(dout, x, w)[:, :, ::-1, ::-1], dout.sum((0, 2, 3))


@family.wrong_forward(59, turned, with_bias, op="conv", statics=first, names=("x", "w", "b"), cause="convention_kernel")
def convolved_as_in_the_signal_course(x, w, b):
    rows = [[sum(map(partial(signal.convolve2d, mode="valid"), image, kernel)) for kernel in w] for image in x]
    return np.array(rows) + b[:, None, None]


def backwards_in_time(dout, x, kernel):
    dx, dkernel = np.zeros_like(x), np.zeros_like(kernel)
    for k in range(len(kernel)):
        at = np.s_[:, len(kernel) - 1 - k : x.shape[1] - k]
        dx[at] += dout @ kernel[k].T
        dkernel[k] = np.einsum("btc,btf->cf", x[at], dout)
    return dx, dkernel


@family.wrong_forward(59, backwards_in_time, signals, op="conv", names=("x", "kernel"), cause="convention_kernel")
def filter_applied_to_lags(x, kernel):
    last = len(kernel) - 1
    return sum(x[:, last - k : x.shape[1] - k] @ kernel[k] for k in range(len(kernel)))


@conv(
    64,
    nhwc,
    sized(((2, 5, 7, 3), (2, 3, 3, 4), (4,)), ((4, 12, 16, 6), (3, 3, 6, 10), (10,))),
    cause="reduced_over_wrong_axis",
    argument="bias",
)
def bias_of_a_channels_first_layer(dout, x, kernel, bias):
    return *nhwc_gradients(dout, x, kernel), dout.sum(axis=(0, 2, 3))


@conv_first(64, plus_bias, with_bias, cause=("wrong_shape", "not_reduced"), argument="b")
def bias_summed_over_the_examples(dout, x, w, b):
    return input_gradient(dout, x, w), kernel_gradient(dout, x, w), np.sum(dout, axis=0)


@conv_first(
    64,
    lambda x, w, b: (plus_bias(x, w, b), (x, w)),
    with_bias,
    style="cache",
    names=("x", "w", "b"),
    cause=("scaled_by_spatial", "mean_instead_of_sum"),
    argument="b",
)
def bias_averaged_over_the_map(dout, cache):
    x, w = cache
    return input_gradient(dout, x, w), kernel_gradient(dout, x, w), dout.mean(axis=(2, 3)).sum(axis=0)
