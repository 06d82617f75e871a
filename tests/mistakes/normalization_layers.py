"""Mistakes in normalization layers of images and groups, of root mean squares, and forwards (catalogue 84 to 95)."""

from functools import partial

import numpy as np

from .case import Family, sized
from .normalization import (
    EPSILON,
    batch_norm,
    images,
    layer_norm,
    of_parameters,
    small_variance,
    standardized,
    through,
    uncentered,
)

family = Family("normalization")


def channels(value):
    return value[:, None, None]


def image_norm(x, gamma, beta):
    xhat, deviation = standardized(x, (0, 2, 3))
    return channels(gamma) * xhat + channels(beta), (xhat, deviation, gamma)


over_images = partial(family.wrong, forward=image_norm, inputs=images, style="cache")


def channel_sums(dout, xhat):
    return (dout * xhat).sum(axis=(0, 2, 3)), dout.sum(axis=(0, 2, 3))


@over_images(87, argument="x", cause="coupled_over_wrong_axis")
def image_statistics_over_the_batch_only_in_backward(dout, cache):
    xhat, deviation, gamma = cache
    return through(dout * channels(gamma), xhat, deviation, 0), *channel_sums(dout, xhat)


@over_images(87, argument="gamma beta", cause=("not_reduced", "wrong_shape"))
def image_parameters_per_activation(dout, cache):
    xhat, deviation, gamma = cache
    return through(dout * channels(gamma), xhat, deviation, (0, 2, 3)), (dout * xhat).sum(axis=0), dout.sum(axis=0)


@over_images(89, argument="x", cause=("mean_term_missing", "centered_term_missing", "statistics_as_constants"))
def image_sums_divided_by_the_batch_only(dout, cache):
    xhat, deviation, gamma = cache
    n, dxhat = len(xhat), dout * channels(gamma)
    mean, slope = (s.sum(axis=(0, 2, 3), keepdims=True) / n for s in (dxhat, dxhat * xhat))
    return (dxhat - mean - xhat * slope) / deviation, *channel_sums(dout, xhat)


@over_images(76, argument="x", cause="statistics_as_constants")
def image_statistics_as_constants(dout, cache):
    xhat, deviation, gamma = cache
    return dout * channels(gamma) / deviation, *channel_sums(dout, xhat)


@over_images(57, argument="beta", cause=("mean_instead_of_sum", "scaled_by_spatial"))
def image_bias_gradient_averaged_over_positions(dout, cache):
    xhat, deviation, gamma = cache
    dx = through(dout * channels(gamma), xhat, deviation, (0, 2, 3))
    return dx, (dout * xhat).sum(axis=(0, 2, 3)), dout.mean(axis=(2, 3)).sum(axis=0)


def root_mean_square(x, gamma):
    r = np.sqrt((x**2).mean(axis=-1, keepdims=True) + EPSILON)
    return gamma * x / r, (x, r, gamma)


rows = sized(((3, 7), (7,)), ((64, 100), (100,)))
rms = partial(family.wrong, forward=root_mean_square, inputs=rows, style="rule")


@rms(84, argument="x", cause=("statistics_as_constants", "centered_term_missing"))
def root_mean_square_as_constant(residuals, cotangent):
    x, r, gamma = residuals
    return cotangent * gamma / r, (cotangent * x / r).sum(axis=0)


@rms(80, argument="x", cause="argument_factor_missing")
def root_mean_square_gamma_missing(residuals, cotangent):
    x, r, _gamma = residuals
    dx = (cotangent - x * (cotangent * x).mean(axis=-1, keepdims=True) / r**2) / r
    return dx, (cotangent * x / r).sum(axis=0)


@rms(81, argument="gamma", cause="not_normalized")
def root_mean_square_scale_gradient_by_x(residuals, cotangent):
    x, r, gamma = residuals
    dxhat = cotangent * gamma
    dx = (dxhat - x * (dxhat * x).mean(axis=-1, keepdims=True) / r**2) / r
    return dx, (cotangent * x).sum(axis=0)


@rms(77, argument="x", cause="mean_term_missing")
def root_mean_square_with_a_mean_term(residuals, cotangent):
    x, r, gamma = residuals
    dxhat = cotangent * gamma
    dx = (dxhat - dxhat.mean(axis=-1, keepdims=True) - x * (dxhat * x).mean(axis=-1, keepdims=True) / r**2) / r
    return dx, (cotangent * x / r).sum(axis=0)


def split(x):
    """Two groups of channels."""
    return x.reshape(len(x), 2, -1)


def group_norm(x, gamma, beta):
    xhat, deviation = standardized(split(x), -1)
    xhat = xhat.reshape(x.shape)
    return channels(gamma) * xhat + channels(beta), (xhat, deviation, gamma)


even_images = sized(((3, 4, 2, 5), (4,), (4,)), ((16, 8, 9, 8), (8,), (8,)))
groups = partial(family.wrong, forward=group_norm, inputs=even_images, style="cache")


@groups(95, argument="x", cause="argument_factor_missing")
def group_scale_ignored(dout, cache):
    xhat, deviation, _gamma = cache
    dx = through(split(dout), split(xhat), deviation, -1).reshape(dout.shape)
    return dx, *channel_sums(dout, xhat)


@groups(88, argument="x", cause="coupled_over_wrong_axis")
def group_statistics_over_all_channels_in_backward(dout, cache):
    xhat, deviation, gamma = cache
    dxhat = dout * channels(gamma)
    each = np.repeat(deviation, xhat.shape[1] // 2, axis=1)[..., None]
    return through(dxhat, xhat, each, (1, 2, 3)), *channel_sums(dout, xhat)


@family.whole(
    76,
    "wrong backward",
    "layer",
    uncentered,
    argument="x",
    cause="centered_term_missing",
    gradients={"gamma": "dgamma", "beta": "dbeta"},
)
class BatchNormalizationVarianceSign:
    def __init__(self, gamma, beta):
        self.gamma, self.beta = gamma, beta

    def forward(self, x, train_flg=True):
        self.xc = x - x.mean(axis=0)
        self.std = np.sqrt(np.mean(self.xc**2, axis=0) + 10e-7)
        self.xn = self.xc / self.std
        return self.gamma * self.xn + self.beta

    def backward(self, dout):
        self.dbeta = dout.sum(axis=0)
        self.dgamma = np.sum(self.xn * dout, axis=0)
        dxn = self.gamma * dout
        dxc = dxn / self.std
        dstd = np.sum((dxn * self.xc) / (self.std * self.std), axis=0)
        dvar = 0.5 * dstd / self.std
        dxc += (2.0 / len(dout)) * self.xc * dvar
        return dxc - np.sum(dxc, axis=0) / len(dout)


class RunningNormalization:
    def __init__(self, gamma, beta):
        self.gamma, self.beta = gamma, beta
        self.mean, self.variance = np.zeros_like(gamma), np.ones_like(gamma)


parameters = {"gamma": "dgamma", "beta": "dbeta"}


@family.whole(
    92,
    "impure",
    "layer",
    uncentered,
    argument="x",
    cause=("not_deterministic", "accumulates", "stale_state"),
    gradients=parameters,
)
class NormalizationByUpdatedStatistics(RunningNormalization):
    """Normalizes by the running statistics that every call moves."""

    def forward(self, x):
        self.mean = 0.9 * self.mean + 0.1 * x.mean(axis=0)
        self.variance = 0.9 * self.variance + 0.1 * x.var(axis=0)
        self.deviation = np.sqrt(self.variance + EPSILON)
        self.xhat = (x - self.mean) / self.deviation
        return self.gamma * self.xhat + self.beta

    def backward(self, dout):
        self.dgamma, self.dbeta = of_parameters(dout, self.xhat)
        return through(dout * self.gamma, self.xhat, self.deviation, 0)


@family.whole(
    83, "impure", "layer", uncentered, op="layer_norm", argument="x", cause="cotangent_changed", gradients=parameters
)
class LayerNormalizationIntoUpstream:
    def __init__(self, gamma, beta):
        self.gamma, self.beta = gamma, beta

    def forward(self, x):
        self.xhat, self.deviation = standardized(x, -1)
        return self.gamma * self.xhat + self.beta

    def backward(self, dout):
        self.dgamma, self.dbeta = of_parameters(dout, self.xhat)
        dout[...] = through(dout * self.gamma, self.xhat, self.deviation, -1)
        return dout


forward_wrong = partial(family.wrong_forward, inputs=uncentered, op="layer_norm")


def unbiased_backward(dout, x, gamma, beta):
    xhat, deviation = standardized(x, -1, ddof=1)
    n, dxhat = x.shape[-1], dout * gamma
    slope = (dxhat * xhat).sum(axis=-1, keepdims=True) / (n - 1)
    return (dxhat - dxhat.mean(axis=-1, keepdims=True) - xhat * slope) / deviation, *of_parameters(dout, xhat)


@forward_wrong(86, unbiased_backward, cause="convention_variance")
def layer_norm_by_unbiased_variance(x, gamma, beta):
    return gamma * standardized(x, -1, ddof=1)[0] + beta


def outside_backward(dout, x, gamma, beta):
    centered, deviation = x - x.mean(axis=-1, keepdims=True), x.std(axis=-1, keepdims=True)
    xhat, dxhat = centered / (deviation + EPSILON), dout * gamma
    slope = (dxhat * xhat).mean(axis=-1, keepdims=True)
    dx = (dxhat - dxhat.mean(axis=-1, keepdims=True) - slope * centered / deviation) / (deviation + EPSILON)
    return dx, *of_parameters(dout, xhat)


@forward_wrong(93, outside_backward, inputs=small_variance, cause="convention_epsilon")
def layer_norm_epsilon_outside_the_root(x, gamma, beta):
    return gamma * (x - x.mean(axis=-1, keepdims=True)) / (x.std(axis=-1, keepdims=True) + EPSILON) + beta


def over_the_batch_backward(dout, x, gamma, beta):
    _, xhat, deviation, _ = batch_norm(x, gamma, beta)[1]
    return through(dout * gamma, xhat, deviation, 0), *of_parameters(dout, xhat)


@forward_wrong(88, over_the_batch_backward, cause=("convention_axis", "convention_static"))
def layer_norm_over_the_batch(x, gamma, beta):
    return batch_norm(x, gamma, beta)[0]


def constant_backward(dout, x, gamma, beta):
    _, xhat, deviation, _ = layer_norm(x, gamma, beta)[1]
    return through(dout * (1 + gamma), xhat, deviation, -1), *of_parameters(dout, xhat)


@forward_wrong(80, constant_backward, cause="forward")
def layer_norm_with_one_plus_gamma(x, gamma, beta):
    return layer_norm(x, 1 + gamma, beta)[0]
