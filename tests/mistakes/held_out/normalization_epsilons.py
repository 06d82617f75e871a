"""Normalizations without their scale; epsilon or the variance's divisor elsewhere (catalogue 80, 86, 93, 95)."""

# As people write it: a backward names its gradients.
# pyright: reportIncompatibleMethodOverride=false

import numpy as np

from ..case import Family, normal, sized
from .normalization_statistics import EPS, batchnorm, rmsnorm, rows, weighted

family = Family("normalization")


@family.wrong(80, batchnorm, rows, cause="argument_factor_missing", argument="x")
def compact_formula_without_gamma(dout, x, gamma, beta):
    N = x.shape[0]
    inv = 1.0 / np.sqrt(x.var(0) + EPS)
    h = (x - x.mean(0)) * inv
    dgamma, dbeta = (dout * h).sum(0), dout.sum(0)
    dx = inv / N * (N * dout - dbeta - h * dgamma)
    return dx, dgamma, dbeta


@family.wrong(80, rmsnorm, weighted, cause="argument_factor_missing", argument="x")
def rmsnorm_forgot_the_weight(dout, x, weight):
    inv = 1 / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + EPS)
    normed = x * inv
    dx = inv * (dout - normed * np.mean(dout * normed, axis=-1, keepdims=True))
    return dx, np.sum(dout * normed, axis=0)


@family.whole(
    80,
    "wrong backward",
    "torch",
    rows,
    op="layer_norm",
    statics={"epsilon": EPS},
    names=("x", "weight", "bias"),
    cause="argument_factor_missing",
    argument="x",
)
def torch_layer_norm_without_weight():
    import torch

    class LayerNormFunction(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, weight, bias):
            mu = x.mean(-1, keepdim=True)
            rstd = torch.rsqrt(x.var(-1, unbiased=False, keepdim=True) + EPS)
            xhat = (x - mu) * rstd
            ctx.save_for_backward(xhat, rstd)
            return xhat * weight + bias

        @staticmethod
        def backward(ctx, grad_output):
            xhat, rstd = ctx.saved_tensors
            mean = grad_output.mean(-1, keepdim=True)
            proj = (grad_output * xhat).mean(-1, keepdim=True)
            grad_x = rstd * (grad_output - mean - xhat * proj)
            return grad_x, (grad_output * xhat).sum(0), grad_output.sum(0)

    return LayerNormFunction


N_MINUS_1 = ("variance_correction", "centered_term_missing", "sum_term_missing")


@family.wrong(86, batchnorm, rows, cause=N_MINUS_1, argument="x")
def variance_path_over_n_minus_one(dout, x, gamma, beta):
    N = x.shape[0]
    xmu = x - x.mean(axis=0)
    ivar = (x.var(axis=0) + EPS) ** -0.5
    dxhat = dout * gamma
    dvar = -0.5 * np.sum(dxhat * xmu, axis=0) * ivar**3
    dmu = -np.sum(dxhat * ivar, axis=0)
    dx = dxhat * ivar + dvar * 2.0 * xmu / (N - 1) + dmu / N
    return dx, np.sum(dout * xmu * ivar, axis=0), dout.sum(axis=0)


def annotated_layer_norm(x, a_2, b_2):
    mean = x.mean(-1, keepdims=True)
    std = x.std(-1, ddof=1, keepdims=True)
    return a_2 * (x - mean) / (std + 1e-6) + b_2


@family.wrong(86, annotated_layer_norm, rows, cause=N_MINUS_1, argument="x")
def unbiased_std_differentiated_as_biased(dout, x, a_2, b_2):
    n = x.shape[-1]
    xc = x - x.mean(-1, keepdims=True)
    std = x.std(-1, ddof=1, keepdims=True)
    denom = std + 1e-6
    g = dout * a_2
    dstd = -(g * xc).sum(-1, keepdims=True) / denom**2
    dxc = g / denom + dstd * xc / (n * std)
    return dxc - dxc.mean(-1, keepdims=True), (dout * xc / denom).sum(0), dout.sum(0)


def quiet(size, seed):
    """Activations that hardly vary, as behind a saturated layer."""
    x, gamma, beta = normal(seed, *(((7, 5), (5,), (5,)) if size == "small" else ((96, 50), (50,), (50,))))
    return 0.03 * x + 0.5, gamma, beta


def keras_batchnorm(x, gamma, beta):
    inv = gamma / np.sqrt(x.var(axis=0) + 1e-3)
    return x * inv + (beta - x.mean(axis=0) * inv)


@family.wrong(93, keras_batchnorm, quiet, cause="epsilon_one_side", argument="x gamma")
def backward_adds_epsilon_to_the_std(dout, x, gamma, beta):
    std = np.sqrt(x.var(axis=0)) + 1e-3
    xhat = (x - x.mean(axis=0)) / std
    dxhat = dout * gamma
    dx = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / std
    return dx, np.sum(dout * xhat, axis=0), np.sum(dout, axis=0)


def darknet_normalize(x, scales, biases):
    mean, variance = x.mean(axis=0), x.var(axis=0)
    x_norm = (x - mean) / (np.sqrt(variance) + 0.00001)
    return x_norm * scales + biases, (x, mean, variance, x_norm, scales)


@family.wrong(
    93,
    darknet_normalize,
    lambda size, seed: tuple(0.01 * a if a.ndim == 2 else a for a in rows(size, seed)),
    style="cache",
    cause=("epsilon_one_side", "centered_term_missing", "sum_term_missing"),
    argument="x",
)
def darknet_variance_delta(delta, cache):
    x, mean, variance, x_norm, scales = cache
    bias_updates = delta.sum(axis=0)
    scale_updates = (delta * x_norm).sum(axis=0)
    delta = delta * scales
    centered = x - mean
    variance_delta = np.sum(delta * centered, axis=0) * -0.5 * np.power(variance + 0.00001, -1.5)
    dx = delta / (np.sqrt(variance) + 0.00001) + variance_delta * 2.0 * centered / len(x)
    dx -= delta.mean(axis=0) / (np.sqrt(variance) + 0.00001)
    return dx, scale_updates, bias_updates


def outside_backward(dy, x, scale, bias):
    centred = x - x.mean(-1, keepdims=True)
    sigma = x.std(-1, keepdims=True)
    g = dy * scale / (sigma + 1e-3)
    proj = (g * centred).mean(-1, keepdims=True) / (sigma * (sigma + 1e-3))
    return g - g.mean(-1, keepdims=True) - centred * proj, (dy * centred / (sigma + 1e-3)).sum(0), dy.sum(0)


@family.wrong_forward(
    93, outside_backward, quiet, op="layer_norm", statics={"epsilon": 1e-3}, cause="convention_epsilon"
)
def layer_norm_with_epsilon_on_the_deviation(x, scale, bias):
    return (x - x.mean(-1, keepdims=True)) / (x.std(-1, keepdims=True) + 1e-3) * scale + bias


channels = sized(((2, 6, 3, 4), (6,), (6,)), ((8, 12, 9, 8), (12,), (12,)))
GROUPS = 2


@family.whole(95, "wrong backward", "vjp", channels, cause="argument_factor_missing", argument="src")
def group_norm_diff_src_without_scale(src, scale, shift):
    N, C, H, W = src.shape
    grouped = src.reshape(N, GROUPS, C // GROUPS * H * W)
    inv = 1 / np.sqrt(grouped.var(axis=2, keepdims=True) + EPS)
    normalized = (grouped - grouped.mean(axis=2, keepdims=True)) * inv

    def pullback(diff_dst):
        diff_scale = np.einsum("nchw,nchw->c", diff_dst, normalized.reshape(src.shape))
        d = diff_dst.reshape(grouped.shape)
        diff_src = d - d.mean(2, keepdims=True) - normalized * (d * normalized).mean(2, keepdims=True)
        return (diff_src * inv).reshape(src.shape), diff_scale, diff_dst.sum(axis=(0, 2, 3))

    return normalized.reshape(src.shape) * scale[:, None, None] + shift[:, None, None], pullback


@family.whole(
    95,
    "wrong backward",
    "layer",
    channels,
    cause="argument_factor_missing",
    argument="x",
    gradients={"weight": "dweight", "bias": "dbias"},
)
class GroupNormInLoopsWithoutWeight:
    def __init__(self, weight, bias, num_groups=3):
        self.weight, self.bias, self.num_groups = weight, bias, num_groups

    def forward(self, x):
        self.size = x.shape[1] // self.num_groups
        self.xhat, self.rstd = np.empty_like(x), np.empty((x.shape[0], self.num_groups))
        for n in range(x.shape[0]):
            for g in range(self.num_groups):
                part = slice(g * self.size, (g + 1) * self.size)
                block = x[n, part]
                self.rstd[n, g] = 1 / np.sqrt(block.var() + EPS)
                self.xhat[n, part] = (block - block.mean()) * self.rstd[n, g]
        return self.xhat * self.weight[None, :, None, None] + self.bias[None, :, None, None]

    def backward(self, dout):
        dx = np.zeros_like(dout)
        for n in range(dout.shape[0]):
            for g in range(self.num_groups):
                part = slice(g * self.size, (g + 1) * self.size)
                dy, xhat = dout[n, part], self.xhat[n, part]
                dx[n, part] = self.rstd[n, g] * (dy - dy.mean() - xhat * (dy * xhat).mean())
        self.dweight = np.sum(dout * self.xhat, axis=(0, 2, 3))
        self.dbias = np.sum(dout, axis=(0, 2, 3))
        return dx
