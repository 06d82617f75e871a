"""Correct normalization, dropout and embedding."""

from functools import partial

import numpy as np

from ..case import Family
from ..dropout_embedding import dropout, embedding, masked, padded_embedding, with_padding, words
from ..normalization import (
    EPSILON,
    batch_norm,
    images,
    inference,
    layer_norm,
    of_parameters,
    running,
    small_variance,
    standardized,
    through,
    uncentered,
)
from ..normalization_layers import (
    channel_sums,
    channels,
    even_images,
    group_norm,
    image_norm,
    root_mean_square,
    rows,
    split,
)

family = Family("normalization")
batch = partial(family.control, forward=batch_norm, inputs=uncentered, style="rule")
layer = partial(family.control, forward=layer_norm, inputs=uncentered, style="rule", op="layer_norm")
parameters = {"gamma": "dgamma", "beta": "dbeta"}


@batch("")
def batch_norm_in_one_formula(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    return through(cotangent * gamma, xhat, deviation, 0), *of_parameters(cotangent, xhat)


@batch("F3")
def batch_norm_without_the_path_from_variance_to_mean(residuals, cotangent):
    """d variance / d mean = -2 mean(x - mean) is identically zero."""
    x, xhat, deviation, gamma = residuals
    dxhat, centered = cotangent * gamma, x - x.mean(axis=0)
    dvariance = (dxhat * centered).sum(axis=0) * -0.5 / deviation[0] ** 3
    dmean = -(dxhat / deviation).sum(axis=0)
    return dxhat / deviation + dvariance * 2 * centered / len(x) + dmean / len(x), *of_parameters(cotangent, xhat)


@batch("F3")
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


@family.whole("", "control", "layer", uncentered, gradients=parameters)
class BatchNormalization:
    """Keeps running statistics that training does not depend on."""

    def __init__(self, gamma, beta):
        self.gamma, self.beta, self.momentum = gamma, beta, 0.9
        self.running_mean, self.running_var = np.zeros_like(gamma), np.zeros_like(gamma)

    def forward(self, x, train_flg=True):
        if not train_flg:
            return self.gamma * (x - self.running_mean) / np.sqrt(self.running_var + 10e-7) + self.beta
        mu = x.mean(axis=0)
        self.xc = x - mu
        var = np.mean(self.xc**2, axis=0)
        self.std = np.sqrt(var + 10e-7)
        self.xn = self.xc / self.std
        self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mu
        self.running_var = self.momentum * self.running_var + (1 - self.momentum) * var
        return self.gamma * self.xn + self.beta

    def backward(self, dout):
        self.dbeta = dout.sum(axis=0)
        self.dgamma = np.sum(self.xn * dout, axis=0)
        dxn = self.gamma * dout
        dxc = dxn / self.std
        dstd = -np.sum((dxn * self.xc) / (self.std * self.std), axis=0)
        dxc += (2.0 / len(dout)) * self.xc * 0.5 * dstd / self.std
        return dxc - np.sum(dxc, axis=0) / len(dout)


@family.control(87, image_norm, images, style="cache")
def batch_norm_of_images(dout, cache):
    xhat, deviation, gamma = cache
    return through(dout * channels(gamma), xhat, deviation, (0, 2, 3)), *channel_sums(dout, xhat)


@family.control(85, inference, running, op="batch_norm_inference")
def batch_norm_by_running_statistics(dout, x, gamma, beta, mean, variance):
    deviation = np.sqrt(variance + EPSILON)
    xhat, slope = (x - mean) / deviation, (dout * gamma).sum(axis=0) / deviation
    dvariance = -0.5 * (dout * gamma * xhat).sum(axis=0) / (variance + EPSILON)
    return (dout * gamma / deviation, *of_parameters(dout, xhat), -slope, dvariance)


@layer("")
def layer_norm_in_one_formula(residuals, cotangent):
    _, xhat, deviation, gamma = residuals
    return through(cotangent * gamma, xhat, deviation, -1), *of_parameters(cotangent, xhat)


@layer(93, inputs=small_variance)
def layer_norm_of_small_variance(residuals, cotangent):
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


@family.control(84, root_mean_square, rows, style="rule")
def root_mean_square_norm(residuals, cotangent):
    x, r, gamma = residuals
    dxhat = cotangent * gamma
    dx = (dxhat - x * (dxhat * x).mean(axis=-1, keepdims=True) / r**2) / r
    return dx, (cotangent * x / r).sum(axis=0)


@family.control(95, group_norm, even_images, style="cache")
def group_norm_of_images(dout, cache):
    xhat, deviation, gamma = cache
    dx = through(split(dout * channels(gamma)), split(xhat), deviation, -1).reshape(dout.shape)
    return dx, *channel_sums(dout, xhat)


@family.control(96, dropout, masked, style="rule", op="dropout", statics={"rate": 0.3}, family="dropout_embedding")
def dropout_by_its_mask(residuals, cotangent):
    _, mask = residuals
    return cotangent * mask / 0.7, None


@family.whole(96, "control", "layer", lambda size, seed: masked(size, seed)[:1], family="dropout_embedding")
class DropoutOfAFixedMask:
    """Plain dropout whose mask depends on the shape only, and nothing dropped in evaluation."""

    def forward(self, x, train_flg=True):
        if not train_flg:
            return x * 0.7
        self.mask = np.random.default_rng(3).random(x.shape) > 0.3
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


@family.control(100, embedding, words, style="rule", family="dropout_embedding")
def embedding_by_add_at(residuals, cotangent):
    shape, index = residuals
    table_ct = np.zeros(shape)
    np.add.at(table_ct, index, cotangent)
    return table_ct, None


@family.control(100, lambda table, index: table[index], words, family="dropout_embedding")
def embedding_by_one_hot_rows(dout, table, index):
    return np.eye(len(table))[index].T @ dout, None


@family.control(101, padded_embedding, with_padding, family="dropout_embedding")
def embedding_with_a_padding_word(dout, table, index):
    table_ct = np.zeros_like(table)
    np.add.at(table_ct, index, dout * (index != 0)[:, None])
    return table_ct, None
