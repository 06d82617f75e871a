"""Convolutions and poolings that are right, among them ties and kinks (F7, F9)."""

# As people write it: a backward names its gradients.
# pyright: reportIncompatibleMethodOverride=false

import numpy as np
from scipy import signal

from ..case import Family, sized
from .convolution_kernels import first, pictures, plus_bias, valid
from .convolution_taps import kernel_gradient
from .pooling_averages import counts, padded, sums
from .pooling_maxima import after_relu, images

family = Family("convolution")


@family.control(58, valid, pictures, op="conv", statics=first)
def full_convolution_by_scipy(output_gradient, x, K):
    dx, dK = np.zeros_like(x), np.zeros_like(K)
    for n, f, c in np.ndindex(len(x), len(K), K.shape[1]):
        dx[n, c] += signal.convolve2d(output_gradient[n, f], K[f, c], "full")
        dK[f, c] += signal.correlate2d(x[n, c], output_gradient[n, f], "valid")
    return dx, dK


def by_fourier(x, w):
    size = x.shape[2:]
    X, W = np.fft.rfft2(x), np.fft.rfft2(w, s=size)
    y = np.fft.irfft2(np.einsum("nchw,fchw->nfhw", X, W.conj()), s=size)
    return y[:, :, : size[0] - w.shape[2] + 1, : size[1] - w.shape[3] + 1], (X, W, size, w.shape[2:])


@family.control("", by_fourier, pictures, op="conv", statics=first, style="rule", names=("x", "w"))
def by_fourier_backward(residuals, g):
    X, W, size, (kh, kw) = residuals
    G = np.fft.rfft2(g, s=size)
    dx = np.fft.irfft2(np.einsum("nfhw,fchw->nchw", G, W), s=size)
    dw = np.fft.irfft2(np.einsum("nfhw,nchw->fchw", G.conj(), X), s=size)
    return dx, dw[:, :, :kh, :kw]


@family.whole(
    61,
    "control",
    "torch",
    sized(((2, 3, 6, 8), (4, 3, 3, 3)), ((4, 6, 14, 12), (8, 6, 3, 3))),
    op="conv",
    statics={**first, "strides": 2},
    names=("x", "weight"),
)
def strided_with_output_padding():
    import torch
    import torch.nn.functional as F

    class StridedConv(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, weight):
            ctx.save_for_backward(x, weight)
            return F.conv2d(x, weight, stride=2)

        @staticmethod
        def backward(ctx, grad):
            x, weight = ctx.saved_tensors
            rest = [(n - k) % 2 for n, k in zip(x.shape[2:], weight.shape[2:], strict=True)]
            dx = F.conv_transpose2d(grad, weight, stride=2, output_padding=rest)
            dw = F.conv2d(x.transpose(0, 1), grad.transpose(0, 1), dilation=2).transpose(0, 1)
            return dx, dw[:, :, : weight.shape[2], : weight.shape[3]]

    return StridedConv


def blank_corner(size, seed):
    n, draw = (3, (5, 6)) if size == "small" else (12, (14, 13))
    x, w, v = sized(*[((n, 2, *draw), (4, 2, 3, 3), (4, 3))] * 2)(size, seed)
    x[:, :, :4, :4] = 0.0
    return x, np.arange(n) % 3, w, np.zeros(4), v


@family.whole(
    "F9",
    "control",
    "network",
    blank_corner,
    inputs_of_layer=2,
    gradients={"W1": "W1", "b1": "b1", "W2": "W2"},
)
class ConvNetOnPartlyBlankImages:
    def __init__(self, W1, b1, W2):
        self.W1, self.b1, self.W2 = W1, b1, W2

    def predict(self, x):
        self.z = plus_bias(x, self.W1, self.b1)
        self.features = np.maximum(0, self.z).mean(axis=(2, 3))
        scores = self.features @ self.W2
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)

    def loss(self, x, t):
        return -np.log(self.predict(x)[np.arange(len(t)), t]).mean()

    def gradient(self, x, t):
        dscores = (self.predict(x) - np.eye(3)[t]) / len(t)
        dz = (dscores @ self.W2.T)[:, :, None, None] * (self.z > 0) / self.z[0, 0].size
        dW1 = kernel_gradient(dz, x, self.W1)
        return {"W1": dW1, "b1": dz.sum(axis=(0, 2, 3)), "W2": self.features.T @ dscores}


def blocks(x):
    n, c, h, w = x.shape
    return x[:, :, : h // 2 * 2, : w // 2 * 2].reshape(n, c, h // 2, 2, w // 2, 2)


def halve(x):
    return blocks(x).max(axis=(3, 5))


halved = {**first, "window": 2}


@family.control("F7", halve, after_relu(images), family="pooling", op="max_pool", statics=halved, names=("x",))
def gradient_shared_among_equal_maxima(dout, x):
    mask = blocks(x) == halve(x)[:, :, :, None, :, None]
    share = mask / mask.sum(axis=(3, 5), keepdims=True) * dout[:, :, :, None, :, None]
    dx, (h, w) = np.zeros_like(x), dout.shape[2:]
    dx[:, :, : 2 * h, : 2 * w] = share.reshape(*x.shape[:2], 2 * h, 2 * w)
    return dx


@family.whole("F7", "control", "vjp", after_relu(images), family="pooling", op="max_pool", statics=halved)
def the_last_of_equal_maxima(x):
    n, c, h, w = x.shape

    def pullback(g):
        dx = np.zeros_like(x)
        for i, j in np.ndindex(h // 2, w // 2):
            window = x[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].reshape(n, c, 4)[:, :, ::-1]
            at = 3 - window.argmax(axis=2)
            for m, k in np.ndindex(n, c):
                dx[m, k, 2 * i + at[m, k] // 2, 2 * j + at[m, k] % 2] = g[m, k, i, j]
        return dx

    return halve(x), pullback


@family.control(
    74,
    lambda x: (sums(x) / counts(x), counts(x)),
    sized(((2, 7, 5, 3),), ((4, 14, 16, 8),)),
    family="pooling",
    op="avg_pool",
    statics={**padded, "count_include_pad": False},
    style="cache",
    names=("x",),
)
def border_windows_with_their_own_count(dout, pixels):
    return sums(dout / pixels)
