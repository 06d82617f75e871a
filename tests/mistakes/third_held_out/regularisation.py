"""Mistakes in margins and penalties (catalogue 14, 115 to 118, 141), written from the catalogue alone."""

from functools import partial

import numpy as np

from ..case import Family, normal

family = Family("regularisation")
REG = 0.35


def scored(size, seed):
    n, k = (7, 5) if size == "small" else (40, 23)
    (s,) = normal(seed, (n, k))
    return s, (3 * np.arange(n) + 1) % k


def margins(s, y):
    rows = np.arange(len(y))
    m = np.maximum(0, s - s[rows, y][:, None] + 1)
    m[rows, y] = 0
    return m


def svm(s, y):
    return margins(s, y).sum() / len(y)


def svm_scores(s, y):
    rows = np.arange(len(y))
    over = (margins(s, y) > 0).astype(float)
    over[rows, y] = -over.sum(1)
    return over / len(y)


hinge = partial(family.wrong, forward=svm, inputs=scored, argument="s")


@hinge(115, cause=("isolated_entries", "sum_term_missing"))
def right_class_counts_itself(dout, s, y):
    rows = np.arange(len(y))
    over = (s - s[rows, y][:, None] + 1 > 0).astype(float)
    over[rows, y] = -over.sum(axis=1)
    return dout * over / len(y), None


@hinge(115, cause=("entries_not_written", "sum_term_missing", "isolated_entries"))
def right_class_never_pulled_up(dout, s, y):
    return dout * (margins(s, y) > 0) / len(y), None


@hinge(21, cause="scaled_by_batch")
def margins_not_averaged(dout, s, y):
    return dout * svm_scores(s, y) * len(y), None


@family.control(115, svm, scored)
def svm_complete(dout, s, y):
    return dout * svm_scores(s, y), None


def signed(size, seed):
    s, y = scored(size, seed)
    y = np.where(y % 2 == 0, 1, -1)
    s = 2 * s[:, 0]
    s[1::3] = y[1::3] * (1.2 + np.abs(s[1::3]))
    return s, y


@family.wrong(96, lambda s, y: np.maximum(0, 1 - y * s).sum(), signed, argument="s",
              cause="mask_missing")  # fmt: skip
def satisfied_examples_go_on_pulling(dout, s, y):
    return -dout * y, None


def linear(size, seed):
    n, d, k = (7, 5, 3) if size == "small" else (40, 30, 11)
    x, W, b = normal(seed, (n, d), (d, k), (k,))
    return W, b, x, np.arange(n) ** 2 % k


def penalized(W, b, x, y):
    return svm(x @ W + b, y) + REG * np.sum(W * W)


def svm_loss_naive(W, b, x, y):
    ds = svm_scores(x @ W + b, y)
    return x.T @ ds, ds.sum(0), ds @ W.T


ridge = partial(family.wrong, forward=penalized, inputs=linear, constants=("x",))


@ridge(116, argument="W", cause="regularization")
def penalty_without_its_two(dout, W, b, x, y):
    dW, db, _ = svm_loss_naive(W, b, x, y)
    return dout * (dW + REG * W), dout * db, None, None


@ridge(118, argument="b", cause="regularization")
def bias_penalized_on_the_way_back(dout, W, b, x, y):
    dW, db, _ = svm_loss_naive(W, b, x, y)
    return dout * (dW + 2 * REG * W), dout * (db + 2 * REG * b), None, None


@ridge(116, argument="W", cause="regularization")
def penalty_averaged_over_examples(dout, W, b, x, y):
    dW, db, _ = svm_loss_naive(W, b, x, y)
    return dout * (dW + 2 * REG * W / len(x)), dout * db, None, None


@ridge(118, argument="W", cause="regularization")
def penalty_pushes_outwards(dout, W, b, x, y):
    dW, db, _ = svm_loss_naive(W, b, x, y)
    return dout * (dW - 2 * REG * W), dout * db, None, None


@ridge(115, argument="W b", cause="sum_term_missing")
def right_class_of_a_linear_svm_counts_itself(dout, W, b, x, y):
    s, rows = x @ W + b, np.arange(len(y))
    over = (s - s[rows, y][:, None] + 1 > 0).astype(float)
    over[rows, y] = -over.sum(axis=1)
    ds = over / len(y)
    return dout * (x.T @ ds + 2 * REG * W), dout * ds.sum(0), None, None


@family.control(116, penalized, linear)
def linear_svm_complete(dout, W, b, x, y):
    dW, db, dx = svm_loss_naive(W, b, x, y)
    return dout * (dW + 2 * REG * W), dout * db, dout * dx, None


@family.wrong(
    118,
    lambda W, x, t: np.mean((x @ W - t) ** 2) + REG * np.abs(W).sum(),
    lambda size, seed: normal(seed, *((5, 2), (7, 5), (7, 2)) if size == "small" else ((30, 9), (40, 30), (40, 9))),
    constants=("x", "t"),
    argument="W",
    cause="other_loss",
)
def lasso_shrinks_like_ridge(dout, W, x, t):
    return dout * (2 * x.T @ (x @ W - t) / t.size + 2 * REG * W), None, None
