"""Losses of pairs, rankings, and a network that codes and decodes."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("losses")

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
