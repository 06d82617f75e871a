"""Right windowed sums in plain NumPy, channels first, from which the convolution and pooling cases are made."""

from collections.abc import Iterator
from typing import Any

import numpy as np


def padded(x: np.ndarray, pad: int, value: float = 0.0) -> np.ndarray:
    return np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), constant_values=value)


def out_size(size: int, window: int, stride: int, pad: int, dilation: int = 1) -> int:
    return (size + 2 * pad - dilation * (window - 1) - 1) // stride + 1


def taps(
    window: tuple[int, ...], out: tuple[int, ...], stride: int, dilation: int = 1
) -> Iterator[tuple[int, int, Any]]:
    """For every offset of the window, the slice of the padded input that it meets."""
    for i, j in np.ndindex(*window):
        rows = slice(i * dilation, i * dilation + stride * (out[0] - 1) + 1, stride)
        columns = slice(j * dilation, j * dilation + stride * (out[1] - 1) + 1, stride)
        yield i, j, (slice(None), slice(None), rows, columns)


def correlate(x, w, b=None, *, stride=1, pad=0, dilation=1):
    out = [out_size(n, k, stride, pad, dilation) for n, k in zip(x.shape[2:], w.shape[2:], strict=True)]
    y = np.zeros((len(x), len(w), *out), np.result_type(x, w))
    for i, j, at in taps(w.shape[2:], tuple(out), stride, dilation):
        y += np.moveaxis(np.tensordot(padded(x, pad)[at], w[:, :, i, j], (1, 1)), -1, 1)
    return y if b is None else y + b[:, None, None]


def kernel_gradient(dy, x, w, *, stride=1, pad=0, dilation=1):
    dw, xp = np.zeros_like(w), padded(x, pad)
    for i, j, at in taps(w.shape[2:], dy.shape[2:], stride, dilation):
        dw[:, :, i, j] = np.tensordot(dy, xp[at], ((0, 2, 3), (0, 2, 3)))
    return dw


def padded_input_gradient(dy, x, w, *, stride=1, pad=0, dilation=1):
    dxp = np.zeros_like(padded(x, pad))
    for i, j, at in taps(w.shape[2:], dy.shape[2:], stride, dilation):
        dxp[at] += np.moveaxis(np.tensordot(dy, w[:, :, i, j], (1, 0)), -1, 1)
    return dxp


def cropped(dxp, pad):
    return dxp[:, :, pad : dxp.shape[2] - pad, pad : dxp.shape[3] - pad]


def input_gradient(dy, x, w, **how):
    return cropped(padded_input_gradient(dy, x, w, **how), how.get("pad", 0))


def split_windows(x: np.ndarray, window: int, stride: int, pad: int = 0, value: float = 0.0) -> np.ndarray:
    """All windows, their entries along a new last axis: (batch, channels, rows, columns, window * window)."""
    xp = padded(x, pad, value)
    out = tuple(out_size(n, window, stride, pad) for n in x.shape[2:])
    return np.stack([xp[at] for _, _, at in taps((window, window), out, stride)], axis=-1)


def gathered(dw: np.ndarray, x: np.ndarray, window: int, stride: int, pad: int = 0) -> np.ndarray:
    """The sum of gradients of windows where they lie in x: the transpose of split_windows."""
    dxp = np.zeros_like(padded(x, pad))
    for k, (_, _, at) in enumerate(taps((window, window), dw.shape[2:4], stride)):
        dxp[at] += dw[..., k]
    return cropped(dxp, pad)
