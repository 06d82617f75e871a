"""activations and losses that are not the op they are named, with backwards that fit them."""

import numpy as np

from ..case import Family, sized

family = Family("forwards")

matrix = sized(((4, 5),), ((64, 40),))


def tanh_form(x):
    inner = np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)
    return np.tanh(inner), np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * x**2)


def tanh_form_backward(g, x):
    t, slope = tanh_form(x)
    return g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope)


@family.wrong_forward(
    53,
    tanh_form_backward,
    matrix,
    family="activations",
    op="gelu",
    cause=("convention_approximation", "convention_static"),
)
def gelu_as_gpt_computes_it(x):
    return 0.5 * x * (1 + tanh_form(x)[0])


def lecun_backward(g, x):
    return g * 1.7159 * 2 / 3 / np.cosh(2 * x / 3) ** 2


@family.wrong_forward(45, lecun_backward, matrix, family="activations", op="tanh", cause="forward")
def tanh_as_lecun_scaled_it(x):
    return 1.7159 * np.tanh(2 / 3 * x)


def leaky_backward(g, x):
    return np.where(x > 0, g, 0.2 * g)


@family.wrong_forward(49, leaky_backward, matrix, family="activations", op="leaky_relu", cause="convention_static")
def leaky_by_a_fifth(x):
    return np.where(x > 0, x, x * 0.2)


pairs = sized(((4, 5), (4, 5)), ((64, 20), (64, 20)))


def summed_backward(g, predictions, targets):
    d = 2 * g[:, None] * (predictions - targets)
    return d, -d


@family.wrong_forward(
    16, summed_backward, pairs, family="losses", op="mean_squared_error", cause="convention_reduction"
)
def squared_errors_summed_not_averaged(predictions, targets):
    return np.square(predictions - targets).sum(axis=1)


@family.wrong_forward(
    15, summed_backward, pairs, family="losses", op="sum_of_squares_error", cause="convention_reduction"
)
def sum_of_squares_without_the_half(predictions, targets):
    return ((predictions - targets) ** 2).sum(axis=-1)


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
    30,
    of_probabilities_backward,
    rows_of_probabilities,
    family="cross_entropy",
    op="softmax_cross_entropy",
    cause="convention_domain",
)
def cross_entropy_of_what_is_already_softmax(logits, targets):
    return -np.log(logits[np.arange(len(logits)), targets])


def down_the_columns(x):
    e = np.exp(x - x.max(axis=0))
    return e / e.sum(axis=0)


def down_the_columns_backward(g, x):
    p = down_the_columns(x)
    return p * (g - np.sum(g * p, axis=0))


@family.wrong_forward(
    31,
    down_the_columns_backward,
    matrix,
    family="softmax",
    op="softmax",
    cause=("convention_axis", "convention_static"),
)
def softmax_down_the_columns(x):
    return down_the_columns(x)
