"""Right windowed sums in plain NumPy, channels first, from which the convolution and pooling cases are made."""

from collections.abc import Iterator
from typing import Any

import numpy as np


def padded(x: np.ndarray, pad: int, value: float = 0.0) -> np.ndarray:
    n, c, h, w = x.shape
    framed = np.full((n, c, h + 2 * pad, w + 2 * pad), value, x.dtype)
    framed[:, :, pad : pad + h, pad : pad + w] = x
    return framed


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


def seen(x, window, stride, pad, dilation):
    """What each offset of the window meets at each position: (batch, channels, rows, columns, *window)."""
    extent = [dilation * (k - 1) + 1 for k in window]
    view = np.lib.stride_tricks.sliding_window_view(padded(x, pad), extent, axis=(2, 3))
    return view[:, :, ::stride, ::stride, ::dilation, ::dilation]


def correlate(x, w, b=None, *, stride=1, pad=0, dilation=1):
    met = seen(x, w.shape[2:], stride, pad, dilation)
    y = np.moveaxis(np.tensordot(met, w, ((1, 4, 5), (1, 2, 3))), -1, 1)
    return y if b is None else y + b[:, None, None]


def kernel_gradient(dy, x, w, *, stride=1, pad=0, dilation=1):
    met = seen(x, w.shape[2:], stride, pad, dilation)[:, :, : dy.shape[2], : dy.shape[3]]
    return np.tensordot(dy, met, ((0, 2, 3), (0, 2, 3)))


def padded_input_gradient(dy, x, w, *, stride=1, pad=0, dilation=1):
    dxp = np.zeros_like(padded(x, pad))
    shares = np.tensordot(dy, w, (1, 0))
    for i, j, at in taps(w.shape[2:], dy.shape[2:], stride, dilation):
        dxp[at] += np.moveaxis(shares[..., i, j], -1, 1)
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
