"""mistakes in convolution by columns, in one dimension and in groups (catalogue 55, 58 to 66)."""

import numpy as np

from ..case import Family, normal, sized

family = Family("convolution")


def to_columns(x, kh, kw):
    N, C, H, W = x.shape
    oh, ow = H - kh + 1, W - kw + 1
    col = np.zeros((N, C, kh, kw, oh, ow))
    for i in range(kh):
        for j in range(kw):
            col[:, :, i, j] = x[:, :, i : i + oh, j : j + ow]
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(N * oh * ow, -1)


def from_columns(col, shape, kh, kw):
    N, C, H, W = shape
    oh, ow = H - kh + 1, W - kw + 1
    col = col.reshape(N, oh, ow, C, kh, kw).transpose(0, 3, 4, 5, 1, 2)
    image = np.zeros(shape)
    for i in range(kh):
        for j in range(kw):
            image[:, :, i : i + oh, j : j + ow] += col[:, :, i, j]
    return image


def book(size, seed):
    if size == "small":
        return normal(seed, (2, 2, 5, 4), (3, 2, 3, 2), (3,))
    return normal(seed, (4, 3, 12, 10), (8, 3, 3, 2), (8,))


class Convolution:
    """The layer that the cases below get one line wrong of."""

    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        FN, _, FH, FW = self.W.shape
        self.x, self.col, self.col_W = x, to_columns(x, FH, FW), self.W.reshape(FN, -1).T
        out = self.col @ self.col_W + self.b
        return out.reshape(len(x), x.shape[2] - FH + 1, x.shape[3] - FW + 1, FN).transpose(0, 3, 1, 2)


weights = {"W": "dW", "b": "db"}


@family.whole(66, "wrong backward", "layer", book, gradients=weights, argument="W", cause="reordered")
class ConvolutionReshapesItsColumns(Convolution):
    def backward(self, dout):
        FN, _, FH, FW = self.W.shape
        dout = dout.transpose(0, 2, 3, 1).reshape(-1, FN)
        self.db = np.sum(dout, axis=0)
        self.dW = np.dot(self.col.T, dout).reshape(self.W.shape)
        return from_columns(np.dot(dout, self.col_W.T), self.x.shape, FH, FW)


@family.whole(55, "wrong backward", "layer", book, gradients=weights, argument="x", cause="overlap_dropped")
class ConvolutionPutsItsColumnsBack(Convolution):
    def backward(self, dout):
        FN, C, FH, FW = self.W.shape
        N, _, oh, ow = dout.shape
        flat = dout.transpose(0, 2, 3, 1).reshape(-1, FN)
        self.db, self.dW = flat.sum(axis=0), (self.col.T @ flat).T.reshape(self.W.shape)
        dcol = (flat @ self.col_W.T).reshape(N, oh, ow, C, FH, FW)
        dx = np.zeros_like(self.x)
        for i in range(oh):
            for j in range(ow):
                dx[:, :, i : i + FH, j : j + FW] = dcol[:, i, j]
        return dx


def signal(size, seed):
    return normal(seed, (11,), (4,)) if size == "small" else normal(seed, (400,), (15,))


@family.wrong(58, lambda x, h: np.correlate(x, h, "valid"), signal, argument="x", cause="flipped")
def signal_gradient_by_correlation(dy, x, h):
    return np.correlate(dy, h, "full"), np.correlate(x, dy, "valid")


def dilated(x, taps, d=2):
    """Causal: the output at a time sees nothing later. x (N, T), taps (K,)."""
    back = (len(taps) - 1) * d
    xp = np.pad(x, ((0, 0), (back, 0)))
    return sum(w * xp[:, k * d : k * d + x.shape[1]] for k, w in enumerate(taps)), (xp, taps, d)


series = sized(((3, 9), (3,)), ((16, 64), (5,)))


@family.wrong(62, dilated, series, names=("x", "taps"), style="cache", argument="x taps", cause="static_ignored")
def taps_next_to_each_other_in_backward(dout, cache):
    xp, taps, d = cache
    T, back = dout.shape[1], (len(taps) - 1) * d
    dxp, dtaps = np.zeros_like(xp), np.zeros_like(taps)
    for k in range(len(taps)):
        dtaps[k] = (dout * xp[:, k : k + T]).sum()
        dxp[:, k : k + T] += taps[k] * dout
    return dxp[:, back:], dtaps


@family.wrong(60, dilated, series, names=("x", "taps"), style="cache", argument="x", cause="shifted")
def causal_padding_cropped_from_the_future(dout, cache):
    xp, taps, d = cache
    T = dout.shape[1]
    dxp, dtaps = np.zeros_like(xp), []
    for k, tap in enumerate(taps):
        dxp[:, k * d : k * d + T] += tap * dout
        dtaps.append(np.sum(dout * xp[:, k * d : k * d + T]))
    return dxp[:, :T], np.array(dtaps)


# Groups: x (N, L, C), kernel (K, C / G, F), the first filters see the first channels only.
GROUPS = 2


def grouped(x, kernel):
    K, c, F = kernel.shape
    f = F // GROUPS
    view = np.lib.stride_tricks.sliding_window_view(x, K, axis=1)
    outs = [
        np.einsum("nlck,kcf->nlf", view[:, :, g * c : (g + 1) * c], kernel[:, :, g * f : (g + 1) * f])
        for g in range(GROUPS)
    ]
    return np.concatenate(outs, axis=-1), (view, kernel, x.shape)


two_groups = sized(((2, 7, 4), (3, 2, 6)), ((8, 40, 8), (3, 4, 12)))


@family.wrong(63, grouped, two_groups, style="rule", argument="kernel", cause="groups_mixed")
def every_group_sees_the_first_channels(saved, grad):
    view, kernel, shape = saved
    K, c, F = kernel.shape
    f, dx = F // GROUPS, np.zeros(shape)
    for g in range(GROUPS):
        for k in range(K):
            part = grad[:, :, g * f : (g + 1) * f] @ kernel[k, :, g * f : (g + 1) * f].T
            dx[:, k : k + grad.shape[1], g * c : (g + 1) * c] += part
    return dx, np.einsum("nlck,nlf->kcf", view[:, :, :c], grad)


def transposed_convolution(x, w, stride=3):
    """x (N, L, C), w (K, C, F)."""
    K, _, F = w.shape
    y = np.zeros((len(x), (x.shape[1] - 1) * stride + K, F))
    for i in range(x.shape[1]):
        y[:, i * stride : i * stride + K] += np.einsum("nc,kcf->nkf", x[:, i], w)
    return y, (x, w, stride)


@family.wrong(
    56,
    transposed_convolution,
    sized(((2, 4, 2), (4, 2, 3)), ((8, 20, 8), (4, 8, 5))),
    names=("x", "w"),
    style="cache",
    argument="x w",
    cause="static_ignored",
)
def upsampling_read_without_its_stride(dy, cache):
    x, w, stride = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(x.shape[1]):
        seen = dy[:, i : i + len(w)]
        dx[:, i] = np.einsum("nkf,kcf->nc", seen, w)
        dw += np.einsum("nc,nkf->kcf", x[:, i], seen)
    return dx, dw


def conv_relu(x, w, b):
    """x (N, T, C), w (K, C, F)."""
    view = np.lib.stride_tricks.sliding_window_view(x, len(w), axis=1)
    a = np.einsum("ntck,kcf->ntf", view, w) + b
    return np.maximum(0, a), (view, w, a, x.shape)


@family.wrong(
    9,
    conv_relu,
    sized(((2, 6, 2), (3, 2, 4), (4,)), ((8, 30, 8), (3, 8, 16), (16,))),
    style="cache",
    argument="x w b",
    cause=("derivative_missing", "mask_missing"),
)
def conv_relu_without_relu_backward(dout, cache):
    view, w, a, shape = cache
    da = dout
    dx = np.zeros(shape)
    for k in range(len(w)):
        dx[:, k : k + a.shape[1]] += da @ w[k].T
    return dx, np.einsum("ntck,ntf->kcf", view, da), da.sum(axis=(0, 1))
