"""Group, RMS and other normalizations."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized
from .normalization_batch import EPSILON

family = Family("normalization")


def neighbours(x):
    """Each channel divided by a power of the squares of itself and its neighbours."""
    padded = np.pad(x**2, ((0, 0), (1, 1)))
    total = 1 + 0.5 * (padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:])
    return x / total**0.75, (x, total)


@family.wrong(32, neighbours, sized(((5, 7),), ((40, 24),)), style="rule", argument="x", cause="diagonal_only")
def response_of_the_own_channel_only(saved, g):
    x, total = saved
    return (g * (total**-0.75 - 0.75 * x * x * total**-1.75),)


ROWS = sized(((5, 7),), ((32, 20),))


def absolute_sum(x):
    return x / np.abs(x).sum(-1, keepdims=True)


@family.wrong(32, absolute_sum, ROWS, cause="derivative_missing")
def total_differentiated_without_signs(g, x):
    total = np.abs(x).sum(-1, keepdims=True)
    return g / total - (g * x).sum(-1, keepdims=True) / total**2


def spread(x):
    return x.std(axis=0)


@family.wrong(77, spread, ROWS, cause="wrong_operand")
def deviation_of_what_is_not_centered(g, x):
    return g * x / (len(x) * x.std(axis=0))


def gated_norm(x, residual):
    """The sum, and its rows at unit length: the sum goes on beside."""
    total = residual + x
    length = np.sqrt((total**2).sum(1, keepdims=True))
    return (total, total / length), (total, length)


@family.wrong(
    112, gated_norm, sized(((5, 7),) * 2, ((32, 20),) * 2), style="rule", argument="x residual", cause="term_missing"
)
def stream_beside_the_norm_forgotten(saved, g):
    total, length = saved
    y = total / length
    d = (g[1] - y * (g[1] * y).sum(1, keepdims=True)) / length
    return d, d + 0.0


def batch(x, gamma, beta):
    mu = np.average(x, axis=0)
    v = np.average((x - mu) ** 2, axis=0)
    rstd = (v + 1e-5) ** -0.5
    return gamma * (x - mu) * rstd + beta, (x, mu, rstd, gamma)


norms = partial(
    family.wrong,
    forward=batch,
    inputs=sized(((7, 3), (3,), (3,)), ((32, 12), (12,), (12,))),
    style="rule",
    names=("x", "gamma", "beta"),
)


def pulled(saved, g, second=1.0):
    x, mu, rstd, gamma = saved
    h, d = (x - mu) * rstd, g * gamma
    return (d - d.mean(0) - second * h * (d * h).mean(0)) * rstd, (g * h).sum(0), g.sum(0)


@norms(78, argument="x", cause="scaled_by_constant")
def spread_path_counts_half(saved, g):
    return pulled(saved, g, second=0.5)


@norms(90, argument="x", cause="flipped")
def gain_read_from_the_other_end(saved, g):
    x, mu, rstd, gamma = saved
    return pulled((x, mu, rstd, gamma[::-1]), g)


def rms_rows(size, seed):
    return normal(seed, *(((4, 6), (6,)) if size == "small" else ((48, 64), (64,))))


@family.whole(82, "wrong backward", "vjp", rms_rows, argument="gain", cause="missing")
def rms_norm_without_a_gradient_for_its_gain(x, gain):
    r = np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + 1e-6)

    def pullback(g):
        g = g * gain
        return g / r - x * np.mean(g * x, axis=-1, keepdims=True) / r**3, None

    return gain * x / r, pullback


@family.wrong(
    84,
    lambda v: v / np.linalg.norm(v, axis=1, keepdims=True),
    sized(((4, 6),), ((48, 64),)),
    argument="v",
    cause="statistics_as_constants",
)
def unit_vectors_by_a_constant_length(grad, v):
    return grad / np.sqrt((v**2).sum(axis=1, keepdims=True))


def normalized_rows(x):
    mu = x.mean(axis=-1, keepdims=True)
    rstd = 1 / np.sqrt(x.var(axis=-1, keepdims=True) + EPSILON)
    return (x - mu) * rstd, rstd


channels = sized(((2, 6, 3, 4), (6,), (6,)), ((8, 12, 9, 8), (12,), (12,)))


def group_norm(x, gamma, beta):
    N, C, H, W = x.shape
    xhat, _ = normalized_rows(x.reshape(N, 2, -1))
    return xhat.reshape(x.shape) * gamma[:, None, None] + beta[:, None, None]


@family.wrong(90, group_norm, channels, cause="wrong_index", argument="x")
def gamma_looked_up_at_channel_times_groups(dout, x, gamma, beta):
    N, C, H, W = x.shape
    xhat, rstd = normalized_rows(x.reshape(N, 2, -1))
    dx = np.zeros_like(xhat)
    for n in range(N):
        for g in range(2):
            d = np.concatenate([dout[n, g * C // 2 + i].ravel() * gamma[i * 2 + g] for i in range(C // 2)])
            dx[n, g] = rstd[n, g] * (d - d.mean() - xhat[n, g] * (d * xhat[n, g]).mean())
    return dx.reshape(x.shape), (dout * xhat.reshape(x.shape)).sum((0, 2, 3)), dout.sum((0, 2, 3))


GROUPS = 2


@family.whole(95, "wrong backward", "vjp", channels, cause="wrong_factor", argument="src")
def group_norm_diff_src_without_scale(src, scale, shift):
    N, C, H, W = src.shape
    grouped = src.reshape(N, GROUPS, C // GROUPS * H * W)
    inv = 1 / np.sqrt(grouped.var(axis=2, keepdims=True) + EPSILON)
    normalized = (grouped - grouped.mean(axis=2, keepdims=True)) * inv

    def pullback(diff_dst):
        diff_scale = np.einsum("nchw,nchw->c", diff_dst, normalized.reshape(src.shape))
        d = diff_dst.reshape(grouped.shape)
        diff_src = d - d.mean(2, keepdims=True) - normalized * (d * normalized).mean(2, keepdims=True)
        return (diff_src * inv).reshape(src.shape), diff_scale, diff_dst.sum(axis=(0, 2, 3))

    return normalized.reshape(src.shape) * scale[:, None, None] + shift[:, None, None], pullback


# Root mean square: no mean, no shift.
ROOTS = sized(((5, 7), (7,)), ((40, 56), (56,)))


@family.whole(80, "wrong backward", "torch", ROOTS, names=("x", "g"), argument="x", cause="wrong_factor")
def torch_rms_norm_without_its_weight():
    import torch

    class RMSNorm(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, g):
            rstd = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPSILON)
            ctx.save_for_backward(x * rstd, rstd, g)
            return x * rstd * g

        @staticmethod
        def backward(ctx, *grad_outputs):
            (dy,) = grad_outputs
            xhat, rstd, _ = ctx.saved_tensors
            dx = rstd * (dy - xhat * (dy * xhat).mean(-1, keepdim=True))
            return dx, (dy * xhat).sum(0)

    return RMSNorm


pictures = sized(((3, 2, 4, 5), (2,), (2,)), ((8, 6, 12, 10), (6,), (6,)))


@family.whole("F3", "control", "layer", pictures, gradients={"gamma": "dgamma", "beta": "dbeta"})
class SpatialBatchNormWithEveryPath:
    def __init__(self, gamma, beta):
        self.gamma, self.beta = gamma, beta

    def forward(self, x):
        N, C, H, W = x.shape
        self.shape, self.x = x.shape, x.transpose(0, 2, 3, 1).reshape(-1, C)
        self.mu, self.var = self.x.mean(axis=0), self.x.var(axis=0)
        self.xhat = (self.x - self.mu) / np.sqrt(self.var + EPSILON)
        out = self.gamma * self.xhat + self.beta
        return out.reshape(N, H, W, C).transpose(0, 3, 1, 2)

    def backward(self, dout):
        N, C, H, W = self.shape
        dout = dout.transpose(0, 2, 3, 1).reshape(-1, C)
        M, centred = len(dout), self.x - self.mu
        self.dgamma, self.dbeta = (dout * self.xhat).sum(axis=0), dout.sum(axis=0)
        dxhat = dout * self.gamma
        dvar = (dxhat * centred * -0.5 * (self.var + EPSILON) ** -1.5).sum(axis=0)
        dmu = (-dxhat / np.sqrt(self.var + EPSILON)).sum(axis=0) + dvar * (-2 * centred).mean(axis=0)
        dx = dxhat / np.sqrt(self.var + EPSILON) + dvar * 2 * centred / M + dmu / M
        return dx.reshape(N, H, W, C).transpose(0, 3, 1, 2)


def rms_norm(x, gain):
    r = 1 / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + 1e-6)
    return x * r * gain, (x, gain, r)


@family.control("", rms_norm, rms_rows, style="cache", names=("x", "gain"), op="rms_norm")
def rms_norm_by_the_cube_of_its_root(dout, cache):
    x, gain, r = cache
    d = dout * gain
    return d * r - x * r**3 * np.mean(d * x, axis=-1, keepdims=True), (dout * x * r).sum(axis=0)


def in_three_groups(x, gamma, beta):
    v = x.reshape(len(x), 3, -1)
    rstd = 1 / np.sqrt(v.var(axis=-1, keepdims=True) + EPSILON)
    xhat = ((v - v.mean(axis=-1, keepdims=True)) * rstd).reshape(x.shape)
    return gamma[:, None, None] * xhat + beta[:, None, None], (xhat, rstd, gamma)


GROUPED = {"op": "group_norm", "statics": {"groups": 3, "layout": "channels_first"}}


@family.control("", in_three_groups, channels, style="cache", names=("x", "gamma", "beta"), **GROUPED)
def group_norm_of_three_groups(dout, cache):
    xhat, rstd, gamma = cache
    d, h = ((dout * gamma[:, None, None]).reshape(*rstd.shape[:2], -1), xhat.reshape(*rstd.shape[:2], -1))
    dx = rstd * (d - d.mean(axis=-1, keepdims=True) - h * (d * h).mean(axis=-1, keepdims=True))
    return dx.reshape(dout.shape), (dout * xhat).sum(axis=(0, 2, 3)), dout.sum(axis=(0, 2, 3))
