"""One-dimensional convolution and pooling: depthwise, transposed, overlapping maxima, a text CNN, framed averages."""

import numpy as np

from ..case import Family, normal, sized

family = Family("convolution")


class Depthwise:
    """Each channel has its own filter of K taps."""

    def __init__(self, w):
        self.w = w

    def forward(self, x):
        self.x = x
        K = self.w.shape[1]
        self.T = x.shape[2] - K + 1
        return sum(self.w[:, k, None] * x[:, :, k : k + self.T] for k in range(K))


DEPTH = sized(((3, 4, 7), (4, 3)), ((3, 4, 7), (4, 3)))
W = {"w": "dw"}


@family.whole("", "wrong backward", "layer", DEPTH, cause="wrong_index", argument="x", gradients=W)
class FirstChannelsFilterForAllChannels(Depthwise):
    def backward(self, dout):
        dx, self.dw = np.zeros_like(self.x), np.zeros_like(self.w)
        for k in range(self.w.shape[1]):
            self.dw[:, k] = np.einsum("nct,nct->c", dout, self.x[:, :, k : k + self.T])
            dx[:, :, k : k + self.T] += dout * self.w[0, k]
        return dx


@family.whole("", "wrong backward", "layer", DEPTH, cause="part_missing", argument="x w", gradients=W)
class LastOutputNeverVisited(Depthwise):
    def backward(self, dout):
        dx, self.dw = np.zeros_like(self.x), np.zeros_like(self.w)
        K = self.w.shape[1]
        for t in range(self.x.shape[2] - K):
            dx[:, :, t : t + K] += dout[:, :, t, None] * self.w
            self.dw += np.sum(dout[:, :, t, None] * self.x[:, :, t : t + K], axis=0)
        return dx


@family.whole("", "wrong backward", "layer", DEPTH, cause="flipped", argument="x", gradients=W)
class FullCorrelationWithUnreversedTaps(Depthwise):
    def backward(self, dout):
        K = self.w.shape[1]
        self.dw = np.stack([(dout * self.x[:, :, k : k + self.T]).sum((0, 2)) for k in range(K)], axis=1)
        padded = np.pad(dout, ((0, 0), (0, 0), (K - 1, K - 1)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, K, axis=2)
        return np.einsum("nctk,ck->nct", windows, self.w)


@family.whole("", "wrong backward", "layer", DEPTH, cause="shifted", argument="w", gradients=W)
class TapsPairedWithTheNextSample(Depthwise):
    def backward(self, dout):
        x = np.pad(self.x, ((0, 0), (0, 0), (0, 1)))
        dx, self.dw = np.zeros_like(self.x), np.zeros_like(self.w)
        for k in range(self.w.shape[1]):
            self.dw[:, k] = (dout * x[:, :, k + 1 : k + 1 + self.T]).sum(axis=(0, 2))
            dx[:, :, k : k + self.T] += dout * self.w[:, k, None]
        return dx


@family.whole("", "wrong backward", "layer", DEPTH, cause="wrong_reduction", argument="w", gradients=W)
class FilterGradientNotSummedOverTheBatch(Depthwise):
    def backward(self, dout):
        dx, taps = np.zeros_like(self.x), []
        for k in range(self.w.shape[1]):
            taps.append((dout * self.x[:, :, k : k + self.T]).sum(axis=-1))
            dx[:, :, k : k + self.T] += dout * self.w[:, k, None]
        self.dw = np.stack(taps, axis=-1)
        return dx


def transposed_conv(x, w, b, stride=2):
    """x (N, C, T), w (C, F, K): every input sample stamps its filters every `stride` places."""
    (N, _, T), (_, F, K) = x.shape, w.shape
    out = np.zeros((N, F, (T - 1) * stride + K)) + b[:, None]
    for t in range(T):
        out[:, :, t * stride : t * stride + K] += np.tensordot(x[:, :, t], w, axes=1)
    return out, (x, w, stride)


STAMPS = sized(((3, 2, 5), (2, 4, 3), (4,)), ((3, 2, 5), (2, 4, 3), (4,)))


@family.wrong("", transposed_conv, STAMPS, style="cache", cause="static_ignored", argument="x")
def input_gradient_read_without_stride(dout, cache):
    x, w, s = cache
    K, dw, dx = w.shape[2], np.zeros_like(w), np.zeros_like(x)
    for t in range(x.shape[2]):
        dw += np.einsum("nc,nfk->cfk", x[:, :, t], dout[:, :, t * s : t * s + K])
        dx[:, :, t] = np.einsum("nfk,cfk->nc", dout[:, :, t : t + K], w)
    return dx, dw, dout.sum(axis=(0, 2))


@family.wrong("", transposed_conv, STAMPS, style="cache", cause="not_accumulated", argument="w")
def filter_gradient_of_the_last_stamp(dout, cache):
    x, w, s = cache
    K, dx = w.shape[2], np.empty_like(x)
    for t in range(x.shape[2]):
        stamp = dout[:, :, t * s : t * s + K]
        dw = np.tensordot(x[:, :, t], stamp, axes=(0, 0))
        dx[:, :, t] = np.tensordot(stamp, w, axes=([1, 2], [1, 2]))
    return dx, dw, dout.sum(axis=2).sum(axis=0)  # pyright: ignore[reportPossiblyUnboundVariable]


@family.wrong("", transposed_conv, STAMPS, style="cache", cause="scaled_by_count", argument="b")
def bias_gradient_mean_over_positions(dout, cache):
    x, w, s = cache
    frames = np.stack([dout[:, :, t * s : t * s + w.shape[2]] for t in range(x.shape[2])])
    dx = np.einsum("tnfk,cfk->nct", frames, w)
    return dx, np.einsum("tnfk,nct->cfk", frames, x), dout.sum(axis=0).mean(axis=-1)


class SlidingMax:
    """Windows of three, one apart, so that one peak can win three times."""

    def forward(self, x):
        self.x = x
        windows = np.lib.stride_tricks.sliding_window_view(x, 3, axis=1)
        self.where = windows.argmax(axis=2) + np.arange(windows.shape[1])
        return windows.max(axis=2)


LINE = sized(((4, 9),), ((4, 9),))


@family.whole("", "wrong backward", "layer", LINE, cause="not_accumulated", argument="x", family="pooling")
class PeakOfSeveralWindowsKeepsTheLast(SlidingMax):
    def backward(self, dout):
        dx = np.zeros_like(self.x)
        dx[np.arange(len(dx))[:, None], self.where] = dout
        return dx


@family.whole("", "wrong backward", "layer", LINE, cause="wrong_winner", argument="x", family="pooling")
class MiddleOfTheWindowTakesItAll(SlidingMax):
    def backward(self, dout):
        dx = np.zeros_like(self.x)
        for t in range(dout.shape[1]):
            dx[:, t + 1] += dout[:, t]
        return dx


@family.whole("", "wrong backward", "layer", LINE, cause="shifted", argument="x", family="pooling")
class WinnersWrittenOnePlaceEarlier(SlidingMax):
    def backward(self, dout):
        dx = np.zeros_like(self.x)
        np.add.at(dx, (np.arange(len(dx))[:, None], self.where - 1), dout)
        return dx


class TextCNN:
    """Convolution over embedded words, relu, maximum over time, softmax."""

    def __init__(self, K, U):
        self.K, self.U = K, U

    def loss(self, x, t):
        k = self.K.shape[0]
        self.frames = np.stack([x[:, i : i + k] for i in range(x.shape[1] - k + 1)], axis=1)
        self.a = np.einsum("ntkd,kdf->ntf", self.frames, self.K)
        h = np.maximum(self.a, 0)
        self.arg, self.h, self.pooled = h.argmax(axis=1), h, h.max(axis=1)
        z = self.pooled @ self.U
        self.p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        return -np.log(self.p[np.arange(len(t)), t]).mean()

    def through_pool(self, dpooled):
        dh = np.zeros_like(self.h)
        np.put_along_axis(dh, self.arg[:, None], dpooled[:, None], axis=1)
        return dh

    def kernel(self, da):
        return np.einsum("ntkd,ntf->kdf", self.frames, da)


def sentences(size, seed):
    x, K, U = normal(seed, (5, 7, 3), (2, 3, 4), (4, 3))
    return x, np.array([2, 0, 1, 0, 2]), K, U


TEXT = {"inputs_of_layer": 2, "gradients": {"K": "K", "U": "U"}}


@family.whole("", "wrong backward", "network", sentences, cause="wrong_winner", argument="K", **TEXT)
class EveryPositionGetsThePooledGradient(TextCNN):
    def gradient(self, x, t):
        self.loss(x, t)
        dz = (self.p - np.eye(3)[t]) / len(t)
        dpooled = dz @ self.U.T
        dh = np.repeat(dpooled[:, None], self.h.shape[1], axis=1)
        return {"U": self.pooled.T @ dz, "K": self.kernel(dh * (self.a > 0))}


@family.whole("", "wrong backward", "network", sentences, cause="wrong_derivative", argument="K", **TEXT)
class ReluWithTheSlopeOfTanh(TextCNN):
    def gradient(self, x, t):
        self.loss(x, t)
        dz = (self.p - np.eye(3)[t]) / len(t)
        dh = self.through_pool(dz @ self.U.T) * (1 - self.h**2)
        return {"U": self.pooled.T @ dz, "K": self.kernel(dh)}


@family.whole("", "wrong backward", "network", sentences, cause="wrong_index", argument="K U", **TEXT)
class OneSubtractedFromWholeColumns(TextCNN):
    def gradient(self, x, t):
        self.loss(x, t)
        dz = self.p.copy()
        dz[:, t] -= 1
        dz /= len(t)
        dh = self.through_pool(dz @ self.U.T) * (self.a > 0)
        return {"U": self.pooled.T @ dz, "K": self.kernel(dh)}


@family.whole("", "wrong backward", "network", sentences, cause="term_extra", argument="K", **TEXT)
class KernelGradientAddedAgainInALoop(TextCNN):
    def gradient(self, x, t):
        self.loss(x, t)
        dz = (self.p - np.eye(3)[t]) / len(t)
        da = self.through_pool(dz @ self.U.T) * (self.a > 0)
        dK = self.kernel(da)
        for n in range(len(t)):
            dK += np.tensordot(self.frames[n], da[n], axes=(0, 0))
        return {"U": self.pooled.T @ dz, "K": dK}


class LogEnergy:
    """Logarithm of the mean square of frames of four samples, two apart, floored by a small number."""

    def forward(self, x):
        self.frames = np.stack([x[:, s : s + 4] for s in range(0, x.shape[1] - 3, 2)], axis=1)
        self.energy, self.length = np.mean(self.frames**2, axis=2), x.shape[1]
        return np.log(self.energy + 0.05)

    def overlap_add(self, dframes):
        dx = np.zeros((len(dframes), self.length))
        for i in range(dframes.shape[1]):
            dx[:, 2 * i : 2 * i + 4] += dframes[:, i]
        return dx


AUDIO = sized(((3, 10),), ((3, 10),))


@family.whole("", "wrong backward", "layer", AUDIO, cause="epsilon_one_side", argument="x")
class FloorOfTheLogarithmForgotten(LogEnergy):
    def backward(self, dout):
        denergy = dout / self.energy
        return self.overlap_add(denergy[..., None] * 2 * self.frames / 4)


@family.whole("", "wrong backward", "layer", AUDIO, cause="scaled_by_count", argument="x")
class MeanSquareTreatedAsSumOfSquares(LogEnergy):
    def backward(self, dout):
        return self.overlap_add((dout / (self.energy + 0.05))[..., None] * 2 * self.frames)


@family.whole("", "wrong backward", "layer", AUDIO, cause="derivative_missing", argument="x")
class LogarithmTreatedAsIdentity(LogEnergy):
    def backward(self, dout):
        return self.overlap_add(dout[..., None] * self.frames / 2)
