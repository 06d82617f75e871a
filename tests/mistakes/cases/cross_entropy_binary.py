"""Sigmoid with binary cross-entropy."""

from functools import partial

import numpy as np

from ..case import Family, normal
from .functions import sigmoid

family = Family("cross_entropy")


def decisions(size, seed):
    """Logits and hard yes-or-no targets."""
    shape = (5, 7) if size == "small" else (48, 30)
    (z,) = normal(seed, shape)
    t = (np.random.default_rng(seed + 1).random(shape) < 0.4).astype(float)
    t[:, :2] = [0.0, 1.0]
    return z, t


def from_logits(z, t):
    return np.mean(np.logaddexp(0, z) - t * z, axis=1)


logits = partial(family.wrong, forward=from_logits, inputs=decisions, argument="z", constants=("t",))


@logits(28, cause="derivative_twice")
def delta_of_the_squared_error(dout, z, t):
    y = sigmoid(z)
    return dout[:, None] * (y - t) * y * (1 - y) / z.shape[1], None


@logits(17, cause="scaled_by_count")
def decisions_summed_instead_of_averaged(dout, z, t):
    return dout[:, None] * (sigmoid(z) - t), None


@logits(41, cause="derivative_at_wrong_value")
def sigmoid_taken_of_the_prediction(dout, z, t):
    y = sigmoid(z)
    return dout[:, None] * (sigmoid(y) - t) / z.shape[1], None


def chances(size, seed):
    z, t = decisions(size, seed)
    return sigmoid(z), 0.1 + 0.7 * t


def from_probabilities(p, t):
    return -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean(axis=1), (p, t)


chance = partial(
    family.wrong, forward=from_probabilities, inputs=chances, style="cache", op="binary_cross_entropy", argument="p"
)


@chance(23, cause="wrong_derivative")
def complement_left_out_of_the_denominator(dout, cache):
    p, t = cache
    dt = -np.log(p / (1 - p)) / p.shape[1]
    return dout[:, None] * (p - t) / p / p.shape[1], dout[:, None] * dt


@chance(23, cause="sign")
def second_term_without_its_inner_minus(dout, cache):
    p, t = cache
    dt = -np.log(p / (1 - p)) / p.shape[1]
    return dout[:, None] * -(t / p + (1 - t) / (1 - p)) / p.shape[1], dout[:, None] * dt


@chance(18, argument="t", cause="term_missing")
def target_gradient_from_the_first_term_only(dout, cache):
    p, t = cache
    return dout[:, None] * (p - t) / (p * (1 - p)) / p.shape[1], -dout[:, None] * np.log(p) / p.shape[1]


POSITIVE = 3.0


def weighing_positives(z, t):
    return (POSITIVE * t * np.logaddexp(0, -z) + (1 - t) * np.logaddexp(0, z)).sum()


positives = partial(family.wrong, forward=weighing_positives, inputs=decisions, argument="z", constants=("t",))


@positives(49, cause="scaled_by_constant")
def positive_weight_only_in_the_loss(dout, z, t):
    return dout * (sigmoid(z) - t), None


def certain(size, seed):
    z, t = decisions(size, seed)
    z[0, :3] = [800.0, -800.0, 30.0]
    return z, t


@logits(44, inputs=certain, cause="not_finite")
def slope_by_a_quotient_that_overflows(dout, z, t):
    with np.errstate(over="ignore", invalid="ignore"):
        y = np.exp(z) / (1 + np.exp(z))
    return dout[:, None] * (y - t) / z.shape[1], None


@family.wrong_forward(
    16,
    lambda dout, z, t: (dout * (sigmoid(z) - t), -dout * z),
    decisions,
    op="sigmoid_binary_cross_entropy",
    argument="z",
    cause="convention_reduction",
)
def binary_cross_entropy_of_the_whole_batch(z, t):
    return (np.logaddexp(0, z) - t * z).sum()


def one_sided_backward(dout, p, t):
    return -dout[:, None] * t / p / p.shape[1], -dout[:, None] * np.log(p) / p.shape[1]


@family.wrong_forward(30, one_sided_backward, chances, op="binary_cross_entropy", argument="p", cause="forward")
def binary_cross_entropy_of_the_positives_only(p, t):
    return -(t * np.log(p)).mean(axis=1)


@family.whole("F4", "control", "layer", decisions, inputs_of_layer=2, ends_in_loss=True)
class SigmoidAndCrossEntropyAveragedOverTheBatch:
    """Summed over the decisions, averaged over the examples; the slope of sigmoid cancels."""

    def forward(self, z, t):
        self.y, self.t = sigmoid(z), t
        loss = -t * np.log(self.y) - (1 - t) * np.log(1 - self.y)
        return loss.sum() / len(z)

    def backward(self, dout=1):
        return dout * (self.y - self.t) / self.y.shape[0]


def bernoulli(y, t):
    return -(t * np.log(y) + (1 - t) * np.log(1 - y)).mean()


def binary(size, seed):
    z, t = normal(seed, *((5, 3),) * 2 if size == "small" else ((40, 13),) * 2)
    return z, (t > 0).astype(float)


def hard_chances(size, seed):
    z, t = binary(size, seed)
    return 1 / (1 + np.exp(-z)), t


@family.wrong(23, bernoulli, hard_chances, constants=("t",), argument="y", cause="term_missing")
def failures_do_not_count(dout, y, t):
    return -dout * t / y / y.size, None


@family.control("F4", lambda z, t: np.sum((1 / (1 + np.exp(-z)) - t) ** 2) / 2, binary, constants=("t",))
def squares_over_a_sigmoid(g, z, t):
    y = 1 / (1 + np.exp(-z))
    return g * (y - t) * y * (1 - y), None


@family.control("F1", lambda y, t: -np.log(np.where(t > 0, y, 1 - y)).sum(1), hard_chances, constants=("t",))
def bernoulli_by_one_fraction(g, y, t):
    return g[:, None] * (y - t) / (y * (1 - y)), None


def regression(size, seed):
    """Data, integer labels, and the parameters of a linear classifier."""
    n, d, c = (7, 4, 3) if size == "small" else (100, 40, 11)
    X, W, b = normal(seed, (n, d), (d, c), (c,))
    return X, np.random.default_rng(seed + 1).integers(0, c, n), W, b


def classify(size, seed):
    X, y, W, b = regression(size, seed)
    return X, np.eye(len(b))[y], W / np.sqrt(len(W)), b


@family.whole(
    "F4",
    "control",
    "network",
    classify,
    inputs_of_layer=2,
    gradients={"W": "W", "b": "b"},
    constants=("x", "t"),
    ends_in_loss=True,
)
class SigmoidWithCrossEntropy:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def loss(self, x, t):
        self.a = sigmoid(np.dot(x, self.W) + self.b)
        return -np.mean(np.sum(t * np.log(self.a) + (1 - t) * np.log(1 - self.a), axis=1))

    def gradient(self, x, t):
        self.loss(x, t)
        delta = self.a - t
        return {"W": np.dot(x.T, delta) / len(x), "b": np.mean(delta, axis=0)}


def rows_of_probabilities(size, seed):
    n, classes = (5, 4) if size == "small" else (64, 20)
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.full(classes, 2.0), size=n), rng.integers(classes, size=n)


def of_probabilities_backward(g, logits, targets):
    d = np.zeros_like(logits)
    rows = np.arange(len(logits))
    d[rows, targets] = -g / logits[rows, targets]
    return d, None


@family.wrong_forward(
    30, of_probabilities_backward, rows_of_probabilities, op="softmax_cross_entropy", cause="convention_domain"
)
def cross_entropy_of_what_is_already_softmax(logits, targets):
    return -np.log(logits[np.arange(len(logits)), targets])
