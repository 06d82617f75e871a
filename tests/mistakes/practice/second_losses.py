"""A second set of mistakes in losses, softmax and penalties, written after the diagnosis had learned from the first."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("losses")
cross = partial(family.wrong, family="cross_entropy")
squash = partial(family.wrong, family="softmax")
decay = partial(family.wrong, family="regularisation")

PAIR = sized(((7, 3), (7, 3)), ((24, 11), (24, 11)))
X = sized(((4, 7),), ((23, 37),))
fit = partial(family.wrong, inputs=PAIR, names=("guess", "truth"), constants=("truth",), argument="guess")


def probabilities(scores, axis=-1):
    shifted = np.exp(scores - np.max(scores, axis=axis, keepdims=True))
    return shifted / np.sum(shifted, axis=axis, keepdims=True)


def charbonnier(guess, truth):
    return np.mean(np.sqrt((guess - truth) ** 2 + 0.3**2))


@fit(15, charbonnier, cause=("derivative_missing", "other_loss", "wrong_derivative", "local_factor"))
def charbonnier_by_squares(up, guess, truth):
    return up * (guess - truth) / guess.size, None


@fit(49, charbonnier, cause=("static_ignored", "other_loss", "wrong_derivative", "local_factor"))
def charbonnier_sharp_at_zero(up, guess, truth):
    return up * np.sign(guess - truth) / guess.size, None


def cauchy(guess, truth):
    return np.log1p(((guess - truth) / 1.4) ** 2).sum(axis=1)


@fit(45, cauchy, cause=("static_ignored", "scaled_by_static", "scaled", "wrong_derivative", "local_factor"))
def cauchy_without_its_width(up, guess, truth):
    e = guess - truth
    return up[:, None] * 2 * e / (1 + e**2), None


@fit(45, cauchy, cause=("derivative_missing", "wrong_derivative", "other_loss", "local_factor"))
def cauchy_without_its_denominator(up, guess, truth):
    return up[:, None] * 2 * (guess - truth) / 1.4**2, None


def relative(guess, truth):
    return (((guess - truth) / (1 + truth**2)) ** 2).sum() / 2


@fit(23, relative, cause=("argument_factor_missing", "wrong_operand", "local_factor", "sum_term_missing"))
def relative_error_divided_once(up, guess, truth):
    return up * (guess - truth) / (1 + truth**2), None


@fit(
    45,
    lambda guess, truth: ((np.log1p(guess**2) - truth) ** 2).mean(),
    cause=("derivative_missing", "wrong_derivative", "local_factor"),
)
def logarithmic_error_without_its_logarithm(up, guess, truth):
    return up * 2 * (np.log1p(guess**2) - truth) * 2 * guess / guess.size, None


def ranking(guess, truth):
    gap = guess[:, :1] - guess[:, 1:]
    return np.logaddexp(0, -gap).mean()


@fit(113, ranking, cause=("use_dropped", "entries_not_written", "sum_term_missing"))
def ranking_leaves_the_first_alone(up, guess, truth):
    s = 1 / (1 + np.exp(guess[:, :1] - guess[:, 1:]))
    d = np.zeros_like(guess)
    d[:, 1:] = s / s.size
    return up * d, None


@fit(
    65,
    ranking,
    cause=(
        "last_sample_only",
        "isolated_entries",
        "sum_term_missing",
        "use_dropped",
        "one_sample_repeated",
        "overlap_dropped",
        "partly_scaled",
    ),
)
def ranking_takes_one_rival_from_the_first(up, guess, truth):
    s = 1 / (1 + np.exp(guess[:, :1] - guess[:, 1:]))
    d = np.zeros_like(guess)
    for k in range(s.shape[1]):
        d[:, 1 + k] = s[:, k] / s.size
        d[:, 0] = -s[:, k] / s.size
    return up * d, None


class Autoencoder:
    def __init__(self, E, D):
        self.params = {"E": E, "D": D}

    def loss(self, x, t):
        return ((self.code(x) @ self.params["D"] - t) ** 2).sum() / (2 * len(x))

    def code(self, x):
        return np.maximum(x @ self.params["E"], 0)

    def error(self, x, t):
        return (self.code(x) @ self.params["D"] - t) / len(x)

    def gradient(self, x, t):
        e = self.error(x, t)
        d = e @ self.params["D"].T * (self.code(x) > 0)
        return {"E": x.T @ d, "D": self.code(x).T @ e}


def coded(size, seed):
    n, d, h = (7, 5, 3) if size == "small" else (24, 13, 11)
    x, t, E, D = normal(seed, (n, d), (n, d), (d, h), (h, d))
    return x, t, E, D


auto = partial(
    family.whole,
    kind="wrong backward",
    style="network",
    inputs=coded,
    inputs_of_layer=2,
    gradients={"E": "E", "D": "D"},
)


@auto(28, argument="E D", cause=("other_loss", "wrong_derivative", "local_factor"))
class AutoencoderOfAbsoluteErrors(Autoencoder):
    def error(self, x, t):
        return np.sign(self.code(x) @ self.params["D"] - t) / len(x)


@auto(9, argument="E", cause=("mask_missing", "derivative_missing"))
class AutoencoderWithoutTheCodesMask(Autoencoder):
    def gradient(self, x, t):
        e = self.error(x, t)
        return {"E": x.T @ (e @ self.params["D"].T), "D": self.code(x).T @ e}


@auto(23, argument="D", cause=("wrong_operand",))
class AutoencoderDecodesThePreactivation(Autoencoder):
    def gradient(self, x, t):
        grads = super().gradient(x, t)
        return grads | {"D": (x @ self.params["E"]).T @ self.error(x, t)}


@auto(16, argument="E D", cause=("sum_term_missing", "wrong_operand"))
class AutoencoderForgetsItsTarget(Autoencoder):
    def error(self, x, t):
        return self.code(x) @ self.params["D"] / len(x)


@auto(91, argument="E D", cause=("samples_missing",))
class AutoencoderStopsOneShort(Autoencoder):
    def gradient(self, x, t):
        e = self.error(x, t)
        e[-1] = 0
        d = e @ self.params["D"].T * (self.code(x) > 0)
        return {"E": x.T @ d, "D": self.code(x).T @ e}


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
