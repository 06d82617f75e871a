"""Convolutions in one dimension, over patches and positions, and upwards."""

import numpy as np

from ..case import Family, sized

family = Family("convolution")

CAUSAL = sized(((2, 7, 3), (3, 3, 4)), ((6, 40, 8), (4, 8, 6)))


def conv1d(x, w):
    """x (N, L, C), w (K, C, F), every second position."""
    k = len(w)
    taken = [np.tensordot(x[:, s : s + k], w, ((1, 2), (0, 1))) for s in range(0, x.shape[1] - k + 1, 2)]
    return np.stack(taken, axis=1)


@family.wrong(
    56,
    conv1d,
    sized(((2, 9, 3), (3, 3, 4)), ((8, 41, 8), (5, 8, 6))),
    op="conv",
    statics={"strides": 2},
    cause="static_ignored",
    argument="x w",
)
def stride_of_one_in_backward(g, x, w):
    dx, dw = np.zeros(x.shape), np.zeros(w.shape)
    for t in range(g.shape[1]):
        dw += np.einsum("nkc,nf->kcf", x[:, t : t + len(w)], g[:, t])
        dx[:, t : t + len(w)] += np.einsum("nf,kcf->nkc", g[:, t], w)
    return dx, dw


def causal(x, w):
    """x (N, T, C) sees itself and its past; w (K, C, F)."""
    padded = np.pad(x, ((0, 0), (len(w) - 1, 0), (0, 0)))
    return sum(padded[:, k : k + x.shape[1]] @ w[k] for k in range(len(w)))


@family.wrong(60, causal, CAUSAL, cause="shifted", argument="x")
def cropped_at_the_end(g, x, w):
    k = len(w)
    padded = np.pad(x, ((0, 0), (k - 1, 0), (0, 0)))
    wide, dw = np.zeros_like(padded), np.zeros_like(w)
    for s in range(k):
        dw[s] = np.einsum("ntc,ntf->cf", padded[:, s : s + x.shape[1]], g)
        wide[:, s : s + x.shape[1]] += g @ w[s].T
    return wide[:, : x.shape[1]], dw


def patch_embed(img, kernel):
    """img (H, W, C), kernel (2, 2, C, F), patches side by side."""
    h, w = img.shape[0] // 2, img.shape[1] // 2
    blocks = img.reshape(h, 2, w, 2, -1)
    return np.einsum("hiwjc,ijcf->hwf", blocks, kernel)


@family.wrong(
    61,
    patch_embed,
    sized(((6, 4, 3), (2, 2, 3, 5)), ((24, 20, 4), (2, 2, 4, 8))),
    argument="img",
    cause="entries_not_written",
)
def last_patches_never_reached(g, img, kernel):
    dimg = np.zeros_like(img)
    for r in range(0, img.shape[0] - 2, 2):
        for c in range(0, img.shape[1] - 1, 2):
            dimg[r : r + 2, c : c + 2] = np.einsum("f,ijcf->ijc", g[r // 2, c // 2], kernel)
    blocks = img.reshape(g.shape[0], 2, g.shape[1], 2, -1)
    return dimg, np.einsum("hiwjc,hwf->ijcf", blocks, g)


def pointwise_last(x, k, bias):
    return np.einsum("nhwc,cf->nhwf", x, k) + bias, (x, k)


@family.wrong(
    64,
    pointwise_last,
    sized(((2, 4, 3, 5), (5, 4), (4,)), ((6, 12, 9, 8), (8, 12), (12,))),
    style="rule",
    cause="reduced_over_wrong_axis",
    argument="bias",
)
def channels_first_axes_for_the_bias(saved, ct):
    x, k = saved
    return ct @ k.T, np.einsum("nhwc,nhwf->cf", x, ct), ct.sum(axis=(0, 2, 3))


def columns_last(x, K):
    kh, kw, c, f = K.shape
    h, w = x.shape[1] - kh + 1, x.shape[2] - kw + 1
    patches = [x[:, i : i + h, j : j + w] for i in range(kh) for j in range(kw)]
    col = np.stack(patches, axis=3)
    return col.reshape(len(x), h, w, kh * kw * c) @ K.reshape(-1, f), (x, K, col)


@family.wrong(
    66,
    columns_last,
    sized(((2, 5, 4, 3), (2, 2, 3, 4)), ((4, 12, 11, 5), (3, 3, 5, 6))),
    style="cache",
    op="conv",
    cause=("reordered", "axes_permuted"),
    argument="K",
)
def columns_read_channel_first(dout, cache):
    x, K, col = cache
    kh, kw, c, f = K.shape
    dx = np.zeros_like(x)
    for i in range(kh):
        for j in range(kw):
            dx[:, i : i + dout.shape[1], j : j + dout.shape[2]] += dout @ K[i, j].T
    dK = np.einsum("nhwkc,nhwf->ckf", col, dout)
    return dx, dK.reshape(K.shape)


def mix(x, W):
    return np.einsum("ncl,fc->nfl", x, W)


@family.wrong(67, mix, sized(((2, 4, 5), (4, 4)), ((6, 12, 20), (12, 12))), cause="not_transposed", argument="x")
def channels_mixed_the_same_way(g, x, W):
    return np.einsum("nfl,cf->ncl", g, W), np.einsum("nfl,ncl->fc", g, x)


def upsample(x, K):
    """Transposed convolution: x (N, C, H, W), K (C, F, 2, 2), windows side by side."""
    n, _, h, w = x.shape
    return np.einsum("nchw,cfij->nfhiwj", x, K).reshape(n, K.shape[1], 2 * h, 2 * w)


@family.wrong(
    66, upsample, sized(((2, 3, 4, 3), (3, 3, 2, 2)), ((4, 8, 9, 8), (8, 8, 2, 2))), cause="axes_permuted", argument="K"
)
def upsampling_kernel_transposed(g, x, K):
    n, _, h, w = x.shape
    tiles = g.reshape(n, -1, h, 2, w, 2)
    return np.einsum("nfhiwj,cfij->nchw", tiles, K), np.einsum("nfhiwj,nchw->fcij", tiles, x)


@family.whole(
    83,
    "impure",
    "layer",
    sized(((2, 7, 3), (3, 3, 4)), ((6, 40, 8), (4, 8, 6))),
    gradients={"w": "gw"},
    cause="buffer_reused",
)
class CausalWithWorkspace:
    def __init__(self, w):
        self.w, self.space = w, None

    def forward(self, x):
        self.x = x
        return causal(x, self.w)

    def backward(self, g):
        k, t = len(self.w), self.x.shape[1]
        padded = np.pad(self.x, ((0, 0), (k - 1, 0), (0, 0)))
        self.gw = np.stack([np.einsum("ntc,ntf->cf", padded[:, s : s + t], g) for s in range(k)])
        if self.space is None:
            self.space = np.empty_like(padded)
        self.space[...] = 0
        for s in range(k):
            self.space[:, s : s + t] += g @ self.w[s].T
        return self.space[:, k - 1 :]
