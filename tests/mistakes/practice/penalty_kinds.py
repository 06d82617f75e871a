"""Penalties of one kind with the slope of another, alone and behind a fit (catalogue 115 to 118)."""

from functools import partial

import numpy as np

from ..case import Family, sized

family = Family("regularisation")
FIT = sized(((5, 3), (3, 4)), ((32, 12), (12, 8)))
MATRIX = sized(((5, 7),), ((24, 32),))


def lasso(x, W):
    return 0.5 * ((x @ W) ** 2).sum() + 0.3 * np.abs(W).sum()


def ridge(x, W):
    return 0.5 * ((x @ W) ** 2).sum() + 0.3 * (W * W).sum()


@family.wrong(116, lasso, FIT, argument="W", cause=("other_loss", "wrong_derivative", "regularization"))
def lasso_pulls_in_proportion(g, x, W):
    z = x @ W
    return g * z @ W.T, g * (x.T @ z + 0.6 * W)


@family.wrong(116, ridge, FIT, argument="W", cause=("other_loss", "wrong_derivative", "regularization"))
def ridge_pulls_by_the_sign(g, x, W):
    z = x @ W
    return g * z @ W.T, g * (x.T @ z + 0.3 * np.sign(W))


@family.wrong(116, lasso, FIT, argument="W", cause=("derivative_missing", "sum_term_missing", "other_loss"))
def lasso_pulls_by_a_constant(g, x, W):
    z = x @ W
    return g * z @ W.T, g * (x.T @ z + 0.3)


alone = partial(family.wrong, inputs=MATRIX)


@alone(116, lambda W: 0.1 * (W**2).sum() + 0.2 * np.abs(W).sum(), cause=("use_dropped", "sum_term_missing"))
def mixture_pulled_by_the_squares_alone(g, W):
    return 0.2 * g * W


@alone(116, lambda W: np.sqrt((W**2).sum() + 1e-3), cause=("scaled", "wrong_operand"))
def root_of_squares_not_divided(g, W):
    return g * W


@alone(116, lambda W: np.sqrt((W**2).sum(0)).sum(), cause=("local_factor", "wrong_derivative"))
def columns_divided_by_their_squared_lengths(g, W):
    return g * W / (W**2).sum(0)


@alone(12, lambda W: 0.5 * ((W[1:] - W[:-1]) ** 2).sum(), cause=("use_dropped", "sum_term_missing"))
def steps_pull_the_upper_row_only(g, W):
    dW = np.zeros_like(W)
    dW[1:] = g * (W[1:] - W[:-1])
    return dW


@alone(12, lambda W: np.abs(np.diff(W, axis=0)).sum(), cause=("use_dropped", "sum_term_missing"))
def total_variation_of_the_lower_row_only(g, W):
    dW = np.zeros_like(W)
    dW[:-1] = -g * np.sign(np.diff(W, axis=0))
    return dW


def weighted(size, seed):
    x, w = sized(((5, 3), (5,)), ((32, 8), (32,)))(size, seed)
    return x, np.exp(0.3 * w)


@family.wrong(77, lambda x, w: (w[:, None] * x).sum(0) / w.sum(), weighted, argument="w",
              cause=("use_dropped", "sum_term_missing", "mean_term_missing"))  # fmt: skip
def weights_not_differentiated_in_the_total(g, x, w):
    return w[:, None] * g / w.sum(), x @ g / w.sum()
