"""Penalties on weights, on activations and on products, and constraints."""

import numpy as np

from ..case import Family, normal

family = Family("regularisation")

RATE = 0.07


def two_layers(size, seed):
    n, d, h, k = (7, 5, 3, 2) if size == "small" else (24, 13, 11, 5)
    return normal(seed, (d, h), (h, k), (n, d), (n, k))


def penalized(W, V, x, t):
    return ((np.tanh(x @ W) @ V - t) ** 2).sum() / (2 * len(x)) + RATE / 2 * ((W**2).sum() + (V**2).sum())


def backward(g, W, V, x, t, first=RATE, second=RATE):
    h = np.tanh(x @ W)
    d = (h @ V - t) / len(x)
    return g * (x.T @ (d @ V.T * (1 - h * h)) + first * W), g * (h.T @ d + second * V), None, None


def ridge(number, **more):
    return family.wrong(number, more.pop("forward", penalized), two_layers, constants=("x", "t"), **more)


@ridge(116, argument="W V", cause="regularization")
def penalty_with_a_two_too_many(g, W, V, x, t):
    return backward(g, W, V, x, t, 2 * RATE, 2 * RATE)


@ridge(117, argument="W V", cause="regularization")
def first_matrix_penalized_for_both(g, W, V, x, t):
    return backward(g, W, V, x, t, 2 * RATE, 0)


@ridge(116, argument="W V", cause="regularization")
def penalty_of_the_forward_only(g, W, V, x, t):
    return backward(g, W, V, x, t, 0, 0)


@ridge(116, argument="W V", cause="regularization")
def penalty_divided_by_the_batch(g, W, V, x, t):
    return backward(g, W, V, x, t, RATE / len(x), RATE / len(x))


@ridge(117, argument="V", cause=("regularization", "wrong_operand"))
def penalty_of_the_other_sign_on_the_head(g, W, V, x, t):
    return backward(g, W, V, x, t, RATE, -RATE)


def lasso(W, V, x, t):
    return ((np.tanh(x @ W) @ V - t) ** 2).sum() / (2 * len(x)) + RATE * (np.abs(W).sum() + np.abs(V).sum())


def lasso_backward(g, W, V, x, t, slope):
    dW, dV, _, _ = backward(g, W, V, x, t, 0, 0)
    return dW + g * RATE * slope(W), dV + g * RATE * slope(V), None, None


@ridge(118, forward=lasso, argument="W V", cause=("regularization", "other_loss"))
def lasso_pulls_by_the_weight(g, W, V, x, t):
    return lasso_backward(g, W, V, x, t, lambda w: w)


@ridge(
    118, forward=lasso, argument="W V", cause=("regularization", "derivative_missing", "other_loss", "wrong_derivative")
)
def lasso_pulls_everything_down(g, W, V, x, t):
    return lasso_backward(g, W, V, x, t, np.ones_like)


@ridge(118, forward=lasso, argument="W V", cause=("regularization", "sign", "sum_term_missing"))
def lasso_pushes_away_from_zero(g, W, V, x, t):
    return lasso_backward(g, W, V, x, t, lambda w: -np.sign(w))


def elastic(W, V, x, t):
    return ((np.tanh(x @ W) @ V - t) ** 2).sum() / (2 * len(x)) + RATE * (0.3 * np.abs(W).sum() + 0.7 * (W**2).sum())


@ridge(118, forward=elastic, argument="W", cause=("regularization", "sum_term_missing", "use_dropped"))
def elastic_net_without_its_corner(g, W, V, x, t):
    dW, dV, _, _ = backward(g, W, V, x, t, 0, 0)
    return dW + g * RATE * 1.4 * W, dV, None, None


@ridge(116, forward=elastic, argument="W", cause="regularization")
def elastic_net_without_the_two(g, W, V, x, t):
    dW, dV, _, _ = backward(g, W, V, x, t, 0, 0)
    return dW + g * RATE * (0.3 * np.sign(W) + 0.7 * W), dV, None, None


def group_lasso(W, V, x, t):
    return ((np.tanh(x @ W) @ V - t) ** 2).sum() / (2 * len(x)) + RATE * np.sqrt((W**2).sum(0)).sum()


@ridge(
    118,
    forward=group_lasso,
    argument="W",
    cause=("regularization", "derivative_missing", "sum_term_missing", "other_loss", "wrong_operand"),
)
def group_lasso_as_ridge(g, W, V, x, t):
    dW, dV, _, _ = backward(g, W, V, x, t, 0, 0)
    return dW + g * RATE * W, dV, None, None


@ridge(88, forward=group_lasso, argument="W", cause=("coupled_over_wrong_axis", "regularization"))
def group_lasso_over_the_other_axis(g, W, V, x, t):
    dW, dV, _, _ = backward(g, W, V, x, t, 0, 0)
    return dW + g * RATE * W / np.sqrt((W**2).sum(1, keepdims=True)), dV, None, None


def active(W, V, x, t):
    h = np.tanh(x @ W)
    return ((h @ V - t) ** 2).sum() / (2 * len(x)) + RATE * (h**2).mean()


@ridge(118, forward=active, argument="W", cause=("sum_term_missing", "use_dropped", "regularization"))
def activity_penalty_forgotten(g, W, V, x, t):
    return backward(g, W, V, x, t, 0, 0)


@ridge(9, forward=active, argument="W", cause=("derivative_missing", "sum_term_missing"))
def activity_penalty_not_through_tanh(g, W, V, x, t):
    dW, dV, _, _ = backward(g, W, V, x, t, 0, 0)
    h = np.tanh(x @ W)
    return dW + g * x.T @ (RATE * 2 * h / h.size), dV, None, None


def orthogonal(W, V, x, t):
    return ((np.tanh(x @ W) @ V - t) ** 2).sum() / (2 * len(x)) + RATE * ((W.T @ W - np.eye(W.shape[1])) ** 2).sum()


@ridge(
    116,
    forward=orthogonal,
    argument="W",
    cause=("use_dropped", "regularization", "scaled_by_two", "sum_term_missing", "scaled"),
)
def orthogonality_through_one_of_its_factors(g, W, V, x, t):
    dW, dV, _, _ = backward(g, W, V, x, t, 0, 0)
    return dW + g * RATE * 2 * W @ (W.T @ W - np.eye(W.shape[1])), dV, None, None


@ridge(116, forward=orthogonal, argument="W", cause=("sum_term_missing", "regularization"))
def orthogonality_without_the_identity(g, W, V, x, t):
    dW, dV, _, _ = backward(g, W, V, x, t, 0, 0)
    return dW + g * RATE * 4 * W @ (W.T @ W), dV, None, None


def margins(size, seed):
    n, d, k = (7, 5, 4) if size == "small" else (24, 13, 7)
    return (*normal(seed, (d, k), (n, d)), (np.arange(n) * 3 + 1) % k)


def hinge(W, x, y):
    s = x @ W
    m = np.maximum(0, s - s[np.arange(len(y)), y][:, None] + 1)
    m[np.arange(len(y)), y] = 0
    return m.sum() / len(y) + RATE * (W * W).sum()


def hinge_backward(g, W, x, y, correct=lambda c: -c, penalty=2 * RATE, count=None):
    s, rows = x @ W, np.arange(len(y))
    live = (s - s[rows, y][:, None] + 1 > 0).astype(float)
    live[rows, y] = 0
    live[rows, y] = correct(live.sum(1))
    return g * (x.T @ live / (len(y) if count is None else count) + penalty * W), None, None


def svm(number, **more):
    return family.wrong(number, hinge, margins, constants=("x",), argument="W", **more)


@svm(115, cause=("sum_term_missing", "use_dropped", "entries_not_written", "scaled"))
def svm_takes_one_from_the_right_class(g, W, x, y):
    return hinge_backward(g, W, x, y, correct=lambda c: -np.minimum(c, 1))


@svm(115, cause=("sum_term_missing", "use_dropped"))
def svm_leaves_the_right_class_alone(g, W, x, y):
    return hinge_backward(g, W, x, y, correct=lambda c: 0 * c)


@svm(115, cause=("sign", "sum_term_missing", "use_dropped"))
def svm_adds_to_the_right_class(g, W, x, y):
    return hinge_backward(g, W, x, y, correct=lambda c: c)


@svm(116, cause="regularization")
def svm_penalty_halved(g, W, x, y):
    return hinge_backward(g, W, x, y, penalty=RATE)


@svm(21, cause=("scaled_by_batch", "scaled", "sum_term_missing"))
def svm_data_part_not_averaged(g, W, x, y):
    return hinge_backward(g, W, x, y, count=1)


def normed_inputs(size, seed):
    return normal(seed, *(((7, 5), (5, 3)) if size == "small" else ((24, 13), (13, 11))))


def max_norm(x, W):
    n = np.sqrt((W**2).sum(0))
    return x @ (W * np.minimum(1, 1.6 / n))


@family.wrong(
    141,
    max_norm,
    normed_inputs,
    argument="W",
    cause=(
        "derivative_missing",
        "sum_term_missing",
        "mask_missing",
        "static_ignored",
        "statistics_as_constants",
        "centered_term_missing",
    ),
)
def max_norm_scale_as_a_constant(g, x, W):
    s = np.minimum(1, 1.6 / np.sqrt((W**2).sum(0)))
    return g @ (W * s).T, x.T @ g * s


@family.wrong(
    141, max_norm, normed_inputs, argument="x", cause=("wrong_operand", "argument_factor_missing", "sum_term_missing")
)
def max_norm_carries_back_the_long_weights(g, x, W):
    n = np.sqrt((W**2).sum(0))
    s = np.minimum(1, 1.6 / n)
    dV = x.T @ g
    long = (n > 1.6) * 1.6 / n**3
    return g @ W.T, dV * s - W * long * (dV * W).sum(0)
