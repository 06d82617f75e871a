"""Activations and softmaxes of further kinds: in halves, learned, squashed, entropies, other roots."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("activations")
hidden = sized(((5, 7),), ((40, 30),))
wrong = partial(family.wrong, inputs=hidden, names=("x",), argument="x")
rowwise = partial(wrong, family="softmax")


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def through(p, g):
    return p * (g - (p * g).sum(axis=-1, keepdims=True))


@wrong(45, np.arcsinh, cause=("wrong_derivative", "derivative_twice", "local_factor"))
def inverse_sinh_without_its_root(g, x):
    return g / (1 + x**2)


@wrong(45, lambda x: (x + np.sqrt(x**2 + 2.0)) / 2, cause=("local_factor", "wrong_derivative", "sum_term_missing"))
def square_plus_without_the_inner_x(g, x):
    return g * (1 + 1 / np.sqrt(x**2 + 2.0)) / 2


@wrong(
    43,
    lambda x: x * np.tanh(np.exp(x)),
    cause=("sum_term_missing", "local_factor", "derivative_missing", "wrong_derivative"),
)
def tanh_of_exp_without_the_slope_of_exp(g, x):
    t = np.tanh(np.exp(x))
    return g * (t + x * (1 - t**2))


@wrong(
    49,
    lambda x: x + np.sin(1.5 * x) ** 2 / 1.5,
    cause=("sum_term_missing", "static_ignored", "local_factor", "scaled_by_static", "partly_scaled"),
)
def snake_bends_without_its_frequency(g, x):
    return g * (1 + np.sin(3 * x) / 1.5)


def both_sides(x):
    return np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)], axis=1)


@wrong(47, both_sides, cause=("partly_scaled", "sign", "sum_term_missing", "local_factor"))
def second_half_without_its_minus(g, x):
    a, b = np.split(g, 2, axis=1)
    return a * (x > 0) + b * (x < 0)


@wrong(13, both_sides, cause=("arguments_swapped", "wrong_operand", "mask_wrong", "row_permuted", "reordered"))
def halves_of_upstream_exchanged_for_both_signs(g, x):
    a, b = np.split(g, 2, axis=1)
    return b * (x > 0) - a * (x < 0)


def steep(size, seed):
    (x,) = hidden(size, seed)
    return x, np.abs(normal(seed + 1, (x.shape[1],))[0]) + 0.5


def swish(x, beta):
    return x / (1 + np.exp(-beta * x))


@family.wrong(
    49,
    swish,
    steep,
    argument="beta",
    cause=("local_factor", "wrong_operand", "argument_factor_missing", "sum_term_missing"),
)
def steepness_pushed_without_the_second_x(g, x, beta):
    s = 1 / (1 + np.exp(-beta * x))
    return g * (s + beta * x * s * (1 - s)), (g * x * s * (1 - s)).sum(axis=0)


@family.wrong(43, swish, steep, argument="x", cause=("argument_factor_missing", "sum_term_missing", "static_ignored"))
def second_term_without_the_steepness(g, x, beta):
    s = 1 / (1 + np.exp(-beta * x))
    return g * (s + x * s * (1 - s)), (g * x * x * s * (1 - s)).sum(axis=0)


def pieces(size, seed):
    return normal(seed, (5, 7, 3) if size == "small" else (20, 30, 3))


@family.wrong(70, lambda x: x.max(axis=2), pieces, names=("x",), argument="x", cause=("mask_missing", "wrong_winner"))
def maxout_teaches_every_piece(g, x):
    return np.repeat(g[:, :, None], x.shape[2], axis=2)


def squashed(x):
    n2 = (x * x).sum(axis=-1, keepdims=True)
    return x * np.sqrt(n2) / (1 + n2)


@rowwise(
    76,
    squashed,
    cause=("use_dropped", "sum_term_missing", "statistics_as_constants", "centered_term_missing", "diagonal_only"),
)
def squashing_length_held_fixed(g, x):
    n2 = (x * x).sum(axis=-1, keepdims=True)
    return g * np.sqrt(n2) / (1 + n2)


def entropy(x):
    p = softmax(x)
    return -(p * np.log(p)).sum(axis=1)


@rowwise(32, entropy, cause=("sum_term_missing", "diagonal_only"))
def entropy_not_centered(g, x):
    p = softmax(x)
    return -g[:, None] * p * (np.log(p) + 1)


@rowwise(32, entropy, cause=("sum_term_missing", "use_dropped", "wrong_derivative", "other_loss"))
def entropy_of_fixed_surprises(g, x):
    p = softmax(x)
    return -g[:, None] * p * (1 - p)


def scaled_rows(size, seed):
    (x,) = hidden(size, seed)
    return x, np.abs(normal(seed + 1, (len(x), 1))[0]) + 0.5


@family.wrong(
    110,
    lambda x, tau: softmax(x / tau),
    scaled_rows,
    family="softmax",
    argument="x",
    cause=("argument_factor_missing", "wrong_operand"),
)
def temperature_of_the_row_applied_twice(g, x, tau):
    dz = through(softmax(x / tau), g)
    return dz / tau**2, -(dz * x).sum(axis=1, keepdims=True) / tau**2


@family.wrong(
    80,
    lambda x, gamma: gamma * softmax(x),
    steep,
    family="softmax",
    argument="x",
    cause=("argument_factor_missing", "wrong_operand"),
)
def weights_of_the_columns_forgotten(g, x, gamma):
    return through(softmax(x), g), (g * softmax(x)).sum(axis=0)


@family.wrong(
    80,
    lambda x, gamma: gamma * softmax(x),
    steep,
    family="softmax",
    argument="x",
    cause=("wrong_operand", "argument_factor_missing", "sum_term_missing"),
)
def weights_of_the_columns_applied_behind(g, x, gamma):
    return gamma * through(softmax(x), g), (g * softmax(x)).sum(axis=0)


@rowwise(3, lambda x: softmax(x).cumsum(axis=1), cause=("sum_term_missing", "not_transposed", "flipped", "use_dropped"))
def running_sum_pulled_back_forwards(g, x):
    return through(softmax(x), g.cumsum(axis=1))


@family.whole(39, "wrong backward", "layer", hidden, family="softmax", argument="x", cause=("sum_term_missing",))
class LogSoftmaxOfRowsThatForgetsTheSum:
    def forward(self, x):
        self.p = softmax(x)
        return np.log(self.p)

    def backward(self, dout):
        return dout - self.p * dout[:, :1]
