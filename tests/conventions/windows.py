"""Convolution and pooling that insist on strides that fit: by assert, by raise, with and without padding."""

import numpy as np


def conv_forward(x, w, b, conv_param):
    """Asserts that the windows fit exactly."""
    stride, pad = conv_param["stride"], conv_param["pad"]
    N, _, H, W = x.shape
    F, _, HH, WW = w.shape
    assert (H + 2 * pad - HH) % stride == 0, "height does not work"
    assert (W + 2 * pad - WW) % stride == 0, "width does not work"
    out = np.zeros((N, F, (H + 2 * pad - HH) // stride + 1, (W + 2 * pad - WW) // stride + 1))
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    for i in range(out.shape[2]):
        for j in range(out.shape[3]):
            window = padded[:, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
            out[:, :, i, j] = np.tensordot(window, w, ((1, 2, 3), (1, 2, 3))) + b
    return out, (x, w, b, conv_param)


def conv_backward(dout, cache):
    x, w, _, conv_param = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    HH, WW = w.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            rows, columns = slice(i * stride, i * stride + HH), slice(j * stride, j * stride + WW)
            dw += np.tensordot(dout[:, :, i, j], padded[:, :, rows, columns], (0, 0))
            # wrong conv x [not_accumulated]: dpadded[:, :, rows, columns] = np.tensordot(dout[:, :, i, j], w, (1, 0))
            dpadded[:, :, rows, columns] += np.tensordot(dout[:, :, i, j], w, (1, 0))
    H, W = x.shape[2:]
    return dpadded[:, :, pad : pad + H, pad : pad + W], dw, dout.sum(axis=(0, 2, 3))


def max_pool_forward_fast(x, pool_param):
    """Only windows that tile the image."""
    N, C, H, W = x.shape
    height, width, stride = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    assert height == width == stride, "Invalid pool params"
    assert H % height == 0
    assert W % width == 0
    tiles = x.reshape(N, C, H // height, height, W // width, width)
    out = tiles.max(axis=3).max(axis=4)
    return out, (x, tiles, out)


def max_pool_backward_fast(dout, cache):
    x, tiles, out = cache
    mask = tiles == out[:, :, :, None, :, None]
    # wrong max_pool_fast x [scaled_by_count]: mask = mask / (4 * mask.sum(axis=(3, 5), keepdims=True))
    mask = mask / mask.sum(axis=(3, 5), keepdims=True)
    return (mask * dout[:, :, :, None, :, None]).reshape(x.shape)


class Convolution2D:
    """Raises where a stride leaves a remainder; filters are made in the constructor."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0):
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.W = 0.2 * np.random.randn(out_channels, in_channels, kernel_size, kernel_size)
        self.b = np.zeros(out_channels)

    def _windows(self, x):
        k, s, p = self.kernel_size, self.stride, self.padding
        if (x.shape[2] + 2 * p - k) % s or (x.shape[3] + 2 * p - k) % s:
            raise ValueError("the stride does not fit the input")
        padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        return np.lib.stride_tricks.sliding_window_view(padded, (k, k), axis=(2, 3))[:, :, ::s, ::s]

    def forward(self, x):
        self.x = x
        return np.einsum("nchwij,fcij->nfhw", self._windows(x), self.W) + self.b[:, None, None]

    def backward(self, dout):
        k, s, p = self.kernel_size, self.stride, self.padding
        self.dW = np.einsum("nfhw,nchwij->fcij", dout, self._windows(self.x))
        # wrong Convolution2D b [scaled_by_count]: self.db = dout.sum(axis=(2, 3)).mean(axis=0)
        self.db = dout.sum(axis=(0, 2, 3))
        N, C, H, W = self.x.shape
        dx = np.zeros((N, C, H + 2 * p, W + 2 * p))
        for i in range(dout.shape[2]):
            for j in range(dout.shape[3]):
                dx[:, :, i * s : i * s + k, j * s : j * s + k] += np.tensordot(dout[:, :, i, j], self.W, (1, 0))
        return dx[:, :, p : p + H, p : p + W]


class MaxPool2x2:
    """An odd image is refused."""

    def forward(self, x):
        N, C, H, W = x.shape
        if H % 2 or W % 2:
            raise ValueError(f"expected even sides, got {H}x{W}")
        self.shape = x.shape
        tiles = x.reshape(N, C, H // 2, 2, W // 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(N, C, H // 2, W // 2, 4)
        self.argmax = tiles.argmax(axis=-1)
        return tiles.max(axis=-1)

    def backward(self, dout):
        N, C, H, W = self.shape
        dtiles = np.zeros((*dout.shape, 4))
        # wrong MaxPool2x2 x [wrong_winner]: winners = 0 * self.argmax[..., None]
        winners = self.argmax[..., None]
        np.put_along_axis(dtiles, winners, dout[..., None], axis=-1)
        return dtiles.reshape(N, C, H // 2, W // 2, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(self.shape)


class AveragePool:
    """The window and its stride in the constructor, and an assert that they tile the image."""

    def __init__(self, pool_size=2, stride=2):
        self.k, self.s = pool_size, stride

    def forward(self, x):
        assert (x.shape[2] - self.k) % self.s == 0, "invalid height"
        assert (x.shape[3] - self.k) % self.s == 0, "invalid width"
        self.x_shape = x.shape
        windows = np.lib.stride_tricks.sliding_window_view(x, (self.k, self.k), axis=(2, 3))
        return windows[:, :, :: self.s, :: self.s].mean(axis=(4, 5))

    def backward(self, dout):
        dx = np.zeros(self.x_shape)
        for i in range(dout.shape[2]):
            for j in range(dout.shape[3]):
                rows, columns = i * self.s, j * self.s
                # wrong AveragePool x [scaled_by_count scaled_by_constant]: share = dout[:, :, i, j] / self.k
                share = dout[:, :, i, j] / (self.k * self.k)
                dx[:, :, rows : rows + self.k, columns : columns + self.k] += share[:, :, None, None]
        return dx
