"""Siamese and triplet networks, a two-layer SVM, a variational autoencoder."""

import numpy as np

from ..case import Family, normal

family = Family("networks")


class Siamese:
    """Contrastive loss of two tanh embeddings with one weight; y is 1 for pairs that belong together."""

    margin = 3.0

    def __init__(self, W):
        self.W = W

    def loss(self, x1, x2, y):
        self.h1, self.h2 = np.tanh(x1 @ self.W), np.tanh(x2 @ self.W)
        self.diff = self.h1 - self.h2
        self.d = np.sqrt((self.diff**2).sum(axis=1))
        self.gap = np.maximum(0, self.margin - self.d)
        return np.mean(y * self.d**2 + (1 - y) * self.gap**2) / 2

    def difference(self, y):
        dd = (y * self.d - (1 - y) * self.gap) / len(y)
        return (dd / self.d)[:, None] * self.diff


def twins(size, seed):
    x1, x2, W = normal(seed, (5, 4), (5, 4), (4, 3))
    return x1, x2, np.array([1, 0, 0, 1, 0]), W


PAIR = {"inputs_of_layer": 3, "constants": ("x1", "x2"), "gradients": {"W": "W"}}


@family.whole("", "wrong backward", "network", twins, cause="term_missing", argument="W", **PAIR)
class SharedWeightTrainedByFirstTowerOnly(Siamese):
    def gradient(self, x1, x2, y):
        self.loss(x1, x2, y)
        return {"W": x1.T @ (self.difference(y) * (1 - self.h1**2))}


@family.whole("", "wrong backward", "network", twins, cause="sign", argument="W", **PAIR)
class BothTowersGetTheSameDifference(Siamese):
    def gradient(self, x1, x2, y):
        self.loss(x1, x2, y)
        ddiff = self.difference(y)
        return {"W": x1.T @ (ddiff * (1 - self.h1**2)) + x2.T @ (ddiff * (1 - self.h2**2))}


@family.whole("", "wrong backward", "network", twins, cause="derivative_at_wrong_value", argument="W", **PAIR)
class SecondTowersSlopeFromFirstTower(Siamese):
    def gradient(self, x1, x2, y):
        self.loss(x1, x2, y)
        ddiff = self.difference(y) * (1 - self.h1**2)
        return {"W": (x1 - x2).T @ ddiff}


@family.whole("", "wrong backward", "network", twins, cause="derivative_missing", argument="W", **PAIR)
class DistanceWithoutSlopeOfItsRoot(Siamese):
    def gradient(self, x1, x2, y):
        self.loss(x1, x2, y)
        dd = (y * self.d - (1 - y) * self.gap) / len(y)
        dh = dd[:, None] * self.diff
        return {"W": x1.T @ (dh * (1 - self.h1**2)) - x2.T @ (dh * (1 - self.h2**2))}


class Triplet:
    """Mean of max(0, |a - p|^2 - |a - n|^2 + 2) over linear embeddings."""

    def __init__(self, W):
        self.W = W

    def loss(self, anchor, positive, negative):
        self.a, self.p, self.n = anchor @ self.W, positive @ self.W, negative @ self.W
        self.violation = ((self.a - self.p) ** 2).sum(1) - ((self.a - self.n) ** 2).sum(1) + 2
        return np.maximum(0, self.violation).mean()


def three(size, seed):
    a, p, n, W = normal(seed, (15, 4), (15, 4), (15, 4), (4, 3))
    return a, p, n, 0.4 * W


TRI = {"inputs_of_layer": 3, "constants": ("anchor", "positive", "negative"), "gradients": {"W": "W"}}


@family.whole("", "wrong backward", "network", three, cause="scaled_by_count", argument="W", **TRI)
class AveragedOverViolatedTriplets(Triplet):
    def gradient(self, anchor, positive, negative):
        self.loss(anchor, positive, negative)
        w = (self.violation > 0).astype(float)
        w = (2 * w / w.sum())[:, None]
        da, dp, dn = w * (self.n - self.p), w * (self.p - self.a), w * (self.a - self.n)
        return {"W": anchor.T @ da + positive.T @ dp + negative.T @ dn}


@family.whole("", "wrong backward", "network", three, cause="wrong_derivative", argument="W", **TRI)
class SatisfiedTripletsPushedInstead(Triplet):
    def gradient(self, anchor, positive, negative):
        self.loss(anchor, positive, negative)
        w = 2 * (self.violation <= 0)[:, None] / len(anchor)
        da, dp, dn = w * (self.n - self.p), w * (self.p - self.a), w * (self.a - self.n)
        return {"W": anchor.T @ da + positive.T @ dp + negative.T @ dn}


@family.whole("", "wrong backward", "network", three, cause="static_ignored", argument="W", **TRI)
class ViolationsFoundWithoutTheMargin(Triplet):
    def gradient(self, anchor, positive, negative):
        self.loss(anchor, positive, negative)
        d_pos, d_neg = np.sum((self.a - self.p) ** 2, axis=1), np.sum((self.a - self.n) ** 2, axis=1)
        w = (2 * (d_pos > d_neg) / len(anchor))[:, None]
        grad = positive.T @ (w * (self.p - self.a)) + negative.T @ (w * (self.a - self.n))
        return {"W": grad + anchor.T @ (w * (self.n - self.p))}


class SVM:
    """Hinge loss of CS231n on one hidden relu layer, margin 1, L2 on both weights."""

    reg = 0.2

    def __init__(self, W1, W2):
        self.W1, self.W2 = W1, W2

    def loss(self, x, y):
        self.rows, self.a = np.arange(len(y)), x @ self.W1
        self.h = np.maximum(0, self.a)
        s = self.h @ self.W2
        self.margins = np.maximum(0, s - s[self.rows, y][:, None] + 1)
        self.margins[self.rows, y] = 0
        return self.margins.sum() / len(y) + self.reg * (np.sum(self.W1**2) + np.sum(self.W2**2))

    def finish(self, x, ds):
        ds = ds / len(x)
        da = ds @ self.W2.T * (self.a > 0)
        return {"W2": self.h.T @ ds + 2 * self.reg * self.W2, "W1": x.T @ da + 2 * self.reg * self.W1}


def classes(size, seed):
    x, W1, W2 = normal(seed, (6, 3), (3, 5), (5, 4))
    return x, np.array([3, 0, 1, 2, 1, 0]), W1, W2


HINGE = {"inputs_of_layer": 2, "gradients": {"W1": "W1", "W2": "W2"}}


@family.whole("", "wrong backward", "network", classes, cause="not_accumulated", argument="W1 W2", **HINGE)
class RightClassCountsOneViolation(SVM):
    def gradient(self, x, y):
        self.loss(x, y)
        ds = (self.margins > 0).astype(float)
        ds[self.rows, y] = -1.0 * (self.margins.max(axis=1) > 0)
        return self.finish(x, ds)


@family.whole("", "wrong backward", "network", classes, cause="term_missing", argument="W1 W2", **HINGE)
class RightClassScoreHeldFixed(SVM):
    def gradient(self, x, y):
        self.loss(x, y)
        return self.finish(x, np.where(self.margins > 0, 1.0, 0.0))


@family.whole("", "wrong backward", "network", classes, cause="regularization", argument="W1 W2", **HINGE)
class PenaltyAveragedWithTheData(SVM):
    def gradient(self, x, y):
        self.loss(x, y)
        ds = (self.margins > 0).astype(float)
        ds[self.rows, y] = -ds.sum(axis=1)
        da = ds @ self.W2.T * (self.a > 0)
        dW1, dW2 = x.T @ da / len(x), self.h.T @ ds / len(x)
        decay = 2 * self.reg / len(x)
        return {"W1": dW1 + decay * self.W1, "W2": dW2 + decay * self.W2}


@family.whole("", "wrong backward", "network", classes, cause="regularization", argument="W1", **HINGE)
class HiddenWeightNotDecayed(SVM):
    def gradient(self, x, y):
        self.loss(x, y)
        ds = np.sign(self.margins)
        ds[self.rows, y] -= ds.sum(axis=1)
        ds /= len(x)
        dW2 = self.h.T @ ds + 2 * self.reg * self.W2
        return {"W1": x.T @ ((ds @ self.W2.T) * (self.a > 0)), "W2": dW2}


class VAE:
    """Linear encoder and decoder; the noise is given. Squared error and KL divergence, averaged over the batch."""

    def __init__(self, Wm, Wv, Wd):
        self.Wm, self.Wv, self.Wd = Wm, Wv, Wd

    def loss(self, x, noise):
        self.mu, self.logvar = x @ self.Wm, x @ self.Wv
        self.std = np.exp(0.5 * self.logvar)
        self.z = self.mu + self.std * noise
        self.error = self.z @ self.Wd - x
        kl = -0.5 * np.sum(1 + self.logvar - self.mu**2 - np.exp(self.logvar))
        return (0.5 * np.sum(self.error**2) + kl) / len(x)

    def decoder(self, x):
        d = self.error / len(x)
        return d @ self.Wd.T, self.z.T @ d


def noisy(size, seed):
    x, noise, Wm, Wv, Wd = normal(seed, (5, 4), (5, 2), (4, 2), (4, 2), (2, 4))
    return x, noise, Wm, 0.5 * Wv, Wd


CODE = {"inputs_of_layer": 2, "constants": ("x", "noise"), "gradients": {k: k for k in ("Wm", "Wv", "Wd")}}


@family.whole("", "wrong backward", "network", noisy, cause="scaled_by_constant", argument="Wv", **CODE)
class DeviationTreatedAsVariance(VAE):
    def gradient(self, x, noise):
        self.loss(x, noise)
        dz, dWd = self.decoder(x)
        dlogvar = dz * noise * self.std + 0.5 * (np.exp(self.logvar) - 1) / len(x)
        return {"Wm": x.T @ (dz + self.mu / len(x)), "Wv": x.T @ dlogvar, "Wd": dWd}


@family.whole("", "wrong backward", "network", noisy, cause="sign", argument="Wm", **CODE)
class DivergencePushesMeansAway(VAE):
    def gradient(self, x, noise):
        self.loss(x, noise)
        dz, dWd = self.decoder(x)
        dlogvar = 0.5 * dz * noise * self.std + 0.5 * (self.std**2 - 1) / len(x)
        return {"Wm": x.T @ (dz - self.mu / len(x)), "Wv": x.T @ dlogvar, "Wd": dWd}


@family.whole("", "wrong backward", "network", noisy, cause="term_missing", argument="Wv", **CODE)
class SampleDoesNotReachLogVariance(VAE):
    def gradient(self, x, noise):
        self.loss(x, noise)
        dz, dWd = self.decoder(x)
        dmu, dlogvar = dz + self.mu / len(x), (np.exp(self.logvar) - 1) / (2 * len(x))
        return {"Wm": x.T @ dmu, "Wv": x.T @ dlogvar, "Wd": dWd}


@family.whole("", "wrong backward", "network", noisy, cause="not_deterministic", argument="Wv", **CODE)
class ReparametrizationNoiseSampledAgain(VAE):
    def gradient(self, x, noise):
        self.loss(x, noise)
        dz, dWd = self.decoder(x)
        fresh = np.random.standard_normal(noise.shape)  # noqa: NPY002
        dlogvar = 0.5 * (dz * fresh * self.std + (np.exp(self.logvar) - 1) / len(x))
        return {"Wm": x.T @ (dz + self.mu / len(x)), "Wv": x.T @ dlogvar, "Wd": dWd}
