"""Dropout of entries, of whole channels and inside a block of affine layers; pooling under a mask."""

import numpy as np

from ..case import Family, normal, sized

family = Family("dropout")


class Dropout:
    """Inverted dropout; the layer draws its mask from its own seed, anew but alike in every forward."""

    seed, keep = 7, 0.6

    def forward(self, x):
        self.mask = np.random.default_rng(self.seed).random(x.shape) < self.keep
        self.out = x * self.mask / self.keep
        return self.out


PLANE = sized(((5, 7),), ((5, 7),))


@family.whole("", "wrong backward", "layer", PLANE, cause="not_deterministic", argument="x")
class BackwardDrawsItsOwnMask(Dropout):
    def backward(self, dout):
        return dout * (np.random.rand(*dout.shape) < self.keep) / self.keep  # noqa: NPY002


@family.whole("", "wrong backward", "layer", PLANE, cause="scaled_by_constant", argument="x")
class KeepRateNotDividedInBackward(Dropout):
    def backward(self, dout):
        return np.where(self.mask, dout, 0.0)


@family.whole("", "wrong backward", "layer", PLANE, cause="mask_wrong", argument="x")
class GradientFlowsThroughDroppedUnits(Dropout):
    def backward(self, dout):
        dx = dout / self.keep
        dx[self.mask] = 0
        return dx


@family.whole("", "wrong backward", "layer", PLANE, cause="mask_missing", argument="x")
class DropoutPassesEverythingBack(Dropout):
    def backward(self, dout):
        return dout / self.keep


class SpatialDropout:
    """Drops whole channels; which, is given as an array of zeros and ones (N, C)."""

    def forward(self, x, keep):
        self.keep = keep
        return x * keep[:, :, None] * 1.25


def channels(size, seed):
    return normal(seed, (4, 3, 5))[0], np.array([[1, 0, 1], [1, 1, 0], [0, 1, 1], [1, 1, 1]])


@family.whole("", "wrong backward", "layer", channels, cause="mask_wrong", argument="x", inputs_of_layer=2)
class ChannelsDroppedAsInTheFirstSample(SpatialDropout):
    def backward(self, dout):
        return dout * self.keep[:1, :, None] * 1.25, None


class Block:
    """Affine, relu, dropout with a given mask, affine."""

    def __init__(self, W, V):
        self.W, self.V = W, V

    def forward(self, x, mask):
        self.x, self.m = x, mask / 0.8
        self.a = x @ self.W
        self.h = np.maximum(self.a, 0)
        return (self.h * self.m) @ self.V


def block(size, seed):
    x, W, V = normal(seed, (6, 3), (3, 5), (5, 4))
    return x, (np.random.default_rng(2).random((6, 5)) < 0.8).astype(int), W, V


BLOCK = {"inputs_of_layer": 2, "gradients": {"W": "dW", "V": "dV"}}


@family.whole("", "wrong backward", "layer", block, cause="mask_missing", argument="V", **BLOCK)
class HeadWeightSeesUndroppedUnits(Block):
    def backward(self, dout):
        self.dV = self.h.T @ dout
        da = dout @ self.V.T * self.m * (self.a > 0)
        self.dW = self.x.T @ da
        return da @ self.W.T, None


@family.whole("", "wrong backward", "layer", block, cause="not_linear", argument="x W", **BLOCK)
class GuidedBackpropagation(Block):
    def backward(self, dout):
        self.dV = (self.h * self.m).T @ dout
        dh = dout @ self.V.T * self.m
        da = dh * (dh > 0)
        self.dW = self.x.T @ da
        return da @ self.W.T, None


@family.whole("", "wrong backward", "layer", block, cause="wrong_derivative", argument="x W", **BLOCK)
class SoftplusSlopeForRelu(Block):
    def backward(self, dout):
        self.dV = (self.h * self.m).T @ dout
        da = dout @ self.V.T * self.m / (1 + np.exp(-self.a))
        self.dW = self.x.T @ da
        return da @ self.W.T, None


@family.whole("", "wrong backward", "layer", block, cause="wrong_factor", argument="x W", **BLOCK)
class ActivationKeptAsFactorAfterRelu(Block):
    def backward(self, dout):
        self.dV = (self.h * self.m).T @ dout
        da = dout @ self.V.T * self.m * self.h * (self.a > 0)
        self.dW = self.x.T @ da
        return da @ self.W.T, None


class MaskedPool:
    """Mean over the positions that a mask keeps, then a maximum over groups of three features."""

    def forward(self, x, inside):
        self.w = inside / inside.sum(axis=1, keepdims=True)
        self.mean = np.einsum("ntd,nt->nd", x, self.w).reshape(len(x), -1, 3)
        self.inside = inside
        return self.mean.max(axis=2)


def kept(size, seed):
    return normal(seed, (3, 4, 6))[0], np.array([[1, 1, 0, 0], [1, 0, 1, 1], [0, 1, 1, 0]])


def tied(size, seed):
    x, inside = kept(size, seed)
    x[:, :, 1::3] = np.maximum(x[:, :, ::3], x[:, :, 2::3])
    x[:, :, 2::3] = x[:, :, 1::3]
    return x, inside


POOL = {"inputs_of_layer": 2, "family": "pooling"}


@family.whole("", "wrong backward", "layer", kept, cause="mask_missing", argument="x", **POOL)
class MaskedPositionsShareTheMean(MaskedPool):
    def backward(self, dout):
        dmean = np.zeros_like(self.mean)
        np.put_along_axis(dmean, self.mean.argmax(axis=2)[..., None], dout[..., None], axis=2)
        count = self.inside.sum(axis=1)[:, None, None]
        return np.repeat(dmean.reshape(len(dout), 1, -1), self.w.shape[1], axis=1) / count, None


@family.whole("", "wrong backward", "layer", kept, cause="mask_wrong", argument="x", **POOL)
class PositionsKeptAsIfPaddingWereAtTheEnd(MaskedPool):
    def backward(self, dout):
        dmean = (np.arange(3) == self.mean.argmax(axis=2)[..., None]) * dout[..., None]
        lengths = self.inside.sum(axis=1)
        w = (np.arange(self.w.shape[1]) < lengths[:, None]) / lengths[:, None]
        return np.einsum("nd,nt->ntd", dmean.reshape(len(dout), -1), w), None


@family.whole("", "wrong backward", "layer", tied, cause="all_ties", argument="x", **POOL)
class EqualFeaturesEachTakeTheWholeGradient(MaskedPool):
    def backward(self, dout):
        dmean = (self.mean == self.mean.max(axis=2, keepdims=True)) * dout[:, :, None]
        return dmean.reshape(len(dout), 1, -1) * self.w[:, :, None], None


@family.whole("", "wrong backward", "layer", kept, cause="wrong_winner", argument="x", **POOL)
class SmallestFeatureTakesTheGradient(MaskedPool):
    def backward(self, dout):
        winner = self.mean.argmin(axis=2)
        dmean = np.eye(3)[winner] * dout[:, :, None]
        return dmean.reshape(len(dout), 1, -1) * self.w[:, :, None], None
