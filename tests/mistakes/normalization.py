"""Mistakes in batch, layer, group and root-mean-square normalization (catalogue 76 to 95)."""

from functools import partial

import numpy as np

from .case import Family, sized

family = Family("normalization")
EPSILON = 1e-5

features = sized(((7, 5), (5,), (5,)), ((64, 100), (100,), (100,)))
square = sized(((5, 5), (5,), (5,)), ((64, 64), (64,), (64,)))
images = sized(((3, 5, 2, 7), (5,), (5,)), ((16, 8, 9, 8), (8,), (8,)))


def uncentered(size, seed):
    """Data away from zero, with another spread in every column."""
    x, gamma, beta = features(size, seed)
    return x * np.linspace(0.5, 2, x.shape[1]) + 1.5, gamma + 2, beta


def standardized(x, axis, ddof=0):
    mean, variance = x.mean(axis=axis, keepdims=True), x.var(axis=axis, keepdims=True, ddof=ddof)
    deviation = np.sqrt(variance + EPSILON)
    return (x - mean) / deviation, deviation


def batch_norm(x, gamma, beta):
    xhat, deviation = standardized(x, 0)
    return gamma * xhat + beta, (x, xhat, deviation, gamma)


def layer_norm(x, gamma, beta):
    xhat, deviation = standardized(x, -1)
    return gamma * xhat + beta, (x, xhat, deviation, gamma)


def through(dxhat, xhat, deviation, axis):
    """The gradient of the standardization."""
    mean = dxhat.mean(axis=axis, keepdims=True)
    return (dxhat - mean - xhat * (dxhat * xhat).mean(axis=axis, keepdims=True)) / deviation


def of_parameters(dout, xhat):
    return (dout * xhat).sum(axis=0), dout.sum(axis=0)


batch = partial(family.wrong, forward=batch_norm, inputs=uncentered, style="rule")
layer = partial(family.wrong, forward=layer_norm, inputs=uncentered, style="rule", op="layer_norm")


@batch(76, argument="x", cause="statistics_as_constants")
def batch_statistics_as_constants(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    return cotangent * gamma / deviation, *of_parameters(cotangent, xhat)


@layer(76, argument="x", cause="statistics_as_constants")
def layer_statistics_as_constants(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    return cotangent * gamma / deviation, *of_parameters(cotangent, xhat)


@batch(77, argument="x", cause="mean_term_missing")
def batch_mean_term_missing(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    dxhat = cotangent * gamma
    return (dxhat - xhat * (dxhat * xhat).mean(axis=0)) / deviation, *of_parameters(cotangent, xhat)


@layer(77, argument="x", cause="mean_term_missing")
def layer_mean_term_missing(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    dxhat = cotangent * gamma
    dx = (dxhat - xhat * (dxhat * xhat).mean(axis=-1, keepdims=True)) / deviation
    return dx, *of_parameters(cotangent, xhat)


@batch(78, argument="x", cause="centered_term_missing")
def batch_variance_term_missing(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    dxhat = cotangent * gamma
    return (dxhat - dxhat.mean(axis=0)) / deviation, *of_parameters(cotangent, xhat)


@layer(78, argument="x", cause="centered_term_missing")
def layer_variance_term_missing(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    dxhat = cotangent * gamma
    return (dxhat - dxhat.mean(axis=-1, keepdims=True)) / deviation, *of_parameters(cotangent, xhat)


@batch(79, argument="x", cause="mean_term_missing")
def batch_mean_subtracted_twice(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    dxhat = cotangent * gamma
    dx = through(dxhat, xhat, deviation, 0) - dxhat.mean(axis=0) / deviation
    return dx, *of_parameters(cotangent, xhat)


@batch(78, argument="x", cause="centered_term_missing")
def batch_variance_term_halved(residuals, cotangent):
    x, xhat, deviation, gamma = residuals
    dxhat = cotangent * gamma
    dvariance = (dxhat * xhat / deviation).sum(axis=0) * -0.25 / deviation
    centered = (dxhat - dxhat.mean(axis=0)) / deviation
    return centered + dvariance * 2 * (x - x.mean(axis=0)) / len(x), *of_parameters(cotangent, xhat)


@batch(80, argument="x", cause="argument_factor_missing")
def batch_gamma_missing(residuals, cotangent):
    _, xhat, deviation, _ = residuals
    return through(cotangent, xhat, deviation, 0), *of_parameters(cotangent, xhat)


@layer(80, argument="x", cause="argument_factor_missing")
def layer_gamma_missing(residuals, cotangent):
    _, xhat, deviation, _ = residuals
    return through(cotangent, xhat, deviation, -1), *of_parameters(cotangent, xhat)


@layer(80, argument="x", cause="argument_factor_missing")
def layer_gamma_twice(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    return through(cotangent * gamma, xhat, deviation, -1) * gamma, *of_parameters(cotangent, xhat)


@batch(80, argument="x", cause=("argument_factor_missing", "local_factor"))
def batch_deviation_missing(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    return through(cotangent * gamma, xhat, np.ones_like(deviation), 0), *of_parameters(cotangent, xhat)


@batch(81, argument="gamma", cause="not_normalized")
def batch_scale_gradient_by_x(residuals, cotangent):
    x, xhat, deviation, gamma = residuals
    dx = through(cotangent * gamma, xhat, deviation, 0)
    return dx, (cotangent * x).sum(axis=0), cotangent.sum(axis=0)


@layer(81, argument="gamma", cause="not_normalized")
def layer_scale_gradient_by_x(residuals, cotangent):
    x, xhat, deviation, gamma = residuals
    dx = through(cotangent * gamma, xhat, deviation, -1)
    return dx, (cotangent * x).sum(axis=0), cotangent.sum(axis=0)


@layer(82, argument="gamma", cause="zero")
def layer_scale_gradient_never_written(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    dx = through(cotangent * gamma, xhat, deviation, -1)
    return dx, np.zeros_like(gamma), cotangent.sum(axis=0)


@layer(82, argument="beta", cause="missing")
def layer_bias_gradient_is_none(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    return through(cotangent * gamma, xhat, deviation, -1), (cotangent * xhat).sum(axis=0), None


@layer(13, argument="gamma beta", cause="arguments_swapped")
def layer_scale_and_bias_swapped(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    dx = through(cotangent * gamma, xhat, deviation, -1)
    return dx, cotangent.sum(axis=0), (cotangent * xhat).sum(axis=0)


@layer(83, argument="gamma", cause=("wrong_operand", "updated_weight"))
def layer_scale_gradient_after_overwrite(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    dy = cotangent.copy()
    dx, dbeta = dy, dy.sum(axis=0)
    dx[...] = through(dy * gamma, xhat, deviation, -1)
    return dx, (dy * xhat).sum(axis=0), dbeta


@layer(88, argument="x", cause="coupled_over_wrong_axis", inputs=square)
def layer_statistics_over_the_batch_in_backward(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    dxhat = cotangent * gamma
    dx = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / deviation
    return dx, *of_parameters(cotangent, xhat)


@layer(2, argument="gamma beta", cause="reduced_over_wrong_axis", inputs=square)
def layer_parameters_summed_over_features(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    dx = through(cotangent * gamma, xhat, deviation, -1)
    return dx, (cotangent * xhat).sum(axis=-1), cotangent.sum(axis=-1)


@layer(90, argument="gamma", cause=("row_permuted", "shifted"))
def layer_scale_gradient_permuted(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    dx = through(cotangent * gamma, xhat, deviation, -1)
    return dx, np.roll((cotangent * xhat).sum(axis=0), 1), cotangent.sum(axis=0)


@layer(91, argument="gamma beta", cause=("samples_missing", "last_sample_only"))
def layer_last_block_only(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    dx = through(cotangent * gamma, xhat, deviation, -1)
    dgamma, dbeta = np.zeros_like(gamma), np.zeros_like(gamma)
    for start in range(0, len(xhat), 3):
        block = slice(start, start + 3)
        dgamma, dbeta = of_parameters(cotangent[block], xhat[block])
    return dx, dgamma, dbeta


@layer(1, argument="gamma beta", cause=("mean_instead_of_sum", "scaled_by_batch"))
def layer_parameters_averaged(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    dx = through(cotangent * gamma, xhat, deviation, -1)
    return dx, (cotangent * xhat).mean(axis=0), cotangent.mean(axis=0)


@layer(18, argument="x", cause="sign")
def layer_gradient_negated(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    return -through(cotangent * gamma, xhat, deviation, -1), *of_parameters(cotangent, xhat)


@layer(19, argument="x gamma beta", cause="ignores_cotangent")
def layer_upstream_ignored(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    ones = np.ones_like(cotangent)
    return through(ones * gamma, xhat, deviation, -1), *of_parameters(ones, xhat)


@batch(33, argument="x", cause="zero")
def batch_gradient_zero(residuals, cotangent):
    x, xhat, _, _ = residuals
    return np.zeros_like(x), *of_parameters(cotangent, xhat)


@batch(86, argument="x", cause="variance_correction")
def batch_backward_by_unbiased_variance(residuals, cotangent):
    x, _, _, gamma = residuals
    xhat, deviation = standardized(x, 0, ddof=1)
    dxhat, n = cotangent * gamma, len(x)
    dx = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).sum(axis=0) / (n - 1)) / deviation
    return dx, *of_parameters(cotangent, batch_norm(x, gamma, 0)[1][1])


def small_variance(size, seed):
    x, gamma, beta = features(size, seed)
    return 0.01 * x, gamma, beta


@layer(93, argument="x", cause="epsilon_one_side", inputs=small_variance)
def layer_epsilon_outside_the_root_in_backward(residuals, cotangent):
    x, xhat, _, gamma = residuals
    deviation = x.std(axis=-1, keepdims=True) + EPSILON
    return through(cotangent * gamma, xhat, deviation, -1), *of_parameters(cotangent, xhat)


def inference(x, gamma, beta, mean, variance):
    return gamma * (x - mean) / np.sqrt(variance + EPSILON) + beta


def running(size, seed):
    x, gamma, beta = uncentered(size, seed)
    rng = np.random.default_rng(seed + 1)
    return x, gamma, beta, 1.4 + 0.3 * rng.normal(size=beta.shape), rng.uniform(0.5, 2, beta.shape)


@family.wrong(85, inference, running, op="batch_norm_inference", argument="x", cause="statistics_not_constants")
def batch_formula_for_running_statistics(dout, x, gamma, beta, mean, variance):
    deviation = np.sqrt(variance + EPSILON)
    xhat = (x - mean) / deviation
    dx = through(dout * gamma, xhat, deviation, 0)
    slope = (dout * gamma).sum(axis=0) / deviation
    return (dx, *of_parameters(dout, xhat), -slope, -0.5 * (dout * gamma * xhat).sum(axis=0) / (variance + EPSILON))


@family.wrong(44, inference, running, op="batch_norm_inference", argument="variance", cause=("scaled_by_two", "scaled"))
def variance_gradient_without_the_half(dout, x, gamma, beta, mean, variance):
    deviation = np.sqrt(variance + EPSILON)
    xhat = (x - mean) / deviation
    dmean = -(dout * gamma).sum(axis=0) / deviation
    dvariance = -(dout * gamma * xhat).sum(axis=0) / (variance + EPSILON)
    return (dout * gamma / deviation, *of_parameters(dout, xhat), dmean, dvariance)
