"""Correct normalizations, dropouts and embeddings in several ways of writing (F3 among them)."""

from functools import partial

import numpy as np

from ..case import Family, sized
from .dropout_embedding import hidden, hidden_layer, masked
from .dropout_embedding_tables import bag_of_words, padded_words
from .normalization_running import batchnorm_eval, flat
from .normalization_statistics import EPS, batchnorm, pictures, rows

family = Family("normalization")


@family.control("F3", batchnorm, rows)
def mean_gradient_without_the_way_through_the_variance(delta, x, gamma, beta):
    mean, variance = x.mean(axis=0), x.var(axis=0)
    x_norm = (x - mean) / np.sqrt(variance + EPS)
    bias_updates, scale_updates = delta.sum(axis=0), np.sum(delta * x_norm, axis=0)
    delta = delta * gamma
    mean_delta = delta.sum(axis=0) * (-1.0 / np.sqrt(variance + EPS))
    variance_delta = np.sum(delta * (x - mean), axis=0) * -0.5 * np.power(variance + EPS, -3.0 / 2.0)
    batch = len(x)
    delta = delta / np.sqrt(variance + EPS) + variance_delta * 2.0 * (x - mean) / batch + mean_delta / batch
    return delta, scale_updates, bias_updates


@family.whole(
    "F3",
    "control",
    "layer",
    pictures,
    gradients={"gamma": "dgamma", "beta": "dbeta"},
)
class SpatialBatchNormWithEveryPath:
    def __init__(self, gamma, beta):
        self.gamma, self.beta = gamma, beta

    def forward(self, x):
        N, C, H, W = x.shape
        self.shape, self.x = x.shape, x.transpose(0, 2, 3, 1).reshape(-1, C)
        self.mu, self.var = self.x.mean(axis=0), self.x.var(axis=0)
        self.xhat = (self.x - self.mu) / np.sqrt(self.var + EPS)
        out = self.gamma * self.xhat + self.beta
        return out.reshape(N, H, W, C).transpose(0, 3, 1, 2)

    def backward(self, dout):
        N, C, H, W = self.shape
        dout = dout.transpose(0, 2, 3, 1).reshape(-1, C)
        M, centred = len(dout), self.x - self.mu
        self.dgamma, self.dbeta = (dout * self.xhat).sum(axis=0), dout.sum(axis=0)
        dxhat = dout * self.gamma
        dvar = (dxhat * centred * -0.5 * (self.var + EPS) ** -1.5).sum(axis=0)
        dmu = (-dxhat / np.sqrt(self.var + EPS)).sum(axis=0) + dvar * (-2 * centred).mean(axis=0)
        dx = dxhat / np.sqrt(self.var + EPS) + dvar * 2 * centred / M + dmu / M
        return dx.reshape(N, H, W, C).transpose(0, 3, 1, 2)


@family.whole(
    88,
    "control",
    "vjp",
    sized(((3, 5, 4), (5,), (5,)), ((8, 24, 30), (24,), (24,))),
    op="layer_norm",
    statics={"axis": 1, "epsilon": EPS},
)
def channels_first_layer_norm(x, weight, bias):
    u = x.mean(1, keepdims=True)
    d = x - u
    s = np.mean(d * d, 1, keepdims=True) + EPS
    y = d * s**-0.5

    def pullback(g):
        gw = g * weight[:, None]
        gs = np.sum(gw * d, 1, keepdims=True) * -0.5 * s**-1.5
        gd = gw * s**-0.5 + 2 * d * gs / x.shape[1]
        return gd - gd.mean(1, keepdims=True), np.einsum("nct,nct->c", g, y), np.einsum("nct->c", g)

    return weight[:, None] * y + bias[:, None], pullback


@family.control(
    85,
    batchnorm_eval,
    flat,
    op="batch_norm_inference",
    statics={"epsilon": EPS},
    constants=("running_mean", "running_var"),
)
def frozen_batch_norm_as_an_affine_map(dout, x, gamma, beta, running_mean, running_var):
    inv = 1 / np.sqrt(running_var + EPS)
    dscale = np.sum(dout * x, axis=0)
    dshift = dout.sum(axis=0)
    return dout * (gamma * inv), inv * (dscale - running_mean * dshift), dshift, None, None


@family.whole(
    84,
    "control",
    "jax",
    sized(((2, 3, 5), (5,)), ((6, 25, 32), (32,))),
    names=("x", "weight"),
)
def rms_norm_custom_vjp():
    import jax
    import jax.numpy as jnp

    @jax.custom_vjp
    def rms_norm(x, weight):
        return fwd(x, weight)[0]

    def fwd(x, weight):
        r = jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + EPS)
        return x * r * weight, (x, r, weight)

    def bwd(saved, g):
        x, r, weight = saved
        gw = g * weight
        dx = gw * r - x * r**3 * jnp.mean(gw * x, axis=-1, keepdims=True)
        return dx, jnp.einsum("btd,btd->d", g, x * r)

    rms_norm.defvjp(fwd, bwd)
    return rms_norm


dropout_family = partial(family.control, family="dropout_embedding")


def scaled_where(x, mask):
    return np.where(mask, x / 0.6, 0.0)


@dropout_family(96, scaled_where, masked(0.4, ((3, 4, 5), (8, 25, 24))), op="dropout", statics={"rate": 0.4})
def kept_units_selected_by_index(dout, x, mask):
    dx = np.zeros_like(dout)
    kept = np.nonzero(mask)
    dx[kept] = dout[kept] / 0.6
    return dx, None


@dropout_family(96, hidden_layer, hidden, style="cache", constants=("mask",))
def hidden_units_dropped_by_a_scaled_mask(dout, cache):
    x, W, a, mask = cache
    da = dout * mask
    da[a <= 0] = 0
    return da.dot(W.T), x.T.dot(da), da.sum(axis=0), None


@dropout_family(101, bag_of_words, padded_words)
def mean_of_the_words_by_sorted_rows(dout, idx, W):
    real = idx != 0
    shares = dout / np.maximum(real.sum(axis=1, keepdims=True), 1)
    every = np.repeat(shares, real.sum(axis=1), axis=0)
    words, dW = idx[real], np.zeros_like(W)
    order = np.argsort(words, kind="stable")
    unique, starts = np.unique(words[order], return_index=True)
    dW[unique] = np.add.reduceat(every[order], starts, axis=0)
    return None, dW
