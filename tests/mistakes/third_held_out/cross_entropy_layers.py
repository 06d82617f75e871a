"""Cross-entropies with ignored rows, and on top of layers (catalogue 2, 8, 21 to 31, 65); impure and correct ones."""

from functools import partial

import numpy as np

from ..case import Family, normal
from .cross_entropy import labelled, less_target, soft, softmax_loss

family = Family("cross_entropy")


def some_ignored(size, seed):
    z, t = labelled(size, seed)
    t[1::3] = -1
    return z, t


def heard(z, t):
    """The mean surprise over the rows whose label is not -1."""
    keep = t >= 0
    return -np.log(soft(z)[keep, t[keep]]).sum() / keep.sum()


def heard_gradient(z, t, keep=None, count=None):
    valid = t >= 0
    keep = valid if keep is None else keep
    return less_target(soft(z), np.maximum(t, 0)) * keep[:, None] / (count or valid.sum())


ignoring = partial(family.wrong, forward=heard, inputs=some_ignored, argument="z")


@ignoring(29, cause=("ignored_rows", "mask_missing"))
def padding_taken_for_the_first_class(g, z, t):
    return g * heard_gradient(z, t, keep=np.ones(len(t))), None


@ignoring(29, cause=("ignored_rows", "scaled"))
def padding_counted_in_the_mean(g, z, t):
    return g * heard_gradient(z, t, count=len(t)), None


@ignoring(29, cause=("mask_wrong", "ignored_rows"))
def padding_mask_inverted(g, z, t):
    return g * heard_gradient(z, t, keep=t < 0), None


@family.control(29, heard, some_ignored)
def padding_ignored(g, z, t):
    return g * heard_gradient(z, t), None


def sequences(size, seed):
    n, steps, k = (2, 5, 3) if size == "small" else (6, 20, 15)
    (z,) = normal(seed, (n, steps, k))
    mask = np.arange(steps) < np.arange(steps - n, steps)[:, None][:n]
    return z, np.arange(n * steps).reshape(n, steps) % k, mask


def temporal_softmax_loss(z, t, mask):
    n, steps, k = z.shape
    p, flat = soft(z.reshape(n * steps, k)), t.reshape(-1)
    loss = -np.sum(mask.reshape(-1) * np.log(p[np.arange(n * steps), flat])) / n
    return loss, (p, flat, mask, z.shape)


@family.wrong(
    29,
    temporal_softmax_loss,
    sequences,
    style="cache",
    names=("z", "t", "mask"),
    argument="z",
    cause=("ignored_rows", "mask_missing"),
)
def caption_padding_learns_too(dout, cache):
    p, flat, _mask, shape = cache
    return dout * less_target(p, flat).reshape(shape) / shape[0], None, None


@family.wrong(
    21,
    temporal_softmax_loss,
    sequences,
    style="cache",
    names=("z", "t", "mask"),
    argument="z",
    cause=("scaled", "scaled_by_size"),
)
def caption_averaged_over_its_words(dout, cache):
    p, flat, mask, shape = cache
    dz = less_target(p, flat) * mask.reshape(-1, 1)
    return dout * dz.reshape(shape) / (shape[0] * shape[1]), None, None


def regression(size, seed):
    n, d, k = (7, 5, 3) if size == "small" else (40, 30, 11)
    return (*normal(seed, (n, d)), np.arange(n) ** 2 % k, *normal(seed + 1, (d, k), (k,)))


class SoftmaxRegression:
    def __init__(self, W, b):
        self.params = {"W": W, "b": b}

    def scores(self, x):
        return x @ self.params["W"] + self.params["b"]

    def loss(self, x, t):
        return softmax_loss(self.scores(x), t)[0]

    def gradient(self, x, t):
        dz = less_target(soft(self.scores(x)), t) / len(t)
        return {"W": x.T @ dz, "b": dz.sum(0)}


network = partial(family.whole, style="network", inputs=regression, inputs_of_layer=2, gradients={"W": "W", "b": "b"})


@network(65, "wrong backward", argument="W", cause="last_sample_only")
class RegressionOverwritesInItsLoop(SoftmaxRegression):
    def gradient(self, x, t):
        p, db = soft(self.scores(x)), np.zeros(len(self.params["b"]))
        dW = np.zeros_like(self.params["W"])
        for i in range(len(x)):
            dz = p[i] - np.eye(len(db))[t[i]]
            dW = np.outer(x[i], dz) / len(x)
            db += dz / len(x)
        return {"W": dW, "b": db}


@network(27, "wrong backward", argument="W b", cause="derivative_twice")
class RegressionSquashesItsError(SoftmaxRegression):
    def gradient(self, x, t):
        p = soft(self.scores(x))
        dz = less_target(p, t) / len(t)
        dz = p * (dz - (p * dz).sum(1, keepdims=True))
        return {"W": x.T @ dz, "b": dz.sum(0)}


@network(22, "wrong backward", argument="W", cause="scaled_by_batch")
class RegressionAveragesTheWeightsAgain(SoftmaxRegression):
    def gradient(self, x, t):
        grads = super().gradient(x, t)
        grads["W"] = grads["W"] / x.shape[0]
        return grads


@network(21, "control")
class RegressionByTheBook(SoftmaxRegression):
    pass


def classifier(size, seed):
    n, d, h, k = (7, 5, 4, 3) if size == "small" else (30, 40, 16, 9)
    data = normal(seed, (n, d), (d, h), (h,), (h, k))
    return data[0], np.arange(n) ** 2 % k, *data[1:]


@family.whole(
    9,
    "wrong backward",
    "network",
    classifier,
    inputs_of_layer=2,
    gradients={"W1": "W1", "b1": "b1", "W2": "W2"},
    argument="b1",
    cause=("derivative_missing", "mask_missing"),
)
class ClassifierBiasBeforeTheMask:
    def __init__(self, W1, b1, W2):
        self.params = {"W1": W1, "b1": b1, "W2": W2}

    def hidden(self, x):
        return np.maximum(x @ self.params["W1"] + self.params["b1"], 0)

    def loss(self, x, t):
        return softmax_loss(self.hidden(x) @ self.params["W2"], t)[0]

    def gradient(self, x, t):
        h = self.hidden(x)
        dz = less_target(soft(h @ self.params["W2"]), t) / len(t)
        dh = dz @ self.params["W2"].T
        db1 = dh.sum(axis=0)
        dh[h <= 0] = 0
        return {"W1": x.T @ dh, "b1": db1, "W2": h.T @ dz}


@family.whole(
    40,
    "impure",
    "layer",
    labelled,
    inputs_of_layer=2,
    ends_in_loss=True,
    argument="x",
    cause="residuals_changed",
)
class SoftmaxLossSubtractsInPlace:
    def forward(self, x, t):
        self.y, self.t = soft(x), t
        return -np.mean(np.log(self.y[np.arange(len(t)), t]))

    def backward(self, dout=1):
        dx = self.y
        dx[np.arange(len(self.t)), self.t] -= 1
        return dout * dx / len(self.t)
