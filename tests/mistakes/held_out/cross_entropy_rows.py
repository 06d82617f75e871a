"""Cross-entropy: 0 log 0, log 0, the slope applied again, the slope of squares (catalogue 25 to 28)."""

from functools import partial

import numpy as np

from ..case import Family
from .cross_entropy_scale import decisions, one_hot, probabilities, regression, sigmoid, softmax

family = Family("cross_entropy")


def with_zeros(size, seed):
    """Probabilities of which some are exactly 0, where the target is 0 too."""
    p, t = probabilities(size, seed)
    p = np.where((t == 0) & (p < np.median(p)), 0, p)
    return p / p.sum(axis=1, keepdims=True), t


def xlogy(x, y):
    return x * np.log(np.where(x == 0, 1, y))


@family.wrong(
    25,
    lambda p, t: -xlogy(t, p).sum(axis=1),
    with_zeros,
    op="cross_entropy_error",
    names=("p", "t"),
    cause="not_finite",
    argument="p",
    constants=("t",),
)
def zero_over_zero(dout, p, t):
    with np.errstate(invalid="ignore"):
        return -dout[:, None] * t / p, None


def certain(size, seed):
    """Probabilities of 0 and 1 among others, where they are right."""
    z, t = decisions(size, seed)
    p = sigmoid(z)
    p[::3] = t[::3]
    return p, t


@family.wrong(
    25,
    lambda p, y: -(xlogy(y, p) + xlogy(1 - y, 1 - p)).mean(),
    certain,
    names=("p", "y"),
    cause="not_finite",
    argument="p",
    constants=("y",),
)
def difference_over_the_variance(dout, p, y):
    with np.errstate(invalid="ignore", divide="ignore"):
        return dout * (p - y) / (p * (1 - p)) / len(y), None


def plain_backward(dout, probabilities, targets):
    with np.errstate(invalid="ignore", divide="ignore"):
        return -dout[:, None] * targets / probabilities, None


@family.wrong_forward(
    25,
    plain_backward,
    with_zeros,
    op="cross_entropy_error",
    names=("probabilities", "targets"),
    cause=("forward", "not_finite"),
    constants=("targets",),
)
def zero_times_log_of_zero(probabilities, targets):
    with np.errstate(invalid="ignore", divide="ignore"):
        return -np.sum(targets * np.log(probabilities), axis=1)


def hopeless(size, seed):
    """Scores of which some rows are so sure of a wrong class that the right probability is 0."""
    scores, t = one_hot(size, seed)
    scores[1::3] -= 900 * (t[1::3] + np.roll(t[1::3], 2, axis=1))
    return scores, t


def from_scores(logits, targets):
    m = logits.max(axis=1, keepdims=True)
    logp = logits - m - np.log(np.exp(logits - m).sum(axis=1, keepdims=True))
    return -(targets * logp).sum(axis=1)


scored = partial(
    family.wrong, forward=from_scores, op="softmax_cross_entropy", argument="logits", constants=("targets",)
)


def through_probabilities(g, logits, targets):
    p = softmax(logits)
    with np.errstate(all="ignore"):
        dp = -g[:, None] * targets / p
        return p * (dp - np.sum(p * dp, axis=1, keepdims=True)), None


scored(26, inputs=hopeless, cause="not_finite", id="back_through_an_unclamped_log")(through_probabilities)


@family.wrong_forward(
    26,
    through_probabilities,
    hopeless,
    op="softmax_cross_entropy",
    names=("logits", "targets"),
    cause=("forward", "not_finite"),
    constants=("targets",),
)
def log_of_the_softmax_output(logits, targets):
    with np.errstate(divide="ignore", invalid="ignore"):
        return -np.sum(targets * np.log(softmax(logits)), axis=1)


@family.wrong(
    26,
    lambda z, t: np.sum(np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z)))),
    lambda size, seed: (decisions(size, seed)[0] * 30 + 25, decisions(size, seed)[1]),
    names=("z", "t"),
    cause="not_finite",
    argument="z",
    constants=("t",),
)
def sigmoid_that_has_reached_one(dout, z, t):
    a = sigmoid(z)
    with np.errstate(all="ignore"):
        da = dout * ((1 - t) / (1 - a) - t / a)
        return da * a * (1 - a), None


@scored(27, inputs=one_hot, cause=("derivative_twice", "local_factor"))
def delta_times_p_times_one_minus_p(g, logits, targets):
    p = softmax(logits)
    delta = g[:, None] * (p - targets)
    return delta * p * (1 - p), None


def classify(size, seed):
    X, y, W, b = regression(size, seed)
    return X, np.eye(len(b))[y], W / np.sqrt(len(W)), b


NETWORK = {
    "inputs_of_layer": 2,
    "gradients": {"W": "W", "b": "b"},
    "constants": ("x", "t"),
    "ends_in_loss": True,
    "argument": "W b",
}


@family.whole(27, "wrong backward", "network", classify, cause="derivative_twice", **NETWORK)
class SoftmaxBackwardAfterTheDifference:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def loss(self, x, t):
        self.y = softmax(x @ self.W + self.b)
        return -np.sum(t * np.log(self.y)) / len(x)

    def gradient(self, x, t):
        self.loss(x, t)
        dy = (self.y - t) / len(x)
        dz = self.y * (dy - np.sum(dy * self.y, axis=1, keepdims=True))
        return {"W": x.T @ dz, "b": dz.sum(axis=0)}


@family.whole(28, "wrong backward", "network", classify, cause=("other_loss", "derivative_twice"), **NETWORK)
class SigmoidOutputsWithTheDeltaOfSquares:
    output = staticmethod(sigmoid)

    def __init__(self, W, b):
        self.W, self.b = W, b

    def loss(self, x, t):
        a = self.output(x.dot(self.W) + self.b)
        return -np.sum(t * np.log(a) + (1 - t) * np.log(1 - a)) / len(x)

    def gradient(self, x, t):
        a = self.output(x.dot(self.W) + self.b)
        d = -(t - a) * (a * (1 - a))
        return {"W": x.T.dot(d) / len(x), "b": d.mean(axis=0)}


def many_decisions(size, seed):
    z, t = one_hot(size, seed)
    return z, t


@family.wrong(
    28,
    lambda z, t: (np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z)))).mean(axis=1),
    many_decisions,
    op="sigmoid_binary_cross_entropy",
    names=("z", "t"),
    cause=("other_loss", "derivative_twice", "local_factor"),
    argument="z",
    constants=("t",),
)
def binary_cross_entropy_with_an_extra_slope(dout, z, t):
    a = sigmoid(z)
    return dout[:, None] * (a - t) * a * (1 - a) / z.shape[1], None
