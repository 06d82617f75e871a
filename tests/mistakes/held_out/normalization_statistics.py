"""Normalizations whose gradient loses a way through the statistics (catalogue 76 to 79)."""

from functools import partial

import numpy as np

from ..case import Family, sized

family = Family("normalization")

EPS = 1e-5
rows = sized(((7, 5), (5,), (5,)), ((96, 50), (50,), (50,)))
tokens = sized(((2, 3, 5), (5,), (5,)), ((6, 25, 32), (32,), (32,)))
pictures = sized(((3, 2, 4, 5), (2,), (2,)), ((8, 6, 12, 10), (6,), (6,)))
weighted = sized(((4, 7), (7,)), ((90, 64), (64,)))


def layernorm_forward(x, gamma, beta):
    mu = x.mean(axis=1, keepdims=True)
    std = np.sqrt(x.var(axis=1, keepdims=True) + EPS)
    x_hat = (x - mu) / std
    return gamma * x_hat + beta, (x_hat, gamma, std)


def batchnorm(x, gamma, beta):
    mu, var = np.mean(x, axis=0), np.var(x, axis=0)
    return gamma * (x - mu) / np.sqrt(var + EPS) + beta


def rmsnorm(x, weight):
    rms = np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + EPS)
    return x / rms * weight


def llm_layernorm(inp, weight, bias):
    m = inp.mean(-1, keepdims=True)
    rstd = 1.0 / np.sqrt(((inp - m) ** 2).mean(-1, keepdims=True) + EPS)
    return (inp - m) * rstd * weight + bias


as_layer_norm = partial(family.wrong, op="layer_norm", statics={"epsilon": EPS})


@as_layer_norm(
    76,
    layernorm_forward,
    rows,
    style="cache",
    cause=("statistics_as_constants", "sum_term_missing"),
    argument="x",
)
def layernorm_backward_divides_by_std_only(dout, cache):
    x_hat, gamma, std = cache
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * x_hat, axis=0)
    dx = dout * gamma / std
    return dx, dgamma, dbeta


@family.whole(
    76,
    "wrong backward",
    "layer",
    pictures,
    cause=("statistics_as_constants", "sum_term_missing"),
    argument="x",
    gradients={"gamma": "dgamma", "beta": "dbeta"},
)
class SpatialBatchNormWithFrozenMoments:
    def __init__(self, gamma, beta):
        self.gamma, self.beta = gamma, beta

    def forward(self, x):
        self.mean = x.mean(axis=(0, 2, 3), keepdims=True)
        self.ivar = 1 / np.sqrt(x.var(axis=(0, 2, 3), keepdims=True) + EPS)
        self.xn = (x - self.mean) * self.ivar
        return self.gamma[:, None, None] * self.xn + self.beta[:, None, None]

    def backward(self, dout):
        self.dbeta = dout.sum(axis=(0, 2, 3))
        self.dgamma = (dout * self.xn).sum(axis=(0, 2, 3))
        return dout * self.gamma[:, None, None] * self.ivar


@family.whole(
    76,
    "wrong backward",
    "jax",
    tokens,
    op="layer_norm",
    statics={"epsilon": EPS},
    names=("x", "scale", "bias"),
    cause=("statistics_as_constants", "sum_term_missing"),
    argument="x",
)
def layer_norm_custom_vjp_without_moments():
    import jax
    import jax.numpy as jnp

    def stats(x):
        return jnp.mean(x, -1, keepdims=True), jax.lax.rsqrt(jnp.var(x, -1, keepdims=True) + EPS)

    @jax.custom_vjp
    def layer_norm(x, scale, bias):
        mean, rstd = stats(x)
        return (x - mean) * rstd * scale + bias

    def fwd(x, scale, bias):
        mean, rstd = stats(x)
        normed = (x - mean) * rstd
        return normed * scale + bias, (normed, rstd, scale)

    def bwd(res, g):
        normed, rstd, scale = res
        return g * scale * rstd, jnp.sum(g * normed, axis=(0, 1)), jnp.sum(g, axis=(0, 1))

    layer_norm.defvjp(fwd, bwd)
    return layer_norm


@family.wrong(77, batchnorm, rows, cause=("mean_term_missing", "sum_term_missing"), argument="x")
def step_by_step_without_step_one(dout, x, gamma, beta):
    N, D = x.shape
    xmu = x - np.mean(x, axis=0)
    var = np.var(x, axis=0)
    sqrtvar = np.sqrt(var + EPS)
    ivar = 1.0 / sqrtvar
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * xmu * ivar, axis=0)
    dxhat = dout * gamma
    divar = np.sum(dxhat * xmu, axis=0)
    dxmu1 = dxhat * ivar
    dsqrtvar = -1.0 / (sqrtvar**2) * divar
    dvar = 0.5 / np.sqrt(var + EPS) * dsqrtvar
    dsq = np.ones((N, D)) / N * dvar
    dxmu2 = 2 * xmu * dsq
    return dxmu1 + dxmu2, dgamma, dbeta


@as_layer_norm(77, llm_layernorm, tokens, cause=("mean_term_missing", "sum_term_missing"), argument="inp")
def llm_loops_without_the_first_reduce(dout, inp, weight, bias):
    dinp, dweight, dbias = np.zeros_like(inp), np.zeros_like(weight), np.zeros_like(bias)
    B, T, C = inp.shape
    for b in range(B):
        for t in range(T):
            rstd = 1.0 / np.sqrt(inp[b, t].var() + EPS)
            norm = (inp[b, t] - inp[b, t].mean()) * rstd
            dnorm = weight * dout[b, t]
            dnorm_norm_mean = (dnorm * norm).sum() / C
            dbias += dout[b, t]
            dweight += norm * dout[b, t]
            dinp[b, t] += (dnorm - norm * dnorm_norm_mean) * rstd
    return dinp, dweight, dbias


def instance_norm(x, scale, shift):
    mean, var = x.mean((2, 3), keepdims=True), x.var((2, 3), keepdims=True)
    inv_std = (var + EPS) ** -0.5
    xhat = (x - mean) * inv_std
    return xhat * scale[:, None, None] + shift[:, None, None], (xhat, inv_std, scale)


@family.wrong(
    78,
    instance_norm,
    pictures,
    style="rule",
    cause=("centered_term_missing", "sum_term_missing"),
    argument="x",
)
def instance_norm_centres_the_cotangent_only(residuals, g):
    xhat, inv_std, scale = residuals
    dxhat = g * scale[:, None, None]
    dx = inv_std * (dxhat - dxhat.mean(axis=(2, 3), keepdims=True))
    return dx, np.einsum("nchw,nchw->c", g, xhat), np.einsum("nchw->c", g)


@family.wrong(78, batchnorm, rows, cause=("centered_term_missing", "sum_term_missing"), argument="x")
def dvar_never_added(dout, x, gamma, beta):
    m = len(x)
    std_inv = 1.0 / np.sqrt(x.var(axis=0) + EPS)
    x_norm = (x - x.mean(axis=0)) * std_inv
    dx_norm = dout * gamma
    dmu = np.sum(dx_norm * -std_inv, axis=0)
    dx = dx_norm * std_inv + dmu / m
    return dx, np.sum(dout * x_norm, axis=0), np.sum(dout, axis=0)


@family.wrong(79, batchnorm, rows, cause=("mean_term_missing", "sum_term_missing"), argument="x")
def mean_path_added_to_a_centred_gradient(dout, x, gamma, beta):
    m = len(x)
    xc = x - x.mean(axis=0)
    std = np.sqrt((xc**2).mean(axis=0) + EPS)
    dxn = gamma * dout
    dxc = dxn / std
    dstd = -np.sum(dxn * xc / (std * std), axis=0)
    dxc += xc * dstd / std / m
    dx = dxc - dxc.mean(axis=0)
    dmu = -np.sum(dxn / std, axis=0)
    return dx + dmu / m, np.sum(dout * xc / std, axis=0), np.sum(dout, axis=0)


@family.whole(
    79,
    "wrong backward",
    "vjp",
    tokens,
    op="layer_norm",
    statics={"epsilon": EPS},
    cause=("mean_term_missing", "sum_term_missing"),
    argument="x",
)
def fused_kernel_takes_c2_twice(x, w, b):
    mean = x.mean(-1, keepdims=True)
    rstd = 1 / np.sqrt(x.var(-1, keepdims=True) + EPS)
    xhat = (x - mean) * rstd

    def pullback(dy):
        wdy = w * dy
        c1 = np.mean(xhat * wdy, axis=-1, keepdims=True)
        c2 = np.mean(wdy, axis=-1, keepdims=True)
        wdy = wdy - c2
        dx = (wdy - (xhat * c1 + c2)) * rstd
        return dx, (dy * xhat).sum(axis=(0, 1)), dy.sum(axis=(0, 1))

    return xhat * w + b, pullback
