"""A convolution and its two gradients tap by tap, channels first; the cases import what they leave right."""

import numpy as np


def pair(value):
    return value if isinstance(value, tuple) else (value, value)


def tap(i, j, shape, stride=1, dilation=1):
    (sh, sw), (dh, dw), (oh, ow) = pair(stride), pair(dilation), shape
    return np.s_[..., i * dh : i * dh + sh * (oh - 1) + 1 : sh, j * dw : j * dw + sw * (ow - 1) + 1 : sw]


def framed(x, pad):
    (ph, pw) = pair(pad)
    return np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))


def correlate(x, w, stride=1, pad=0, dilation=1):
    xp, (kh, kw) = framed(x, pad), w.shape[2:]
    spans = [d * (k - 1) + 1 for d, k in zip(pair(dilation), (kh, kw), strict=True)]
    shape = [(n - s) // t + 1 for n, s, t in zip(xp.shape[2:], spans, pair(stride), strict=True)]
    y = np.zeros((len(x), len(w), *shape))
    for i, j in np.ndindex(kh, kw):
        y += np.einsum("nchw,fc->nfhw", xp[tap(i, j, shape, stride, dilation)], w[:, :, i, j])
    return y


def padded_input_gradient(dout, w, shape, stride=1, dilation=1):
    dxp = np.zeros((len(dout), w.shape[1], *shape))
    for i, j in np.ndindex(*w.shape[2:]):
        dxp[tap(i, j, dout.shape[2:], stride, dilation)] += np.einsum("nfhw,fc->nchw", dout, w[:, :, i, j])
    return dxp


def input_gradient(dout, x, w, stride=1, pad=0, dilation=1):
    (ph, pw), (h, width) = pair(pad), x.shape[2:]
    dxp = padded_input_gradient(dout, w, (h + 2 * ph, width + 2 * pw), stride, dilation)
    return dxp[:, :, ph : ph + h, pw : pw + width]


def kernel_gradient(dout, x, w, stride=1, pad=0, dilation=1):
    xp, dw = framed(x, pad), np.zeros_like(w)
    for i, j in np.ndindex(*w.shape[2:]):
        dw[:, :, i, j] = np.einsum("nfhw,nchw->fc", dout, xp[tap(i, j, dout.shape[2:], stride, dilation)])
    return dw
