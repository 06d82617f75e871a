"""Normalization that is not the named op, keeps state, or is right though it has been accused (F3)."""

from functools import partial

import numpy as np

from ..case import Family
from .normalization import EPSILON, channelwise, images, of_parameters, running, staged, table, through
from .normalization_layers import channels, group_norm, layer_norm, tokens
from .normalization_scales import directions, rms_norm, rows, unit_rows, weight_norm

family = Family("normalization")
claimed = partial(family.wrong_forward, inputs=table, op="layer_norm", argument="x")


def unbiased_backward(dy, x, scale, bias):
    xc, n = x - x.mean(axis=-1, keepdims=True), x.shape[-1]
    std = np.sqrt(x.var(axis=-1, ddof=1, keepdims=True) + EPSILON)
    dxhat = dy * scale
    second = xc * (dxhat * xc).sum(axis=-1, keepdims=True) / (std**2 * (n - 1))
    dx = (dxhat - dxhat.mean(axis=-1, keepdims=True) - second) / std
    return dx, *of_parameters(dy, xc / std)


@claimed(86, unbiased_backward, cause="convention_variance")
def layer_norm_with_one_degree_less(x, scale, bias):
    std = np.sqrt(x.var(axis=-1, ddof=1, keepdims=True) + EPSILON)
    return scale * (x - x.mean(axis=-1, keepdims=True)) / std + bias


def outside_backward(dy, x, scale, bias):
    xc, plain = x - x.mean(axis=-1, keepdims=True), x.std(axis=-1, keepdims=True)
    std = plain + 0.1
    dxhat = dy * scale
    second = xc * (dxhat * xc).mean(axis=-1, keepdims=True) / (std * plain)
    return (dxhat - dxhat.mean(axis=-1, keepdims=True) - second) / std, *of_parameters(dy, xc / std)


@claimed(93, outside_backward, statics={"epsilon": 0.1}, cause="convention_epsilon")
def layer_norm_with_epsilon_outside_the_root(x, scale, bias):
    return scale * (x - x.mean(axis=-1, keepdims=True)) / (x.std(axis=-1, keepdims=True) + 0.1) + bias


def root_backward(dy, x, scale, bias):
    rms = np.sqrt((x * x).mean(axis=-1, keepdims=True) + EPSILON)
    dxhat = dy * scale
    return (dxhat - x * (dxhat * x).mean(axis=-1, keepdims=True) / rms**2) / rms, *of_parameters(dy, x / rms)


@claimed(84, root_backward, cause="forward")
def layer_norm_that_never_centers(x, scale, bias):
    return scale * x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + EPSILON) + bias


@family.whole(
    92,
    "impure",
    "layer",
    lambda size, seed: table(size, seed)[:1],
    argument="x",
    cause=("stale_state", "not_deterministic"),
)
class NormByMovingAverages:
    """Every forward moves the averages and then normalizes by them as constants."""

    def __init__(self):
        self.mean, self.var = 0.0, 1.0

    def forward(self, x):
        self.mean = 0.9 * self.mean + 0.1 * x.mean(axis=0)
        self.var = 0.9 * self.var + 0.1 * x.var(axis=0)
        return (x - self.mean) / np.sqrt(self.var + EPSILON)

    def backward(self, dout):
        return dout / np.sqrt(self.var + EPSILON)


@family.impure(83, rms_norm, rows, style="rule", argument="x scale", cause=("residuals_changed", "input_changed"))
def rms_normalizes_the_saved_input_again(saved, g):
    x, rms, scale = saved
    x /= rms
    dscale = (g * x).sum(axis=0)
    dxhat = g * scale
    return (dxhat - x * (dxhat * x).mean(axis=-1, keepdims=True)) / rms, dscale


control = partial(family.control, inputs=table)


@control("F3", staged, style="cache")
def mean_path_without_the_variance(dy, c):
    dxhat, n = dy * c["gamma"], len(dy)
    dvar = -0.5 * (dxhat * c["xmu"]).sum(axis=0) / c["std"] ** 3
    dmu = -dxhat.sum(axis=0) / c["std"]
    return dxhat / c["std"] + 2 * c["xmu"] * dvar / n + dmu / n, *of_parameters(dy, c["xhat"])


@control("F3", staged, style="cache")
def mean_path_with_the_sum_of_deviations(dy, c):
    dxhat, n = dy * c["gamma"], len(dy)
    dvar = -0.5 * (dxhat * c["xmu"]).sum(axis=0) / c["std"] ** 3
    dmu = -dxhat.sum(axis=0) / c["std"] - 2 * dvar * c["xmu"].sum(axis=0) / n
    return dxhat / c["std"] + 2 * c["xmu"] * dvar / n + dmu / n, *of_parameters(dy, c["xhat"])


@control("F3", channelwise, inputs=images, style="rule")
def channels_by_one_factor_of_the_count(saved, g):
    xhat, std, gamma = saved
    dgamma, dbeta = of_parameters(g, xhat, (0, 2, 3))
    count = g.size / len(gamma)
    dx = count * g - dbeta[:, None, None] - xhat * dgamma[:, None, None]
    return dx * gamma[:, None, None] / (std * count), dgamma, dbeta


@control(
    85,
    lambda x, gamma, beta, mean, variance: gamma * (x - mean) / np.sqrt(variance + EPSILON) + beta,
    inputs=running,
    op="batch_norm_inference",
)
def evaluation_takes_statistics_as_given(dy, x, gamma, beta, mean, variance):
    scale = gamma / np.sqrt(variance + EPSILON)
    dgamma, dbeta = of_parameters(dy, (x - mean) / np.sqrt(variance + EPSILON))
    return dy * scale, dgamma, dbeta, -scale * dbeta, -0.5 * gamma * dgamma / (variance + EPSILON)


@control("", layer_norm, inputs=tokens, style="rule", op="layer_norm", statics={"epsilon": 1e-2})
def layer_norm_of_tokens_flattened(c, g):
    flat, xhat = g.reshape(-1, g.shape[-1]), c["xhat"].reshape(-1, g.shape[-1])
    dx = through(flat * c["scale"], xhat, 1 / c["rstd"].reshape(-1, 1), 1)
    return dx.reshape(g.shape), *of_parameters(flat, xhat)


@control("", group_norm, inputs=channels, style="cache")
def group_norm_of_channels(g, cache):
    xhat, std, scale = cache
    dx = through((g * scale[:, None, None]).reshape(xhat.shape), xhat, std, (2, 3, 4))
    return dx.reshape(g.shape), *of_parameters(g, xhat.reshape(g.shape), (0, 2, 3))


@control("", weight_norm, inputs=directions, style="rule")
def weight_norm_by_its_projection(c, g):
    dlength = (g * c["v"]).sum(axis=0) / c["norm"]
    return c["length"] * (g / c["norm"] - dlength * c["v"] / c["norm"] ** 2), dlength


@control("", unit_rows, inputs=lambda size, seed: rows(size, seed)[:1], style="cache")
def unit_rows_by_whole_jacobians(dy, cache):
    y, norm = cache
    jacobians = (np.eye(y.shape[1]) - y[:, :, None] * y[:, None, :]) / norm[:, None]
    return np.einsum("nij,nj->ni", jacobians, dy)


@family.whole("", "control", "layer", table, gradients={"gamma": "dgamma", "beta": "dbeta"})
class BatchNormWithRunningStatistics:
    """Moves its running statistics in every call; training does not depend on them."""

    def __init__(self, gamma, beta):
        self.gamma, self.beta, self.running_mean = gamma, beta, 0.0

    def forward(self, x):
        self.running_mean = 0.9 * self.running_mean + 0.1 * x.mean(axis=0)
        y, self.cache = staged(x, self.gamma, self.beta)
        return y

    def backward(self, dout):
        self.dgamma, self.dbeta = of_parameters(dout, self.cache["xhat"])
        return through(dout * self.gamma, self.cache["xhat"], self.cache["std"], 0)
