"""mistakes in cross-entropy, of classes and of yes-or-no decisions (catalogue 21 to 31)."""

import numpy as np

from ..case import Family, normal

family = Family("cross_entropy")


def probabilities(scores):
    scores = scores - scores.max(axis=1, keepdims=True)
    p = np.exp(scores)
    return p / p.sum(axis=1, keepdims=True)


def scores_and_labels(size, seed):
    n, classes = (5, 4) if size == "small" else (64, 30)
    return normal(seed, (n, classes))[0], np.random.default_rng(seed + 1).integers(classes, size=n)


def scores_and_one_hot(size, seed):
    scores, labels = scores_and_labels(size, seed)
    return scores, np.eye(scores.shape[1])[labels]


@family.whole(
    21,
    "wrong backward",
    "layer",
    scores_and_one_hot,
    inputs_of_layer=2,
    ends_in_loss=True,
    argument="x",
    cause="scaled_by_batch",
)
class SoftmaxWithLoss:
    def forward(self, x, t):
        self.t = t
        self.y = probabilities(x)
        return -np.sum(t * np.log(self.y)) / len(x)

    def backward(self, dout=1):
        return (self.y - self.t) * dout


@family.whole(22, "wrong backward", "vjp", scores_and_labels, argument="x", cause="scaled_by_batch")
def loss_and_gradient_both_averaged(x, y):
    N = x.shape[0]
    probs = probabilities(x)
    loss = -np.sum(np.log(probs[np.arange(N), y])) / N
    dx = probs.copy()
    dx[np.arange(N), y] -= 1
    dx /= N
    return loss, lambda dloss: (dloss * dx / N, None)


def distributions(size, seed):
    scores, t = scores_and_one_hot(size, seed)
    return probabilities(scores), 0.8 * t + 0.2 / t.shape[1]


def cross_entropy_of_rows(p, t):
    return -(t * np.log(p)).sum(axis=1)


@family.wrong(
    23, cross_entropy_of_rows, distributions, constants=("t",), argument="p", cause=("wrong_operand", "not_linear")
)
def target_over_upstream(dy, p, t):
    return -t / dy[:, None], None


def mean_log_loss(logits, label):
    p = probabilities(logits)
    picked = np.take_along_axis(p, label[:, None], axis=1)
    return -np.log(picked).mean(), (p, label)


@family.wrong(23, mean_log_loss, scores_and_labels, style="rule", argument="logits", cause="sign")
def target_minus_probability(saved, g):
    p, label = saved
    one_hot = np.zeros_like(p)
    one_hot[np.arange(len(p)), label] = 1.0
    return g * (one_hot - p) / len(p), None


def confidently_wrong(size, seed):
    x, t = scores_and_one_hot(size, seed)
    x[0] = np.where(t[0] == 1, -9.0, 9.0 * (np.arange(len(t[0])) == t[0].argmin()))
    return x, t


def guarded(x, t):
    y = probabilities(x)
    return -np.sum(t * np.log(y + 1e-7)) / len(x), (y, t)


@family.wrong(24, guarded, confidently_wrong, style="cache", constants=("t",), argument="x", cause="epsilon_one_side")
def guard_only_in_the_loss(dout, cache):
    y, t = cache
    return dout * (y - t) / len(y), None


def with_impossible_classes(size, seed):
    p, t = distributions(size, seed)
    t = (t > 0.5) / 1.0
    p[t == 0] *= np.random.default_rng(seed).random((t == 0).sum()) > 0.4
    return p / p.sum(axis=1, keepdims=True), t


def cross_entropy_where_possible(p, t):
    return -np.sum(t[t > 0] * np.log(p[t > 0]))


@family.wrong(
    25, cross_entropy_where_possible, with_impossible_classes, constants=("t",), argument="p", cause="not_finite"
)
def nothing_over_nothing(dout, p, t):
    with np.errstate(all="ignore"):
        return -dout * t / p, None


def for_a_network(size, seed):
    n, d, h, classes = (5, 4, 6, 3) if size == "small" else (40, 20, 32, 10)
    x, W1, b1, W2, b2 = normal(seed, (n, d), (d, h), (h,), (h, classes), (classes,))
    return x, np.eye(classes)[np.random.default_rng(seed).integers(classes, size=n)], W1 * 0.5, b1, W2 * 0.5, b2


@family.whole(
    27,
    "wrong backward",
    "network",
    for_a_network,
    inputs_of_layer=2,
    gradients={"W1": "W1", "b1": "b1", "W2": "W2", "b2": "b2"},
    argument="W1 b1 W2 b2",
    cause="derivative_twice",
)
class Classifier:
    def __init__(self, W1, b1, W2, b2):
        self.params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}

    def forward(self, x):
        self.z1 = np.tanh(x @ self.params["W1"] + self.params["b1"])
        return probabilities(self.z1 @ self.params["W2"] + self.params["b2"])

    def loss(self, x, t):
        return -np.mean(np.sum(t * np.log(self.forward(x)), axis=1))

    def gradient(self, x, t):
        p = self.forward(x)
        delta = (p - t) / len(x) * p * (1 - p)
        dz1 = delta @ self.params["W2"].T * (1 - self.z1**2)
        return {"W2": self.z1.T @ delta, "b2": delta.sum(axis=0), "W1": x.T @ dz1, "b1": dz1.sum(axis=0)}


def decisions(size, seed):
    shape = (5, 3) if size == "small" else (64, 12)
    return normal(seed, shape)[0], np.random.default_rng(seed + 7).integers(2, size=shape).astype(float)


def logistic_loss(z, t):
    a = 1 / (1 + np.exp(-z))
    return -np.sum(t * np.log(a) + (1 - t) * np.log(1 - a)), a


@family.wrong(
    28,
    lambda z, t: logistic_loss(z, t)[0],
    decisions,
    constants=("t",),
    argument="z",
    cause=("other_loss", "derivative_twice", "local_factor"),
)
def delta_of_the_quadratic_cost(dout, z, t):
    a = logistic_loss(z, t)[1]
    return dout * (a - t) * a * (1 - a), None


@family.wrong(
    31,
    lambda scores, target: mean_log_loss(scores, target)[0],
    scores_and_labels,
    argument="scores",
    cause=("coupled_over_wrong_axis", "static_ignored"),
)
def normalized_over_the_batch_in_backward(g, scores, target):
    e = np.exp(scores - scores.max())
    grad = e / e.sum(axis=0)
    grad[range(len(grad)), target] -= 1
    return g * grad / len(grad), None


@family.whole(
    26,
    "wrong backward",
    "layer",
    lambda size, seed: (np.array([[2.0, -1.0, 3.0], [900.0, 0.0, -30.0], [0.5, 800.0, 1.0]]), np.array([0, 1, 1])),
    inputs_of_layer=2,
    ends_in_loss=True,
    argument="logits",
    cause="not_finite",
    sizes=("small",),
)
class CrossEntropyByTheProbability:
    """Its loss is the stable one; its gradient goes through 1 / p of the class, and p can be zero."""

    def forward(self, logits, classes):
        self.rows, self.classes = np.arange(len(logits)), classes
        shifted = logits - logits.max(axis=1, keepdims=True)
        self.p = probabilities(logits)
        return np.mean(np.log(np.exp(shifted).sum(axis=1)) - shifted[self.rows, classes])

    def backward(self, dout=1):
        dp = np.zeros_like(self.p)
        with np.errstate(all="ignore"):
            dp[self.rows, self.classes] = -1 / self.p[self.rows, self.classes] / len(self.p)
            return dout * self.p * (dp - (dp * self.p).sum(axis=1, keepdims=True))
