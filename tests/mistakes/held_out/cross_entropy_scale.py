"""Cross-entropy: divided too rarely or too often, the wrong operand, epsilons (catalogue 21 to 24)."""

from functools import partial

import numpy as np

from ..case import Family, normal

family = Family("cross_entropy")


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def classes(size, seed):
    """Scores and integer labels."""
    n, c = (7, 5) if size == "small" else (120, 30)
    return normal(seed, (n, c))[0], np.random.default_rng(seed + 1).integers(0, c, n)


def one_hot(size, seed):
    scores, labels = classes(size, seed)
    return scores, np.eye(scores.shape[1])[labels]


def regression(size, seed):
    """Data, integer labels, and the parameters of a linear classifier."""
    n, d, c = (7, 4, 3) if size == "small" else (100, 40, 11)
    X, W, b = normal(seed, (n, d), (d, c), (c,))
    return X, np.random.default_rng(seed + 1).integers(0, c, n), W, b


def softmax_loss(x, y):
    probs = softmax(x)
    return -np.mean(np.log(probs[np.arange(len(x)), y])), (probs, y)


mean_loss = partial(family.wrong, forward=softmax_loss, inputs=classes, style="cache", names=("x", "y"), argument="x")


@mean_loss(21, cause=("scaled_by_batch", "scaled"))
def dx_not_divided_by_n(dout, cache):
    probs, y = cache
    dx = probs.copy()
    dx[np.arange(len(y)), y] -= 1
    return dx * dout, None


@mean_loss(21, cause=("scaled_by_size", "scaled"))
def divided_by_numel(dout, cache):
    probs, y = cache
    dx = probs.copy()
    dx[np.arange(len(y)), y] -= 1
    return dout * dx / dx.size, None


with_loss = partial(
    family.whole,
    kind="wrong backward",
    style="layer",
    inputs=one_hot,
    argument="x",
    inputs_of_layer=2,
    gradients={},
    constants=("t",),
    ends_in_loss=True,
)


@with_loss(21, cause=("scaled_by_batch", "scaled"))
class SoftmaxWithLossAndNoBatchSize:
    def forward(self, x, t):
        self.t = t
        self.y = softmax(x)
        self.loss = -np.sum(self.t * np.log(self.y)) / self.y.shape[0]
        return self.loss

    def backward(self, dout=1):
        return (self.y - self.t) * dout


def linear_classifier_loss(X, y, W, b):
    p = softmax(X @ W + b)
    return -np.log(p[np.arange(len(X)), y]).sum() / len(X)


@family.wrong(
    22,
    linear_classifier_loss,
    regression,
    cause=("scaled_by_batch", "scaled", "mean_instead_of_sum"),
    argument="W b",
    constants=("X",),
)
def mean_loss_then_batch_size_of_the_step(dloss, X, y, W, b):
    batch_size = len(X)
    delta = (softmax(X @ W + b) - np.eye(len(b))[y]) / batch_size * dloss
    return None, None, X.T @ delta / batch_size, delta.sum(axis=0) / batch_size


def decisions(size, seed):
    n = 7 if size == "small" else 3000
    rng = np.random.default_rng(seed)
    return rng.normal(size=n), rng.integers(0, 2, n).astype(float)


def logistic_loss(z, t):
    return -np.mean(t * np.log(sigmoid(z)) + (1 - t) * np.log(1 - sigmoid(z)))


logistic = partial(family.wrong, forward=logistic_loss, inputs=decisions, argument="z", constants=("t",))


@logistic(22, cause=("scaled_by_batch", "scaled_by_size", "scaled"))
def mean_of_a_mean(dout, z, t):
    m = len(t)
    a = sigmoid(z)
    da = (-(t / a) + (1 - t) / (1 - a)) / m
    return dout * da * a * (1 - a) / m, None


def probabilities(size, seed):
    scores, t = one_hot(size, seed)
    return softmax(scores), t


surprise = partial(
    family.wrong,
    forward=lambda p, t: -(t * np.log(p)).sum(axis=1),
    inputs=probabilities,
    op="cross_entropy_error",
    names=("p", "t"),
    argument="p",
    constants=("t",),
)


@surprise(23, cause=("wrong_operand", "not_linear"))
def targets_over_the_incoming_gradient(dy, p, t):
    return -t / dy[:, None], None


@surprise(23, cause="sign")
def targets_over_probabilities_without_a_minus(dy, p, t):
    return dy[:, None] * t / p, None


def through_softmax(scores, t):
    p = softmax(scores)
    return -np.sum(t * np.log(p)) / len(t), (scores, p, t)


chained = partial(
    family.wrong,
    forward=through_softmax,
    inputs=one_hot,
    style="rule",
    names=("scores", "t"),
    argument="scores",
    constants=("t",),
)


@chained(23, cause="wrong_operand")
def targets_over_scores(residuals, g):
    scores, p, t = residuals
    dp = -g * t / scores / len(t)
    return p * (dp - (p * dp).sum(axis=1, keepdims=True)), None


def confident(size, seed):
    """Among the rows a few that are sure of a wrong class."""
    scores, t = one_hot(size, seed)
    for n in range(1, len(scores), 3):
        wrong = (t[n].argmax() + 1) % t.shape[1]
        scores[n, wrong] += 16 + n % 5
    return scores, t


@with_loss(24, inputs=confident, cause=("epsilon_one_side", "local_factor"))
class SoftmaxWithLossAndADelta:
    def forward(self, x, t):
        self.t, self.y = t, softmax(x)
        delta = 1e-7
        return -np.sum(t * np.log(self.y + delta)) / len(t)

    def backward(self, dout=1):
        return dout * (self.y - self.t) / len(self.t)


@logistic(
    24,
    cause=("epsilon_one_side", "local_factor"),
    inputs=lambda size, seed: (8 * decisions(size, seed)[0], decisions(size, seed)[1]),
    forward=lambda z, t: -np.sum(t * np.log(sigmoid(z) + 1e-5) + (1 - t) * np.log(1 - sigmoid(z) + 1e-5)),
    names=("z", "t"),
)
def logs_with_an_epsilon_and_a_minus_y(dout, z, t):
    return dout * (sigmoid(z) - t), None


@chained(
    24,
    forward=lambda scores, t: (
        -np.sum(t * np.log(np.clip(softmax(scores), 1e-6, 1 - 1e-6))) / len(t),
        (scores, softmax(scores), t),
    ),
    inputs=confident,
    cause=("epsilon_one_side", "mask_missing"),
)
def probabilities_clipped_before_the_log(residuals, g):
    scores, p, t = residuals
    return g * (p - t) / len(t), None
