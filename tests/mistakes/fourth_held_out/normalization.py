"""Batch normalization with wrong backwards: staged, compact, of images, in evaluation (catalogue 76 to 93)."""

from functools import partial

import numpy as np

from ..case import Family, normal

family = Family("normalization")
EPSILON = 1e-5


def table(size, seed):
    """Columns away from zero, each with its own spread."""
    n, d = (7, 5) if size == "small" else (40, 24)
    x, gamma, beta = normal(seed, (n, d), (d,), (d,))
    return x * np.linspace(0.6, 1.8, d) + np.linspace(1, 2, d), 1.5 + 0.5 * gamma, beta


def few(size, seed):
    x, gamma, beta = table(size, seed)
    return x[:9], gamma, beta


def images(size, seed):
    n, c, h, w = (3, 5, 2, 7) if size == "small" else (6, 8, 9, 11)
    x, gamma, beta = normal(seed, (n, c, h, w), (c,), (c,))
    return 1.4 * x + 0.8, 1.5 + 0.5 * gamma, beta


def wide_as_channels(size, seed):
    n, c = (3, 5) if size == "small" else (6, 9)
    x, gamma, beta = normal(seed, (n, c, 4, c), (c,), (c,))
    return x + 0.5, 1.5 + 0.5 * gamma, beta


def staged(x, gamma, beta):
    """Step by step, as in a well-known course."""
    mu = x.mean(axis=0)
    xmu = x - mu
    sqrtvar = np.sqrt((xmu**2).mean(axis=0) + EPSILON)
    xhat = xmu / sqrtvar
    return gamma * xhat + beta, {"xhat": xhat, "gamma": gamma, "xmu": xmu, "std": sqrtvar, "x": x}


def channelwise(x, gamma, beta):
    mu, var = x.mean(axis=(0, 2, 3), keepdims=True), x.var(axis=(0, 2, 3), keepdims=True)
    std = np.sqrt(var + EPSILON)
    xhat = (x - mu) / std
    return gamma[:, None, None] * xhat + beta[:, None, None], (xhat, std, gamma)


def through(dxhat, xhat, std, axis):
    """The gradient of the standardization over the axes."""
    projected = xhat * (dxhat * xhat).mean(axis=axis, keepdims=True)
    return (dxhat - dxhat.mean(axis=axis, keepdims=True) - projected) / std


def of_parameters(dy, xhat, axis: int | tuple[int, ...] = 0):
    return (dy * xhat).sum(axis=axis), dy.sum(axis=axis)


steps = partial(family.wrong, forward=staged, inputs=table, style="cache")
planes = partial(family.wrong, forward=channelwise, inputs=images, style="rule")


@steps(78, argument="x", cause=("wrong_derivative", "centered_term_missing", "sum_term_missing"))
def staged_inverse_root_differentiated_without_its_square(dy, c):
    dxhat, n = dy * c["gamma"], len(dy)
    divar = (dxhat * c["xmu"]).sum(axis=0)
    dvar = 0.5 / c["std"] * (-divar / c["std"])
    dxmu = dxhat / c["std"] + 2 * c["xmu"] * dvar / n
    return dxmu - dxmu.mean(axis=0), *of_parameters(dy, c["xhat"])


@steps(77, argument="x", cause=("mean_term_missing", "sum_term_missing"))
def staged_mean_not_divided_by_the_count(dy, c):
    dxhat, n = dy * c["gamma"], len(dy)
    dvar = -0.5 * (dxhat * c["xmu"]).sum(axis=0) / c["std"] ** 3
    dxmu = dxhat / c["std"] + 2 * c["xmu"] * dvar / n
    return dxmu - dxmu.sum(axis=0), *of_parameters(dy, c["xhat"])


@steps(78, argument="x", cause=("centered_term_missing", "sum_term_missing"))
def staged_variance_sign_lost(dy, c):
    dxhat = dy * c["gamma"]
    again = c["xhat"] * (dxhat * c["xhat"]).mean(axis=0)
    return (dxhat - dxhat.mean(axis=0) + again) / c["std"], *of_parameters(dy, c["xhat"])


@steps(4, argument="x", cause="scaled_by_batch")
def compact_form_without_one_over_n(dy, c):
    n = dy.shape[0]
    dgamma, dbeta = of_parameters(dy, c["xhat"])
    return c["gamma"] / c["std"] * (n * dy - dbeta - c["xhat"] * dgamma), dgamma, dbeta


@steps(76, argument="x", cause=("statistics_as_constants", "use_dropped", "sum_term_missing"))
def normalized_as_in_evaluation(dy, c):
    return c["gamma"] * dy / c["std"], *of_parameters(dy, c["xhat"])


@steps(81, argument="gamma", cause=("not_normalized", "wrong_operand", "local_factor"))
def scale_gradient_by_the_centered_input(dy, c):
    dx = through(dy * c["gamma"], c["xhat"], c["std"], 0)
    return dx, (dy * c["xmu"]).sum(axis=0), dy.sum(axis=0)


@steps(13, argument="gamma beta", cause="arguments_swapped")
def offset_and_scale_unpacked_in_the_other_order(dy, c):
    dbeta, dgamma = of_parameters(dy, c["xhat"])
    return through(dy * c["gamma"], c["xhat"], c["std"], 0), dgamma, dbeta


@steps(80, argument="x", cause=("wrong_operand", "argument_factor_missing"))
def scale_divides_instead_of_multiplying(dy, c):
    return through(dy / c["gamma"], c["xhat"], c["std"], 0), *of_parameters(dy, c["xhat"])


@steps(86, inputs=few, argument="x", cause=("variance_correction", "centered_term_missing", "sum_term_missing"))
def projection_over_the_unbiased_count(dy, c):
    dxhat, n = dy * c["gamma"], len(dy)
    projected = c["xhat"] * (dxhat * c["xhat"]).sum(axis=0) / (n - 1)
    return (dxhat - dxhat.mean(axis=0) - projected) / c["std"], *of_parameters(dy, c["xhat"])


@steps(109, argument="gamma beta", cause="downcast")
def parameter_sums_in_half_precision(dy, c):
    dx = through(dy * c["gamma"], c["xhat"], c["std"], 0)
    dgamma, dbeta = of_parameters(dy, c["xhat"])
    return dx, dgamma.astype(np.float16).astype(dx.dtype), dbeta.astype(np.float16).astype(dx.dtype)


@planes(89, argument="x", cause=("sum_term_missing", "mean_term_missing", "centered_term_missing"))
def channel_sums_divided_by_the_batch_alone(saved, g):
    xhat, std, gamma = saved
    dxhat, n = g * gamma[:, None, None], len(g)
    first = dxhat.sum(axis=(0, 2, 3), keepdims=True)
    second = (dxhat * xhat).sum(axis=(0, 2, 3), keepdims=True)
    return (dxhat - first / n - xhat * second / n) / std, *of_parameters(g, xhat, (0, 2, 3))


@planes(87, argument="x", cause=("coupled_over_wrong_axis", "sum_term_missing"))
def statistics_of_single_positions_in_backward(saved, g):
    xhat, std, gamma = saved
    return through(g * gamma[:, None, None], xhat, std, 0), *of_parameters(g, xhat, (0, 2, 3))


@planes(64, argument="gamma beta", cause=("not_reduced", "wrong_shape"))
def parameters_of_images_summed_over_the_batch_alone(saved, g):
    xhat, std, gamma = saved
    return through(g * gamma[:, None, None], xhat, std, (0, 2, 3)), *of_parameters(g, xhat)


@planes(57, argument="gamma beta", cause=("scaled_by_spatial", "mean_instead_of_sum"))
def parameters_of_images_averaged_over_positions(saved, g):
    xhat, std, gamma = saved
    dx = through(g * gamma[:, None, None], xhat, std, (0, 2, 3))
    return dx, (g * xhat).mean(axis=(2, 3)).sum(axis=0), g.mean(axis=(2, 3)).sum(axis=0)


@planes(90, inputs=wide_as_channels, argument="x", cause="wrong_operand")
def scale_broadcast_along_the_width(saved, g):
    xhat, std, gamma = saved
    return through(g * gamma, xhat, std, (0, 2, 3)), *of_parameters(g, xhat, (0, 2, 3))


def rectified(x, gamma, beta):
    y, c = staged(x, gamma, beta)
    return np.maximum(y, 0), {**c, "y": y}


@family.wrong(48, rectified, table, style="cache", argument="x gamma beta", cause="mask_wrong")
def fused_relu_masked_by_the_normalized_input(dy, c):
    dy = dy * (c["xhat"] > 0)
    return through(dy * c["gamma"], c["xhat"], c["std"], 0), *of_parameters(dy, c["xhat"])


def evaluated(x, gamma, beta, mean, variance):
    return gamma * (x - mean) / np.sqrt(variance + EPSILON) + beta


def running(size, seed):
    x, gamma, beta = table(size, seed)
    (shift,) = normal(seed + 9, beta.shape)
    return x, gamma, beta, 1.2 + 0.2 * shift, np.linspace(0.5, 2, len(beta))


evaluation = partial(family.wrong, forward=evaluated, inputs=running, op="batch_norm_inference")


@evaluation(85, argument="x", cause=("statistics_not_constants", "wrong_operand", "local_factor"))
def spread_of_the_batch_in_evaluation(dy, x, gamma, beta, mean, variance):
    inverse = 1 / np.sqrt(variance + EPSILON)
    xhat = (x - mean) * inverse
    dgamma, dbeta = of_parameters(dy, xhat)
    return (
        dy * gamma / np.sqrt(x.var(axis=0) + EPSILON),
        dgamma,
        dbeta,
        -gamma * inverse * dbeta,
        -0.5 * gamma * inverse**2 * dgamma,
    )


@evaluation(18, argument="mean", cause="sign")
def running_mean_gradient_without_minus(dy, x, gamma, beta, mean, variance):
    inverse = 1 / np.sqrt(variance + EPSILON)
    dgamma, dbeta = of_parameters(dy, (x - mean) * inverse)
    scale = gamma * inverse
    return dy * scale, dgamma, dbeta, scale * dbeta, -0.5 * scale * inverse * dgamma
