"""Losses of scores and probabilities, softmax of other kinds, and penalties."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("losses")
cross = partial(family.wrong, family="cross_entropy")
squash = partial(family.wrong, family="softmax")
decay = partial(family.wrong, family="regularisation")

X = sized(((4, 7),), ((23, 37),))


def probabilities(scores, axis=-1):
    shifted = np.exp(scores - np.max(scores, axis=axis, keepdims=True))
    return shifted / np.sum(shifted, axis=axis, keepdims=True)


def labels(size, seed):
    n, k = (7, 3) if size == "small" else (24, 11)
    return (*normal(seed, (n, k)), (np.arange(n) * 4 + seed) % k)


def surprise(scores, y):
    return -np.log(probabilities(scores)[np.arange(len(y)), y]).sum()


def surprise_backward(up, scores, y, p=None, one=1.0):
    d = probabilities(scores) if p is None else p(scores)
    d[np.arange(len(y)), y] -= one
    return up * d, None


@cross(22, surprise, labels, argument="scores", cause=("sum_term_missing", "static_ignored", "other_loss"))
def surprise_with_half_a_target(up, scores, y):
    return surprise_backward(up, scores, y, one=0.5)


@cross(31, surprise, labels, argument="scores", cause=("other_loss", "wrong_operand", "wrong_derivative"))
def surprise_with_sigmoids(up, scores, y):
    return surprise_backward(up, scores, y, p=lambda s: 1 / (1 + np.exp(-s)))


@cross(
    36,
    surprise,
    labels,
    argument="scores",
    cause=("sum_term_missing", "wrong_operand", "diagonal_only", "derivative_missing"),
)
def surprise_with_unnormalized_probabilities(up, scores, y):
    return surprise_backward(up, scores, y, p=np.exp)


@cross(23, surprise, labels, argument="scores", cause=("sum_term_missing", "other_loss", "wrong_operand"))
def surprise_of_the_predicted_class(up, scores, y):
    return surprise_backward(up, scores, probabilities(scores).argmax(1))


def pairs(size, seed):
    z, t = normal(seed, *((7, 3),) * 2 if size == "small" else ((24, 11),) * 2)
    return 1 / (1 + np.exp(-z)), 1 / (1 + np.exp(-2 * t))


def bernoulli(p, t):
    return -np.mean(t * np.log(p) + (1 - t) * np.log1p(-p))


odds = partial(family.wrong, family="cross_entropy", forward=bernoulli, inputs=pairs, constants=("t",), argument="p")


@odds(23, cause=("wrong_operand", "wrong_derivative", "derivative_missing", "local_factor"))
def bernoulli_without_its_variance(up, p, t):
    return up * (p - t) / p.size, None


@odds(23, cause=("sum_term_missing", "sign"))
def bernoulli_with_both_terms_negative(up, p, t):
    return up * (-t / p - (1 - t) / (1 - p)) / p.size, None


@odds(23, cause=("wrong_operand", "local_factor", "sum_term_missing"))
def bernoulli_denominators_exchanged(up, p, t):
    return up * (-t / (1 - p) + (1 - t) / p) / p.size, None


@odds(17, cause=("scaled_by_size", "scaled"))
def bernoulli_averaged_over_rows(up, p, t):
    return up * (-t / p + (1 - t) / (1 - p)) / len(p), None


def alpha(x, heat):
    return probabilities(x * heat)


def heated(size, seed):
    return (*X(size, seed), np.array([1.7]))


@squash(110, alpha, heated, argument="x", cause=("argument_factor_missing", "scaled_by_static"))
def inverse_temperature_not_applied(up, x, heat):
    p = alpha(x, heat)
    d = p * (up - (p * up).sum(-1, keepdims=True))
    return d, (d * x).sum().reshape(1)


@squash(32, alpha, heated, argument="heat x", cause="diagonal_only")
def inverse_temperature_by_diagonals(up, x, heat):
    p = alpha(x, heat)
    d = p * (1 - p) * up
    return d * heat, (d * x).sum().reshape(1)


@squash(3, alpha, heated, argument="heat", cause=("mean_instead_of_sum", "scaled_by_batch", "scaled_by_size"))
def inverse_temperature_averaged(up, x, heat):
    p = alpha(x, heat)
    d = p * (up - (p * up).sum(-1, keepdims=True))
    return d * heat, (d * x).mean().reshape(1)


def squareplus_share(x):
    w = x + np.sqrt(x * x + 1)
    return w / w.sum(-1, keepdims=True)


@squash(
    32, squareplus_share, X, cause=("diagonal_only", "sum_term_missing", "mean_term_missing", "statistics_as_constants")
)
def share_of_positive_parts_without_its_total(up, x):
    r = np.sqrt(x * x + 1)
    w = x + r
    return up * (1 + x / r) / w.sum(-1, keepdims=True)


@squash(9, squareplus_share, X, cause=("derivative_missing", "wrong_derivative", "sum_term_missing"))
def share_of_positive_parts_without_its_slope(up, x):
    w = x + np.sqrt(x * x + 1)
    total = w.sum(-1, keepdims=True)
    return (up - (up * w / total).sum(-1, keepdims=True)) / total


@family.whole(
    32,
    "wrong backward",
    "layer",
    X,
    family="softmax",
    cause=("sum_term_missing", "diagonal_only", "coupled_over_wrong_axis", "one_sample_repeated", "wrong_operand"),
)
class SoftmaxSubtractsTheFirstRowsMean:
    def forward(self, x):
        self.p = probabilities(x)
        return self.p

    def backward(self, dout):
        inner = np.sum(self.p * dout, axis=-1, keepdims=True)
        return self.p * (dout - inner[:1])


def ridge_inputs(size, seed):
    n, d, k = (7, 5, 3) if size == "small" else (24, 13, 11)
    return normal(seed, (d, k), (k,), (n, d), (n, k))


def ridge(W, b, x, t):
    return ((x @ W + b - t) ** 2).mean() + 0.03 * (W**2).sum() + 0.03 * np.abs(b).sum()


def ridge_backward(up, W, b, x, t, on_w=lambda W: 0.06 * W, on_b=lambda b: 0.03 * np.sign(b)):
    e = 2 * (x @ W + b - t) / t.size
    return up * (x.T @ e + on_w(W)), up * (e.sum(0) + on_b(b)), None, None


penalized = partial(family.wrong, family="regularisation", forward=ridge, inputs=ridge_inputs, constants=("x", "t"))


@penalized(118, argument="b", cause=("regularization", "sum_term_missing", "use_dropped"))
def bias_free_of_its_penalty(up, W, b, x, t):
    return ridge_backward(up, W, b, x, t, on_b=lambda b: 0)


@penalized(118, argument="b", cause=("regularization", "other_loss"))
def bias_under_the_penalty_of_the_weights(up, W, b, x, t):
    return ridge_backward(up, W, b, x, t, on_b=lambda b: 0.06 * b)


@penalized(116, argument="W", cause=("regularization",))
def weights_penalized_by_their_mean_square(up, W, b, x, t):
    return ridge_backward(up, W, b, x, t, on_w=lambda W: 0.06 * W / W.size)


@penalized(116, argument="W", cause=("regularization",))
def weights_penalized_by_the_rate_alone(up, W, b, x, t):
    return ridge_backward(up, W, b, x, t, on_w=lambda W: 0.06)


@penalized(118, argument="W", cause=("regularization", "other_loss"))
def weights_pulled_by_their_signs(up, W, b, x, t):
    return ridge_backward(up, W, b, x, t, on_w=lambda W: 0.06 * np.sign(W))
