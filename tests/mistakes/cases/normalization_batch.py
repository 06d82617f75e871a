"""Batch normalization, of rows and of images."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("normalization")


def of_parameters(dout, xhat):
    return (dout * xhat).sum(axis=0), dout.sum(axis=0)


features = sized(((7, 5), (5,), (5,)), ((64, 100), (100,), (100,)))


def uncentered(size, seed):
    """Data away from zero, with another spread in every column."""
    x, gamma, beta = features(size, seed)
    return x * np.linspace(0.5, 2, x.shape[1]) + 1.5, gamma + 2, beta


EPSILON = 1e-5


def standardized(x, axis, ddof=0):
    mean, variance = x.mean(axis=axis, keepdims=True), x.var(axis=axis, keepdims=True, ddof=ddof)
    deviation = np.sqrt(variance + EPSILON)
    return (x - mean) / deviation, deviation


def batch_norm(x, gamma, beta):
    xhat, deviation = standardized(x, 0)
    return gamma * xhat + beta, (x, xhat, deviation, gamma)


batch = partial(family.wrong, forward=batch_norm, inputs=uncentered, style="rule")


@batch(76, argument="x", cause="statistics_as_constants")
def batch_statistics_as_constants(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    return cotangent * gamma / deviation, *of_parameters(cotangent, xhat)


@batch(77, argument="x", cause="statistics_as_constants")
def batch_mean_term_missing(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    dxhat = cotangent * gamma
    return (dxhat - xhat * (dxhat * xhat).mean(axis=0)) / deviation, *of_parameters(cotangent, xhat)


@batch(78, argument="x", cause="statistics_as_constants")
def batch_variance_term_missing(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    dxhat = cotangent * gamma
    return (dxhat - dxhat.mean(axis=0)) / deviation, *of_parameters(cotangent, xhat)


def through(dxhat, xhat, deviation, axis):
    """The gradient of the standardization."""
    mean = dxhat.mean(axis=axis, keepdims=True)
    return (dxhat - mean - xhat * (dxhat * xhat).mean(axis=axis, keepdims=True)) / deviation


@batch(79, argument="x", cause="term_extra")
def batch_mean_subtracted_twice(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    dxhat = cotangent * gamma
    dx = through(dxhat, xhat, deviation, 0) - dxhat.mean(axis=0) / deviation
    return dx, *of_parameters(cotangent, xhat)


@batch(80, argument="x", cause="wrong_factor")
def batch_gamma_missing(residuals, cotangent):
    _, xhat, deviation, _ = residuals
    return through(cotangent, xhat, deviation, 0), *of_parameters(cotangent, xhat)


batch_control = partial(family.control, forward=batch_norm, inputs=uncentered, style="rule")


@batch_control("")
def batch_norm_in_one_formula(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    return through(cotangent * gamma, xhat, deviation, 0), *of_parameters(cotangent, xhat)


@batch(81, argument="gamma", cause="wrong_operand")
def batch_scale_gradient_by_x(residuals, cotangent):
    x, xhat, deviation, gamma = residuals
    dx = through(cotangent * gamma, xhat, deviation, 0)
    return dx, (cotangent * x).sum(axis=0), cotangent.sum(axis=0)


@batch(86, argument="x", cause="scaled_by_count")
def batch_backward_by_unbiased_variance(residuals, cotangent):
    x, _, _, gamma = residuals
    xhat, deviation = standardized(x, 0, ddof=1)
    dxhat, n = cotangent * gamma, len(x)
    dx = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).sum(axis=0) / (n - 1)) / deviation
    return dx, *of_parameters(cotangent, batch_norm(x, gamma, 0)[1][1])


def inference(x, gamma, beta, mean, variance):
    return gamma * (x - mean) / np.sqrt(variance + EPSILON) + beta


def running(size, seed):
    x, gamma, beta = uncentered(size, seed)
    rng = np.random.default_rng(seed + 1)
    return x, gamma, beta, 1.4 + 0.3 * rng.normal(size=beta.shape), rng.uniform(0.5, 2, beta.shape)


@family.wrong(85, inference, running, op="batch_norm_inference", argument="x", cause="term_extra")
def batch_formula_for_running_statistics(dout, x, gamma, beta, mean, variance):
    deviation = np.sqrt(variance + EPSILON)
    xhat = (x - mean) / deviation
    dx = through(dout * gamma, xhat, deviation, 0)
    slope = (dout * gamma).sum(axis=0) / deviation
    return (dx, *of_parameters(dout, xhat), -slope, -0.5 * (dout * gamma * xhat).sum(axis=0) / (variance + EPSILON))


def channels(value):
    return value[:, None, None]


images = sized(((3, 5, 2, 7), (5,), (5,)), ((16, 8, 9, 8), (8,), (8,)))


def image_norm(x, gamma, beta):
    xhat, deviation = standardized(x, (0, 2, 3))
    return channels(gamma) * xhat + channels(beta), (xhat, deviation, gamma)


over_images = partial(family.wrong, forward=image_norm, inputs=images, style="cache")


def channel_sums(dout, xhat):
    return (dout * xhat).sum(axis=(0, 2, 3)), dout.sum(axis=(0, 2, 3))


@over_images(87, argument="x", cause="wrong_axis")
def image_statistics_over_the_batch_only_in_backward(dout, cache):
    xhat, deviation, gamma = cache
    return through(dout * channels(gamma), xhat, deviation, 0), *channel_sums(dout, xhat)


@family.control(87, image_norm, images, style="cache")
def batch_norm_of_images(dout, cache):
    xhat, deviation, gamma = cache
    return through(dout * channels(gamma), xhat, deviation, (0, 2, 3)), *channel_sums(dout, xhat)


@over_images(87, argument="gamma beta", cause="wrong_reduction")
def image_parameters_per_activation(dout, cache):
    xhat, deviation, gamma = cache
    return through(dout * channels(gamma), xhat, deviation, (0, 2, 3)), (dout * xhat).sum(axis=0), dout.sum(axis=0)


@over_images(76, argument="x", cause="statistics_as_constants")
def image_statistics_as_constants(dout, cache):
    xhat, deviation, gamma = cache
    return dout * channels(gamma) / deviation, *channel_sums(dout, xhat)


@over_images(57, argument="beta", cause="scaled_by_count")
def image_bias_gradient_averaged_over_positions(dout, cache):
    xhat, deviation, gamma = cache
    dx = through(dout * channels(gamma), xhat, deviation, (0, 2, 3))
    return dx, (dout * xhat).sum(axis=(0, 2, 3)), dout.mean(axis=(2, 3)).sum(axis=0)


@batch_control("F3")
def batch_norm_with_the_path_from_variance_to_mean(residuals, cotangent):
    x, xhat, deviation, gamma = residuals
    dxhat, centered = cotangent * gamma, x - x.mean(axis=0)
    dvariance = (dxhat * centered).sum(axis=0) * -0.5 / deviation[0] ** 3
    dmean = -(dxhat / deviation).sum(axis=0) + dvariance * (-2 * centered).mean(axis=0)
    return dxhat / deviation + dvariance * 2 * centered / len(x) + dmean / len(x), *of_parameters(cotangent, xhat)


@family.whole("", "control", "vjp", uncentered, op="batch_norm", names=("x", "scale", "bias"))
def batch_norm_with_its_statistics(x, scale, bias):
    """Mean and variance are outputs too, and have gradients of their own."""
    xhat, deviation = standardized(x, 0)
    mean, variance = x.mean(axis=0), x.var(axis=0)

    def pullback(cotangent):
        y_ct, mean_ct, variance_ct = cotangent
        x_ct = through(y_ct * scale, xhat, deviation, 0)
        return (x_ct + mean_ct / len(x) + variance_ct * 2 * (x - mean) / len(x), *of_parameters(y_ct, xhat))

    return (scale * xhat + bias, mean, variance), pullback


@family.control(85, inference, running, op="batch_norm_inference")
def batch_norm_by_running_statistics(dout, x, gamma, beta, mean, variance):
    deviation = np.sqrt(variance + EPSILON)
    xhat, slope = (x - mean) / deviation, (dout * gamma).sum(axis=0) / deviation
    dvariance = -0.5 * (dout * gamma * xhat).sum(axis=0) / (variance + EPSILON)
    return (dout * gamma / deviation, *of_parameters(dout, xhat), -slope, dvariance)


def whiten(x):
    mu, n = x.mean(0), len(x)
    inv = 1 / np.sqrt(((x - mu) ** 2).sum(0) / n + 1e-3)
    return (x - mu) * inv, (x - mu, inv)


@family.control("F3", whiten, sized(((6, 4),), ((24, 16),)), style="cache")
def mean_path_without_variance(dout, cache):
    c, inv = cache
    n = len(c)
    dvar = (dout * c).sum(0) * -0.5 * inv**3
    dmu = -(dout * inv).sum(0)
    return dout * inv + dvar * 2 * c / n + dmu / n


def batchnorm(x, gamma, beta):
    mu, var = np.mean(x, axis=0), np.var(x, axis=0)
    return gamma * (x - mu) / np.sqrt(var + EPSILON) + beta


@family.control("F3", batchnorm, features)
def mean_gradient_without_the_way_through_the_variance(delta, x, gamma, beta):
    mean, variance = x.mean(axis=0), x.var(axis=0)
    x_norm = (x - mean) / np.sqrt(variance + EPSILON)
    bias_updates, scale_updates = delta.sum(axis=0), np.sum(delta * x_norm, axis=0)
    delta = delta * gamma
    mean_delta = delta.sum(axis=0) * (-1.0 / np.sqrt(variance + EPSILON))
    variance_delta = np.sum(delta * (x - mean), axis=0) * -0.5 * np.power(variance + EPSILON, -3.0 / 2.0)
    batch = len(x)
    delta = delta / np.sqrt(variance + EPSILON) + variance_delta * 2.0 * (x - mean) / batch + mean_delta / batch
    return delta, scale_updates, bias_updates


@family.whole(92, "impure", "layer", features, cause="stale_state", gradients={"gamma": "dgamma", "beta": "dbeta"})
class NormalizesByItsRunningAverages:
    def __init__(self, gamma, beta, momentum=0.9):
        self.gamma, self.beta, self.momentum = gamma, beta, momentum
        self.running_mean, self.running_var = np.zeros_like(beta), np.ones_like(gamma)

    def forward(self, x):
        self.inv = 1 / np.sqrt(self.running_var + EPSILON)
        self.xhat = (x - self.running_mean) * self.inv
        self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * x.mean(axis=0)
        self.running_var = self.momentum * self.running_var + (1 - self.momentum) * x.var(axis=0)
        return self.gamma * self.xhat + self.beta

    def backward(self, dout):
        self.dgamma, self.dbeta = (dout * self.xhat).sum(axis=0), dout.sum(axis=0)
        return dout * self.gamma * self.inv


def centred_by_average(size, seed):
    return normal(seed, *(((7, 5), (5,)) if size == "small" else ((96, 50), (50,))))


MOMENTUM = 0.9


def subtract_running_mean(x, running_mean):
    return x - (MOMENTUM * running_mean + (1 - MOMENTUM) * x.mean(axis=0))


@family.wrong(
    92, subtract_running_mean, centred_by_average, constants=("running_mean",), cause="scaled_by_constant", argument="x"
)
def momentum_in_the_convention_of_torch(dout, x, running_mean):
    dmean = -dout.sum(axis=0)
    return dout + MOMENTUM * dmean / len(x), None


pictures = sized(((3, 2, 4, 5), (2,), (2,)), ((8, 6, 12, 10), (6,), (6,)))


@family.whole(81, "wrong backward", "vjp", pictures, cause="wrong_operand", argument="gamma")
def batchnorm2d_gamma_from_the_raw_input(x, gamma, beta):
    axes, shape = (0, 2, 3), (1, -1, 1, 1)
    mu, var = x.mean(axes).reshape(shape), x.var(axes).reshape(shape)
    inv = 1 / np.sqrt(var + EPSILON)
    xhat = (x - mu) * inv

    def pullback(dy):
        dxhat = dy * gamma.reshape(shape)
        dx = dxhat - dxhat.mean(axes, keepdims=True) - xhat * (dxhat * xhat).mean(axes, keepdims=True)
        return dx * inv, (dy * x).sum(axes), dy.sum(axes)

    return gamma.reshape(shape) * xhat + beta.reshape(shape), pullback
