"""Layer normalization."""

from functools import partial

import numpy as np

from ..case import Family, sized
from .normalization_batch import EPSILON, batch_norm, features, of_parameters, standardized, through, uncentered

family = Family("normalization")


def layer_norm(x, gamma, beta):
    xhat, deviation = standardized(x, -1)
    return gamma * xhat + beta, (x, xhat, deviation, gamma)


layer = partial(family.wrong, forward=layer_norm, inputs=uncentered, style="rule", op="layer_norm")


@layer(82, argument="beta", cause="missing")
def layer_bias_gradient_is_none(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    return through(cotangent * gamma, xhat, deviation, -1), (cotangent * xhat).sum(axis=0), None


@layer(13, argument="gamma beta", cause="arguments_swapped")
def layer_scale_and_bias_swapped(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    dx = through(cotangent * gamma, xhat, deviation, -1)
    return dx, cotangent.sum(axis=0), (cotangent * xhat).sum(axis=0)


square = sized(((5, 5), (5,), (5,)), ((64, 64), (64,), (64,)))


@layer(88, argument="x", cause="wrong_axis", inputs=square)
def layer_statistics_over_the_batch_in_backward(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    dxhat = cotangent * gamma
    dx = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / deviation
    return dx, *of_parameters(cotangent, xhat)


@layer(2, argument="gamma beta", cause="wrong_reduction", inputs=square)
def layer_parameters_summed_over_features(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    dx = through(cotangent * gamma, xhat, deviation, -1)
    return dx, (cotangent * xhat).sum(axis=-1), cotangent.sum(axis=-1)


@layer(90, argument="gamma", cause="shifted")
def layer_scale_gradient_permuted(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    dx = through(cotangent * gamma, xhat, deviation, -1)
    return dx, np.roll((cotangent * xhat).sum(axis=0), 1), cotangent.sum(axis=0)


@layer(91, argument="gamma beta", cause="not_accumulated")
def layer_last_block_only(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    dx = through(cotangent * gamma, xhat, deviation, -1)
    dgamma, dbeta = np.zeros_like(gamma), np.zeros_like(gamma)
    for start in range(0, len(xhat), 3):
        block = slice(start, start + 3)
        dgamma, dbeta = of_parameters(cotangent[block], xhat[block])
    return dx, dgamma, dbeta


@layer(18, argument="x", cause="sign")
def layer_gradient_negated(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    return -through(cotangent * gamma, xhat, deviation, -1), *of_parameters(cotangent, xhat)


@layer(19, argument="x gamma beta", cause="ignores_cotangent")
def layer_upstream_ignored(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    ones = np.ones_like(cotangent)
    return through(ones * gamma, xhat, deviation, -1), *of_parameters(ones, xhat)


def small_variance(size, seed):
    x, gamma, beta = features(size, seed)
    return 0.01 * x, gamma, beta


@layer(93, argument="x", cause="epsilon_one_side", inputs=small_variance)
def layer_epsilon_outside_the_root_in_backward(residuals, cotangent):
    x, xhat, _, gamma = residuals
    deviation = x.std(axis=-1, keepdims=True) + EPSILON
    return through(cotangent * gamma, xhat, deviation, -1), *of_parameters(cotangent, xhat)


layer_control = partial(family.control, forward=layer_norm, inputs=uncentered, style="rule", op="layer_norm")


@layer_control(93, inputs=small_variance)
def layer_norm_of_small_variance(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    return through(cotangent * gamma, xhat, deviation, -1), *of_parameters(cotangent, xhat)


parameters = {"gamma": "dgamma", "beta": "dbeta"}


@family.whole(
    83, "impure", "layer", uncentered, op="layer_norm", argument="x", cause="changed_in_place", gradients=parameters
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


@forward_wrong(86, unbiased_backward, cause="convention_reduction")
def layer_norm_by_unbiased_variance(x, gamma, beta):
    return gamma * standardized(x, -1, ddof=1)[0] + beta


def outside_backward(dout, x, gamma, beta):
    centered, deviation = x - x.mean(axis=-1, keepdims=True), x.std(axis=-1, keepdims=True)
    xhat, dxhat = centered / (deviation + EPSILON), dout * gamma
    slope = (dxhat * xhat).mean(axis=-1, keepdims=True)
    dx = (dxhat - dxhat.mean(axis=-1, keepdims=True) - slope * centered / deviation) / (deviation + EPSILON)
    return dx, *of_parameters(dout, xhat)


@forward_wrong(93, outside_backward, inputs=small_variance, cause="convention_static")
def layer_norm_epsilon_outside_the_root(x, gamma, beta):
    return gamma * (x - x.mean(axis=-1, keepdims=True)) / (x.std(axis=-1, keepdims=True) + EPSILON) + beta


def over_the_batch_backward(dout, x, gamma, beta):
    _, xhat, deviation, _ = batch_norm(x, gamma, beta)[1]
    return through(dout * gamma, xhat, deviation, 0), *of_parameters(dout, xhat)


@forward_wrong(88, over_the_batch_backward, cause="convention_layout")
def layer_norm_over_the_batch(x, gamma, beta):
    return batch_norm(x, gamma, beta)[0]


def constant_backward(dout, x, gamma, beta):
    _, xhat, deviation, _ = layer_norm(x, gamma, beta)[1]
    return through(dout * (1 + gamma), xhat, deviation, -1), *of_parameters(dout, xhat)


@forward_wrong(80, constant_backward, cause="forward")
def layer_norm_with_one_plus_gamma(x, gamma, beta):
    return layer_norm(x, 1 + gamma, beta)[0]


@layer_control("")
def layer_norm_in_one_formula(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    return through(cotangent * gamma, xhat, deviation, -1), *of_parameters(cotangent, xhat)


@family.whole("", "control", "layer", uncentered, op="layer_norm", gradients=parameters)
class LayerNormalization:
    def __init__(self, gamma, beta):
        self.gamma, self.beta = gamma, beta

    def forward(self, x):
        self.xhat, self.deviation = standardized(x, -1)
        return self.gamma * self.xhat + self.beta

    def backward(self, dout):
        self.dgamma, self.dbeta = of_parameters(dout, self.xhat)
        return through(dout * self.gamma, self.xhat, self.deviation, -1)
