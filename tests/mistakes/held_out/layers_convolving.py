"""Convolution layers with loops and with im2col, pooling, upsampling, squeeze and excitation, a small text CNN."""

import numpy as np

from ..case import Family, normal, sized

family = Family("convolution")
WB = {"w": "dw", "b": "db"}


class Conv:
    """The naive convolution of CS231n."""

    stride, pad = 2, 1

    def __init__(self, w, b):
        self.w, self.b = w, b

    def windows(self):
        (kh, kw), (H, W) = self.w.shape[2:], self.xp.shape[2:]
        for i in range((H - kh) // self.stride + 1):
            for j in range((W - kw) // self.stride + 1):
                r, c = i * self.stride, j * self.stride
                yield i, j, np.s_[:, :, r : r + kh, c : c + kw]

    def forward(self, x):
        p = self.pad
        self.xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        rows, columns = [(n + 2 * p - k) // self.stride + 1 for n, k in zip(x.shape[2:], self.w.shape[2:], strict=True)]
        out = np.zeros((len(x), len(self.w), rows, columns))
        for i, j, window in self.windows():
            out[:, :, i, j] = np.tensordot(self.xp[window], self.w, axes=([1, 2, 3], [1, 2, 3])) + self.b
        return out

    def accumulate(self, dout):
        self.dw, self.db, dxp = np.zeros_like(self.w), dout.sum((0, 2, 3)), np.zeros_like(self.xp)
        for i, j, window in self.windows():
            self.dw += np.einsum("nf,nchw->fchw", dout[:, :, i, j], self.xp[window])
            dxp[window] += np.einsum("nf,fchw->nchw", dout[:, :, i, j], self.w)
        return dxp


IMAGES = sized(((3, 2, 5, 6), (4, 2, 3, 2), (4,)), ((3, 2, 5, 6), (4, 2, 3, 2), (4,)))


@family.whole("", "wrong backward", "layer", IMAGES, cause="shifted", argument="x", gradients=WB)
class PaddingCroppedAtTheEndOnly(Conv):
    def backward(self, dout):
        dxp = self.accumulate(dout)
        return dxp[:, :, : -2 * self.pad, : -2 * self.pad]


@family.whole("", "wrong backward", "layer", IMAGES, cause="wrong_shape", argument="x", gradients=WB)
class PaddedGradientReturned(Conv):
    def backward(self, dout):
        return self.accumulate(dout)


@family.whole("", "wrong backward", "layer", IMAGES, cause="not_accumulated", argument="x", gradients=WB)
class OverlappingWindowsReplaceEachOther(Conv):
    def backward(self, dout):
        self.accumulate(dout)
        dxp = np.zeros_like(self.xp)
        for i, j, window in self.windows():
            dxp[window] = np.einsum("nf,fchw->nchw", dout[:, :, i, j], self.w)
        return dxp[:, :, 1:-1, 1:-1]


@family.whole("", "wrong backward", "layer", IMAGES, cause="static_ignored", argument="w", gradients=WB)
class KernelGradientReadsWindowsOfStrideOne(Conv):
    def backward(self, dout):
        dxp = self.accumulate(dout)
        kh, kw = self.w.shape[2:]
        for a, b in np.ndindex(kh, kw):
            patch = self.xp[:, :, a : a + dout.shape[2], b : b + dout.shape[3]]
            self.dw[:, :, a, b] = np.einsum("nfij,ncij->fc", dout, patch)
        return dxp[:, :, 1:-1, 1:-1]


@family.whole("", "wrong backward", "layer", IMAGES, cause="part_missing", argument="w", gradients=WB)
class KernelGradientSkipsTheFirstImage(Conv):
    def backward(self, dout):
        dxp = self.accumulate(dout)
        self.dw = np.zeros_like(self.w)
        for n in range(1, len(dout)):
            for i, j, window in self.windows():
                self.dw += dout[n, :, i, j][:, None, None, None] * self.xp[window][n]
        return dxp[:, :, 1:-1, 1:-1]


@family.whole("", "wrong backward", "layer", IMAGES, cause="flipped", argument="x", gradients=WB)
class KernelTurnedRoundWhileScattering(Conv):
    def backward(self, dout):
        self.accumulate(dout)
        dxp, turned = np.zeros_like(self.xp), self.w[:, :, ::-1, ::-1]
        for i, j, window in self.windows():
            dxp[window] += np.tensordot(dout[:, :, i, j], turned, axes=1)
        return dxp[:, :, 1:-1, 1:-1]


class ConvIm2col:
    """Convolution of Deep Learning from Scratch, stride 1, no padding."""

    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        FN, C, FH, FW = self.W.shape
        self.x = x
        col = np.lib.stride_tricks.sliding_window_view(x, (FH, FW), axis=(2, 3))
        self.N, _, self.OH, self.OW = col.shape[:4]
        self.col = col.transpose(0, 2, 3, 1, 4, 5).reshape(self.N * self.OH * self.OW, -1)
        self.col_W = self.W.reshape(FN, -1).T
        out = self.col @ self.col_W + self.b
        return out.reshape(self.N, self.OH, self.OW, FN).transpose(0, 3, 1, 2)

    def col2im(self, dcol):
        _, C, FH, FW = self.W.shape
        dcol = dcol.reshape(self.N, self.OH, self.OW, C, FH, FW).transpose(0, 3, 4, 5, 1, 2)
        dx = np.zeros_like(self.x)
        for a, b in np.ndindex(FH, FW):
            dx[:, :, a : a + self.OH, b : b + self.OW] += dcol[:, :, a, b]
        return dx


COLS = sized(((2, 3, 4, 5), (4, 3, 2, 3), (4,)), ((2, 3, 4, 5), (4, 3, 2, 3), (4,)))
COL = {"W": "dW", "b": "db"}


@family.whole("", "wrong backward", "layer", COLS, cause="transposed", argument="x W b", gradients=COL)
class ChannelsNotMovedLastBeforeReshape(ConvIm2col):
    def backward(self, dout):
        dout = dout.reshape(-1, self.W.shape[0])
        self.db = np.sum(dout, axis=0)
        self.dW = (self.col.T @ dout).T.reshape(self.W.shape)
        return self.col2im(dout @ self.col_W.T)


@family.whole("", "wrong backward", "layer", COLS, cause="scaled_by_count", argument="b", gradients=COL)
class BiasGradientAveragedOverTheMap(ConvIm2col):
    def backward(self, dout):
        self.db = dout.mean(axis=(2, 3)).sum(axis=0)
        dout = dout.transpose(0, 2, 3, 1).reshape(-1, self.W.shape[0])
        self.dW = (self.col.T @ dout).transpose(1, 0).reshape(self.W.shape)
        return self.col2im(dout @ self.col_W.T)


class Pool:
    """Maximum over windows of 2 x 3 that do not overlap."""

    def forward(self, x):
        N, C, H, W = x.shape
        self.x, self.shape = x, x.shape
        self.col = x.reshape(N, C, H // 2, 2, W // 3, 3).transpose(0, 1, 2, 4, 3, 5).reshape(N, C, H // 2, W // 3, 6)
        self.arg_max = self.col.argmax(axis=-1)
        return self.col.max(axis=-1)

    def uncol(self, dcol):
        N, C, H, W = self.shape
        return dcol.reshape(N, C, H // 2, W // 3, 2, 3).transpose(0, 1, 2, 4, 3, 5).reshape(self.shape)


MAPS = sized(((2, 3, 4, 6),), ((2, 3, 4, 6),))


@family.whole("", "wrong backward", "layer", MAPS, cause="wrong_winner", argument="x", family="pooling")
class EveryEntryNearTheMaximumWins(Pool):
    def backward(self, dout):
        top = self.col.max(axis=-1, keepdims=True)
        return self.uncol(dout[..., None] * np.isclose(self.col, top, atol=0.5))


def quantized(size, seed):
    return (np.round(np.clip(normal(seed, (2, 3, 4, 6))[0], -1, 1)),)


@family.whole("", "wrong backward", "layer", quantized, cause="all_ties", argument="x", family="pooling")
class MaskOfEverythingEqualToTheMaximum(Pool):
    def backward(self, dout):
        mask = self.col == self.col.max(axis=-1, keepdims=True)
        return self.uncol(mask * dout[..., None])


@family.whole("", "wrong backward", "layer", MAPS, cause="wrong_index", argument="x", family="pooling")
class WinnersRowTakenModuloTheHeight(Pool):
    def backward(self, dout):
        dx = np.zeros(self.shape)
        for n, c, i, j in np.ndindex(self.arg_max.shape):
            winner = self.arg_max[n, c, i, j]
            dx[n, c, 2 * i + winner % 2, 3 * j + winner % 3] += dout[n, c, i, j]
        return dx


@family.whole("", "wrong backward", "layer", MAPS, cause="not_linear", argument="x", family="pooling")
class WinnersGradientNeedsToBePositive(Pool):
    def backward(self, dout):
        dcol = np.zeros(self.col.shape)
        kept = np.where(dout > 0, dout, 0)
        np.put_along_axis(dcol, self.arg_max[..., None], kept[..., None], axis=-1)
        return self.uncol(dcol)


ONE = {"W": "dW"}


class Upsample:
    def forward(self, x):
        self.shape = x.shape
        return x.repeat(2, axis=2).repeat(3, axis=3)


@family.whole("", "wrong backward", "layer", MAPS, cause="part_missing", argument="x", family="pooling")
class OneCopyOfEachPixelCollected(Upsample):
    def backward(self, dout):
        return dout[:, :, ::2, ::3].copy()


@family.whole("", "wrong backward", "layer", MAPS, cause="transposed", argument="x", family="pooling")
class CopiesCollectedAsIfTiled(Upsample):
    def backward(self, dout):
        N, C, H, W = self.shape
        return dout.reshape(N, C, 2, H, 3, W).sum(axis=(2, 4))


class SqueezeExcite:
    def __init__(self, W):
        self.W = W

    def forward(self, x):
        self.x, self.pooled = x, x.mean(axis=(2, 3))
        self.s = 1 / (1 + np.exp(-self.pooled @ self.W))
        return x * self.s[:, :, None, None]

    def squeeze(self, dout):
        dz = (dout * self.x).sum(axis=(2, 3)) * self.s * (1 - self.s)
        self.dW = self.pooled.T @ dz
        return dz @ self.W.T


SQUEEZE = sized(((2, 3, 4, 5), (3, 3)), ((2, 3, 4, 5), (3, 3)))


@family.whole("", "wrong backward", "layer", SQUEEZE, cause="statistics_as_constants", argument="x", gradients=ONE)
class PooledContextGetsNoGradient(SqueezeExcite):
    def backward(self, dout):
        self.squeeze(dout)
        return dout * self.s[:, :, None, None]


@family.whole("", "wrong backward", "layer", SQUEEZE, cause="scaled_by_count", argument="x", gradients=ONE)
class GlobalPoolDividesByRowsOnly(SqueezeExcite):
    def backward(self, dout):
        dpooled = self.squeeze(dout)
        return dout * self.s[:, :, None, None] + dpooled[:, :, None, None] / dout.shape[2]


@family.whole("", "wrong backward", "layer", SQUEEZE, cause="ignores_cotangent", argument="W", gradients=ONE)
class ExcitationSeesTheInputButNotTheGradient(SqueezeExcite):
    def backward(self, dout):
        dpooled = self.squeeze(dout)
        self.dW = self.pooled.T @ (self.x.sum(axis=(2, 3)) * self.s * (1 - self.s))
        return dout * self.s[:, :, None, None] + np.ones_like(dout) * dpooled[:, :, None, None] / dout[0, 0].size
