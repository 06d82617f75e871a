"""Images, groups, root mean squares, and blocks around a normalization (catalogue 76 to 95)."""

import numpy as np

from ..case import Family, Kind, normal, sized
from .normalization import EPSILON, bn_forward, ln_forward, shifted_rows, statistics, to_input, to_parameters

family = Family("normalization")


def pictures(size, seed):
    n, c, h, w = (3, 4, 5, 2) if size == "small" else (8, 12, 10, 9)
    x, gamma, beta = normal(seed, (n, c, h, w), (c,), (c,))
    return x + 0.5, 1 + 0.4 * gamma, beta


class SpatialNorm:
    """Batch normalization of a picture's channels; what is wrong is in the methods below it."""

    axes = (0, 2, 3)

    def __init__(self, gamma, beta):
        self.gamma, self.beta = gamma, beta

    def forward(self, x):
        mu, self.std = statistics(x, self.axes)
        self.x, self.xhat = x, (x - mu) / self.std
        return self.xhat * self.gamma[:, None, None] + self.beta[:, None, None]

    def backward(self, dout):
        self.dgamma, self.dbeta = self.parameters(dout)
        return self.of_input(dout * self.gamma[:, None, None])

    def parameters(self, dout):
        return (dout * self.xhat).sum(axis=(0, 2, 3)), dout.sum(axis=(0, 2, 3))

    def of_input(self, d):
        return to_input(d, self.xhat, self.std, self.axes)


def spatial(number, kind: Kind = "wrong backward", **more):
    return family.whole(number, kind, "layer", pictures, gradients={"gamma": "dgamma", "beta": "dbeta"}, **more)


@spatial(76, argument="x", cause="statistics_as_constants")
class PicturesWithFrozenStatistics(SpatialNorm):
    def of_input(self, d):
        return d / self.std


@spatial(88, argument="x", cause="coupled_over_wrong_axis")
class PicturesCoupledOnlyInside(SpatialNorm):
    def of_input(self, d):
        return to_input(d, self.xhat, self.std, (2, 3))


@spatial(57, argument="gamma beta", cause="scaled_by_spatial")
class PictureParametersAveragedOverPositions(SpatialNorm):
    def parameters(self, dout):
        return (dout * self.xhat).mean(axis=(2, 3)).sum(axis=0), dout.mean(axis=(2, 3)).sum(axis=0)


@spatial(82, argument="gamma", cause="zero")
class PictureScaleNeverLearns(SpatialNorm):
    def parameters(self, dout):
        return np.zeros_like(self.gamma), dout.sum(axis=(0, 2, 3))


@spatial("", "control")
class PicturesNormalized(SpatialNorm):
    pass


@spatial(79, argument="x", cause="mean_term_missing")
class InstanceMeanTakenTwice(SpatialNorm):
    axes = (2, 3)

    def of_input(self, d):
        return super().of_input(d) - d.mean(axis=(2, 3), keepdims=True) / self.std


# Channels in groups of two, last axis: x (N, T, C)
def grouped_signal(size, seed):
    n, t, c = (3, 5, 6) if size == "small" else (8, 15, 16)
    x, gamma, beta = normal(seed, (n, t, c), (c,), (c,))
    return 1.3 * x - 0.4, 1 + 0.4 * gamma, beta


def group_norm(x, gamma, beta):
    n, t, c = x.shape
    groups = x.reshape(n, t, c // 2, 2)
    mu, std = statistics(groups, (1, 3))
    ghat = (groups - mu) / std
    return ghat.reshape(x.shape) * gamma + beta, (ghat, std, gamma)


def group_backward(dout, cache, scale=True, variance=True):
    ghat, std, gamma = cache
    d = (dout * gamma if scale else dout).reshape(ghat.shape)
    along = (d * ghat).mean(axis=(1, 3), keepdims=True) if variance else 0
    dx = (d - d.mean(axis=(1, 3), keepdims=True) - ghat * along) / std
    xhat = ghat.reshape(dout.shape)
    return dx.reshape(dout.shape), (dout * xhat).sum(axis=(0, 1)), dout.sum(axis=(0, 1))


def group(number, cause, argument):
    return family.wrong(number, group_norm, grouped_signal, style="cache", cause=cause, argument=argument)


@group(95, "argument_factor_missing", "x")
def group_scale_ignored_anew(dout, cache):
    return group_backward(dout, cache, scale=False)


@group(78, "centered_term_missing", "x")
def group_variance_ignored(dout, cache):
    return group_backward(dout, cache, variance=False)


@group(90, ("reordered", "row_permuted"), "gamma")
def group_scale_indexed_by_place_in_the_group(dout, cache):
    dx, dgamma, dbeta = group_backward(dout, cache)
    return dx, dgamma.reshape(-1, 2).T.reshape(-1), dbeta


@family.control("", group_norm, grouped_signal, style="cache")
def signal_normalized_in_groups(dout, cache):
    return group_backward(dout, cache)


# Root mean square: no mean, no shift.
ROOTS = sized(((5, 7), (7,)), ((40, 56), (56,)))


def rms(x, g):
    return x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + EPSILON) * g


@family.wrong(84, rms, ROOTS, argument="x", cause=("statistics_as_constants", "centered_term_missing"))
def root_is_a_constant(dy, x, g):
    r = np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + EPSILON)
    return dy * g / r, (dy * x / r).sum(axis=0)


@family.wrong(81, rms, ROOTS, argument="g", cause="not_normalized")
def root_forgotten_for_the_scale(dy, x, g):
    r = np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + EPSILON)
    y, d = x / r, dy * g
    return (d - y * (d * y).mean(axis=-1, keepdims=True)) / r, (dy * x).sum(axis=0)


@family.whole(80, "wrong backward", "torch", ROOTS, names=("x", "g"), argument="x", cause="argument_factor_missing")
def torch_rms_norm_without_its_weight():
    import torch

    class RMSNorm(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, g):
            rstd = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPSILON)
            ctx.save_for_backward(x * rstd, rstd, g)
            return x * rstd * g

        @staticmethod
        def backward(ctx, *grad_outputs):
            (dy,) = grad_outputs
            xhat, rstd, _ = ctx.saved_tensors
            dx = rstd * (dy - xhat * (dy * xhat).mean(-1, keepdim=True))
            return dx, (dy * xhat).sum(0)

    return RMSNorm


# Blocks.
@family.whole(112, "wrong backward", "vjp", shifted_rows, argument="x", cause="skip_dropped")
def prenorm_block_without_its_skip(x, gamma, beta):
    y, (_, xhat, std, _) = ln_forward(x, gamma, beta)

    def pullback(g):
        return to_input(g * gamma, xhat, std, -1), *to_parameters(g, xhat)

    return x + y, pullback


@family.whole(48, "wrong backward", "vjp", shifted_rows, argument="x gamma beta", cause="mask_wrong")
def rectified_norm_masked_before_the_shift(x, gamma, beta):
    y, (_, xhat, std, _) = bn_forward(x, gamma, beta)

    def pullback(g):
        d = g * (xhat > 0)
        return to_input(d * gamma, xhat, std, 0), *to_parameters(d, xhat)

    return np.maximum(y, 0), pullback


STANDARD = sized(((4, 5), (5, 7)), ((24, 32), (32, 40)))


@family.whole(76, "wrong backward", "vjp", STANDARD, argument="W", cause="statistics_as_constants")
def standardized_weights_taken_as_they_are(x, W):
    mu, std = statistics(W, 0)
    what = (W - mu) / std

    def pullback(g):
        return g @ what.T, x.T @ g / std

    return x @ what, pullback


# What is right, and yet not to be called twice.
@family.impure(40, ln_forward, shifted_rows, style="cache", cause="residuals_changed")
def saved_rows_overwritten(dout, cache):
    _, xhat, std, gamma = cache
    dgamma, dbeta = to_parameters(dout, xhat)
    d = dout * gamma
    along = (d * xhat).mean(axis=-1, keepdims=True)
    xhat *= -along
    xhat += d - d.mean(axis=-1, keepdims=True)
    return xhat / std, dgamma, dbeta


@family.impure(83, bn_forward, shifted_rows, style="cache", cause="cotangent_changed")
def upstream_scaled_in_place(dout, cache):
    _, xhat, std, gamma = cache
    dgamma, dbeta = to_parameters(dout, xhat)
    dout *= gamma
    return to_input(dout, xhat, std, 0), dgamma, dbeta
