"""The scale's gradient, the root mean square, and arrays that share memory (catalogue 81 to 84)."""

# As people write it: a backward names its gradients.
# pyright: reportIncompatibleMethodOverride=false

from functools import partial

import numpy as np

from ..case import Family
from .normalization_statistics import EPS, layernorm_forward, llm_layernorm, pictures, rmsnorm, rows, tokens, weighted

family = Family("normalization")
as_layer_norm = partial(family.wrong, op="layer_norm", statics={"epsilon": EPS})


@family.whole(81, "wrong backward", "vjp", pictures, cause=("not_normalized", "wrong_operand"), argument="gamma")
def batchnorm2d_gamma_from_the_raw_input(x, gamma, beta):
    axes, shape = (0, 2, 3), (1, -1, 1, 1)
    mu, var = x.mean(axes).reshape(shape), x.var(axes).reshape(shape)
    inv = 1 / np.sqrt(var + EPS)
    xhat = (x - mu) * inv

    def pullback(dy):
        dxhat = dy * gamma.reshape(shape)
        dx = dxhat - dxhat.mean(axes, keepdims=True) - xhat * (dxhat * xhat).mean(axes, keepdims=True)
        return dx * inv, (dy * x).sum(axes), dy.sum(axes)

    return gamma.reshape(shape) * xhat + beta.reshape(shape), pullback


def rmsnorm_rule(x, weight):
    rstd = 1 / np.sqrt(np.square(x).mean(-1, keepdims=True) + EPS)
    return x * rstd * weight, (x, rstd, weight)


@family.wrong(81, rmsnorm_rule, weighted, style="rule", cause=("not_normalized", "wrong_operand"), argument="weight")
def rmsnorm_weight_from_x(res, dy):
    x, rstd, weight = res
    g = dy * weight
    xn = x * rstd
    return rstd * (g - xn * (g * xn).mean(-1, keepdims=True)), (dy * x).sum(0)


@family.whole(
    82,
    "wrong backward",
    "layer",
    rows,
    cause="zero",
    argument="gamma",
    gradients={"gamma": "dgamma", "beta": "dbeta"},
)
class BatchNormKeepsDgammaLocal:
    def __init__(self, gamma, beta):
        self.gamma, self.beta = gamma, beta
        self.dgamma, self.dbeta = np.zeros_like(gamma), np.zeros_like(beta)

    def forward(self, x):
        self.batch_size = x.shape[0]
        self.xc = x - x.mean(axis=0)
        self.std = np.sqrt(np.mean(self.xc**2, axis=0) + EPS)
        self.xn = self.xc / self.std
        return self.gamma * self.xn + self.beta

    def backward(self, dout):
        self.dbeta = dout.sum(axis=0)
        dgamma = np.sum(self.xn * dout, axis=0)
        dxn = self.gamma * dout
        dxc = dxn / self.std
        dstd = -np.sum((dxn * self.xc) / (self.std * self.std), axis=0)
        dvar = 0.5 * dstd / self.std
        dxc += (2.0 / self.batch_size) * self.xc * dvar
        dmu = np.sum(dxc, axis=0)
        assert dgamma.shape == self.gamma.shape
        return dxc - dmu / self.batch_size


@as_layer_norm(82, layernorm_forward, rows, style="cache", cause="missing", argument="gamma")
def layernorm_backward_returns_none_for_gamma(dout, cache):
    x_hat, gamma, std = cache
    D = x_hat.shape[1]
    dx_hat = dout * gamma
    dx = (D * dx_hat - dx_hat.sum(1, keepdims=True) - x_hat * (dx_hat * x_hat).sum(1, keepdims=True)) / (D * std)
    return dx, None, dout.sum(0)


@family.whole(
    82,
    "wrong backward",
    "torch",
    weighted,
    names=("X", "W"),
    cause="zero",
    argument="W",
)
def torch_rmsnorm_allocates_dw_only():
    import torch

    class Fast_RMS_Layernorm(torch.autograd.Function):
        @staticmethod
        def forward(ctx, X, W):
            r = torch.rsqrt(X.pow(2).mean(-1, keepdim=True) + EPS)
            ctx.save_for_backward(X, W, r)
            return X * r * W

        @staticmethod
        def backward(ctx, dY):
            X, W, r = ctx.saved_tensors
            dW = torch.zeros_like(W)
            normed = X * r
            dY_W = dY * W
            dX = r * (dY_W - normed * (dY_W * normed).mean(-1, keepdim=True))
            return dX, dW

    return Fast_RMS_Layernorm


@family.wrong(83, rmsnorm, weighted, cause=("cotangent_changed", "wrong_operand"), argument="weight")
def dx_written_over_dy_before_dw(dY, x, weight):
    n_cols = x.shape[-1]
    inv_var = 1.0 / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + EPS)
    normed = x * inv_var
    dY_W = dY * weight
    rowsum_dY_normed = np.sum(dY_W * normed, axis=-1, keepdims=True)
    dX = dY
    dX[:] = inv_var / n_cols * (n_cols * dY_W - normed * rowsum_dY_normed)
    dW = np.sum(dY * normed, axis=0)
    return dX, dW


@family.whole(
    83,
    "wrong backward",
    "layer",
    rows,
    cause=("cotangent_changed", "argument_factor_missing"),
    argument="gamma beta",
    gradients={"gamma": "grad_gamma", "beta": "grad_beta"},
)
class BatchNormScalesDoutInPlace:
    def __init__(self, gamma, beta):
        self.gamma, self.beta = gamma, beta

    def forward(self, x):
        self.inv = 1 / np.sqrt(x.var(axis=0) + EPS)
        self.normed = (x - x.mean(axis=0)) * self.inv
        return self.normed * self.gamma + self.beta

    def backward(self, dout):
        dout *= self.gamma
        dx = dout - dout.mean(axis=0) - self.normed * (dout * self.normed).mean(axis=0)
        self.grad_gamma = (dout * self.normed).sum(axis=0)
        self.grad_beta = dout.sum(axis=0)
        return dx * self.inv


@family.impure(
    83,
    llm_layernorm,
    tokens,
    op="layer_norm",
    statics={"epsilon": EPS},
    cause="cotangent_changed",
)
def layer_norm_reuses_the_buffer_of_dy(dy, inp, weight, bias):
    mean = inp.mean(axis=-1, keepdims=True)
    rstd = 1 / np.sqrt(inp.var(axis=-1, keepdims=True) + EPS)
    xhat = (inp - mean) * rstd
    dweight, dbias = (dy * xhat).sum((0, 1)), dy.sum((0, 1))
    dx = dy
    np.multiply(dx, weight, out=dx)
    proj = (dx * xhat).mean(-1, keepdims=True)
    dx -= dx.mean(-1, keepdims=True)
    dx -= xhat * proj
    dx *= rstd
    return dx, dweight, dbias


CONSTANT_RMS = ("centered_term_missing", "statistics_as_constants", "sum_term_missing")


@family.wrong(84, rmsnorm_rule, weighted, style="rule", names=("x", "weight"), cause=CONSTANT_RMS, argument="x")
def rms_is_a_number(res, dy):
    x, rstd, weight = res
    return dy * weight * rstd, np.sum(dy * x * rstd, axis=0)


@family.whole(
    84,
    "wrong backward",
    "layer",
    weighted,
    cause=CONSTANT_RMS,
    argument="hidden_states",
    gradients={"weight": "weight_grad"},
)
class T5LayerNormDividesOnly:
    def __init__(self, weight):
        self.weight = weight
        self.variance_epsilon = 1e-6

    def forward(self, hidden_states):
        self.variance = np.mean(hidden_states**2, axis=-1, keepdims=True)
        self.normalized = hidden_states / np.sqrt(self.variance + self.variance_epsilon)
        return self.weight * self.normalized

    def backward(self, grad):
        self.weight_grad = np.einsum("bd,bd->d", grad, self.normalized)
        grad_normalized = grad * self.weight
        return grad_normalized / np.sqrt(self.variance + self.variance_epsilon)
