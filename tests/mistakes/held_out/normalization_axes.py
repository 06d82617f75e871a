"""Normalizations over the wrong axis, row, block or index of gamma (catalogue 87 to 91)."""

# As people write it: loops bind what is returned.
# pyright: reportPossiblyUnboundVariable=false

from functools import partial

import numpy as np

from ..case import Family, sized
from .normalization_statistics import EPS, layernorm_forward, llm_layernorm, rows, tokens

family = Family("normalization")
as_layer_norm = partial(family.wrong, op="layer_norm", statics={"epsilon": EPS})
nhwc = sized(((3, 4, 5, 2), (2,), (2,)), ((8, 12, 10, 6), (6,), (6,)))


def batchnorm_nhwc(x, gamma, beta):
    mean = x.mean(axis=(0, 1, 2))
    ivar = 1.0 / np.sqrt(x.var(axis=(0, 1, 2)) + EPS)
    x_hat = (x - mean) * ivar
    return x_hat * gamma + beta, (x_hat, ivar, gamma)


@family.wrong(87, batchnorm_nhwc, nhwc, style="cache", cause="coupled_over_wrong_axis", argument="x")
def pictures_backward_centres_over_the_batch_only(dout, cache):
    x_hat, ivar, gamma = cache
    dgamma = np.sum(dout * x_hat, axis=(0, 1, 2))
    dbeta = np.sum(dout, axis=(0, 1, 2))
    dxhat = dout * gamma
    dx = ivar * (dxhat - np.mean(dxhat, axis=0) - x_hat * np.mean(dxhat * x_hat, axis=0))
    return dx, dgamma, dbeta


@family.wrong(
    87,
    batchnorm_nhwc,
    nhwc,
    style="rule",
    names=("x", "gamma", "beta"),
    cause=("wrong_shape", "not_reduced"),
    argument="gamma beta",
)
def scale_gradient_per_activation(res, g):
    x_hat, ivar, gamma = res
    m = g.shape[0] * g.shape[1] * g.shape[2]
    dgamma, dbeta = (g * x_hat).sum(axis=0), g.sum(axis=0)
    sum_xhat, sum_g = dgamma.sum(axis=(0, 1)), dbeta.sum(axis=(0, 1))
    return gamma * ivar / m * (m * g - sum_g - x_hat * sum_xhat), dgamma, dbeta


def per_activation_backward(dout, x, gamma, beta):
    inv = 1 / np.sqrt(x.var(axis=0) + EPS)
    xhat = (x - x.mean(axis=0)) * inv
    d = dout * gamma
    dx = inv * (d - d.mean(axis=0) - xhat * (d * xhat).mean(axis=0))
    return dx, (dout * xhat).sum(axis=(0, 1, 2)), dout.sum(axis=(0, 1, 2))


@family.wrong_forward(
    87,
    per_activation_backward,
    nhwc,
    op="batch_norm",
    statics={"epsilon": EPS},
    cause=("convention_axis", "forward"),
)
def batch_norm_per_activation(x, gamma, beta):
    return gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + EPS) + beta


@as_layer_norm(
    88,
    layernorm_forward,
    rows,
    style="cache",
    cause=("coupled_over_wrong_axis", "static_ignored"),
    argument="x",
)
def layernorm_backward_copied_from_batchnorm(dout, cache):
    x_hat, gamma, std = cache
    N = dout.shape[0]
    dbeta = dout.sum(axis=0)
    dgamma = (dout * x_hat).sum(axis=0)
    dxhat = dout * gamma
    dx = (N * dxhat - dxhat.sum(axis=0) - x_hat * (dxhat * x_hat).sum(axis=0)) / (N * std)
    return dx, dgamma, dbeta


def over_the_batch_backward(dout, x, scale, bias):
    std = np.sqrt(x.var(axis=0) + EPS)
    xhat = (x - x.mean(axis=0)) / std
    dxhat = dout * scale
    dx = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / std
    return dx, (dout * xhat).sum(axis=0), dout.sum(axis=0)


@family.wrong_forward(
    88, over_the_batch_backward, rows, op="layer_norm", statics={"epsilon": EPS}, cause="convention_axis"
)
def layer_norm_over_axis_zero(x, scale, bias):
    mu, sigma2 = np.mean(x, axis=0, keepdims=True), np.var(x, axis=0, keepdims=True)
    return (x - mu) / np.sqrt(sigma2 + EPS) * scale + bias


@family.whole(
    88,
    "wrong backward",
    "vjp",
    rows,
    op="layer_norm",
    statics={"epsilon": EPS},
    cause=("wrong_shape", "reduced_over_wrong_axis"),
    argument="g b",
)
def layer_norm_gain_summed_over_features(x, g, b):
    mean, var = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    xhat = (x - mean) / np.sqrt(var + EPS)

    def pullback(dy):
        dg, db = (dy * xhat).sum(axis=-1), dy.sum(axis=-1)
        h = dy * g
        inner = h - h.mean(axis=-1, keepdims=True) - xhat * (h * xhat).mean(axis=-1, keepdims=True)
        return inner / np.sqrt(var + EPS), dg, db

    return xhat * g + b, pullback


def normalized_rows(x):
    mu = x.mean(axis=-1, keepdims=True)
    rstd = 1 / np.sqrt(x.var(axis=-1, keepdims=True) + EPS)
    return (x - mu) * rstd, rstd


@as_layer_norm(
    89,
    llm_layernorm,
    tokens,
    cause=("wrong_shape", "not_reduced"),
    argument="weight bias",
)
def three_axes_and_only_the_first_summed(dy, inp, weight, bias):
    xhat, rstd = normalized_rows(inp)
    dxhat = dy * weight
    c1 = dxhat.mean(axis=-1, keepdims=True)
    c2 = (dxhat * xhat).mean(axis=-1, keepdims=True)
    return rstd * (dxhat - c1 - xhat * c2), np.sum(dy * xhat, axis=0), np.sum(dy, axis=0)


@as_layer_norm(
    89,
    llm_layernorm,
    tokens,
    cause=("entries_not_written", "samples_missing", "sum_term_missing"),
    argument="inp weight bias",
)
def number_of_rows_is_shape_zero(dy, inp, weight, bias):
    M, N = inp.shape[0], inp.shape[-1]
    x2d, dy2d = inp.reshape(-1, N), dy.reshape(-1, N)
    dx = np.zeros_like(x2d)
    dw, db = np.zeros(N), np.zeros(N)
    for row in range(M):
        xhat, rstd = normalized_rows(x2d[row])
        wdy = weight * dy2d[row]
        dx[row] = rstd * (wdy - wdy.mean() - xhat * (wdy * xhat).mean())
        dw += dy2d[row] * xhat
        db += dy2d[row]
    return dx.reshape(inp.shape), dw, db


channels = sized(((2, 6, 3, 4), (6,), (6,)), ((8, 12, 9, 8), (12,), (12,)))


def group_norm(x, gamma, beta):
    N, C, H, W = x.shape
    xhat, _ = normalized_rows(x.reshape(N, 2, -1))
    return xhat.reshape(x.shape) * gamma[:, None, None] + beta[:, None, None]


@family.wrong(90, group_norm, channels, cause="wrong_operand", argument="x")
def gamma_looked_up_at_channel_times_groups(dout, x, gamma, beta):
    N, C, H, W = x.shape
    xhat, rstd = normalized_rows(x.reshape(N, 2, -1))
    dx = np.zeros_like(xhat)
    for n in range(N):
        for g in range(2):
            d = np.concatenate([dout[n, g * C // 2 + i].ravel() * gamma[i * 2 + g] for i in range(C // 2)])
            dx[n, g] = rstd[n, g] * (d - d.mean() - xhat[n, g] * (d * xhat[n, g]).mean())
    return dx.reshape(x.shape), (dout * xhat.reshape(x.shape)).sum((0, 2, 3)), dout.sum((0, 2, 3))


wide = sized(((5, 6), (6,), (6,)), ((80, 64), (64,), (64,)))


@as_layer_norm(90, layernorm_forward, wide, style="cache", cause=("row_permuted", "reordered"), argument="gamma beta")
def unrolled_threads_write_to_position(dout, cache):
    x_hat, gamma, std = cache
    D, unroll = gamma.size, 2
    threads = D // unroll
    dgamma, dbeta = np.zeros(D), np.zeros(D)
    for t in range(threads):
        for i in range(unroll):
            idx = t * unroll + i
            pos = i * threads + t
            dgamma[pos] = np.dot(dout[:, idx], x_hat[:, idx])
            dbeta[pos] = dout[:, idx].sum()
    h = dout * gamma
    dx = (h - h.mean(axis=1, keepdims=True) - x_hat * (h * x_hat).mean(axis=1, keepdims=True)) / std
    return dx, dgamma, dbeta


@as_layer_norm(
    91,
    layernorm_forward,
    rows,
    style="rule",
    names=("x", "gamma", "beta"),
    cause=("samples_missing", "sum_term_missing"),
    argument="gamma",
)
def partial_sums_of_the_last_block(residuals, dy):
    x_hat, gamma, std = residuals
    BLOCK = 4
    dgamma, dbeta = np.zeros_like(gamma), np.zeros_like(gamma)
    for start in range(0, len(dy), BLOCK):
        block = slice(start, start + BLOCK)
        partial_gamma = (dy[block] * x_hat[block]).sum(axis=0)
        dbeta += dy[block].sum(axis=0)
    dgamma += partial_gamma
    wdy = dy * gamma
    dx = wdy - wdy.mean(1, keepdims=True) - x_hat * np.mean(wdy * x_hat, axis=1, keepdims=True)
    return dx / std, dgamma, dbeta


@family.wrong(
    91,
    group_norm,
    channels,
    cause=("last_sample_only", "samples_missing", "sum_term_missing"),
    argument="gamma beta",
)
def group_norm_weight_assigned_in_the_sample_loop(dout, x, gamma, beta):
    dx, dgamma, dbeta = np.empty_like(x), np.empty_like(gamma), np.empty_like(beta)
    for n, (image, up) in enumerate(zip(x, dout, strict=True)):
        xhat, rstd = normalized_rows(image.reshape(2, -1))
        dgamma[:] = (up * xhat.reshape(up.shape)).sum(axis=(1, 2))
        dbeta[:] = up.sum(axis=(1, 2))
        d = (up * gamma[:, None, None]).reshape(2, -1)
        grouped = d - d.mean(1, keepdims=True) - xhat * (d * xhat).mean(1, keepdims=True)
        dx[n] = (grouped * rstd).reshape(up.shape)
    return dx, dgamma, dbeta
